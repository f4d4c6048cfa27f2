"""Ask a PACS for all studies of a window, in as many parts as its cap makes necessary (M10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...domain.dicom.attributes import Attributes, FoundStudy, found_study
from ...domain.errors import RetriableError, TooManyAnswers
from ...domain.explain import loglines
from ...domain.find.traits import TraitsByPacs, traits_of
from ...domain.find.windows import Window, dimensions, is_suspicious, lost, overlap, split, strangers
from ...ports import EventLog, PacsFinder

MOST_QUERIES = 400
"""In one window; more than any cap of 100 needs on a day of 10,000 studies."""
MOST_DAYS = 40
STRIKES = 3
ANEW = 10
"""Each so manieth time a window is split anew: names that begin otherwise than all before are found then."""


@dataclass
class PacsKnowledge:
    """
    What the answers of one PACS have taught: caps, keys that it does not honour, and the parts into which a day had to be split.

    A cache: learnt again after a restart.
    """

    caps: set[int] = field(default_factory=set)
    deaf_to: set[str] = field(default_factory=set)
    strikes: Counter[str] = field(default_factory=Counter)
    parts: dict[Window, tuple[Window, ...]] = field(default_factory=dict)
    rounds: Counter[Window] = field(default_factory=Counter)

    def parts_of(self, window: Window) -> tuple[Window, ...]:
        """Into which parts a window is asked for: as it was split last time, each ANEW-th time as a whole."""
        self.rounds[window] += window.whole_day
        return (window,) if self.rounds[window] % ANEW == 0 else self.parts.get(window, (window,))

    def remember(self, window: Window, leaves: Sequence[Window]) -> None:
        """How a whole day was split; short windows differ each time and are not worth it."""
        self.parts.pop(window, None)
        if leaves and window.whole_day:
            self.parts[window] = tuple(leaves)
        for oldest in list(self.parts)[:-MOST_DAYS]:
            del self.parts[oldest]
        for gone in self.rounds.keys() - self.parts.keys() - {window}:
            del self.rounds[gone]


@dataclass(frozen=True)
class Answers:
    """
    All answers to a window (those without a UID too), whether they are all, and how many queries it took.

    ``proof``: what is not among them the PACS does not have. Not so where the window was split by modality or by names, which
    leaves some out, nor where the number looks like a cap and no split could tell.
    """

    studies: tuple[FoundStudy, ...]
    complete: bool
    queries: int
    proof: bool = False


@dataclass
class AskWindow:
    """Remembers by PACS what it has learnt."""

    finder: PacsFinder
    log: EventLog
    modalities: tuple[str, ...]
    traits: TraitsByPacs = field(default_factory=dict)
    knowledge: dict[str, PacsKnowledge] = field(default_factory=dict)

    def __call__(self, pacs: str, window: Window, return_keys: Sequence[str]) -> Answers:
        """
        Ask, and split until each part is under the cap; what cannot be split is reported.

        Raises:
            RetriableError: The PACS did not answer.
            PermanentError: Its answers cannot be read.
        """
        known = self.knowledge.setdefault(pacs, PacsKnowledge(set(traits_of(self.traits, pacs).caps)))
        search = _Search(self.finder, self.log, pacs, known, self.modalities, return_keys)
        results = [search.all_of(part) for part in known.parts_of(window)]
        studies = _together(found for found, _ in results)
        complete = all(all_there for _, all_there in results)
        known.remember(window, search.leaves if complete else [])
        if not complete:
            deaf_to = sorted(known.deaf_to)
            self.log.event(
                "result_list_capped", "result list capped", "ERROR",
                pacs=pacs, query=window.query(), answers=len(studies), notHonoured=deaf_to,
            )
        return Answers(tuple(studies), complete, search.queries, complete and search.nothing_left_out)


@dataclass
class _Search:
    """One window's search."""

    finder: PacsFinder
    log: EventLog
    pacs: str
    known: PacsKnowledge
    modalities: tuple[str, ...]
    return_keys: Sequence[str]
    queries: int = 0
    leaves: list[Window] = field(default_factory=list)
    doubtful: bool = False

    @property
    def nothing_left_out(self) -> bool:
        """Whether the parts that were asked for, together, are all of the window."""
        by_time = all(not leaf.modality and not leaf.prefixes for leaf in self.leaves)
        return bool(self.leaves) and by_time and not self.doubtful

    def all_of(self, window: Window) -> tuple[list[FoundStudy], bool]:
        """The studies of a window, and whether they are all."""
        return self._rest(window, self._one(window))

    def _rest(self, window: Window, answer: _Answer) -> tuple[list[FoundStudy], bool]:
        if not answer.cut and not is_suspicious(answer.count, self.known.caps):
            if answer.studies or not window.prefixes:
                self.leaves.append(window)
            return answer.studies, True
        return self._in_parts(window, answer)

    def _in_parts(self, window: Window, whole: _Answer) -> tuple[list[FoundStudy], bool]:
        together = whole.studies
        before = len(self.leaves)
        for dimension in dimensions(window, whole.studies):
            parts = split(window, dimension, whole.studies, self.modalities)
            if not parts or dimension in self.known.deaf_to or self.queries + len(parts) > MOST_QUERIES:
                continue
            answers = self._ask_each(parts, dimension)
            if answers is None:
                continue
            results = {part: self._rest(part, answer) for part, answer in answers.items()}
            together = _together([together, *(found for found, _ in results.values())])
            whole_parts = {part: found for part, (found, all_there) in results.items() if all_there}
            if lost(whole.studies, whole_parts):
                self._strike(dimension)
            elif len(whole_parts) == len(parts):
                self._learn(whole, together)
                return together, True
            del self.leaves[before:]
        self.leaves.append(window)
        self.doubtful = True
        # A round number that no split could question is most likely just that; a known cap or a status is not.
        return together, not whole.cut and not any(whole.count >= cap for cap in self.known.caps)

    def _ask_each(self, parts: Sequence[Window], dimension: str) -> dict[Window, _Answer] | None:
        """An answer a part, or None as soon as one shows that the PACS does not honour the key: no use in asking on."""
        answers: dict[Window, _Answer] = {}
        for part in parts:
            answers[part] = self._one(part)
            told = [answer.studies for answer in answers.values()]
            if strangers(part, answers[part].studies) or (dimension == "time" and overlap(told)):
                self._deaf(dimension)
                return None
        return answers

    def _strike(self, dimension: str) -> None:
        """Studies of the whole were missing in the parts: an overloaded PACS does that once, one that matches oddly always."""
        self.known.strikes[dimension] += 1
        if self.known.strikes[dimension] >= STRIKES:
            self._deaf(dimension)

    def _deaf(self, dimension: str) -> None:
        self.known.deaf_to.add(dimension)
        self.log.event("key_not_honoured", "key not honoured", "WARNING", pacs=self.pacs, attribute=dimension)

    def _learn(self, whole: _Answer, together: list[FoundStudy]) -> None:
        if (len(together) > whole.count or whole.cut) and whole.count not in self.known.caps:
            self.known.caps.add(whole.count)
            self.log.event(
                "cap_learned", "the PACS caps its answers", "WARNING",
                pacs=self.pacs, cap=whole.count,
            )

    def _one(self, window: Window) -> _Answer:
        self.queries += 1
        query = window.query()
        self.log.line(loglines.find_query(query))
        try:
            answers, cut = self._find(query), False
        except TooManyAnswers as error:
            answers, cut = error.partial, True
        studies = [found_study(self.pacs, answer) for answer in answers]
        once = _together([studies])
        if len(once) < len(studies):
            uids = Counter(study.study_uid for study in studies)
            self.log.event(
                "duplicate_answers", "duplicate answers",
                pacs=self.pacs, studyUIDs=[uid for uid, times in uids.items() if uid and times > 1],
            )
        return _Answer(once, len(studies), cut)

    def _find(self, query: Mapping[str, str]) -> list[Attributes]:
        """
        One query; a part of a split window once more when it fails.

        A PACS that refuses one association of three would otherwise never let a day of many parts be finished. The first query
        of a window is not repeated: the next round asks again.
        """
        try:
            return self.finder.find(self.pacs, "STUDY", query, self.return_keys)
        except TooManyAnswers:
            raise
        except RetriableError as error:
            if self.queries == 1:
                raise
            self.queries += 1
            self.log.event(
                "part_asked_again", "a part is asked once more", "WARNING",
                pacs=self.pacs, query=query, error=str(error),
            )
            return self.finder.find(self.pacs, "STUDY", query, self.return_keys)


@dataclass(frozen=True)
class _Answer:
    """The studies of one C-FIND, each once; ``count`` as the PACS counts; ``cut``: it said itself that there are more."""

    studies: list[FoundStudy]
    count: int
    cut: bool


def _together(lists: Iterable[list[FoundStudy]]) -> list[FoundStudy]:
    """Every study once; those without a UID by what else is known of them."""
    found: dict[tuple[str, ...], FoundStudy] = {}
    for study in (study for answers in lists for study in answers):
        key = (study.study_uid,) if study.study_uid else ("", study.accession_number, study.patient_id, study.study_time)
        found.setdefault(key, study)
    return list(found.values())
