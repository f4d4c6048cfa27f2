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
class _Missing:
    """
    Of one study: whether it should have been answered, whether that is written anew, and whether it is gone.
    """

    expected: bool = False
    news: bool = False
    gone: bool = False


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
            missing = self._miss(uid, pacs, day, answers, in_parts)
            if not missing.expected or missing.gone:
                known.discard(uid)
            if missing.expected:
                counted.add(uid)
            if missing.gone and missing.news:
                gone.append(uid)
        known |= here
        if gone:
            told = {"pacs": pacs, "day": day.isoformat(), "studyUIDs": gone}
            self.log.event("studies_vanished", "studies are gone from the PACS", "WARNING", **told)
        return counted

    def _miss(
        self, uid: str, pacs: str, day: date, answers: Collection[FoundStudy], in_parts: bool
    ) -> _Missing:
        """Write down that one was not among the answers, if it should have been."""
        now, missing = self.clock.now(), _Missing()

        def edit(study: Study) -> bool:
            missing.expected = expected(study, pacs, day, in_parts) and not nameless(study, answers)
            missing.news = missing.expected and missed(study, pacs, now)
            return missing.news

        study = self._change(uid, edit)
        if study is None:
            return _Missing()
        missing.gone = missing.expected and bool(study.pacs[pacs].gone_at)
        return missing

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
