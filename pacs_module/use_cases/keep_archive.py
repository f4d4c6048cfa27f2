"""Archive: a computed hand-over is compressed into the archive before its folder is let go (M18)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..domain.study import HandOver, Study, iso
from ..ports import Archive, Clock, EventLog, StudyStore
from .changing import change


@dataclass
class KeepArchive:
    """Called by the release of a hand-over, once its retention is over."""

    store: StudyStore
    archive: Archive
    clock: Clock
    log: EventLog

    def __call__(self, study_uid: str, item: HandOver) -> None:
        """
        Archive one hand-over, if the backend has computed it and it is not in the archive yet.

        Raises:
            RetriableError: The archive cannot be written; the folder is kept until it can.
        """
        if item.message_state != "done" or item.archived_at:
            return
        if not Path(item.filepath).is_dir():
            self.log.event("nothing to archive: the files are gone", "WARNING", studyUID=study_uid, folder=item.filepath)
            return
        kept = self.archive.store(item.handover_id, Path(item.filepath), self.clock.today())
        words = f"{kept.files} files, {kept.bytes_before} bytes as {kept.bytes_after}: {kept.folder}"

        def edit(study: Study) -> bool:
            stored = study.handover(item.handover_id)
            if stored is None or stored.archived_at:
                return False
            stored.archived_at = iso(self.clock.now())
            study.note("archived", words, self.clock.now())
            return True

        change(self.store, study_uid, edit)

    def sweep(self) -> bool:
        """Remove what is older than the archive keeps."""
        days = self.archive.sweep(self.clock.today())
        if days:
            self.log.event("archive: old days removed", days=days)
        return False
