"""Deletes from Orthanc, in the background, what was handed over or is not wanted."""

from __future__ import annotations

from collections.abc import Callable

from clock import now_ms
from orthanc_rest import OrthancRest
from pacs_module.logs import ContractLog
from reception_rows import DOOMED, ReceptionRows
from worker import Worker


class Deletion(Worker):
    """
    Deletes exactly the images that were judged: one that arrives in this moment stays and opens a new reception.

    A pull of the same study waits until its deletion is over (``pulls.py``), so that nothing is deleted that was just
    pulled again.
    """

    def __init__(self, rest: OrthancRest, receptions: ReceptionRows, log: ContractLog) -> None:
        super().__init__("deletion", log)
        self._rest = rest
        self._receptions = receptions
        self.on_done: Callable[[], None] = lambda: None

    def step(self) -> float:
        """Delete what is due."""
        for reception in self._receptions.in_state(DOOMED):
            self._rest.delete_instances(list(reception.doomed))
            self._receptions.close(reception, now_ms())
            self._log.event("study deleted from Orthanc", study=reception.study_uid, images=len(reception.doomed))
            self.on_done()
        return self.IDLE_S
