"""
Attribute matching of C-FIND (PS3.4 C.2.2.2). Pure; values are text, several values separated by backslashes.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

_RANGE_VRS = frozenset({"DA", "TM", "DT"})
_NO_WILDCARD_VRS = _RANGE_VRS | {"UI", "IS", "DS", "US", "SS", "UL", "SL", "FL", "FD"}  # PS3.4 C.2.2.2.4


def matches(vr: str, key: str, value: str) -> bool:
    r"""
    Whether a stored value matches a key.

    Args:
        vr: Value representation, which decides what the key means.
        key: Single value, ``*``/``?`` pattern, ``from-to`` range, ``uid\uid`` list, or empty (universal).
        value: What the PACS has; of several values any one is enough.
    """
    if not key or key == "*":
        return True
    if vr == "UI":
        return bool(set(_values(key)) & set(_values(value)))
    stored = _values(value) if value else []
    if vr in _RANGE_VRS:
        return any(_in_range(vr, key, one) for one in stored)
    if vr not in _NO_WILDCARD_VRS and is_wildcard(key):
        pattern = _pattern(key.strip(), vr == "PN")
        return any(pattern.fullmatch(one) is not None for one in stored)
    wanted = {_normal(vr, one) for one in _values(key)}
    return any(_normal(vr, one) in wanted for one in stored)


def is_wildcard(key: str) -> bool:
    """Whether a key is a pattern."""
    return "*" in key or "?" in key


def is_range(key: str) -> bool:
    """Whether a date or time key is a range."""
    return "-" in key


def _values(text: str) -> list[str]:
    return [one.strip(" \0") for one in text.split("\\")]


def _normal(vr: str, value: str) -> str:
    if vr == "PN":  # case-insensitive is allowed for names (PS3.4 C.2.2.2.1)
        return value.rstrip("^= ").casefold()
    if vr in ("IS", "DS"):
        try:
            return str(float(value))
        except ValueError:
            return value
    return value


@functools.lru_cache(maxsize=256)
def _pattern(key: str, any_case: bool) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    return re.compile(
        "".join(parts.get(char, re.escape(char)) for char in key), re.IGNORECASE if any_case else 0
    )


@dataclass(frozen=True)
class Bounds:
    """A range, both ends included; None is open."""

    low: str | None
    high: str | None

    def hold(self, value: str) -> bool:
        """Whether a value lies within; all are text of one length."""
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


def bounds(vr: str, key: str) -> Bounds:
    """The range that a date or time key means; a single value is a range of one, at its precision."""
    low, dash, high = key.partition("-")
    low, high = low.strip(" :"), high.strip(" :") if dash else low.strip(" :")
    return Bounds(_filled(vr, low, "0") if low else None, _filled(vr, high, "9") if high else None)


def _filled(vr: str, value: str, digit: str) -> str:
    """
    To full length, so that text order is time order: TM as HHMMSS.FFFFFF, of which the end may be absent
    (PS3.5 6.2).
    """
    if vr != "TM":
        return value.replace(".", "")
    value = value.replace(":", "")
    whole, _, fraction = value.partition(".")
    return whole.ljust(6, digit) + "." + fraction.ljust(6, digit)


def _in_range(vr: str, key: str, value: str) -> bool:
    if not value:
        return False
    return bounds(vr, key).hold(_filled(vr, value, "0"))


def matches_combined(date_key: str, time_key: str, date: str, time: str) -> bool:
    """Date and time as one moment (PS3.4 C.2.2.2.5.4): a range across midnight is one stretch, not two."""
    dates, times = bounds("DA", date_key), bounds("TM", time_key)
    if not date or not time:
        return False
    low = None if dates.low is None else dates.low + (times.low or _filled("TM", "", "0"))
    high = None if dates.high is None else dates.high + (times.high or _filled("TM", "", "9"))
    if dates.low is None and dates.high is None:
        return times.hold(_filled("TM", time, "0"))
    return Bounds(low, high).hold(date + _filled("TM", time, "0"))
