"""After a complete find of a day: which known studies the PACS did not answer (M20)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

from ...domain.dicom.attributes import FoundStudy
from ...domain.errors import Unreadable
from ...domain.find.vanished import (
    appeared_instead,
    expected,
    link_moved,
    link_moved_from,
    missed,
    moved_to,
    nameless,
)
from ...domain.instants import milliseconds
from ...domain.study.study import Study
from ...ports import Clock, EventLog, StudyStore
from ..update_study import update_study

KnownBefore = tuple[set[str], set[str]]
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

    def __call__(
        self,
        pacs: str,
        day: date,
        answers: Collection[FoundStudy],
        in_parts: bool,
        before: KnownBefore | None = None,
    ) -> set[str]:
        """
        Take note of what is not among the answers.

        Args:
            pacs: Who answered.
            day: The whole of which was asked for.
            answers: All that the PACS has of it.
            in_parts: They were asked for by ranges of StudyTime.
            before: As :meth:`known_at` said before the answers were written down; None: it is asked now.

        Returns:
            The studies that are counted as missing: their next answer is news.
        """
        here = {found.study_uid for found in answers if found.study_uid}
        known, counted = self.known_at(pacs, day) if before is None else before
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
        for uid in gone:
            self._link(uid, pacs, answers)
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

    def _link(self, uid: str, pacs: str, answers: Collection[FoundStudy]) -> None:
        """Where one answer alone has come in its place, both say so."""
        study = self._get(uid)
        if study is None:
            return
        others = [one for one in map(self._get, moved_to(study, pacs, answers)) if one is not None]
        came = [one for one in others if appeared_instead(one, study, pacs)]
        if len(came) != 1:
            return
        (other,), now = came, self.clock.now()
        self._change(uid, lambda stored: link_moved(stored, other, pacs, now))
        self._change(other.study_uid, lambda stored: link_moved_from(stored, uid, pacs, now))
        told = {"pacs": pacs, "studyUID": uid, "movedTo": other.study_uid}
        self.log.event("study_moved", "a study is at the PACS under another UID now", "WARNING", **told)

    def _get(self, uid: str) -> Study | None:
        try:
            return self.store.get(uid)
        except Unreadable:
            return None

    def lacking(self, pacs: str, day: date, answers: Collection[FoundStudy]) -> set[str]:
        """The studies of the day that earlier finds brought and that are not among the answers."""
        known = self._known.get((pacs, day))
        return set() if known is None else known.uids - {found.study_uid for found in answers}

    def another(self, pacs: str, day: date) -> str:
        """A study that the PACS had of another day, empty where none is known."""
        others = (
            min(one.uids)
            for (name, on), one in self._known.items()
            if name == pacs and on != day and one.uids
        )
        return next(others, "")

    def _change(self, uid: str, edit: Callable[[Study], bool]) -> Study | None:
        """As any change; a study whose document cannot be read is none that could be missed."""
        try:
            return update_study(self.store, uid, edit)
        except Unreadable:
            return None

    def known_at(self, pacs: str, day: date) -> KnownBefore:
        """
        The studies that the PACS had of the day, and, when they were just read, those that are counted as
        missing.

        Asked before new answers are written: the studies of a first find need not be read back.
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
