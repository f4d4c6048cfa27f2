"""The values that habits have, and how they are written: ``cap=100``, ``move-fails=A801:600s``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydicom.datadict import tag_for_keyword

ABORT, REJECT = "abort", "reject"
_LONGEST_TITLE = 16  # characters of an AE title (PS3.5 6.2)


class Kind(StrEnum):
    """What the value of a habit is."""

    NONE = "none"
    COUNT = "count"
    SECONDS = "seconds"
    HOURS = "hours"
    OFTEN = "how often"
    TIMES = "how many times"
    COUNT_TIMES = "count and how many times"
    WORD = "word"
    KEYS = "keywords with + between them"
    TITLE = "AE title"
    ADDRESS = "address"
    FAILURE = "status, abort or reject, and how long"


@dataclass(frozen=True)
class Often:
    """``3``: the first, fourth, seventh ... time; ``10s``: always in the first ten seconds; ``always``."""

    every: int = 1
    seconds: float | None = None

    def bites(self, number: int, elapsed_s: float) -> bool:
        """Whether the habit shows at the ``number``-th time (from 1), so many seconds after the start."""
        if self.seconds is not None:
            return elapsed_s < self.seconds
        return (number - 1) % self.every == 0


@dataclass(frozen=True)
class Times:
    """``5``: every fifth image, the first time it is asked for; ``5x2``: the first two; ``5x*``: always."""

    count: int = 1
    times: int | None = 1

    def still(self, before: int) -> bool:
        """Whether the habit still shows after so many earlier times."""
        return self.times is None or before < self.times


@dataclass(frozen=True)
class Failure:
    """
    ``A801``: always; ``A801x3``: the first three times; ``A801:10s``: in the first ten seconds.

    Attributes:
        how: Four hexadecimal digits, ``abort`` or ``reject``.
        times: None without a limit.
        seconds: None without a limit.
    """

    how: str
    times: int | None = None
    seconds: float | None = None

    @property
    def status(self) -> int | None:
        """The DIMSE status; None for abort and reject."""
        return None if self.how in (ABORT, REJECT) else int(self.how, 16)

    def still(self, before: int, elapsed_s: float) -> bool:
        """Whether the habit still shows after so many earlier times, so many seconds after the start."""
        if self.seconds is not None:
            return elapsed_s < self.seconds
        return self.times is None or before < self.times


Value = str | int | float | tuple[str, ...] | Often | Times | Failure


def parse(kind: Kind, words: Sequence[str], value: str) -> Value:
    """
    The value of a habit as written.

    Args:
        kind: What it has to be.
        words: The allowed words, for ``Kind.WORD``; for ``Kind.FAILURE`` those allowed beside a status.
        value: As written, may be empty.

    Raises:
        ValueError: Saying what is allowed.
    """
    return _PARSERS[kind](words, value)


def _none(words: Sequence[str], value: str) -> Value:
    del words
    if value:
        raise ValueError("this habit takes no value")
    return ""


def _positive(value: str) -> int:
    if not value.isdigit() or int(value) < 1:
        raise ValueError("a whole number from 1 is allowed")
    return int(value)


def _seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:
        raise ValueError("a number from 0 is allowed")
    return number


def _often(words: Sequence[str], value: str) -> Value:
    del words
    if value == "always":
        return Often()
    if value.endswith("s"):
        return Often(seconds=_seconds(value[:-1]))
    return Often(every=_positive(value))


def _times(words: Sequence[str], value: str) -> Value:
    del words
    return Times(times=None if value == "*" else _positive(value))


def _count_times(words: Sequence[str], value: str) -> Value:
    del words
    count, _, times = value.partition("x")
    return Times(_positive(count), None if times == "*" else _positive(times or "1"))


def _word(words: Sequence[str], value: str) -> Value:
    if value not in words:
        raise ValueError(f"allowed: {', '.join(words)}")
    return value


def _keys(words: Sequence[str], value: str) -> Value:
    del words
    names = tuple(value.split("+"))
    unknown = [name for name in names if tag_for_keyword(name) is None]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no DICOM keyword; allowed: keywords with + between them")
    return names


def _title(words: Sequence[str], value: str) -> Value:
    del words
    if not value or len(value) > _LONGEST_TITLE or not value.isascii():
        raise ValueError(f"an AE title of at most {_LONGEST_TITLE} characters is allowed")
    return value


def _address(words: Sequence[str], value: str) -> Value:
    del words
    if not value:
        raise ValueError("an address of this machine is allowed")
    return value


def _failure(words: Sequence[str], value: str) -> Value:
    how, colon, seconds = value.partition(":")
    how, _, times = how.partition("x")
    if how not in words and not _is_status(how):
        raise ValueError(
            f"allowed: a status of four hexadecimal digits{''.join(f', {word}' for word in words)}"
        )
    return Failure(
        how,
        times=_positive(times) if times and times != "*" else None,
        seconds=_seconds(seconds.removesuffix("s")) if colon else None,
    )


def _is_status(text: str) -> bool:
    return len(text) == 4 and all(char in "0123456789ABCDEFabcdef" for char in text)


_PARSERS: dict[Kind, Callable[[Sequence[str], str], Value]] = {
    Kind.NONE: _none,
    Kind.COUNT: lambda words, value: _positive(value),
    Kind.SECONDS: lambda words, value: _seconds(value),
    Kind.HOURS: lambda words, value: _seconds(value),
    Kind.OFTEN: _often,
    Kind.TIMES: _times,
    Kind.COUNT_TIMES: _count_times,
    Kind.WORD: _word,
    Kind.KEYS: _keys,
    Kind.TITLE: _title,
    Kind.ADDRESS: _address,
    Kind.FAILURE: _failure,
}
