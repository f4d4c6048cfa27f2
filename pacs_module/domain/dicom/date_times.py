"""
Dates, times and moments as they are told (DA, TM, DT of PS3.5 6.2), as texts that sort, and ranges of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from .attributes import OFFSET, dashed_date, on_clock, with_lost_zero
from .numbers import ascii_digits

_LAST_SECOND = "235959"
_MOMENT = re.compile(r"\d{4,14}")
_ONE_MOMENT = r"(\d{8,14}(?:\.\d+)?[+-]\d{4}|\d{4,14}(?:\.\d+)?)?"
_MOMENTS = re.compile(rf"{_ONE_MOMENT}(?:(-){_ONE_MOMENT})?")
_EARLIEST, _LATEST = "00010101000000", "99991231235959"


@dataclass(frozen=True)
class Range:
    """From ``first`` to ``last``, both included; an empty end is open."""

    first: str
    last: str

    def holds(self, value: str) -> bool:
        """Whether a value is within; one that is less exact is compared by what it tells."""
        return (not self.first or self.first <= value) and (not self.last or value <= self.last)


@lru_cache(maxsize=256)
def range_of(text: str, read: Callable[..., str]) -> Range | None:
    """
    Read a key (PS3.4 C.2.2.2.5): a single value, ``a-b``, ``a-`` or ``-b``; None for what is none of them.

    Args:
        text: As it was asked.
        read: :func:`date_of`, :func:`time_of` or :func:`moment_of`.
    """
    if read is moment_of:
        first, hyphen, last = _ends_of_moments(text)
    else:
        first, hyphen, last = (part.strip() for part in text.partition("-"))
    low, high = read(first), read(last if hyphen else first, end=True)
    if (first and not low) or (last and not high) or not (low or high or hyphen):
        return None
    return Range(low, high)


def _ends_of_moments(text: str) -> tuple[str, str, str]:
    """The two ends and what is between; the sign of an offset from UTC is no hyphen between them."""
    found = _MOMENTS.fullmatch("".join(text.split()))
    return (found[1] or "", found[2] or "", found[3] or "") if found is not None else (text, "", "")


@lru_cache(maxsize=1024)
def date_of(text: str, end: bool = False) -> str:
    """``20200618``, ``2020.06.18``, and the date of a moment as ``2020-06-18``; anything else as empty."""
    del end
    return dashed_date(text)


def time_of(text: str, end: bool = False) -> str:
    """
    HHMMSS; a time that stops at the hour or the minute lasts until its ``end``. The fraction of a second and
    an offset from UTC decide nothing; a leap second is the last of its minute.
    """
    bare = OFFSET.sub("", ascii_digits(text).replace(":", "").strip(" \0")).split(".")[0]
    bare = with_lost_zero(bare)
    if not bare.isdecimal() or len(bare) not in (2, 4, 6):
        return ""
    return on_clock(bare + (_LAST_SECOND if end else "000000")[len(bare) :])


def moment_of(text: str, end: bool = False) -> str:
    """YYYYMMDDHHMMSS of a DT; one that stops at the year, month or day lasts until its ``end``."""
    bare = OFFSET.sub("", ascii_digits(text).strip(" \0")).split(".")[0]
    if _MOMENT.fullmatch(bare) is None or len(bare) % 2:
        return ""
    first = bare + _EARLIEST[len(bare) :]
    if not (dashed_date(first[:8]) and on_clock(first[8:])):
        return ""
    return bare + (_LATEST if end else _EARLIEST)[len(bare) :]
