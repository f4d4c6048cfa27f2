"""
Texts made comparable: width, case and diacritics do not matter when keywords are looked for. What is stored stays as it came.

Every form that a damaged text may have had is folded (``repair.forms``). Two readings of each: the folded text, in which parts of
words are found, and its words, in which only whole ones are: ``ThoraxCAP_Adult`` has the words ``thorax cap adult``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from .repair import forms

_CACHE = 16384
_MAX_LENGTH = 2048
"""Of a text in which keywords are looked for: LO has 64 characters, LT (ImageComments) 10,240."""
_DIACRITICS = re.compile("[\u0300-\u036f]+")
_LETTERS = str.maketrans({"ł": "l", "đ": "d", "ð": "d", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W\d_]+")


@dataclass(frozen=True)
class Folded:
    """One form of a text: ``text`` folded, ``words`` with one space before, between and behind them."""

    text: str
    words: str


def fold(text: str) -> str:
    """``ＣＨＥＳＴ`` and ``Tórax`` as ``chest`` and ``torax`` (NFKC, case and diacritics folded)."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    bare = _DIACRITICS.sub("", unicodedata.normalize("NFD", folded))
    return unicodedata.normalize("NFC", bare)


def words(text: str) -> str:
    """The folded words of a text with spaces around each; digits, punctuation and a capital after a small letter part them."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return f" {_BETWEEN.sub(' ', fold(_CAMEL.sub(' ', plain))).strip()} "


@lru_cache(maxsize=_CACHE)
def folded(text: str) -> tuple[Folded, ...]:
    """Every form that the text may have had, folded, as received first."""
    return tuple(Folded(fold(form), words(form)) for form in forms(text[:_MAX_LENGTH]))


def contains_keyword(text: str, keywords: tuple[str, ...]) -> str | None:
    """
    Return the first keyword that some form of the text contains, or None; width, case and diacritics do not matter.

    Parts of words count: ``LUNG`` is in ``LowDoseLung``.
    """
    found = folded(text)
    for keyword in keywords:
        if keyword and any(fold(keyword) in form.text for form in found):
            return keyword
    return None
