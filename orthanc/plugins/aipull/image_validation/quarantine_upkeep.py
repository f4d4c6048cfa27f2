"""Puts released images back, writes counts down, and keeps the quarantine within its limits."""

from __future__ import annotations

import time

from pacs_module.domain.errors import PermanentError
from pacs_module.domain.image_validation.quarantine import HeldEvent, HeldState
from pacs_module.shared.logs import ContractLog

from ..runtime.clock import now_ms
from ..runtime.worker import Worker
from ..server.orthanc_client import OrthancClient
from .quarantine import Held, Quarantine
from .validations import ValidationRows
from .validator import Counts

_CLEAN_EVERY_S = 600.0


class QuarantineWorker(Worker):
    """
    What is done beside the reception.

    Args:
        quarantine: The images.
        rows: Counts in the journal.
        counts: Counts that are not there yet.
        rest: Orthanc.
        log: For events.
    """

    def __init__(
        self, quarantine: Quarantine, rows: ValidationRows, counts: Counts,
        rest: OrthancClient, log: ContractLog,
    ) -> None:  # fmt: skip
        super().__init__("quarantine", log)
        self._quarantine = quarantine
        self._rows = rows
        self._counts = counts
        self._rest = rest
        self._cleaned = float("-inf")

    def begin(self) -> None:
        """Images that were released before come from their sender, not from us."""
        for held in self._quarantine.in_state(HeldState.RELEASING, HeldState.RELEASED):
            self._remember_sender(held)

    def step(self) -> float:
        """Do what is due."""
        self.write_counts()
        for held in reversed(self._quarantine.in_state(HeldState.RELEASING)):
            self._put_back(held)
        if time.monotonic() - self._cleaned > _CLEAN_EVERY_S:
            self._quarantine.clean()
            self._cleaned = time.monotonic()
        return self.IDLE_S

    def write_counts(self) -> None:
        """What was counted since."""
        if counts := self._counts.take():
            self._rows.add(counts, now_ms())

    def _put_back(self, held: Held) -> None:
        event, why = self._post(held) if goes_back(held) else (HeldEvent.TAKEN, held.why)
        self._quarantine.decide(held, event, held.decided_by, why)

    def _post(self, held: Held) -> tuple[HeldEvent, str]:
        """Give an image to Orthanc; what became of it, and why."""
        try:
            content = self._quarantine.path(held).read_bytes()
        except FileNotFoundError:
            return HeldEvent.LOSE, "its file is gone"
        self._remember_sender(held)
        try:
            self._rest.post_bytes("/instances", content)
        except PermanentError as error:
            return HeldEvent.REFUSED, f"Orthanc does not take it: {error}"
        return HeldEvent.TAKEN, held.why

    def _remember_sender(self, held: Held) -> None:
        sender = held.origin.sender
        self._rest.origins[held.orthanc_id] = sender.ae_title, sender.address


def goes_back(held: Held) -> bool:
    """
    Whether a released image is put back into Orthanc. One of a pulled study is not: the PACS sends it again
    with the next pull, and twice in one pull nobody could say which one is right.
    """
    return held.is_push
