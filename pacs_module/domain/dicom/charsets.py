r"""
Bytes of a DICOM text to characters, by the SpecificCharacterSet (0008,0005) that came with them (PS3.3
C.12.1.1.2).

Nothing is ever lost: what cannot be decoded as declared becomes Latin-1, one character a byte, and
:mod:`pacs_module.domain.dicom.text_repair` finds out what it was meant to be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from .program_charsets import codec_of_program, letters_and_digits

# Letters and digits of a defined term, so that `ISO-IR 100` and `iso_ir_100` are known too. The Chinese ones
# are all read as GB18030, which contains GBK and GB2312: PACS say one and send the other.
_CODECS = {
    "": "ascii",
    "ISOIR6": "ascii",
    "ISO2022IR6": "ascii",
    "ISOIR192": "utf-8",
    "ISO2022GBK": "gb18030",
    "ISO2022IR58": "gb18030",
    "ISO202258": "gb18030",
    "ISO2022IR149": "euc_kr",
    "ISO2022IR87": "iso2022_jp",
    "ISO2022IR159": "iso2022_jp_2",
}
_BY_REGISTRATION = {
    "13": "shift_jis",
    "100": "latin-1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "166": "tis_620",
    "203": "iso8859_15",
}
_CODECS |= {
    f"{prefix}{number}": codec
    for number, codec in _BY_REGISTRATION.items()
    for prefix in ("ISOIR", "ISO2022IR")
}

_OF_JAPAN = frozenset({"shift_jis", "cp932", "euc_jp", "iso2022_jp", "iso2022_jp_2"})
_SENT_IN_JAPAN = ("euc_jp", "cp932")
"""What a data base there holds, and its PACS sends under ISO 2022 IR 87 without an escape."""
_THREE_BYTES = "\u0800"
"""From here on a character has three bytes in UTF-8, which no text of another set has by chance."""

# Escape sequences: the upper half of the code (G1) that they bring in; those that change the lower half are
# left to Python's ISO 2022 codecs.
_UPPER = {
    b"\x1b$)A": "gb18030",
    b"\x1b$)C": "euc_kr",
    b"\x1b)I": "shift_jis",
    b"\x1b-A": "latin-1",
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-F": "iso8859_7",
    b"\x1b-G": "iso8859_6",
    b"\x1b-H": "iso8859_8",
    b"\x1b-L": "iso8859_5",
    b"\x1b-M": "iso8859_9",
    b"\x1b-T": "tis_620",
    b"\x1b-b": "iso8859_15",
}
_LOWER_ASCII = (b"\x1b(B", b"\x1b(J")
_ESCAPE = re.compile(rb"(\x1b(?:\$[()][A-Z]|\$[@AB]|[()-][A-Za-z]))")


def decode_text(data: bytes, declared: tuple[str, ...] = ()) -> str:
    r"""
    Decode a text value.

    Args:
        data: The bytes, also of several values with backslashes between them.
        declared: The values of SpecificCharacterSet, empty when there were none; anything at all.

    Returns:
        The text as declared where that loses nothing (or, for code extensions, as its escape sequences say),
        else as Latin-1.
    """
    if b"\x1b" not in data and data.isascii():
        return data.decode("ascii")
    codecs = [codec for term in declared if (codec := _codec(term))] or ["ascii"]
    text = _by_escapes(data, codecs[0]) if b"\x1b" in data else _by_codecs(data, codecs)
    return data.decode("latin-1") if text is None else text


def _by_codecs(data: bytes, codecs: Sequence[str]) -> str | None:
    """By the first that loses nothing; ASCII before all."""
    if not _OF_JAPAN.isdisjoint(codecs):
        utf8 = _strictly(data, "utf-8")
        if utf8 is not None and max(utf8) >= _THREE_BYTES:
            return utf8  # as Shift-JIS it would be other kanji, and nobody could tell
        codecs = [*codecs, *_SENT_IN_JAPAN]
    read = (_strictly(data, codec) for codec in ("ascii", *codecs))
    return next((text for text in read if text is not None), None)


@lru_cache(maxsize=256)
def _codec(term: str) -> str | None:
    return _CODECS.get(letters_and_digits(term).upper()) or codec_of_program(term)


def _by_escapes(data: bytes, first: str) -> str | None:
    """
    Each piece by the escape before it (PS3.5 6.1.2.5); here a set holds on beyond the end of a line or a
    component.
    """
    upper, lower = first, b""
    texts: list[str | None] = []
    for piece in _ESCAPE.split(data):
        if not _ESCAPE.fullmatch(piece):
            texts.append(_strictly(lower + piece, "iso2022_jp_2") if lower else _strictly(piece, upper))
        elif piece in _UPPER:
            upper = _UPPER[piece]
        else:
            lower = b"" if piece in _LOWER_ASCII else piece
    return None if None in texts else "".join(text for text in texts if text is not None)


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeError:
        return None
