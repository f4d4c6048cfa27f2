"""Ask a PACS for all studies of a window, in as many parts as its cap makes necessary (M10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...domain.dicom.attributes import FoundStudy, found_study
from ...domain.errors import PipelineError, RetriableError
from ...domain.explain import loglines
from ...domain.find.caps import (
    SMALLEST_CAP,
    is_record,
    is_short_and_longest,
    is_short_record,
    is_suspicious,
)
from ...domain.find.learned import LearnedTraits
from ...domain.find.merging import merged
from ...domain.find.windows import (
    KEYS,
    PREFIXES,
    Window,
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

MOST_QUERIES = 400
"""In one window; more than any cap of 100 needs on a day of 10,000 studies."""
MOST_AFTER_FAILURE = 100
"""To split a list that ends with a failure by anything else than the time: one bad study may be the cause."""
MOST_CONTROLS = 4
"""To find out whether a query failed because of its length: down to a part of 90 minutes."""
MOST_FAILURES = 12
"""Parts in a row that fail without an answer: then it is not their length."""
MOST_DAYS = 40
STRIKES = 3
SPLIT_AGAIN = 10
"""Every tenth round the split is recomputed: names that begin otherwise than all before are found then."""
CONTROL_AGAIN = 60
"""
A list that stays at its greatest length is controlled when it stays for the first time, and every sixtieth
time after; one of less than ten at the tenth time. An empty one is controlled at first, at the tenth time,
and every sixtieth time.
"""
CONTROL_PARTS = 8
"""Of an empty day at a PACS that has given long lists: its half may be too long for it, too."""
SMALL_PARTS = 96
"""Quarters of an hour."""
SMALLEST_PIECE_S = 15 * 60
"""An empty part is asked for in halves down to pieces shorter than this."""


@dataclass
class WindowMemory:
    """How the days of one PACS were asked for: the parts of each, and how long its list was. A cache."""

    strikes: Counter[str] = field(default_factory=Counter)
    parts: dict[Window, tuple[Window, ...]] = field(default_factory=dict)
    rounds: Counter[Window] = field(default_factory=Counter)
    stays: dict[Window, tuple[int, int]] = field(default_factory=dict)
    """Length of a window's list, and how many times it has been that in a row."""
    held: dict[Window, int] = field(default_factory=dict)
    """The greatest number of studies that a day has had."""
    empty: dict[Window, int] = field(default_factory=dict)
    """How many times in a row a day was empty."""
    empty_lies: bool = False
    """A day's list was empty, and a part of it was not."""
    quiet: set[Window] = field(default_factory=set)
    """Parts of such days that were empty in small pieces as well, since they are empty."""

    def parts_of(self, window: Window) -> tuple[Window, ...]:
        """The parts a window is asked for in: those of the last split, at times the whole."""
        self.rounds[window] += window.whole_day
        anew = self.rounds[window] % SPLIT_AGAIN == 0 and not self.empty_lies
        return (window,) if anew else self.parts.get(window, (window,))

    def remember(self, window: Window, leaves: Sequence[Window]) -> None:
        """Keep how a whole day was split; short windows differ each time and are not worth it."""
        self.parts.pop(window, None)
        if leaves and window.whole_day:
            self.parts[window] = tuple(leaves)
        for oldest in list(self.parts)[:-MOST_DAYS]:
            del self.parts[oldest]
        for gone in self.rounds.keys() - self.parts.keys() - {window}:
            del self.rounds[gone]

    def take_held(self, window: Window, studies: int) -> None:
        """Keep how many studies a day has had."""
        if not window.whole_day or not studies:
            return
        self.empty.pop(window, None)
        self.held[window] = max(studies, self.held.pop(window, 0))
        for oldest in list(self.held)[:-MOST_DAYS]:
            del self.held[oldest]

    def take_empty(self, window: Window) -> int:
        """Count an empty list; returns how many times in a row the day is empty."""
        times = self.empty.pop(window, 0) + 1
        self.empty[window] = times
        for oldest in list(self.empty)[:-MOST_DAYS]:
            del self.empty[oldest]
        return times

    def controls_of(self, window: Window, times: int, busy: bool) -> tuple[Window, ...]:
        """
        The parts in which an empty day is asked for again.

        Args:
            window: The day.
            times: How many times in a row it is empty.
            busy: Whether this PACS has given long lists: its empty day is asked for in smaller parts at once.
        """
        if times == 1:
            halves = equal_parts(window, 2)
            known = halves if self.held.get(window) else halves[:1]
            return equal_parts(window, CONTROL_PARTS) if busy else known
        if times == CONTROL_AGAIN:
            return equal_parts(window, SMALL_PARTS)
        due = times == SPLIT_AGAIN or times % CONTROL_AGAIN == 0
        return equal_parts(window, CONTROL_PARTS) if due else ()

    def control_is_due(self, window: Window, length: int) -> bool:
        """
        Whether a list of the greatest length shall be controlled now: a day's first long one, and one that
        stays so; a short one when it has stayed so for some time.
        """
        before, times = self.stays.get(window, (0, 0))
        times = times + 1 if before == length else 1
        self.stays[window] = (length, times)
        for oldest in list(self.stays)[:-MOST_DAYS]:
            del self.stays[oldest]
        if length < SMALLEST_CAP:
            return times == SPLIT_AGAIN or times % CONTROL_AGAIN == 0
        return not before or times == 2 or times % CONTROL_AGAIN == 0


@dataclass(frozen=True)
class Answers:
    """
    All answers to a window (those without a UID too), whether they are all, and how many queries it took.

    ``proof``: what is not among them the PACS does not have. Not so where the window was split by modality or
    by names, which leaves some out, nor where the number looks like a cap and no split could tell.
    ``doubtful``: the length of a list that is as long as the longest that this PACS has ever given, so that
    it may end there (:meth:`AskWindow.control` tells); else 0.
    """

    studies: tuple[FoundStudy, ...]
    complete: bool
    queries: int
    proof: bool = False
    doubtful: int = 0


@dataclass
class AskWindow:
    """Remembers by PACS how its days were asked for; the finder remembers what answers have taught."""

    finder: MatchedFinder
    log: EventLog
    modalities: tuple[str, ...]
    memory: dict[str, WindowMemory] = field(default_factory=dict)

    def __call__(self, pacs: str, window: Window, return_keys: Sequence[str]) -> Answers:
        """
        Ask, and split until each part is under the cap; what cannot be split is reported.

        Raises:
            RetriableError: The PACS did not answer.
            PermanentError: Its answers cannot be read.
        """
        memory = self.memory.setdefault(pacs, WindowMemory())
        search = self._search(pacs, return_keys)
        results = [search.all_of(part) for part in memory.parts_of(window)]
        studies = merged(found for each, _ in results for found in each)
        complete = all(all_there for _, all_there in results)
        memory.remember(window, search.leaves if complete and not search.untold else [])
        if not complete:
            self._tell_capped(pacs, window, len(studies))
        doubtful = search.record if complete and search.leaves == [window] and not search.untold else 0
        proof = complete and search.nothing_left_out and not doubtful and not search.short_record
        answers = Answers(tuple(studies), complete, search.queries, proof, doubtful)
        memory.take_held(window, len(studies))
        if window.whole_day and proof and not studies:
            return self._empty_day(pacs, window, answers, return_keys)
        may_be_cut = doubtful or (search.short if complete and search.leaves == [window] else 0)
        if may_be_cut and window.whole_day and memory.control_is_due(window, may_be_cut):
            return self.control(pacs, window, replace(answers, doubtful=may_be_cut), return_keys)
        return answers

    def once_more(self, pacs: str, window: Window, answers: Answers, return_keys: Sequence[str]) -> Answers:
        """
        Ask again for a list that lacks what the PACS had before; the answers of both together.

        An overloaded PACS ends a query with Success and no answers, or too few (field notes 3).
        """
        if answers.doubtful:
            return self.control(pacs, window, answers, return_keys)
        try:
            again = self(pacs, window, return_keys)
        except RetriableError:
            return replace(answers, proof=False)
        studies = tuple(merged([*answers.studies, *again.studies]))
        complete, proof = answers.complete and again.complete, answers.proof and again.proof
        return Answers(studies, complete, answers.queries + again.queries, proof)

    def control(self, pacs: str, window: Window, answers: Answers, return_keys: Sequence[str]) -> Answers:
        """
        Ask for a doubtful list once more in two halves: a PACS that has more than the list held shows it.

        Returns:
            The answers with what the halves brought; with ``proof`` where they brought nothing new.
        """
        search = self._search(pacs, return_keys)
        try:
            new = search.beyond(window, answers)
            whole = search.one(window) if new else None
        except RetriableError as error:
            self._tell_not_controlled(pacs, window, error)
            new, whole = None, None
        counted = replace(answers, queries=answers.queries + search.queries)
        if new is None or (whole is not None and (whole.received or 0) > answers.doubtful):
            return counted  # not told; or it has grown meanwhile: no cap
        if whole is None:
            return replace(counted, proof=True, doubtful=0)
        search.learn_cap(answers.doubtful)
        found, complete = search.rest(window, whole)
        self.memory[pacs].remember(window, search.leaves if complete else [])
        together = merged([*answers.studies, *found])
        proof = complete and search.nothing_left_out
        return Answers(tuple(together), complete, answers.queries + search.queries, proof)

    def _empty_day(self, pacs: str, window: Window, answers: Answers, return_keys: Sequence[str]) -> Answers:
        """
        An empty list may be a long one: some overloaded PACS end such a query with Success and no answers.

        Parts of the day are asked for (:meth:`WindowMemory.controls_of`). Where the PACS has given long
        lists, an empty day is believed when it is told a second time.

        Returns:
            What the control brings, in parts; with ``proof`` where it brings nothing. Not complete where the
            day had many studies: they do not vanish all at once.
        """
        memory, search = self.memory[pacs], self._search(pacs, return_keys)
        busy = self.finder.learned(pacs).longest >= SMALLEST_CAP
        times = memory.take_empty(window)
        for part in memory.controls_of(window, times, busy):
            try:
                answer = search.one(part)
            except PipelineError as error:
                memory.empty.pop(window)  # controlled again with the next empty list
                self._tell_not_controlled(pacs, window, error)
                return replace(answers, queries=answers.queries + search.queries, proof=False)
            if answer.studies or answer.cut:
                return self._not_empty(pacs, window, search, answers.queries)
        all_gone = memory.held.get(window, 0) >= SMALLEST_CAP
        if all_gone:
            self._tell_capped(pacs, window, 0)
        proof = not all_gone and (times > 1 or not busy)
        return Answers((), not all_gone, answers.queries + search.queries, proof)

    def _not_empty(self, pacs: str, window: Window, search: _Search, queries: int) -> Answers:
        """
        A day whose list is empty and a part of which is not: all of it, in parts that are short enough; as a
        whole where its first studies have come meanwhile.
        """
        memory = self.memory[pacs]
        whole = search.one(window)
        if whole.received != 0:
            found, complete = search.rest(window, whole)
            memory.take_held(window, len(found))
            return Answers(tuple(found), complete, queries + search.queries)
        memory.empty_lies = True
        results = [search.all_of(part) for part in equal_parts(window, CONTROL_PARTS)]
        found = merged(study for each, _ in results for study in each)
        complete = all(all_there for _, all_there in results)
        memory.remember(window, search.leaves if complete else [])
        memory.take_held(window, len(found))
        if not complete:
            self._tell_capped(pacs, window, len(found))
        return Answers(tuple(found), complete, queries + search.queries)

    def _tell_not_controlled(self, pacs: str, window: Window, error: PipelineError) -> None:
        words = "a list that may be cut could not be controlled"
        self.log.event("control_failed", words, "WARNING", pacs=pacs, query=window.query(), error=str(error))

    def _search(self, pacs: str, return_keys: Sequence[str]) -> _Search:
        memory = self.memory.setdefault(pacs, WindowMemory())
        learned = self.finder.learned(pacs)
        return _Search(
            self.finder, self.log, pacs, learned, memory.strikes, self.modalities, return_keys, memory
        )

    def _tell_capped(self, pacs: str, window: Window, answers: int) -> None:
        query, ignored = window.query(), sorted(tuple(self.finder.learned(pacs).ignores))
        words = "result list capped"
        self.log.event(
            "result_list_capped", words, "ERROR", pacs=pacs, query=query, answers=answers, notHonoured=ignored
        )


@dataclass
class _Search:
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
    short: int = 0
    """The same of a short list."""
    short_record: bool = False
    """So is a list that is too short to be controlled."""
    failures: int = 0
    """Parts in a row that failed without an answer."""

    @property
    def nothing_left_out(self) -> bool:
        """Whether the parts that were asked for, together, are all of the window."""
        by_time = all(not leaf.modality and not leaf.prefixes for leaf in self.leaves)
        return bool(self.leaves) and by_time and not self.untold

    def all_of(self, window: Window) -> tuple[list[FoundStudy], bool]:
        """The studies of a window, and whether they are all."""
        longest = self.learned.longest
        try:
            answer = self.one(window)
            if self._may_be_too_long(window, answer):
                return self._in_pieces(window)
        except PipelineError as error:
            answer = self._cut_after_all(window, error)
        if is_record(answer, self.learned, longest):
            self.record = answer.received or 0
        if is_short_and_longest(answer, self.learned, longest):
            self.short = answer.received or 0
        self.short_record |= is_short_record(answer, self.learned)
        return self.rest(window, answer)

    def _may_be_too_long(self, window: Window, answer: _Answer) -> bool:
        """Whether an empty part may be none, at a PACS whose empty day was none."""
        if not self.memory.empty_lies or window.whole_day or answer.received != 0:
            self.memory.quiet.discard(window)
            return False
        return window not in self.memory.quiet

    def _in_pieces(self, window: Window) -> tuple[list[FoundStudy], bool]:
        """
        An empty part, and its halves as long as they are empty, down to pieces of some minutes.

        What is empty in all of its pieces is asked for as a whole from now on; complete where the budget lasts.
        """
        found: list[FoundStudy] = []
        complete, before = self.queries < MOST_QUERIES, len(self.leaves)
        pieces = (
            equal_parts(window, 2) if window.until - window.since >= SMALLEST_PIECE_S and complete else ()
        )
        for piece in pieces:
            answer = self.one(piece)
            studies, all_there = self.rest(piece, answer) if answer.received != 0 else self._in_pieces(piece)
            found, complete = [*found, *studies], complete and all_there
        if not found and complete:
            self.leaves[before:] = [window]
            self.memory.quiet.add(window)
        self.untold |= not complete
        return merged(found), complete

    def rest(self, window: Window, answer: _Answer) -> tuple[list[FoundStudy], bool]:
        """The studies of a window that was asked for as a whole; in parts where that list may be cut."""
        if not is_suspicious(answer, self.learned):
            if answer.studies or not window.prefixes:
                self.leaves.append(window)
            return answer.studies, True
        return self._in_parts(window, answer)

    def _cut_after_all(self, window: Window, error: PipelineError) -> _Answer:
        """
        A query that failed with a status, as a cut list: where a part of it brings answers.

        Raises:
            PipelineError: It is a failure, and what it was.
        """
        part, last = window, 0
        for _ in range(MOST_CONTROLS if error.find_status is not None else 0):
            parts = split(part, "time", (), ())
            if not parts:
                break
            part, last = parts[last], -1  # of a failed morning its end: little is done at night
            try:
                answer = self.one(part)
            except PipelineError:
                break
            if answer.studies:
                return _Answer(answer.studies, None, True, {}, failed=True)
            if not answer.failed:
                break
        raise error

    def beyond(self, window: Window, doubted: Answers) -> set[str] | None:
        """
        The UIDs that the parts of a list bring and the whole did not; None where no split can tell.

        Halves of the time part the studies that came, not the day: a half as long as the whole may end at the
        same cap. A PACS that does not honour StudyTime is asked by modality or by names; they find a cap, and
        prove nothing when they find none.
        """
        found = doubted.studies
        known = {study.study_uid for study in found}
        for dimension in dimensions(window, found):
            by_time = dimension == "time"
            parts = (
                halved_among(window, found) if by_time else split(window, dimension, found, self.modalities)
            )
            if not parts or KEYS[dimension] in self.learned.ignores:
                continue
            answers = self._ask_each(parts, dimension, doubted.doubtful)
            if answers is None:
                continue
            new = {study.study_uid for answer in answers.values() for study in answer.studies} - known - {""}
            as_long = any((answer.received or 0) >= doubted.doubtful for answer in answers.values())
            if new or (by_time and not as_long):
                return new
        return None

    def learn_cap(self, cap: int) -> None:
        """The PACS stops at this number."""
        if cap not in self.learned.caps:
            self.learned.caps.add(cap)
            self.log.event("cap_learned", "the PACS caps its answers", "WARNING", pacs=self.pacs, cap=cap)

    def one(self, window: Window) -> _Answer:
        """One C-FIND."""
        self.queries += 1
        query = window.query()
        self.log.line(loglines.find_query(query))
        try:
            matched = self._find(query)
            self.failures = 0
        except PipelineError as error:
            matched = self._failed_part(error)
        if not matched.failed:  # a failure says nothing of when the PACS cuts lists
            day = query["StudyDate"] if window.whole_day else ""
            self.learned.take_length(matched.received, matched.cut, day)
        studies = list(matched.studies)
        once = merged(studies)
        if len(once) < len(studies):
            times = Counter(study.study_uid for study in studies)
            twice = [uid for uid, number in times.items() if uid and number > 1]
            self.log.event("duplicate_answers", "duplicate answers", pacs=self.pacs, studyUIDs=twice)
        return _Answer(once, matched.received, matched.cut, matched.dropped, matched.failed)

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

    def _in_parts(self, window: Window, whole: _Answer) -> tuple[list[FoundStudy], bool]:
        together = whole.studies
        before = len(self.leaves)
        for dimension, parts in self._ways(window, whole):
            answers = self._ask_each(parts, dimension, whole.received)
            if answers is None:
                continue
            if _fails_anyway(whole, answers.values()):
                together = merged([*together, *(study for one in answers.values() for study in one.studies)])
                break
            results = {part: self.rest(part, answer) for part, answer in answers.items()}
            together = merged([*together, *(study for found, _ in results.values() for study in found)])
            whole_parts = {part: found for part, (found, all_there) in results.items() if all_there}
            if lost(whole.studies, whole_parts):
                self._strike(dimension)
            elif len(whole_parts) == len(parts) and self._is_all(window, dimension, whole, together):
                self._learn(whole, together)
                return together, True
            del self.leaves[before:]
            if whole.failed:
                break  # what fails in one part fails by any other split, too
        self.leaves.append(window)
        self.untold = True
        # A round number that no split could question is most likely just that; a known cap or a status is
        # not.
        return together, not whole.cut and not any((whole.received or 0) >= cap for cap in self.learned.caps)

    def _is_all(self, window: Window, dimension: str, whole: _Answer, together: Sequence[FoundStudy]) -> bool:
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
        uids = {study.study_uid for study in known}
        for key in PREFIXES:
            prefix = few_named(known, key)
            if not prefix or key in self.learned.ignores:
                continue
            try:
                answer = self.one(replace(window, prefixes=((key, prefix),)))
            except PipelineError:
                return False
            if not answer.dropped.get(key):
                new = [study for study in answer.studies if study.study_uid not in uids]
                return answer.cut or any(not study.study_time for study in new)
        return False

    def _ways(self, window: Window, whole: _Answer) -> Iterator[tuple[str, tuple[Window, ...]]]:
        """The ways to split a window at this PACS that the budget of queries allows, with their parts."""
        for dimension in dimensions(window, whole.studies):
            parts = split(window, dimension, whole.studies, self.modalities)
            in_budget = self.queries + len(parts) <= _most_queries(dimension, whole)
            if parts and in_budget and KEYS[dimension] not in self.learned.ignores:
                yield dimension, parts

    def _ask_each(
        self, parts: Sequence[Window], dimension: str, whole: int | None
    ) -> dict[Window, _Answer] | None:
        """
        An answer a part, or None as soon as one shows that the PACS does not honour the key: no use in asking
        on.

        ``whole``: length of the list that is parted; None: nobody knows.
        """
        answers: dict[Window, _Answer] = {}
        for part in parts:
            answers[part] = self.one(part)
            told = [answer.studies for answer in answers.values()]
            beside = answers[part].dropped.get(KEYS[dimension], 0)
            ignored = not_honoured(dimension, beside, whole or answers[part].received or 0)
            if ignored or (dimension == "time" and overlap(told)):
                self._ignores(KEYS[dimension])
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

    def _learn(self, whole: _Answer, together: Sequence[FoundStudy]) -> None:
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
            words = "a part is asked once more"
            self.log.event(
                "part_asked_again", words, "WARNING", pacs=self.pacs, query=query, error=str(error)
            )
            return self.finder.ask_part(self.pacs, "STUDY", query, self.return_keys)


@dataclass(frozen=True)
class _Answer:
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


def _fails_anyway(whole: _Answer, parts: Iterable[_Answer]) -> bool:
    """
    Whether a PACS ends lists with a failure whatever their length: a part failed with fewer answers than the
    whole had, and no part came to its end, or brought more.
    """
    known = {study.study_uid for study in whole.studies}
    with_answers = [part for part in parts if part.studies]
    shorter = any((part.received or 0) < (whole.received or 0) for part in with_answers)
    new = any(study.study_uid not in known for part in with_answers for study in part.studies)
    return whole.failed and shorter and not new and all(part.failed for part in with_answers)


def _most_queries(dimension: str, whole: _Answer) -> int:
    """
    The budget of a split. Without a single answer nobody knows what the names of a failed list begin with.
    """
    if not whole.failed or dimension == "time":
        return MOST_QUERIES
    return MOST_AFTER_FAILURE if whole.received is not None else 0


def studies_of(pacs: str, answers: Iterable[Mapping[str, str]]) -> list[FoundStudy]:
    """The studies in some answers, each once."""
    return merged(found_study(pacs, answer) for answer in answers)
