"""
Texts made comparable: width, case and diacritics do not matter when keywords are looked for. What is stored
stays as it came.

Every form that a damaged text may have had is folded (``repair.forms``). Two readings of each: the folded
text, in which parts of words are found, and its words, in which only whole ones are: ``ThoraxCAP_Adult`` has
the words ``thorax cap adult``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from .text_repair import forms

_CACHE = 16384
_MAX_LENGTH = 2048
"""Of a text in which keywords are looked for: LO has 64 characters, LT (ImageComments) 10,240."""
START = 3
"""Letters of a word by which its beginning is looked for."""
_DIACRITICS = re.compile("[\u0300-\u036f]+")
_LETTERS = str.maketrans({"ł": "l", "đ": "d", "ð": "d", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W\d_]+")
_ASCII_LETTERS = bytes(code if code < 128 and chr(code).isalpha() else ord(" ") for code in range(256))


class Folded(NamedTuple):
    """
    One form of a text.

    Args:
        text: Folded.
        words: With one space before, between and behind each.
        split: The words one by one.
        starts: Their first letters.
    """

    text: str
    words: str
    split: list[str]
    starts: set[str]


def fold(text: str) -> str:
    """``ＣＨＥＳＴ`` and ``Tórax`` as ``chest`` and ``torax`` (NFKC, case and diacritics folded)."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    bare = _DIACRITICS.sub("", unicodedata.normalize("NFD", folded))
    return unicodedata.normalize("NFC", bare)


def words(text: str) -> str:
    """
    The folded words with spaces around each; digits, punctuation and a capital after a small letter part
    them.
    """
    return f" {' '.join(split_words(text))} "


def split_words(text: str) -> list[str]:
    """The folded words of a text one by one."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if not (plain.isupper() or plain.islower()):
        plain = _CAMEL.sub(" ", plain)
    if plain.isascii():
        return plain.lower().encode("ascii").translate(_ASCII_LETTERS).decode("ascii").split()
    return _BETWEEN.sub(" ", fold(plain)).split()


def of_words(text: str, split: list[str]) -> Folded:
    """A form out of its folded text and its words."""
    return Folded(text, f" {' '.join(split)} ", split, {word[:START] for word in split})


def fold_all(text: str) -> tuple[Folded, ...]:
    """Every form that the text may have had, folded, as received first."""
    return tuple(of_words(fold(form), split_words(form)) for form in forms(text[:_MAX_LENGTH]))


folded = lru_cache(maxsize=_CACHE)(fold_all)


def contains_keyword(text: str, keywords: tuple[str, ...]) -> str | None:
    """
    Return the first keyword that some form of the text contains, or None; width, case and diacritics do not
    matter.

    Parts of words count: ``LUNG`` is in ``LowDoseLung``.
    """
    found = folded(text)
    for keyword in keywords:
        if keyword and any(fold(keyword) in form.text for form in found):
            return keyword
    return None
