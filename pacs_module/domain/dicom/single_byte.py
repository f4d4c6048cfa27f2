"""
Text in the one-byte character set of another script that nobody declared, read as Latin-1.

Words of three letters and more that all have accents are written in no language of Latin letters: ``Ãðóäíàÿ
êëåòêà`` is Cyrillic. Which set it was is told by the letters: all of one script, and capitals only at the
beginning of a word, or throughout. Used to look for keywords, where a wrong reading finds nothing; what is
shown and stored stays as it came.
"""

from __future__ import annotations

import re
import unicodedata

_SETS = {
    "cp1251": "CYRILLIC", "iso8859_5": "CYRILLIC", "koi8_r": "CYRILLIC", "cp866": "CYRILLIC",
    "iso8859_7": "GREEK", "iso8859_8": "HEBREW", "iso8859_6": "ARABIC", "cp874": "THAI",
}  # fmt: skip
_SHORTEST = 3
_WORD = re.compile(r"[^\x00-\x7f]+")
_MIXED = re.compile(r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z]")


def single_byte_forms(text: str) -> tuple[str, ...]:
    """
    What a text may have been in one of these sets; none where it has words of Latin letters with accents.

    Args:
        text: As received, not ASCII.
    """
    words = _WORD.findall(text)
    if max(map(len, words), default=0) < _SHORTEST or _MIXED.search(text):
        return ()
    try:
        data = text.encode("latin-1")
    except UnicodeError:
        return ()
    readings = (_reading(data, name, script) for name, script in _SETS.items())
    return tuple(dict.fromkeys(reading for reading in readings if reading))


def _reading(data: bytes, name: str, script: str) -> str:
    """The text in one set, empty where it is none of that script."""
    try:
        read = data.decode(name)
    except UnicodeError:
        return ""
    return read if all(_is_word(word, script) for word in _WORD.findall(read)) else ""


def _is_word(word: str, script: str) -> bool:
    if not all(unicodedata.name(letter, "").startswith(script) for letter in word):
        return False
    return word in (word.lower(), word.upper()) or word == word[0] + word[1:].lower()
