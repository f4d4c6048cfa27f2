"""
Images that are not like the others of their series: a scout, a dose page, another thickness, poison.

Poison kills or blocks programs that read it carelessly: nesting without end, bytes that inflate, values
that are none.
"""

from __future__ import annotations

import datetime as dt
import functools
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hospital_sim import headers
from hospital_sim.pacs.content.studies import EXPLICIT, IMPLICIT, NATIVE, Attributes, Encoded, Images
from hospital_sim.pacs.wire.data_sets import encode_element, tag_of, vr_of
from hospital_sim.pacs.wire.text import TextCoding
from hospital_sim.planned_study import stable_uid

DEFLATED = "1.2.840.10008.1.2.1.99"
DEPTH = 20_000
"""Sequences inside each other; Orthanc 1.10.1 dies of it."""
BOMB_BYTES = 512 * 1024**2
"""What the bomb inflates to."""
_CHUNK = 1024**2
CONTENT_SEQUENCE = 0x0040A730
_PRIVATE_BLOCK = 0x00990010
_BEHIND_PIXELS = 0x7FE10010
_GEOMETRY = (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SliceLocation",
    "PixelSpacing",
    "SliceThickness",
)

Elements = dict[int, bytes]
"""Encoded elements by tag."""


@dataclass(frozen=True)
class OddImage:
    """
    One image more in a series.

    Attributes:
        name: From which its UID is made.
        sop_class: SOPClassUID; empty: that of the series.
        values: What it says otherwise: keyword to text; None leaves the attribute out.
        tail: Raw bytes that follow the elements below the pixels, by transfer syntax.
        syntax: The only transfer syntax that it comes in; empty: uncompressed.
    """

    name: str
    sop_class: str = ""
    values: Mapping[str, str | None] = field(default_factory=dict)
    tail: Callable[[bool], tuple[int, bytes]] | None = None
    syntax: str = ""


SCOUT = OddImage("scout", values={
    "ImageType": "ORIGINAL\\PRIMARY\\LOCALIZER", "SliceThickness": None, "ConvolutionKernel": None,
    "ImageOrientationPatient": "1\\0\\0\\0\\0\\-1", "ImagePositionPatient": "-250\\0\\0",
    "SliceLocation": "0",
})  # fmt: skip
DOSE_PAGE = OddImage("dose page", str(headers.SECONDARY_CAPTURE), {
    "ImageType": "DERIVED\\SECONDARY\\OTHER", "ConvolutionKernel": None, **dict.fromkeys(_GEOMETRY),
})  # fmt: skip


def _nested(implicit: bool) -> tuple[int, bytes]:
    """Sequences of undefined length inside each other (PS3.5 7.5), with nothing else in them."""
    tag = (CONTENT_SEQUENCE >> 16).to_bytes(2, "little") + (CONTENT_SEQUENCE & 0xFFFF).to_bytes(2, "little")
    head = tag + (b"" if implicit else b"SQ\0\0") + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4
    tail = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return CONTENT_SEQUENCE, head * DEPTH + tail * DEPTH


DEEP = OddImage("deep", tail=_nested)
BOMB = OddImage("bomb", syntax=DEFLATED)


class Template(Images, Protocol):
    """A series whose images are made element by element."""

    @property
    def planned_count(self) -> int:
        """How many images it has in the end."""
        ...

    def elements(self, index: int, coding: TextCoding | None, implicit: bool) -> Elements:
        """One image's encoded elements by tag."""
        ...


class OddSeries:
    """
    A planned series with images that are not like its others.

    Attributes:
        first: Images more before the planned ones.
        last: Images more behind them.
        changes: What planned images say otherwise, by their place from 0.
        private: Whether planned images have private elements that cannot be decoded.
    """

    def __init__(self, base: Template, series_uid: str) -> None:
        self._base, self._series_uid = base, series_uid
        self.first: list[OddImage] = []
        self.last: list[OddImage] = []
        self.changes: list[Callable[[int], Mapping[str, str]]] = []
        self.private = False

    def visible(self, now: dt.datetime) -> int:
        """How many have arrived; the last ones come when the others are there."""
        plain = self._base.visible(now)
        if not plain:
            return 0
        return plain + len(self.first) + (len(self.last) if plain == self._base.planned_count else 0)

    def _odd(self, index: int) -> OddImage | None:
        behind = index - len(self.first) - self._base.planned_count
        if index < len(self.first):
            return self.first[index]
        return self.last[behind] if behind >= 0 else None

    def _plain(self, index: int) -> int:
        return min(max(0, index - len(self.first)), self._base.planned_count - 1)

    def uid(self, index: int) -> str:
        """SOPInstanceUID."""
        odd = self._odd(index)
        return stable_uid(self._series_uid, odd.name) if odd else self._base.uid(self._plain(index))

    def sop_class(self, index: int) -> str:
        """SOPClassUID."""
        odd = self._odd(index)
        return (odd.sop_class if odd else "") or self._base.sop_class(self._plain(index))

    def contexts(self) -> set[tuple[str, str]]:
        """SOP Class and transfer syntax of all images."""
        own = self._base.contexts()
        for one in (*self.first, *self.last):
            sop_class = one.sop_class or self._base.sop_class(0)
            own |= {(sop_class, syntax) for syntax in ((one.syntax,) if one.syntax else NATIVE)}
        return own

    def attributes(self, index: int) -> Attributes:
        """What IMAGE level knows."""
        return {**self._base.attributes(self._plain(index)), "InstanceNumber": str(index + 1)}

    def encoded(self, index: int, coding: TextCoding | None, syntaxes: tuple[str, ...]) -> Encoded:
        """One image; a bomb in its own transfer syntax whatever is taken."""
        odd, plain = self._odd(index), self._plain(index)
        implicit = IMPLICIT in syntaxes and EXPLICIT not in syntaxes and not (odd and odd.syntax)
        elements = self._base.elements(plain, coding, implicit)
        _put(elements, {"InstanceNumber": str(index + 1)}, implicit)
        if odd is None:
            self._change(elements, plain, implicit)
        else:
            own = {"SOPInstanceUID": self.uid(index), "SOPClassUID": self.sop_class(index)}
            _put(elements, {**own, **odd.values}, implicit)
            if odd.tail is not None:
                tag, raw = odd.tail(implicit)
                elements[tag] = raw
        data = b"".join(elements[tag] for tag in sorted(elements))
        syntax = (odd.syntax if odd else "") or (IMPLICIT if implicit else EXPLICIT)
        content = bomb(data) if syntax == DEFLATED else data
        return Encoded(self.sop_class(index), self.uid(index), syntax, content)

    def _change(self, elements: Elements, plain: int, implicit: bool) -> None:
        for change in self.changes:
            _put(elements, change(plain), implicit)
        if self.private:
            elements |= _private_elements(implicit)


def _put(elements: Elements, values: Mapping[str, str | None], implicit: bool) -> None:
    for keyword, value in values.items():
        tag = tag_of(keyword)
        if value is None:
            elements.pop(tag, None)
        else:
            elements[tag] = encode_element((tag, vr_of(tag), value.encode("ascii")), implicit=implicit)


def _private_elements(implicit: bool) -> Elements:
    """A private block with values that are not of their VR; implicit VR hides it (PS3.5 6.2.2)."""
    block = (
        (_PRIVATE_BLOCK, "LO", b"SIMVENDOR"),
        (_PRIVATE_BLOCK + 0x0FF1, "DS", b"no number \xff"),
        (_PRIVATE_BLOCK + 0x0FF2, "FD", b"\x01\x02\x03\x04\x05\x06"),
    )
    return {one[0]: encode_element(one, implicit=implicit) for one in block}


@functools.lru_cache(maxsize=4)
def bomb(data: bytes, size: int = BOMB_BYTES) -> bytes:
    """A data set deflated (PS3.5 A.5) with so many zeros behind it; a thousandth of that on the wire."""
    squeezed = zlib.compressobj(level=1, wbits=-15)
    head = encode_element((_BEHIND_PIXELS, "LO", b"SIMVENDOR"), implicit=False)
    tag = (_BEHIND_PIXELS >> 16).to_bytes(2, "little") + (0x1001).to_bytes(2, "little")
    out = [squeezed.compress(data + head + tag + b"OB\0\0" + size.to_bytes(4, "little"))]
    out += [squeezed.compress(bytes(_CHUNK)) for _ in range(size // _CHUNK)]
    return b"".join(out) + squeezed.flush()
