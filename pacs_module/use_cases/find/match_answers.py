"""Every answer of a PACS is matched against the question before anybody makes something of it (K2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...domain.dicom.attributes import Attributes, FoundStudy, clean_uid
from ...domain.errors import TooManyAnswers
from ...domain.find.attribute_matching import Judged, judge_answer, naming
from ...domain.find.learned import LearnedTraits
from ...domain.find.traits import TraitsByPacs, traits_of
from ...ports import EventLog, PacsFinder
from .keep_learned import KeepLearned
from .known_rows import KnownRows, QueryRows


@dataclass(frozen=True)
class Matched:
    """
    The answers to one query that nothing speaks against.

    ``received``: answers that came, those included that were dropped; None: the list was cut, and nobody
    knows at what number.
    ``cut``: the PACS said itself that there are more; ``failed``: it said so by a failure other than A700,
    whose number of answers proves no cap. ``dropped``: answers that differ, by key. ``refused``:
    answers that are none. ``studies``: the answers as read, at STUDY level.
    """

    answers: tuple[Attributes, ...]
    received: int | None
    cut: bool = False
    dropped: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    failed: bool = False
    studies: tuple[FoundStudy, ...] = ()

    @property
    def words(self) -> str:
        """What was dropped, in words; empty when nothing was."""
        parts = [
            f"{number} of {self.received} answers have another {key}" for key, number in self.dropped.items()
        ]
        if self.refused:
            parts.append(f"{self.refused} answers without a usable UID or content")
        return " and ".join(parts) + (": dropped" if parts else "")


@dataclass
class _Taken:
    """What became of the answers to one question."""

    kept: list[Attributes] = field(default_factory=list)
    studies: list[FoundStudy] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    """By the key that did not match."""
    refused: list[str] = field(default_factory=list)
    """Why some are no answers."""

    def judge(
        self, level: str, query: Mapping[str, str], answer: Attributes, rows: QueryRows | None
    ) -> FoundStudy | None:
        """Keep it or not; the study of a row that is kept."""
        judged = judge_answer(level, query, answer)
        self.dropped.update(judged.differs)
        if judged.malformed:
            self.refused.append(judged.malformed)
        if not judged.matches:
            return None
        self.kept.append(answer)
        return rows.take(answer) if rows is not None else None


@dataclass
class MatchedFinder:
    """
    Stands before the finders of all PACS; safe to use from several threads.

    What does not match is dropped, counted, told once a PACS and key, and learned.
    """

    finder: PacsFinder
    log: EventLog
    traits: TraitsByPacs = field(default_factory=dict)
    count: Callable[[str, str, int], None] = lambda pacs, what, number: None
    """Told of dropped answers: PACS, key or reason, number."""
    kept: KeepLearned | None = None
    """Where what was learned is kept for the next start; None: nowhere."""
    _learned: dict[str, LearnedTraits] = field(default_factory=dict)
    _rows: KnownRows = field(default_factory=KnownRows)

    def learned(self, pacs: str) -> LearnedTraits:
        """What this PACS's answers have taught."""
        if pacs not in self._learned:
            known = LearnedTraits.of(traits_of(self.traits, pacs))
            if self.kept is not None:
                self.kept.recall(pacs, known)
            self._learned.setdefault(pacs, known)
        return self._learned[pacs]

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        """
        As :class:`~pacs_module.ports.PacsFinder`, without what does not match.

        Raises:
            TooManyAnswers: With the matching ones of what came.
        """
        try:
            return list(self.ask(pacs, level, query, return_keys).answers)
        except TooManyAnswers as error:
            error.partial = list(self._matched(pacs, level, query, error.partial, cut=True).answers)
            raise

    def ask(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> Matched:
        """
        Ask one PACS, and say what was dropped.

        Raises:
            TooManyAnswers: The PACS cut the list; see :meth:`ask_part`.
            RetriableError, PermanentError: As the finder does.
        """
        answers = self.finder.find(pacs, level, query, return_keys)
        self.log.event(
            "find_answered",
            "a PACS answered",
            "DEBUG",
            pacs=pacs,
            findLevel=level,
            query=dict(query),
            answers=len(answers),
        )
        return self._matched(pacs, level, query, answers, cut=False)

    def ask_part(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> Matched:
        """Ask one PACS; a list that the PACS cut is an answer, too."""
        try:
            return self.ask(pacs, level, query, return_keys)
        except TooManyAnswers as error:
            matched = self._matched(pacs, level, query, error.partial, cut=True)
            received = matched.received if error.number else None  # none before the status tells no number
            return replace(matched, received=received, failed=not error.says_so)

    def confirms(self, pacs: str, uid: str, untold: Mapping[str, str]) -> bool:
        """
        Whether a study proves to have values that the PACS did not tell.

        It is asked for by its UID, with the keys wanted back. Where the PACS does not return them, it must
        find the study with the asked value and not find it with another one: only a key that it honours does
        that.

        Args:
            pacs: The PACS.
            uid: The study.
            untold: The keys and the values that were asked for.
        """
        by_uid = {"StudyInstanceUID": uid}
        answers = self._raw(pacs, by_uid, tuple(untold))
        told = [one for one in answers if clean_uid(one.get("StudyInstanceUID", "")) == uid]
        judged = [judge_answer("STUDY", untold, answer) for answer in told]
        if any(one.proved or one.differs for one in judged):
            return all(one.matches for one in judged)
        return all(self._honours(pacs, by_uid, key, value) for key, value in untold.items())

    def _honours(self, pacs: str, by_uid: Mapping[str, str], key: str, value: str) -> bool:
        if key in self.learned(pacs).ignores:
            return False
        return bool(self._raw(pacs, {**by_uid, key: value})) and not self._raw(
            pacs, {**by_uid, key: other_value(value)}
        )

    def _raw(self, pacs: str, query: Mapping[str, str], keys: Sequence[str] = ()) -> list[Attributes]:
        """Unmatched: a control asks whether anything comes at all."""
        return self.finder.find(pacs, "STUDY", query, ("StudyInstanceUID", *keys))

    def _matched(
        self, pacs: str, level: str, query: Mapping[str, str], answers: Sequence[Attributes], *, cut: bool
    ) -> Matched:
        rows = self._rows.of_query(pacs, query) if level == "STUDY" else None
        taken = _Taken()
        for answer in answers:
            study = rows.known(answer) if rows is not None else None
            if study is None:
                study = taken.judge(level, query, answer, rows)
            else:
                taken.kept.append(answer)
            if study is not None:
                taken.studies.append(study)
        if rows is not None:
            self._rows.keep(rows)
        dropped, refused = taken.dropped, taken.refused
        if dropped or refused:
            self._learn(pacs, level, query, len(answers), dropped, refused)
        if self.kept is not None:
            self.kept.keep(pacs, self.learned(pacs))
        kept, studies = tuple(taken.kept), tuple(taken.studies)
        return Matched(kept, len(answers), cut, dict(dropped), len(refused), studies=studies)

    def _learn(
        self,
        pacs: str,
        level: str,
        query: Mapping[str, str],
        received: int,
        dropped: Counter[str],
        refused: Sequence[str],
    ) -> None:
        """Told once: a PACS that ignores a key does so in every find."""
        known = self.learned(pacs)
        about: dict[str, object] = {"pacs": pacs, "queryLevel": level, "received": received}
        for key in known.take_mismatches(level, received, dropped, naming(query)):
            told = {**about, "attribute": key, "dropped": dropped[key]}
            self._tell("answer_not_asked_for", "answers that do not match what was asked are dropped", told)
        for reason in known.take_refused(refused):
            told = {**about, "because": reason, "dropped": refused.count(reason)}
            self._tell("answer_refused", "answers that are none are dropped", told)
        for what, number in (*dropped.items(), *Counter(refused).items()):
            self.count(pacs, what, number)

    def _tell(self, key: str, words: str, told: dict[str, object]) -> None:
        self.log.event(key, words, "WARNING", **told)


def untold_of(judged: Judged, query: Mapping[str, str]) -> dict[str, str]:
    """The keys that an answer told nothing of, with the values that were asked for."""
    return {key: query[key] for key in judged.untold}


def other_value(value: str) -> str:
    """A value of the same length that the study does not have if it has this one."""
    return ("1" if value[:1] == "0" else "0") + value[1:]
