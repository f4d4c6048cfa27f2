"""Several receiving Orthancs as one: each question goes to the one that it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ...domain.errors import PipelineError, RetriableError
from ...domain.json_messages.messages import PullReport, PullRequest
from ...domain.recover.consistency import PluginRecords
from ...ports import Puller
from .images import OrthancImages
from .plugins import OrthancPuller

T = TypeVar("T")


class Receivers:
    """
    The plugins of every receiving Orthanc, by name.

    A study from before there were several has no receiver: it is at the first one.
    """

    def __init__(self, pullers: Mapping[str, OrthancPuller]) -> None:
        self._pullers = dict(pullers)
        self._first = next(iter(self._pullers.values()))

    def of(self, receiver: str) -> OrthancPuller:
        """The plugins of one; of the first one where the name is not known (any more)."""
        return self._pullers.get(receiver, self._first)

    @property
    def each(self) -> Mapping[str, Puller]:
        """All of them, in the order of the settings."""
        return self._pullers

    @property
    def quarantines(self) -> tuple[OrthancPuller, ...]:
        """All of them, as the keepers of images that failed validation."""
        return tuple(self._pullers.values())

    def ask(self, request: PullRequest) -> None:
        """Ask the one that the request names."""
        self.of(request.receiver).ask(request)

    def report_of(self, pull_id: str, receiver: str = "") -> PullReport | str | None:
        """What became of a pull."""
        return self.of(receiver).report_of(pull_id)

    def write_verdicts(self, lines: Sequence[str]) -> None:
        """Into the log of the first one that answers."""
        self._first_answer(lambda puller: puller.write_verdicts(lines))

    def release(self, handover_id: str, receiver: str = "") -> None:
        """Let a hand-over folder go; where nobody says whose it is, all are told."""
        told = self._pullers.values() if receiver not in self._pullers else [self._pullers[receiver]]
        for puller in told:
            puller.release(handover_id)

    def audit(self) -> PluginRecords:
        """Of the first one."""
        return self._first.audit()

    def set_installation(self, installation: str) -> None:
        """Of the first one."""
        self._first.set_installation(installation)

    def room(self) -> Mapping[str, Any]:
        """Of the first one that answers."""
        return self._first_answer(lambda puller: puller.room())

    def log_level(self) -> Mapping[str, Any]:
        """Of the first one that answers."""
        return self._first_answer(lambda puller: puller.log_level())

    def set_log_level(self, level: str, seconds: float) -> None:
        """At each; raises when one was not told, after the others were."""
        self._at_each(lambda puller: puller.set_log_level(level, seconds))

    def remove_old(self, now: int, days: int, log_days: int) -> Mapping[str, int]:
        """At each: how many of what in all; raises when one does not answer, after the others have."""
        removed: Counter[str] = Counter()
        for counts in self._at_each(lambda puller: puller.remove_old(now, days, log_days)):
            removed.update(counts)
        return removed

    def forget(self, study_uids: Sequence[str], words: Sequence[str], dry_run: bool) -> Mapping[str, Any]:
        """At each, once none of them has something of them in flight."""
        looked = self._at_each(lambda puller: puller.forget(study_uids, words, True))
        if dry_run or any(told.get("inFlight") for told in looked):
            return _together(looked)
        return _together(self._at_each(lambda puller: puller.forget(study_uids, words, False)))

    def _at_each(self, order: Callable[[OrthancPuller], T]) -> list[T]:
        """
        The answers of all.

        Raises:
            PipelineError: One did not do it; the error is the last one's, and all were asked.
        """
        answers: list[T] = []
        failed: PipelineError | None = None
        for puller in self._pullers.values():
            try:
                answers.append(order(puller))
            except PipelineError as error:
                failed = error
        if failed is not None:
            raise failed
        return answers

    def _first_answer(self, question: Callable[[OrthancPuller], T]) -> T:
        """
        The first answer.

        Raises:
            RetriableError: None answers; the error is the last one's.
        """
        *others, last = self._pullers.values()
        for puller in others:
            try:
                return question(puller)
            except RetriableError:  # whoever watches that one tells it
                continue
        return question(last)


def _together(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers are added; what each says by name stands side by side."""
    together: dict[str, Any] = {}
    for answer in answers:
        for key, value in answer.items():
            before = together.get(key)
            if isinstance(value, Mapping):
                together[key] = {**(before or {}), **value}
            elif isinstance(value, int) and not isinstance(value, bool):
                together[key] = (before or 0) + value
            else:
                together[key] = value
    return together


class ImagesOfReceivers:
    """What is in one of the receiving Orthancs now: they are asked one after the other."""

    def __init__(self, images: Sequence[OrthancImages]) -> None:
        self._images = tuple(images)

    def preview(self, series_uid: str) -> bytes | None:
        """A PNG of the middle slice of a series, from wherever it is."""
        return self._first(lambda one: one.preview(series_uid)) or None

    def reception(self, study_uid: str) -> Mapping[str, Any] | None:
        """Where the newest reception of a study stands."""
        return self._first(lambda one: one.reception(study_uid)) or None

    def patient_name(self, study_uid: str) -> str:
        """PatientName of a study that is there."""
        return self._first(lambda one: one.patient_name(study_uid)) or ""

    def _first(self, question: Callable[[OrthancImages], T]) -> T | None:
        """
        The first answer that is one.

        Raises:
            RetriableError: There is none, and one does not answer: it may have it.
        """
        away: RetriableError | None = None
        for one in self._images:
            try:
                if found := question(one):
                    return found
            except RetriableError as error:
                away = error
        if away is not None:
            raise away
        return None
