"""Archive: a computed hand-over is compressed into the archive before its folder is let go (M18)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...domain.instants import iso
from ...domain.study.handover import HandOver
from ...domain.study.history import Note
from ...domain.study.message_state import MessageState
from ...domain.study.study import Study
from ...ports import Archive, Clock, EventLog, StudyStore
from ...shared.crash_points import reach
from ..resolve_ids import handover_named
from ..update_study import update_study


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
        if item.message_state is not MessageState.DONE or item.archived_at:
            return
        if not Path(item.filepath).is_dir():
            self._tell_gone(study_uid, item.filepath)
            return
        self._archive(study_uid, item)

    def _archive(self, study_uid: str, item: HandOver) -> None:
        reach("to_archive")
        kept = self.archive.store(item.handover_id, Path(item.filepath), self.clock.today())
        reach("archived")
        words = f"{kept.files} files, {kept.bytes_before} bytes as {kept.bytes_after}: {kept.folder}"
        self._note(study_uid, item.handover_id, words)

    def _tell_gone(self, study_uid: str, folder: str) -> None:
        words = "nothing to archive: the files are gone"
        self.log.event("archive_files_gone", words, "WARNING", studyUID=study_uid, folder=folder)

    def _note(self, study_uid: str, handover_id: str, words: str) -> None:
        def edit(study: Study) -> bool:
            stored = study.handover(handover_id)
            if stored is None or stored.archived_at:
                return False
            stored.archived_at = iso(self.clock.now())
            study.note(Note.ARCHIVED, words, self.clock.now())
            return True

        update_study(self.store, study_uid, edit)

    def sweep(self) -> bool:
        """Remove what is older than the archive keeps, and what a process that died left half."""
        days = self.archive.sweep(self.clock.today(), self._is_made)
        if days:
            self.log.event("archive_days_removed", "archive: old days removed", days=days)
        return False

    def _is_made(self, handover_id: str) -> bool:
        item = handover_named(self.store, handover_id)
        return item is not None and not item.archived_at and not item.released_at
