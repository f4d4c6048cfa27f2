"""One window asked for at a PACS: as a whole, and in parts where that list may be cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Protocol

from ...domain.dicom.attributes import FoundStudy
from ...domain.errors import PipelineError, RetriableError
from ...domain.explain import loglines
from ...domain.find.caps import is_record, is_short_and_longest, is_short_record, is_suspicious
from ...domain.find.learned import LearnedTraits
from ...domain.find.merging import merged
from ...domain.find.windows import (
    KEYS,
    PREFIXES,
    Window,
    around,
    around_and_at,
    dimensions,
    equal_parts,
    few_named,
    halved_among,
    lost,
    not_honoured,
    overlap,
    split,
)
from ...ports import EventLog
from .match_answers import Matched, MatchedFinder
from .window_memory import WindowMemory

MOST_QUERIES = 400
"""In one window; more than any cap of 100 needs on a day of 10,000 studies."""
MOST_AFTER_FAILURE = 100
"""To split a list that ends with a failure by anything else than the time: one bad study may be the cause."""
MOST_CONTROLS = 4
"""To find out whether a query failed because of its length: down to a part of 90 minutes."""
MOST_FAILURES = 12
"""Parts in a row that fail without an answer: then it is not their length."""
STRIKES = 3
SMALLEST_PIECE_S = 15 * 60
"""An empty part is asked for in halves down to pieces shorter than this."""


class Doubted(Protocol):
    """A list that may be cut: what came, and the length that is doubted."""

    @property
    def studies(self) -> tuple[FoundStudy, ...]:
        """What came."""

    @property
    def doubtful(self) -> int:
        """How long the list was."""


@dataclass(frozen=True)
class Part:
    """
    The studies of one C-FIND, each once.

    ``received`` as the PACS counts, None: not known; ``cut``: it said itself that there are more, ``failed``:
    by a failure other than A700;
    ``dropped``: answers beside the question, by key.
    """

    studies: list[FoundStudy]
    received: int | None
    cut: bool
    dropped: Mapping[str, int]
    failed: bool = False

    @property
    def length(self) -> int:
        """How long the list was; 0: nobody knows."""
        return self.received or 0

    @property
    def uids(self) -> set[str]:
        """The studies' UIDs; an empty one among them where a study has none."""
        return {study.study_uid for study in self.studies}


@dataclass
class SplitWindow:
    """One window's search."""

    finder: MatchedFinder
    log: EventLog
    pacs: str
    learned: LearnedTraits
    strikes: Counter[str]
    modalities: tuple[str, ...]
    return_keys: Sequence[str]
    memory: WindowMemory
    queries: int = 0
    leaves: list[Window] = field(default_factory=list)
    untold: bool = False
    """A list looks cut, and no split could tell."""
    record: int = 0
    """The length of a list that is as long as the longest ever; 0: there was none."""
    short_record: bool = False
    """So is a list that is too short to be controlled."""
    failures: int = 0
    """Parts in a row that failed without an answer."""

    @property
    def nothing_left_out(self) -> bool:
        """Whether the parts that were asked for, together, are all of the window."""
        by_time = all(not leaf.modality and not leaf.prefixes for leaf in self.leaves)
        return bool(self.leaves) and by_time and not self.untold

    @property
    def settled(self) -> list[Window]:
        """The parts that a window was asked for in; none where a list looks cut and no split could tell."""
        return [] if self.untold else self.leaves

    def all_of(self, windows: Iterable[Window]) -> tuple[list[FoundStudy], bool]:
        """The studies of some windows, each once, and whether they are all."""
        found: list[FoundStudy] = []
        complete = True
        for window in windows:
            studies, all_there = self._all_of_one(window)
            found, complete = [*found, *studies], complete and all_there
        return merged(found), complete

    def _all_of_one(self, window: Window) -> tuple[list[FoundStudy], bool]:
        longest = self.learned.longest
        try:
            answer = self.one(window)
            if self._may_be_too_long(window, answer):
                return self._in_pieces(window)
        except PipelineError as error:
            answer = self._cut_after_all(window, error)
        self._take_record(answer, longest)
        return self.rest(window, answer)

    def _take_record(self, answer: Part, longest: int) -> None:
        """Note a list that is as long as the longest before it: it may be cut there."""
        of_pacs = (answer, self.learned, longest)
        if is_record(*of_pacs) or is_short_and_longest(*of_pacs):
            self.record = answer.length
        self.short_record |= is_short_record(answer, self.learned)

    def _may_be_too_long(self, window: Window, answer: Part) -> bool:
        """Whether an empty part may be none, at a PACS whose empty day was none."""
        if not self.memory.empty_lies or window.whole_day or answer.received != 0:
            self.memory.quiet.discard(window)
            return False
        return window not in self.memory.quiet

    def _in_pieces(self, window: Window) -> tuple[list[FoundStudy], bool]:
        """
        An empty part, and its halves as long as they are empty, down to pieces of some minutes.

        What is empty in all of its pieces is asked for as a whole from now on; complete where the budget
        lasts.
        """
        before = len(self.leaves)
        found, complete = self._halves_of(window)
        if not found and complete:
            self.leaves[before:] = [window]
            self.memory.quiet.add(window)
        self.untold |= not complete
        return merged(found), complete

    def _halves_of(self, window: Window) -> tuple[list[FoundStudy], bool]:
        """What the halves of an empty part bring; nothing where it is small already."""
        found: list[FoundStudy] = []
        complete = self.queries < MOST_QUERIES
        large = window.until - window.since >= SMALLEST_PIECE_S
        for piece in equal_parts(window, 2) if large and complete else ():
            answer = self.one(piece)
            studies, all_there = self.rest(piece, answer) if answer.received != 0 else self._in_pieces(piece)
            found, complete = [*found, *studies], complete and all_there
        return found, complete

    def rest(self, window: Window, answer: Part) -> tuple[list[FoundStudy], bool]:
        """The studies of a window that was asked for as a whole; in parts where that list may be cut."""
        if not is_suspicious(answer, self.learned):
            if answer.studies or not window.prefixes:
                self.leaves.append(window)
            return answer.studies, True
        return self._in_parts(window, answer)

    def _cut_after_all(self, window: Window, error: PipelineError) -> Part:
        """
        A query that failed with a status, as a cut list: where a part of it brings answers.

        Raises:
            PipelineError: It is a failure, and what it was.
        """
        for part in _ends_of(window) if error.find_status is not None else ():
            try:
                answer = self.one(part)
            except PipelineError:
                break
            if answer.studies:
                return Part(answer.studies, None, True, {}, failed=True)
            if not answer.failed:
                break
        raise error

    def beyond(self, window: Window, doubted: Doubted, only_time: bool = False) -> set[str] | None:
        """
        The UIDs that the parts of a list bring and the whole did not; None where no split can tell.

        A PACS that does not honour StudyTime is asked by modality or by names; they find a cap, and prove
        nothing when they find none.
        """
        known = {study.study_uid for study in doubted.studies} | {""}
        for dimension in ("time",) if only_time else dimensions(window, doubted.studies):
            answers = self._ask_parts(window, doubted, dimension)
            if answers is None:
                continue
            new = {uid for answer in answers for uid in answer.uids} - known
            if new or (dimension == "time" and all(one.length < doubted.doubtful for one in answers)):
                return new
        return None

    def _ask_parts(self, window: Window, doubted: Doubted, dimension: str) -> list[Part] | None:
        """The answers to the parts of a doubtful list; None where it cannot be split that way."""
        if dimension == "time":
            parts = self._parts_by_time(window, doubted.studies)
        else:
            parts = split(window, dimension, doubted.studies, self.modalities)
        if not parts or KEYS[dimension] in self.learned.ignores:
            return None
        answers = self._ask_each(parts, dimension, doubted.doubtful)
        return None if answers is None else list(answers.values())

    def _parts_by_time(self, window: Window, found: Sequence[FoundStudy]) -> tuple[Window, ...]:
        """
        A doubtful list by its time: of one study what is before and after it, of more two halves of them.

        Halves of the studies, not of the day: a half as long as the whole may end at the same cap. None where
        the only study's time stands for any.
        """
        if len(found) != 1:
            return halved_among(window, found)
        filled_in = self.memory.is_filled_in(window, found[0].study_time)
        return () if filled_in else around(window, found[0])

    def learn_cap(self, cap: int) -> None:
        """The PACS stops at this number."""
        if cap not in self.learned.caps:
            self.learned.caps.add(cap)
            self.log.event("cap_learned", "the PACS caps its answers", "WARNING", pacs=self.pacs, cap=cap)

    def one(self, window: Window) -> Part:
        """One C-FIND."""
        self.queries += 1
        query = window.query()
        self.log.line(loglines.find_query(query))
        matched = self._matched(query)
        if not matched.failed:  # a failure says nothing of when the PACS cuts lists
            day = query["StudyDate"] if window.whole_day else ""
            self.learned.take_length(matched.received, matched.cut, day)
        return self._part_of(matched)

    def _matched(self, query: Mapping[str, str]) -> Matched:
        try:
            matched = self._find(query)
        except PipelineError as error:
            return self._failed_part(error)
        self.failures = 0
        return matched

    def _part_of(self, matched: Matched) -> Part:
        """The answers, each study once; that one came twice is told."""
        once = merged(matched.studies)
        if len(once) < len(matched.studies):
            self._tell_duplicates(matched.studies)
        return Part(once, matched.received, matched.cut, matched.dropped, matched.failed)

    def _tell_duplicates(self, studies: Iterable[FoundStudy]) -> None:
        times = Counter(study.study_uid for study in studies)
        twice = [uid for uid, number in times.items() if uid and number > 1]
        self.log.event("duplicate_answers", "duplicate answers", pacs=self.pacs, studyUIDs=twice)

    def _failed_part(self, error: PipelineError) -> Matched:
        """
        A part that the PACS ends with a failure status may be too long, too: it is split further.

        Raises:
            PipelineError: It is not a part; or the PACS did not say so; or too many failed in a row.
        """
        self.failures += 1
        if self.queries == 1 or error.find_status is None or self.failures > MOST_FAILURES:
            raise error
        return Matched((), None, cut=True, failed=True)

    def _in_parts(self, window: Window, whole: Part) -> tuple[list[FoundStudy], bool]:
        together = whole.studies
        before = len(self.leaves)
        for dimension, parts in self._ways(window, whole):
            answers = self._ask_each(parts, dimension, whole.received)
            if answers is None:
                continue
            together, all_there = self._joined_parts(window, dimension, whole, answers, together)
            if all_there:
                self._learn(whole, together)
                return together, True
            del self.leaves[before:]
            if whole.failed:
                break  # what fails in one part fails by any other split, too
        self.leaves.append(window)
        self.untold = True
        return together, self._is_round_only(whole)

    def _joined_parts(
        self,
        window: Window,
        dimension: str,
        whole: Part,
        answers: Mapping[Window, Part],
        together: list[FoundStudy],
    ) -> tuple[list[FoundStudy], bool]:
        """What the parts bring beside what is known (``together``), and whether that is all of the window."""
        if _fails_anyway(whole, answers.values()):
            return _joined(together, (answer.studies for answer in answers.values())), False
        results = {part: self.rest(part, answer) for part, answer in answers.items()}
        together = _joined(together, (found for found, _ in results.values()))
        return together, self._parts_are_all(window, dimension, whole, results, together)

    def _parts_are_all(
        self,
        window: Window,
        dimension: str,
        whole: Part,
        results: Mapping[Window, tuple[list[FoundStudy], bool]],
        together: Sequence[FoundStudy],
    ) -> bool:
        """Whether the parts are all of the window; a part that lost studies is a strike against the split."""
        whole_parts = {part: found for part, (found, all_there) in results.items() if all_there}
        if lost(whole.studies, whole_parts):
            self._strike(dimension)
            return False
        return len(whole_parts) == len(results) and self._is_all(window, dimension, whole, together)

    def _is_round_only(self, whole: Part) -> bool:
        """
        Whether a list that no split could question is taken for whole.

        Its round number is most likely just that; a known cap or a status is not.
        """
        return not whole.cut and not any(whole.length >= cap for cap in self.learned.caps)

    def _is_all(self, window: Window, dimension: str, whole: Part, together: Sequence[FoundStudy]) -> bool:
        """
        Whether the parts of a list are all of it, where the list itself came without an answer.

        Such a list has shown no study that a split would lose: one without a StudyTime is in no part of the
        day. And no parts without a study are all of a list that is too long.
        """
        if not whole.cut or whole.received is not None:
            return True
        if not together:
            return False
        return dimension != "time" or not window.all_day or not self._has_timeless(window, together)

    def _has_timeless(self, window: Window, known: Sequence[FoundStudy]) -> bool:
        """Ask for a few studies by their names, at any time: does one come that no time brought?"""
        for key in PREFIXES:
            prefix = few_named(known, key)
            if not prefix or key in self.learned.ignores:
                continue
            try:
                answer = self.one(replace(window, prefixes=((key, prefix),)))
            except PipelineError:
                return False
            if not answer.dropped.get(key):
                return answer.cut or _brings_timeless(answer, known)
        return False

    def _ways(self, window: Window, whole: Part) -> Iterator[tuple[str, tuple[Window, ...]]]:
        """The ways to split a window at this PACS that the budget of queries allows, with their parts."""
        alone = len(whole.studies) == 1 and not whole.failed
        if alone and window.since == window.until:
            return  # of one second, at a PACS that gives one a list: forty queries would tell no more
        for dimension in dimensions(window, whole.studies):
            parts = self._parts(window, dimension, whole, alone)
            if parts and self._may_split(dimension, len(parts), whole):
                yield dimension, parts

    def _parts(self, window: Window, dimension: str, whole: Part, alone: bool) -> tuple[Window, ...]:
        if dimension == "time" and alone:
            return around_and_at(window, whole.studies[0])
        return split(window, dimension, whole.studies, self.modalities)

    def _may_split(self, dimension: str, parts: int, whole: Part) -> bool:
        """Whether the budget of queries allows it, at a PACS that honours the key."""
        in_budget = self.queries + parts <= _most_queries(dimension, whole)
        return in_budget and KEYS[dimension] not in self.learned.ignores

    def _ask_each(
        self, parts: Sequence[Window], dimension: str, whole: int | None
    ) -> dict[Window, Part] | None:
        """
        An answer a part, or None as soon as one shows that the PACS does not honour the key: no use in asking
        on.

        ``whole``: length of the list that is parted; None: nobody knows.
        """
        key = KEYS[dimension]
        answers: dict[Window, Part] = {}
        for part in parts:
            answer = answers[part] = self.one(part)
            ignored = not_honoured(dimension, answer.dropped.get(key, 0), whole or answer.received or 0)
            if ignored or (dimension == "time" and overlap([one.studies for one in answers.values()])):
                self._ignores(key)
                return None
        return answers

    def _strike(self, dimension: str) -> None:
        """
        Studies of the whole were missing in the parts: an overloaded PACS does that once, one that matches
        oddly always.
        """
        self.strikes[dimension] += 1
        if self.strikes[dimension] >= STRIKES:
            self._ignores(KEYS[dimension])

    def _ignores(self, key: str) -> None:
        self.learned.ignores.add(key)
        self.log.event("key_not_honoured", "key not honoured", "WARNING", pacs=self.pacs, attribute=key)

    def _learn(self, whole: Part, together: Sequence[FoundStudy]) -> None:
        if whole.received and not whole.failed and (len(together) > whole.received or whole.cut):
            self.learn_cap(whole.received)

    def _find(self, query: Mapping[str, str]) -> Matched:
        """
        One query; a part of a split window once more when it fails.

        A PACS that refuses one association of three would otherwise never let a day of many parts be
        finished. The first query of a window is not repeated: the next round asks again. Nor is one that ends
        with a failure status: it is split.
        """
        try:
            return self.finder.ask_part(self.pacs, "STUDY", query, self.return_keys)
        except RetriableError as error:
            if self.queries == 1 or error.find_status is not None:
                raise
            self.queries += 1
            self._tell_asked_again(query, error)
            return self.finder.ask_part(self.pacs, "STUDY", query, self.return_keys)

    def _tell_asked_again(self, query: Mapping[str, str], error: RetriableError) -> None:
        words = "a part is asked once more"
        self.log.event("part_asked_again", words, "WARNING", pacs=self.pacs, query=query, error=str(error))


def _fails_anyway(whole: Part, parts: Iterable[Part]) -> bool:
    """
    Whether a PACS ends lists with a failure whatever their length: a part failed with fewer answers than the
    whole had, and no part came to its end, or brought more.
    """
    known = {study.study_uid for study in whole.studies}
    with_answers = [part for part in parts if part.studies]
    shorter = any(part.length < whole.length for part in with_answers)
    new = any(part.uids - known for part in with_answers)
    return whole.failed and shorter and not new and all(part.failed for part in with_answers)


def _most_queries(dimension: str, whole: Part) -> int:
    """
    The budget of a split. Without a single answer nobody knows what the names of a failed list begin with.
    """
    if not whole.failed or dimension == "time":
        return MOST_QUERIES
    return MOST_AFTER_FAILURE if whole.received is not None else 0


def _joined(studies: Iterable[FoundStudy], more: Iterable[Iterable[FoundStudy]]) -> list[FoundStudy]:
    return merged([*studies, *chain.from_iterable(more)])


def _ends_of(window: Window) -> Iterator[Window]:
    """The first half of a window, and then the last half of each: of a failed morning its end."""
    part, place = window, 0
    for _ in range(MOST_CONTROLS):
        parts = split(part, "time", (), ())
        if not parts:
            return
        part, place = parts[place], -1  # little is done at night
        yield part


def _brings_timeless(answer: Part, known: Iterable[FoundStudy]) -> bool:
    """Whether a study without a time is among the answers that is not known."""
    uids = {study.study_uid for study in known}
    return any(not study.study_time for study in answer.studies if study.study_uid not in uids)
