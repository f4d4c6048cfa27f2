"""
Release: hand-over folders whose result is in, and that no destination needs, go after their retention (M22).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ...domain.errors import RetriableError
from ...domain.instants import iso, milliseconds
from ...domain.study.handover import HandOver
from ...domain.study.study import RELEASE, Study
from ...domain.study.uploads import needs_folder
from ...ports import Clock, CopyMaker, Puller, StudyStore
from ..update_study import update_study
from .archive import KeepArchive

CLAIM_LEASE = timedelta(seconds=60)
PAUSE = timedelta(seconds=30)
"""After a folder could not be let go."""
ARCHIVE_LEASE = timedelta(minutes=15)
"""Longer than compressing the largest series takes."""


@dataclass
class Release:
    """Asks the plugins to let go of folders; asked again until they have answered."""

    store: StudyStore
    puller: Puller
    clock: Clock
    owner: str
    copies: CopyMaker | None = None
    archive: KeepArchive | None = None
    away: Callable[[str], bool] = lambda receiver: False
    """Whether a receiving Orthanc does not answer: its folders wait, those of others do not."""

    def __call__(self) -> bool:
        """
        Release the folders of one study.

        Returns:
            Whether there was one.

        Raises:
            RetriableError: The plugins do not answer, or the archive cannot be written; again after a pause.
        """
        study = self.store.claim(RELEASE, self.owner, self.clock.now(), milliseconds(self._lease()))
        if study is None:
            return False
        now = self.clock.now()
        due = [item for item in _kept(study) if item.next_at <= now and not needs_folder(study, item)]
        over = [item for item in due if not self.away(item.receiver)]
        if due and not over:
            self._put_off(study.study_uid)
        else:
            self._release(study.study_uid, over, now)
        return True

    def _release(self, study_uid: str, over: Sequence[HandOver], now: int) -> None:
        try:
            self._let_go(study_uid, over)
        except RetriableError:
            self._put_off(study_uid)
            raise
        self._note(study_uid, {item.handover_id for item in over}, iso(now))

    def _note(self, study_uid: str, released: set[str], at: str) -> None:
        def edit(stored: Study) -> bool:
            for item in stored.handovers:
                if item.handover_id in released:
                    item.released_at = at
            waiting = [item.next_at for item in _kept(stored) if not needs_folder(stored, item)]
            stored.schedule(RELEASE, min(waiting, default=None))
            return True

        update_study(self.store, study_uid, edit)

    def _let_go(self, study_uid: str, over: Sequence[HandOver]) -> None:
        if self.archive is not None:
            for item in over:
                self.archive(study_uid, item)
        for item in over:
            self.puller.release(item.handover_id, item.receiver)
            if self.copies is not None:
                self.copies.remove(item.handover_id)

    def _put_off(self, study_uid: str) -> None:
        def edit(study: Study) -> bool:
            study.schedule(RELEASE, self.clock.now() + milliseconds(PAUSE))
            return True

        update_study(self.store, study_uid, edit)

    def _lease(self) -> timedelta:
        return CLAIM_LEASE if self.archive is None else ARCHIVE_LEASE


def _kept(study: Study) -> list[HandOver]:
    """Settled hand-overs whose folders are still there, each with a retention of its own."""
    return [item for item in study.handovers if not item.open and not item.released_at]
