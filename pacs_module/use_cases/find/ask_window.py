"""Ask a PACS for all studies of a window, in as many parts as its cap makes necessary (M10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ...domain.dicom.attributes import FoundStudy
from ...domain.errors import PipelineError, RetriableError
from ...domain.find.caps import SMALLEST_CAP
from ...domain.find.merging import merged
from ...domain.find.windows import Window, equal_parts
from ...ports import EventLog
from .match_answers import MatchedFinder
from .split_window import Part, SplitWindow
from .window_memory import CONTROL_PARTS, Control, WindowMemory


@dataclass(frozen=True)
class Answers:
    """
    All answers to a window (those without a UID too), whether they are all, and how many queries it took.

    ``proof``: what is not among them the PACS does not have. Not so where the window was split by modality or
    by names, which leaves some out, nor where the number looks like a cap and no split could tell.
    ``doubtful``: the length of a list that is as long as the longest that this PACS has ever given, so that
    it may end there (:meth:`AskWindow.control` tells, and may have told before); else 0.
    """

    studies: tuple[FoundStudy, ...]
    complete: bool
    queries: int
    proof: bool = False
    doubtful: int = 0

    def after(self, queries: int) -> Answers:
        """The same after so many more queries."""
        return replace(self, queries=self.queries + queries)

    def joined(self, again: Answers) -> Answers:
        """The answers of two times that the same was asked, each study once."""
        studies = tuple(merged([*self.studies, *again.studies]))
        complete, proof = self.complete and again.complete, self.proof and again.proof
        return Answers(studies, complete, self.queries + again.queries, proof)


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
        search = self._search(pacs, return_keys)
        answers = self._ask(search, window)
        if window.whole_day and answers.proof and not answers.studies:
            return self._empty_day(pacs, window, answers, return_keys)
        return self._controlled(pacs, window, answers, return_keys)

    def _ask(self, search: SplitWindow, window: Window) -> Answers:
        memory = search.memory
        studies, complete = search.all_of(memory.parts_of(window))
        memory.remember(window, search.settled if complete else [])
        if not complete:
            self._tell_capped(search.pacs, window, len(studies))
        answers = _judged(search, window, studies, complete)
        memory.take_held(window, len(studies))
        memory.take_alone(window, studies)
        return answers

    def _controlled(self, pacs: str, window: Window, answers: Answers, return_keys: Sequence[str]) -> Answers:
        """The answers; a list that is as long as the longest after its control, where that is due."""
        memory, length = self.memory[pacs], answers.doubtful
        if not length or not window.whole_day:
            return answers
        due = memory.control_due(window, length)
        if due is Control.NOT_DUE:
            return answers
        after = self.control(pacs, window, answers, return_keys, by_time=due is Control.BY_TIME)
        if length < SMALLEST_CAP:
            memory.take_proof(window, len(after.studies), after.proof)
        return after

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
        return answers.joined(again)

    def control(
        self, pacs: str, window: Window, answers: Answers, return_keys: Sequence[str], by_time: bool = False
    ) -> Answers:
        """
        Ask for a doubtful list once more in two halves: a PACS that has more than the list held shows it.

        Args:
            pacs: The PACS.
            window: What was asked for.
            answers: The doubtful list.
            return_keys: As for the list.
            by_time: Nothing but halves of the time are asked for.

        Returns:
            The answers with what the halves brought; with ``proof`` where they brought nothing new.
        """
        search = self._search(pacs, return_keys)
        try:
            new = search.beyond(window, answers, by_time)
            whole = search.one(window) if new else None
        except RetriableError as error:
            self._tell_not_controlled(pacs, window, error)
            new, whole = None, None
        answers = answers.after(search.queries)
        has_grown = whole is not None and whole.length > answers.doubtful  # meanwhile: no cap
        if new is None or has_grown:
            return replace(answers, proof=False)
        if whole is None:
            return replace(answers, proof=True, doubtful=0)
        return _beyond_the_cap(search, window, answers, whole)

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
        try:
            lies = _has_any(search, memory.controls_of(window, times, busy))
        except PipelineError as error:
            memory.empty.pop(window)  # controlled again with the next empty list
            self._tell_not_controlled(pacs, window, error)
            return replace(answers.after(search.queries), proof=False)
        control = (
            self._not_empty(search, window) if lies else self._empty(search, window, times > 1 or not busy)
        )
        return control.after(answers.queries)

    def _not_empty(self, search: SplitWindow, window: Window) -> Answers:
        """
        A day whose list is empty and a part of which is not: all of it, in parts that are short enough; as a
        whole where its first studies have come meanwhile.
        """
        whole = search.one(window)
        if whole.received != 0:
            found, complete = search.rest(window, whole)
        else:
            found, complete = self._in_short_parts(search, window)
        search.memory.take_held(window, len(found))
        return Answers(tuple(found), complete, search.queries)

    def _in_short_parts(self, search: SplitWindow, window: Window) -> tuple[list[FoundStudy], bool]:
        search.memory.empty_lies = True
        found, complete = search.all_of(equal_parts(window, CONTROL_PARTS))
        search.memory.remember(window, search.leaves if complete else [])
        if not complete:
            self._tell_capped(search.pacs, window, len(found))
        return found, complete

    def _empty(self, search: SplitWindow, window: Window, believed: bool) -> Answers:
        """A day of which no part has a study; many studies do not vanish all at once."""
        all_gone = search.memory.held.get(window, 0) >= SMALLEST_CAP
        if all_gone:
            self._tell_capped(search.pacs, window, 0)
        return Answers((), not all_gone, search.queries, believed and not all_gone)

    def _tell_not_controlled(self, pacs: str, window: Window, error: PipelineError) -> None:
        words = "could not verify whether the PACS cut the list"
        self.log.event("control_failed", words, "WARNING", pacs=pacs, query=window.query(), error=str(error))

    def _search(self, pacs: str, return_keys: Sequence[str]) -> SplitWindow:
        memory = self.memory.setdefault(pacs, WindowMemory())
        learned = self.finder.learned(pacs)
        return SplitWindow(
            self.finder, self.log, pacs, learned, memory.strikes, self.modalities, return_keys, memory
        )

    def _tell_capped(self, pacs: str, window: Window, answers: int) -> None:
        query, ignored = window.query(), sorted(tuple(self.finder.learned(pacs).ignores))
        words = "result list capped"
        self.log.event(
            "result_list_capped", words, "ERROR", pacs=pacs, query=query, answers=answers, notHonoured=ignored
        )


def _judged(search: SplitWindow, window: Window, studies: Sequence[FoundStudy], complete: bool) -> Answers:
    """What a search has brought, with what it proves and which length is to be doubted."""
    as_one = complete and search.settled == [window]
    record = search.record if as_one else 0
    proved = not record or search.memory.is_proved(window, record)
    proof = complete and search.nothing_left_out and proved and not search.short_record
    return Answers(tuple(studies), complete, search.queries, proof, record)


def _beyond_the_cap(search: SplitWindow, window: Window, answers: Answers, whole: Part) -> Answers:
    """A list that its parts have shown to be cut, in parts that are not."""
    search.learn_cap(answers.doubtful)
    before = search.queries
    found, complete = search.rest(window, whole)
    search.memory.remember(window, search.leaves if complete else [])
    together = merged([*answers.studies, *found])
    queries = answers.queries + search.queries - before
    return Answers(tuple(together), complete, queries, complete and search.nothing_left_out)


def _has_any(search: SplitWindow, parts: Sequence[Window]) -> bool:
    """Whether one of these parts has a study."""
    for part in parts:
        answer = search.one(part)
        if answer.studies or answer.cut:
            return True
    return False
