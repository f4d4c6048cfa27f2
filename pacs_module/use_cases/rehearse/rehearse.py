"""Try other rules on the headers that were recorded, on a folder of DICOM files, or on a day of a PACS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ...domain.rehearse.changes import changed, read_change
from ...domain.rehearse.filtered import FilteredGroup, FilteredSeries
from ...domain.rehearse.record import JudgedStudy, decode
from ...domain.rehearse.rehearse import Comparison
from ...domain.rehearse.result import Rehearsal
from ...domain.rules.switches import Switches
from ...ports import Clock, DaySize, HeaderRecords, StudyStore

NO_RESULT = "no result yet"


@dataclass
class Rehearse:
    """
    Changes nothing.

    Args:
        records: The recorded headers.
        store: What the AI said of the studies.
        rules: Those in force.
        clock: To say how long it took.
    """

    records: HeaderRecords
    store: StudyStore
    rules: Callable[[], Switches]
    clock: Clock

    def __call__(self, changes: Sequence[str], first: date, last: date) -> Rehearsal:
        """
        Judge the studies of some days by the rules in force and by changed ones.

        Args:
            changes: As ``KEYWORDS+=THX``; none: the rules in force are compared with what was decided at the
                time.
            first: First StudyDate.
            last: Last StudyDate.

        Raises:
            ConfigurationError: A change cannot be used.
        """
        begun, unreadable = self.clock.steady(), Counter[str]()
        comparison = self.compared(self._studies(first, last, unreadable), changes)
        made = comparison.result(changes, self._results)
        seconds = (self.clock.steady() - begun) / 1000
        return replace(made, seconds=seconds, unreadable=unreadable.total())

    def compared(self, studies: Iterable[JudgedStudy], changes: Sequence[str]) -> Comparison:
        """The same for studies from anywhere."""
        now = self.rules()
        then = changed(now, [read_change(one) for one in changes])
        comparison = Comparison(now if changes else None, then)
        for study in studies:
            comparison.take(study)
        return comparison

    def newly_computed(self, first: date, last: date) -> list[tuple[str, int]]:
        """
        Studies that the rules in force would compute and of which nothing was handed over when they were
        judged: StudyInstanceUID and images, the newest first.
        """
        comparison = self.compared(self._studies(first, last, Counter()), ())
        return list(reversed(comparison.newly_computed.items()))

    def recorded(self) -> list[DaySize]:
        """Which days are recorded, and how much of each."""
        return self.records.days()

    def filtered(self, first: date, last: date) -> list[FilteredGroup]:
        """What was filtered in a span, by rule, value and device: the largest groups first."""
        found = FilteredSeries()
        for study in self._studies(first, last, Counter()):
            found.take(study)
        return found.groups()

    def _studies(self, first: date, last: date, unreadable: Counter[str]) -> Iterator[JudgedStudy]:
        for record in self.records.between(first.isoformat(), last.isoformat()):
            study = decode(*record)
            if study is None:
                unreadable[record.day] += 1
            else:
                yield study

    def _results(self, study_uid: str) -> Mapping[str, str]:
        """What the AI said last of each series of a study that was handed over."""
        study = self.store.get(study_uid)
        handovers = study.handovers if study is not None else []
        return {
            uid: item.result or NO_RESULT
            for item in handovers
            for uid in _series_of(item.message, item.series_uid)
        }


def _series_of(message: Mapping[str, object], first: str) -> Iterator[str]:
    """The series of a hand-over; of CT it is one."""
    listed = message.get("series")
    entries = listed if isinstance(listed, list) else []
    uids = [str(one.get("seriesUID")) for one in entries if isinstance(one, Mapping) and one.get("seriesUID")]
    yield from uids or [first]
