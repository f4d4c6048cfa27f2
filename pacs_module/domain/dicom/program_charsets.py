"""
Character sets by the names that programs give them: ``UTF-8``, ``cp936``, ``latin1``, ``Shift_JIS``.

None of them is a defined term of SpecificCharacterSet (PS3.3 C.12.1.1.2), but some PACS write the name that
their data base or their system uses. Python's table of aliases knows most of these names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from encodings.aliases import aliases

# By Python's name of a set, the codec that it is read by: the largest of its family, because programs call
# GB18030 `GB2312`, and Microsoft's Shift-JIS `Shift_JIS`.
_READ_BY = {
    "utf_8": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "hz": "gb18030",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "big5hkscs": "big5hkscs",
    "shift_jis": "cp932",
    "cp932": "cp932",
    "euc_jp": "euc_jp",
    "euc_kr": "cp949",
    "cp949": "cp949",
    "latin_1": "latin-1",
    "tis_620": "cp874",
    "iso8859_11": "cp874",
    "cp874": "cp874",
    "koi8_r": "koi8_r",
    "koi8_u": "koi8_u",
    **{f"cp{page}": f"cp{page}" for page in range(1250, 1259)},
    **{f"iso8859_{part}": f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)},
}
_UNKNOWN_TO_PYTHON = {
    "utf8sig": "utf-8",
    "unicode11utf8": "utf-8",
    "iso10646utf8": "utf-8",
    "isoir192": "utf-8",
    "isoir149": "cp949",
    "windows31j": "cp932",
    "cngb": "gb18030",
    "gb180302000": "gb18030",
    "gb180302005": "gb18030",
    "gb180302022": "gb18030",
}
_PART = re.compile(r"[.()]")
_BEFORE_A_NAME = re.compile(r"(?:x|cs|ms|cp|cn|ir|ibm|windows|codepage)(?=\w)")
_MAX_LENGTH = 64


def letters_and_digits(term: str) -> str:
    """A name in lower case and without signs, so that ``ISO-IR 100`` and ``iso_ir_100`` are one."""
    return "".join(character for character in term.lower() if character.isalnum())


_CODECS = {letters_and_digits(name): codec for name, codec in _READ_BY.items()} | _UNKNOWN_TO_PYTHON
_CODECS |= {letters_and_digits(alias): _READ_BY[name] for alias, name in aliases.items() if name in _READ_BY}


def codec_of_program(term: str) -> str | None:
    """
    The codec of a character set that is told by the name that programs use.

    Args:
        term: As it was declared, also as a locale (``zh_CN.GBK``) or in words (``Japanese (Shift-JIS)``).

    Returns:
        A codec of Python; None for a name that nobody knows.
    """
    short = term[:_MAX_LENGTH]
    names = [name for part in (short, *_PART.split(short)) for name in _spellings(letters_and_digits(part))]
    return next((_CODECS[name] for name in names if name in _CODECS), None)


def _spellings(name: str) -> Iterator[str]:
    """A name as it is, without what some programs put before it, and with what others leave out."""
    bare = _BEFORE_A_NAME.sub("", name, count=1)
    yield from (name, bare, f"cp{bare}", f"iso{bare}", f"isoir{bare}")
