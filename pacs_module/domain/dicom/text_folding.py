"""
Texts made comparable: width, case and diacritics do not matter when keywords are looked for. What is stored
stays as it came.

Every form that a damaged text may have had is folded (``text_repair.meant_forms``). Two readings of each: the
folded text, in which parts of words are found, and its words, in which only whole ones are:
``ThoraxCAP_Adult`` has the words ``thorax cap adult``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from .text_repair import meant_forms

_CACHE = 16384
_MAX_LENGTH = 2048
"""Of a text in which keywords are looked for: LO has 64 characters, LT (ImageComments) 10,240."""
START = 3
"""Letters of a word by which its beginning is looked for."""
_DIACRITICS = re.compile("[\u0300-\u036f]+")
_LETTERS = str.maketrans({"ł": "l", "đ": "d", "ð": "d", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_LATIN_OR_CYRILLIC = re.compile("[A-Za-z\u0400-\u04ff]+")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_LATIN_LIKE = str.maketrans("АВЕЅІЈКМНОРСТУХавеѕіјкмнорстух", "ABESIJKMHOPCTYXabesijkmhopctyx")
"""
Cyrillic letters that look like Latin ones: a keyboard that was left on gives ``СHEST`` and ``СТ CHEST``.
"""
_KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_HAN = "[\u3040-\u30ff\u4e00-\u9fff]"
_SPACED_HAN = re.compile(rf"(?<={_HAN})\s+(?={_HAN})")
"""``胸　部``: two characters are set apart to fill the column of a form."""
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
    """
    ``ＣＨＥＳＴ`` and ``Tórax`` as ``chest`` and ``torax`` (NFKC, case and diacritics folded).

    So are characters without width, Cyrillic letters in a Latin word, katakana, and spaces between
    ideographs.
    """
    if text.isascii():
        return text.lower()
    folded = _legible(text).casefold().translate(_LETTERS)
    bare = _DIACRITICS.sub("", unicodedata.normalize("NFD", folded))
    return unicodedata.normalize("NFC", bare)


def _legible(text: str) -> str:
    """A text without what nobody sees in it; it keeps its case."""
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    if _CYRILLIC.search(plain):
        plain = _LATIN_OR_CYRILLIC.sub(lambda found: _of_one_script(found[0]), plain)
    return _SPACED_HAN.sub("", plain.translate(_KATAKANA))


def _of_one_script(word: str) -> str:
    """A word of both scripts in Latin letters, where each Cyrillic one looks like one."""
    latin = word.translate(_LATIN_LIKE)
    return latin if latin.isascii() and _CYRILLIC.sub("", word) else word


def words(text: str) -> str:
    """
    The folded words with spaces around each; digits, punctuation and a capital after a small letter part
    them.
    """
    return f" {' '.join(split_words(text))} "


def split_words(text: str) -> list[str]:
    """The folded words of a text one by one."""
    plain = text if text.isascii() else _legible(text)
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
    return tuple(of_words(fold(form), split_words(form)) for form in meant_forms(text[:_MAX_LENGTH]))


folded = lru_cache(maxsize=_CACHE)(fold_all)


@lru_cache(maxsize=_CACHE)
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
