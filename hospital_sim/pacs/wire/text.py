"""
How text goes to the wire: which bytes, and which character set is declared for them.

The two need not agree: that is the point. Declared values are those of SpecificCharacterSet (0008,0005),
PS3.3 C.12.1.1.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hospital_sim.planned_study import DAMAGED

TEXT_VRS = frozenset(
    {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
)  # the VRs that the character set applies to (PS3.5 6.1.2.3)
_TO_G1 = b"\x1b$)A"  # designates GB2312 as G1 (PS3.5 annex K)


@dataclass(frozen=True)
class TextCoding:
    """
    One way to write text.

    Attributes:
        declared: Value of SpecificCharacterSet; None leaves the attribute out.
        encode: From text to the bytes that are sent.
    """

    declared: str | None
    encode: Callable[[str], bytes]


def _codec(name: str) -> Callable[[str], bytes]:
    return lambda text: text.encode(name, errors="replace")


def with_escapes(text: str) -> bytes:
    """
    GB2312 in G1, designated anew for each run of Chinese: every component of a name needs its own (PS3.5
    6.1.2.5.3).
    """
    out = bytearray()
    chinese = False
    for char in text:
        raw = char.encode("gb2312", errors="replace")
        if len(raw) > 1 and not chinese:
            out += _TO_G1
        chinese = len(raw) > 1
        out += raw
    return bytes(out)


def _damaged(text: str) -> bytes:
    """
    What one site's archive has: GBK bytes that somebody took for Latin-1 and wrote as UTF-8 (胸 as c3 90 c3
    98).
    """
    try:
        return text.encode("gbk").decode("latin-1").encode()
    except UnicodeEncodeError:
        return text.encode()


NATURAL = {
    "": TextCoding(None, _codec("ascii")),
    "ISO_IR 100": TextCoding("ISO_IR 100", _codec("latin-1")),
    "ISO_IR 192": TextCoding("ISO_IR 192", _codec("utf-8")),
    "GB18030": TextCoding("GB18030", _codec("gb18030")),
    DAMAGED: TextCoding("ISO_IR 192", _damaged),
}
# One row of field-notes section 6 each; the name is the habit's.
HABITUAL = {
    "gbk-undeclared": TextCoding(None, _codec("gb18030")),
    "gbk-declared-empty": TextCoding("", _codec("gb18030")),
    "gbk-as-latin1": TextCoding("ISO_IR 100", _codec("gb18030")),
    "gbk-as-utf8": TextCoding("ISO_IR 192", _codec("gb18030")),
    "gbk-declared": TextCoding("GBK", _codec("gbk")),
    "gb18030": TextCoding("GB18030", _codec("gb18030")),
    "utf8": TextCoding("ISO_IR 192", _codec("utf-8")),
    "utf8-undeclared": TextCoding(None, _codec("utf-8")),
    "utf8-as-latin1": TextCoding("ISO_IR 100", _codec("utf-8")),
    "escapes": TextCoding("ISO 2022 IR 58", with_escapes),
    "escapes-second": TextCoding("\\ISO 2022 IR 58", with_escapes),
    "escapes-after-ir6": TextCoding("ISO 2022 IR 6\\ISO 2022 IR 58", with_escapes),
    "gb2312-declared": TextCoding("GB2312", _codec("gb18030")),
}


def coding_of(character_set: str) -> TextCoding:
    """The honest way to write text in a character set; UTF-8 where we do not know it."""
    return NATURAL.get(character_set, NATURAL["ISO_IR 192"])


_DECODERS = {
    "": "utf-8",
    "ISO_IR 6": "utf-8",
    "ISO_IR 100": "latin-1",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "GB2312": "gb18030",
}


def decode(raw: bytes, declared: str) -> str:
    """Read text that somebody sent us; never an error, at worst Latin-1."""
    if _TO_G1 in raw:
        raw, declared = raw.replace(_TO_G1, b""), "GB18030"
    for codec in (_DECODERS.get(declared, "utf-8"), "gb18030"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")
