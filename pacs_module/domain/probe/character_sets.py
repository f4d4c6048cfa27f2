"""Which bytes a PACS sends for text, and whether they are what it declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .findings import Answer, declared_in

TEXT_KEYS = ("PatientName", "StudyDescription", "SeriesDescription", "ProtocolName", "BodyPartExamined")


class Sent(StrEnum):
    """Which bytes a PACS sends for letters that are not ASCII."""

    ASCII = "ASCII only"
    GBK = "GBK"
    UTF8 = "UTF-8"
    ESCAPES = "ISO 2022 escapes"
    SINGLE = "one byte a letter"
    OTHER = "as declared"


_CHINESE = frozenset({"GB18030", "GBK"})
_SINGLE_BYTE = re.compile(r"ISO(_| 2022 )IR (13|100|101|109|110|126|127|138|144|148|166|203)$")
_OTHER_MULTIBYTE = re.compile(r"ISO[_ ]?(2022 )?IR ?(149|87|159|13)$")


def sent_as(values: Sequence[bytes], declared: tuple[str, ...] = ()) -> Sent:
    """What the text values of answers with one declaration are written in."""
    odd = [value for value in values if not value.isascii() or b"\x1b" in value]
    if not odd:
        return Sent.ASCII
    if any(b"\x1b" in value for value in odd):
        return Sent.ESCAPES
    if all(_decodes(value, "utf-8") for value in odd):
        return Sent.UTF8
    if any(_OTHER_MULTIBYTE.match(term) for term in declared):
        return Sent.OTHER
    return Sent.GBK if _is_chinese(odd, declared) else Sent.SINGLE


def _is_chinese(odd: Sequence[bytes], declared: tuple[str, ...]) -> bool:
    """Chinese letters are pairs of high bytes; a name such as Müller has a high byte that stands alone."""
    pairs = sum(_decodes(value, "gb2312") for value in odd)
    return 2 * pairs > len(odd) or (bool(declared) and declared[0] in _CHINESE)


def _decodes(value: bytes, codec: str) -> bool:
    try:
        value.decode(codec)
    except UnicodeError:
        return False
    return True


def agrees(declared: tuple[str, ...], sent: Sent) -> bool:
    """Whether the bytes are what the declaration says."""
    first = declared[0].upper() if declared else ""
    if sent is Sent.ASCII or sent is Sent.OTHER:
        return True
    if sent is Sent.GBK:
        return first in _CHINESE
    if sent is Sent.UTF8:
        return first == "ISO_IR 192"
    if sent is Sent.ESCAPES:
        return any(term.startswith("ISO 2022") for term in declared)
    return bool(_SINGLE_BYTE.match(first))


@dataclass(frozen=True)
class Text:
    """Answers with one declaration: how many, how many beyond ASCII, and how those are written."""

    declared: tuple[str, ...]
    answers: int
    odd: int
    sent: Sent

    @property
    def shown(self) -> str:
        r"""The declaration as it is written: ``\ISO 2022 IR 58``."""
        return "\\".join(self.declared) or "nothing"


def judge_text(answers: Iterable[Answer]) -> tuple[Text, ...]:
    """The text of all answers, by declaration."""
    values: dict[tuple[str, ...], list[list[bytes]]] = {}
    for answer in answers:
        texts = [answer[keyword] for keyword in TEXT_KEYS if answer.get(keyword)]
        values.setdefault(declared_in(answer), []).append(texts)
    return tuple(_text(declared, found) for declared, found in sorted(values.items()))


def _text(declared: tuple[str, ...], found: list[list[bytes]]) -> Text:
    odd = sum(any(not value.isascii() or b"\x1b" in value for value in values) for values in found)
    return Text(declared, len(found), odd, sent_as([value for values in found for value in values], declared))
