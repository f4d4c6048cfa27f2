"""
A PACS is asked through Orthanc, and directly where Orthanc cannot read what it answers.

Orthanc throws a whole list away because of one answer without a data set, or of a declared character set that
it does not know, and gives text that it cannot decode as empty (field notes 2.5 and 6). The finder of our own
reads all of that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence

from ...domain.dicom.attributes import Attributes, clean_uid
from ...domain.errors import PipelineError, TooManyAnswers, UnreadableAnswers
from ...ports import EventLog, PacsFinder

TEXTS = ("StudyDescription", "SeriesDescription", "PatientName", "ProtocolName")
COMPARE_AGAIN_S = 24 * 3600.0
_ESCAPE = re.compile(r"\x1b|\$[()][@-D]")
"""Of ISO 2022: the escape character, or what is left of the sequence where Orthanc removed it (``$)A``)."""


class DirectFallback:
    """
    The finder of one PACS; safe to use from several threads.

    Args:
        orthanc: Asks through Orthanc.
        direct: Makes the finder that asks the PACS itself; None where its address is not known.
        log: Where the change is told, once.
    """

    def __init__(self, orthanc: PacsFinder, direct: Callable[[], PacsFinder | None], log: EventLog) -> None:
        self._orthanc = orthanc
        self._make_direct = direct
        self._log = log
        self._direct: PacsFinder | None = None
        self._compared_at: float | None = None

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        """One C-FIND by whoever can read the answers."""
        asked = (pacs, level, query, return_keys)
        if self._direct is not None:
            return self._directly_or_else(asked)
        try:
            answers = self._orthanc.find(*asked)
        except UnreadableAnswers as error:
            return self._instead(asked, error)
        except PipelineError as error:
            if not _may_be_cut(level, error):
                raise
            return self._after_failure(asked, error)
        return self._with_text(asked, answers)

    def _directly_or_else(self, asked: _Asked) -> list[Attributes]:
        """Where the PACS does not let us in any more, Orthanc asks again."""
        direct = self._direct
        try:
            return direct.find(*asked) if direct is not None else self._orthanc.find(*asked)
        except TooManyAnswers:
            raise
        except PipelineError as error:
            try:
                return self._orthanc.find(*asked)
            except PipelineError:
                raise error from None

    def _instead(self, asked: _Asked, error: UnreadableAnswers) -> list[Attributes]:
        direct = self._reachable_directly()
        if direct is None:
            raise error
        try:
            answers = direct.find(*asked)
        except TooManyAnswers:
            self._change_to(direct, asked[0], str(error))
            raise
        except PipelineError as other:
            self._tell("not_asked_directly", "the PACS cannot be asked directly either", asked[0], str(other))
            raise error from other
        self._change_to(direct, asked[0], str(error))
        return answers

    def _after_failure(self, asked: _Asked, error: PipelineError) -> list[Attributes]:
        """
        The PACS ended with a failure, and Orthanc does not tell whether answers came before it (K12).

        Where some did, the PACS is asked directly from then on; where it fails without any, or answers all
        now, the failure had another cause.
        """
        direct = self._reachable_directly()
        if direct is None:
            raise error
        try:
            return direct.find(*asked)
        except TooManyAnswers as cut:
            self._change_to(direct, asked[0], str(error))
            raise cut from error
        except PipelineError:
            raise error from None

    def _with_text(self, asked: _Asked, answers: list[Attributes]) -> list[Attributes]:
        """
        Text that comes empty or with its escapes may be lost in Orthanc: once a day it is compared with what
        the PACS says.
        """
        if not any(map(_looks_lost, answers)) or not self._comparison_is_due():
            return answers
        direct = self._reachable_directly()
        told = self._asked_directly(direct, asked) if direct is not None else None
        if direct is None or told is None or not _tells_more(told, answers):
            return answers
        self._change_to(direct, asked[0], "text of its answers arrives empty or as escapes")
        return told

    def _asked_directly(self, direct: PacsFinder, asked: _Asked) -> list[Attributes] | None:
        """None: the PACS does not answer us."""
        try:
            return direct.find(*asked)
        except PipelineError as error:
            words = "text may be lost in Orthanc, and the PACS cannot be asked directly"
            self._tell("not_asked_directly", words, asked[0], str(error))
            return None

    def _comparison_is_due(self) -> bool:
        now = time.monotonic()
        if self._compared_at is not None and now < self._compared_at + COMPARE_AGAIN_S:
            return False
        self._compared_at = now
        return True

    def _reachable_directly(self) -> PacsFinder | None:
        try:
            return self._make_direct()
        except PipelineError:
            return None

    def _change_to(self, direct: PacsFinder, pacs: str, because: str) -> None:
        self._direct = direct
        words = "Orthanc cannot read its answers: the PACS is asked directly from now on"
        self._tell("asked_directly", words, pacs, because)

    def _tell(self, key: str, words: str, pacs: str, because: str) -> None:
        self._log.event(key, words, "WARNING", pacs=pacs, because=because)


_Asked = tuple[str, str, Mapping[str, str], Sequence[str]]


def _may_be_cut(level: str, error: PipelineError) -> bool:
    """
    Whether answers may have come before a failure: of lists of studies, which alone grow long.

    A700 says so itself, and is asked for in smaller parts.
    """
    return level == "STUDY" and error.find_status is not None and not isinstance(error, TooManyAnswers)


def _looks_lost(answer: Attributes) -> bool:
    values = [answer[name] for name in TEXTS if name in answer]
    return any(not value.strip() or _ESCAPE.search(value) for value in values)


def _tells_more(told: Sequence[Attributes], before: Sequence[Attributes]) -> bool:
    """Whether a text that looked lost is there in the other list."""
    lost = {_name(answer): answer for answer in before if _looks_lost(answer)}
    return any(
        _name(answer) in lost
        and any(_is_better(answer.get(name, ""), lost[_name(answer)].get(name)) for name in TEXTS)
        for answer in told
    )


def _is_better(text: str, before: str | None) -> bool:
    return (
        before is not None
        and bool(text.strip())
        and (not before.strip() or (bool(_ESCAPE.search(before)) and not _ESCAPE.search(text)))
    )


def _name(answer: Attributes) -> tuple[str, str]:
    return clean_uid(answer.get("StudyInstanceUID", "")), clean_uid(answer.get("SeriesInstanceUID", ""))
