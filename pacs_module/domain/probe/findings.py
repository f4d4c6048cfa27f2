"""What a PACS was asked and what came: findings, replies, and the values in an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..dicom.attributes import clean_uid
from ..dicom.charsets import decode_text

Answer = Mapping[str, bytes]
"""One C-FIND answer: keyword to the bytes of its value as they came."""


class Verdict(StrEnum):
    """What a finding says."""

    YES = "yes"
    NO = "no"
    PARTLY = "partly"
    NOT_TOLD = "not told"


Value = str | int | float | bool | None


@dataclass(frozen=True)
class Finding:
    """
    One thing found out.

    ``key`` names it, ``words`` is the verdict for people, ``value`` for programs; ``asked`` and ``came`` are
    the evidence.
    """

    key: str
    verdict: Verdict
    words: str
    asked: str
    came: str
    value: Value = None


Findings = Mapping[str, Finding]


@dataclass(frozen=True)
class Reply:
    """
    One C-FIND (or C-ECHO): its answers and how it ended.

    ``status`` is None and ``error`` says why when no final response came; ``silent``: it was a time-out;
    ``refused``: the association was rejected.
    """

    answers: tuple[Answer, ...] = ()
    status: int | None = None
    seconds: float = 0.0
    first_after: float = 0.0
    error: str = ""
    silent: bool = False
    refused: bool = False

    @property
    def cut(self) -> bool:
        """Out of resources (PS3.4 C.4.1.1.4): there are more."""
        return self.status == 0xA700

    @property
    def ok(self) -> bool:
        """It ended as it should."""
        return self.status == 0

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        return self.error or ("Success" if self.ok else f"status {self.status:04X}")

    @property
    def came(self) -> str:
        """How many answers came and how it ended, in words."""
        return f"{len(self.answers)} answers, {self.ending}"


MODELS = {
    "echo": "1.2.840.10008.1.1",
    "study find": "1.2.840.10008.5.1.4.1.2.2.1",
    "study move": "1.2.840.10008.5.1.4.1.2.2.2",
    "study get": "1.2.840.10008.5.1.4.1.2.2.3",
    "patient find": "1.2.840.10008.5.1.4.1.2.1.1",
    "patient move": "1.2.840.10008.5.1.4.1.2.1.2",
    "patient get": "1.2.840.10008.5.1.4.1.2.1.3",
}
"""SOP classes of query and retrieve (PS3.4 C.6), by a short name."""


@dataclass(frozen=True)
class Hello:
    """Which of MODELS a PACS accepts, and what it said to C-ECHO."""

    accepted: Mapping[str, bool] = field(default_factory=dict)
    echo_status: int | None = None
    seconds: float = 0.0
    error: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Together:
    """How many associations were open at once, the replies on them, and why there were no more."""

    opened: int
    replies: tuple[Reply, ...]
    why: str = ""

    @property
    def answered(self) -> int:
        """How many of them were answered in full."""
        return sum(reply.ok for reply in self.replies)


@dataclass(frozen=True)
class Moved:
    """
    One C-MOVE: its final status, what it counted, and what came.

    ``late``: images that came after the final response; ``silence``: longest pause between responses, in
    seconds.
    """

    status: int | None = None
    announced: int = 0
    completed: int = 0
    failed: int = 0
    pending: int = 0
    received: int = 0
    late: int = 0
    seconds: float = 0.0
    silence: float = 0.0
    error: str = ""


def text_of(answer: Answer, keyword: str) -> str | None:
    """A value as text, None when the PACS did not return the key."""
    if keyword not in answer:
        return None
    return decode_text(answer[keyword], declared_in(answer)).strip(" \0")


def declared_in(answer: Answer) -> tuple[str, ...]:
    """The values of SpecificCharacterSet."""
    raw = answer.get("SpecificCharacterSet", b"").decode("latin-1").strip(" \0")
    return tuple(term.strip(" \0") for term in raw.split("\\")) if raw else ()


def uid_of(answer: Answer, keyword: str = "StudyInstanceUID") -> str:
    """A UID, cleaned."""
    return clean_uid(text_of(answer, keyword) or "")
