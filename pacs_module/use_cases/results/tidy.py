"""Tidy: what no destination needs any more, and what a process left behind that died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ...domain.instants import iso
from ...domain.study.study import Study
from ...domain.study.uploads import uploads_need_files
from ...ports import Clock, EventLog, StudyStore
from ...ports.results import PseudonymRecords, ResultFiles, ResultInbox
from ..update_study import update_study

A_DAY = timedelta(days=1)
LEFT_BEHIND = timedelta(hours=1)
"""Longer than taking the largest set lasts."""


@dataclass
class TidyResults:
    """
    Args:
        store: The studies.
        files: Sets that are kept.
        pseudonyms: Who stands behind the pseudonyms; forgotten after ``pseudonym_days``.
        keep: How long a set is kept after every destination has it.
        pseudonym_days: How long a result may come back for images under pseudonyms.
        clock: The hospital's.
        log: For events.
        inbox: Where a backend leaves results; what was refused there goes after ``keep``. None: it posts
            them.
    """

    store: StudyStore
    files: ResultFiles
    pseudonyms: PseudonymRecords
    keep: timedelta
    pseudonym_days: int
    clock: Clock
    log: EventLog
    inbox: ResultInbox | None = None

    def __call__(self) -> bool:
        """Look through all sets; there is never more to do at once."""
        for result_id, study_uid, age_s in list(self.files.all()):
            study = self.store.get(study_uid)
            if study is None or study.result(result_id) is None:
                self._remove_orphan(result_id, age_s)
            elif age_s > self.keep.total_seconds() and not uploads_need_files(study, result_id):
                self._release(study_uid, result_id)
        self.files.remove_drafts(LEFT_BEHIND.total_seconds())
        for study_uid in self.pseudonyms.studies(LEFT_BEHIND.total_seconds()):
            if self.store.get(study_uid) is None:  # its age was over, or it was forgotten
                self.pseudonyms.forget(study_uid)
        forgotten = self.pseudonyms.forget_older(self.pseudonym_days)
        if forgotten:
            self.log.event("pseudonyms_forgotten", "pseudonyms of old studies forgotten", studies=forgotten)
        refused = (
            self.inbox.trim_refused(max(self.keep, A_DAY).total_seconds()) if self.inbox is not None else 0
        )
        if refused:
            self.log.event(
                "refused_files_removed", "files that were refused long ago are removed", files=refused
            )
        return False

    def _remove_orphan(self, result_id: str, age_s: float) -> None:
        """Kept, and never answered: the backend sends it again."""
        if age_s > LEFT_BEHIND.total_seconds():
            self.files.remove(result_id)
            self.log.event(
                "result_orphan_removed", "a set of results that no study knows removed", id=result_id
            )

    def _release(self, study_uid: str, result_id: str) -> None:
        def edit(stored: Study) -> bool:
            result = stored.result(result_id)
            if result is None or uploads_need_files(stored, result_id):
                return False
            result.released_at = iso(self.clock.now())
            return True

        stored = update_study(self.store, study_uid, edit)
        result = stored.result(result_id) if stored is not None else None
        if result is not None and result.released_at:
            self.files.remove(result_id)
