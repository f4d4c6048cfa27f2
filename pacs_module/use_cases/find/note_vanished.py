"""After a complete find of a day: which known studies the PACS did not answer (M20)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

from ...domain.dicom.attributes import FoundStudy
from ...domain.errors import Unreadable
from ...domain.find.vanished import expected, missed, nameless
from ...domain.instants import milliseconds
from ...domain.study.study import Study
from ...ports import Clock, EventLog, StudyStore
from ..update_study import update_study

RELOAD = timedelta(minutes=30)
"""What another process found at the PACS meanwhile is known after that."""
MOST_DAYS = 400


@dataclass
class _Known:
    loaded_at: int
    uids: set[str]


@dataclass
class NoteVanished:
    """
    Counts in the document; in memory is only which studies a PACS answered for a day, so that a quiet find
    asks no store.
    """

    store: StudyStore
    clock: Clock
    log: EventLog
    _known: dict[tuple[str, date], _Known] = field(default_factory=dict)

    def __call__(self, pacs: str, day: date, answers: Collection[FoundStudy], in_parts: bool) -> set[str]:
        """
        Take note of what is not among the answers.

        Args:
            pacs: Who answered.
            day: The whole of which was asked for.
            answers: All that the PACS has of it.
            in_parts: They were asked for by ranges of StudyTime.

        Returns:
            The studies that are counted as missing: their next answer is news.
        """
        here = {found.study_uid for found in answers if found.study_uid}
        known, counted = self._known_at(pacs, day)
        gone = []
        for uid in sorted(known - here):
            now = self.clock.now()
            written: list[bool] = []

            def edit(study: Study, now: int = now, written: list[bool] = written) -> bool:
                if not expected(study, pacs, day, in_parts) or nameless(study, answers):
                    return False
                written.append(missed(study, pacs, now))
                return written[-1]

            study = self._change(uid, edit)
            if study is None or not written or study.pacs[pacs].gone_at:
                known.discard(uid)
            if written and study is not None:
                counted.add(uid)
                gone += [uid] if study.pacs[pacs].gone_at and written[-1] else []
        known |= here
        if gone:
            self.log.event(
                "studies_vanished",
                "studies are gone from the PACS",
                "WARNING",
                pacs=pacs,
                day=day.isoformat(),
                studyUIDs=gone,
            )
        return counted

    def lacks(self, pacs: str, day: date, answers: Collection[FoundStudy]) -> bool:
        """Whether studies of the day that earlier finds brought are not among the answers."""
        known = self._known.get((pacs, day))
        return known is not None and bool(known.uids - {found.study_uid for found in answers})

    def _change(self, uid: str, edit: Callable[[Study], bool]) -> Study | None:
        """As any change; a study whose document cannot be read is none that could be missed."""
        try:
            return update_study(self.store, uid, edit)
        except Unreadable:
            return None

    def _known_at(self, pacs: str, day: date) -> tuple[set[str], set[str]]:
        """
        The studies that the PACS had of the day, and, when they were just read, those that are counted as
        missing.
        """
        now = self.clock.now()
        known = self._known.get((pacs, day))
        if known is not None and now - known.loaded_at < milliseconds(RELOAD):
            return known.uids, set()
        studies = self.store.of_day_at(day, pacs)
        copies = {study.study_uid: study.pacs[pacs] for study in studies}
        if len(self._known) >= MOST_DAYS:
            self._known.clear()
        self._known[pacs, day] = _Known(now, {uid for uid, copy in copies.items() if not copy.gone_at})
        return self._known[pacs, day].uids, {uid for uid, copy in copies.items() if copy.missed}
