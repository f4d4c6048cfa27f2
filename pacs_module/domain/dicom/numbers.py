r"""
Numbers as devices and PACS write them (DS and IS, PS3.5 6.2), read tolerantly in one place.

``1,25``, ``1.25 mm``, ``+1.25``, ``1.25E0``, ``１．２５`` and ``1.25\1.25`` are 1.25 to anybody; ``999``,
``0``, ``-5`` and ``NaN`` are no thickness to anybody. What is no number, or cannot be true, was not told; the
reason says why.
"""

from __future__ import annotations

import math
import re
import string
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

MIN_THICKNESS_MM = 0.1
MAX_THICKNESS_MM = 100.0
"""
A slice outside of these is a placeholder or another unit: the thinnest CT slices have 0.2 mm, the thickest 20
mm.
"""
_MM = {"": 1.0, "cm": 10.0, "厘米": 10.0, "um": 0.001, "μm": 0.001, "m": 1000.0}
_MM |= dict.fromkeys(
    ("mm", "mms", "мм", "毫米", "ミリ", "millimeter", "millimeters", "millimetre", "millimetres"), 1.0
)
_NUMBER = re.compile(r"([+-]?)\s*(\d*)(?:\s*([.,])\s*(\d*))?(?:\s*[ed]([+-]?0*\d{1,3}))?\s*([^\W\d_]*)\.?")
_AROUND = "~∼≈=*^\"'()[];:"
"""Signs around a number that change nothing: about, quotes, brackets, marks of a foot note."""
_WITHOUT_WIDTH = "\ufeff\u200b\u200e\u200f\u2060"
_POINTS = str.maketrans("٫·。、،‚−–\0", "...,,,-- ", _WITHOUT_WIDTH)
_SEVERAL = re.compile(r"[;|/]")
_TOLERANCE = "±"
_CACHE = 4096
_MAX_LENGTH = 64
"""Longer text is no number: DS has 16 characters a value."""
_MAX_VALUES = 16
_PADDING = string.whitespace + "\0\x1b"
_WHOLE = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class Reading:
    """
    What a text says as a number.

    Args:
        value: In the unit that was asked for; None: not told.
        why: Why it counts as not told, for people; empty where there is a value.
    """

    value: float | None
    why: str = ""


def read_number(text: str) -> float | None:
    """The first value of a DS or IS, a length in millimetres; None for what is no finite number."""
    return _reading(_beginning(text)).value


def read_thickness(text: str) -> Reading:
    """SliceThickness (0018,0050) in mm; absurd values are not told."""
    reading = _reading(_beginning(text))
    if reading.value is None:
        return reading
    if reading.value <= 0:
        return Reading(None, f"{text.strip()} is not above 0 mm")
    if not MIN_THICKNESS_MM <= reading.value <= MAX_THICKNESS_MM:
        return Reading(
            None, f"{text.strip()} is not between {MIN_THICKNESS_MM:g} and {MAX_THICKNESS_MM:g} mm"
        )
    return reading


def read_whole(text: str) -> int | None:
    """An IS: ``12``, ``' 12 '``, ``12.0``, ``１２``; None for what is no whole number."""
    digits = text.strip(_PADDING)
    if len(digits) <= _MAX_LENGTH and _WHOLE.fullmatch(digits):
        return int(digits)  # exactly: a number of 20 digits is no float
    value = None if _has_unit(digits) else read_number(text)
    return int(value) if value is not None and value.is_integer() else None


def read_largest_whole(text: str) -> int | None:
    """The largest whole number of several values, None where none of them is one."""
    found = (read_whole(part) for part in text.split("\\", _MAX_VALUES))
    return max((number for number in found if number is not None), default=None)


def _has_unit(text: str) -> bool:
    """Whether it is a length: ``12 m`` is no number of images, and not 12000 of them."""
    return any(character.isalpha() and character not in "eE" for character in text[:_MAX_LENGTH])


def _beginning(text: str) -> str:
    """Enough of a text to see whether it is a number; padding of any length is none of it."""
    return text.strip(_PADDING)[: _MAX_LENGTH + 1]


@lru_cache(maxsize=_CACHE)
def _reading(text: str) -> Reading:
    if text.isascii():
        plain = text.strip()
        if not plain:
            return Reading(None, "empty")
    else:
        if any(map(_is_no_digit_of_a_number, text)):
            return Reading(None, f"{text.strip()} is no number")
        plain = unicodedata.normalize("NFKC", text.translate(_POINTS))
    first = next((part for part in plain.lower().translate(_POINTS).split("\\") if part.strip()), "")
    first = _one_of_equal(first.split(_TOLERANCE)[0])
    if len(first) > _MAX_LENGTH:
        return Reading(None, "too long for a number")
    return _parsed(_bare(first), text)


def _one_of_equal(text: str) -> str:
    """``1.25/1.25``, ``5,0;5,0`` and ``5.0,5.0`` are one value; different ones stay what they are."""
    parts = {part.strip() for part in _SEVERAL.split(text) if part.strip()}
    if len(parts) == 1:
        text = parts.pop()
    half, comma, other = text.partition(",")
    return half if comma and "." in half and half.strip() == other.strip() else text


def _bare(plain: str) -> str:
    """Without what stands around it: ``~1.25``, ``"1.25"``, ``5.0 [mm]``."""
    bare = plain.replace("(mm)", "mm").replace("[mm]", "mm").strip(_AROUND + string.whitespace)
    return bare.rstrip(",")


def _parsed(plain: str, text: str) -> Reading:
    if not plain:
        return Reading(None, "empty")
    found = _NUMBER.fullmatch(plain)
    value = _value_of(found) if found is not None else None
    if value is None:
        return Reading(None, f"{text.strip()} is no number")
    return Reading(value) if math.isfinite(value) else Reading(None, f"{text.strip()} is not finite")


def _value_of(found: re.Match[str]) -> float | None:
    """In mm; None without a digit, or of a unit that is no length."""
    sign, whole, _, part, power, unit = found.groups()
    if not (whole or part) or unit not in _MM:
        return None
    return float(f"{sign}{_digits(whole)}.{_digits(part)}e{_digits(power)}") * _MM[unit]


def _digits(text: str | None) -> str:
    return ascii_digits(text or "") or "0"


def ascii_digits(digits: str) -> str:
    """Digits of any script as 0 to 9."""
    return digits if digits.isascii() else "".join(_digit(character) for character in digits)


def _is_no_digit_of_a_number(character: str) -> bool:
    """Whether it is a raised or circled digit: ``1²`` is not 12."""
    return unicodedata.digit(character, None) is not None and not character.isdecimal()


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
