"""Deletes from Orthanc, in the background, what was handed over or is not wanted."""

from __future__ import annotations

from collections.abc import Callable

from pacs_module.domain.errors import PipelineError, Unreachable
from pacs_module.domain.pull.ram_disk import Seen
from pacs_module.domain.receive.reception_state import ReceptionState
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from ..journal.device_sizes import SizeRows
from ..journal.receptions import Reception, ReceptionRows
from ..runtime.clock import now_ms
from ..runtime.worker import Worker
from ..server.orthanc_client import OrthancClient, SeriesHere
from ..server.stored_file import Header, StoredFiles, Unreadable

_DEVICE = ("Modality", "Manufacturer", "ManufacturerModelName", "Rows", "Columns")


class Deletion(Worker):
    """
    Deletes exactly the images that were judged: one that arrives in this moment stays and opens a new
    reception.

    A pull of the same study waits until its deletion is over (``pulls.py``), so that nothing is deleted that
    was just pulled again.
    """

    def __init__(
        self, rest: OrthancClient, files: StoredFiles, receptions: ReceptionRows, sizes: SizeRows,
        log: ContractLog,
        on_done: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        super().__init__("deletion", log)
        self._rest = rest
        self._files = files
        self._receptions = receptions
        self._sizes = sizes
        self._on_done = on_done

    def step(self) -> float:
        """
        Delete what is due; a study that cannot be deleted does not keep the others on the RAM disk (K8).
        """
        failed: Exception | None = None
        for reception in self._receptions.in_state(ReceptionState.DELETING):
            try:
                self._delete(reception)
            except Unreachable:
                raise
            except Exception as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return self.IDLE_S

    def _delete(self, reception: Reception) -> None:
        self._learn(reception)
        self._rest.delete_instances(list(reception.deleting))
        reach("deleted")
        self._receptions.deleted(reception, now_ms())
        self._log.event(
            "study_deleted",
            "study deleted from Orthanc",
            studyUID=reception.study_uid,
            images=len(reception.deleting),
        )
        self._on_done()

    def _learn(self, reception: Reception) -> None:
        """
        Before it goes: how large the images of such a device are, to know what the next pull will bring.
        """
        for orthanc_id in reception.orthanc_ids:
            for series in self._rest.series_of(orthanc_id):
                try:
                    seen = self._seen(series)
                except PipelineError:  # gone in this moment
                    continue
                if seen is not None:
                    self._sizes.add(seen)

    def _seen(self, series: SeriesHere) -> Seen | None:
        header = self._first_header(series)
        if not isinstance(header, Header):
            return None
        instances, size = self._rest.statistics(f"series/{series.orthanc_id}")
        modality, manufacturer, model, rows, columns = map(header.text, _DEVICE)
        return Seen(modality, manufacturer, model, f"{columns}x{rows}", instances, size) if modality else None

    def _first_header(self, series: SeriesHere) -> Header | Unreadable | None:
        first = self._rest.instance(series.instances[0]) if series.instances else None
        return self._files.header(first) if first is not None else None
