"""
Where the pixels of an image end: what stands behind them is no part of the picture, and may name somebody.

Native pixels end by their numbers (PS3.5 8.1.1). A compressed frame ends at the marker that its own standard
has for it (ISO 10918-1 B.1, 14495-1, 15444-1 A.4): the segments are walked, so that the same two bytes inside
of one are not taken for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames

_RLE = "1.2.840.10008.1.2.5"
_NATIVE_LIMIT = 2**40
_SOI, _SOC = b"\xff\xd8", b"\xff\x4f"
_END, _SCAN, _TILE = 0xD9, 0xDA, 0x90
_RESTARTS = frozenset(range(0xD0, 0xD8))
_SHORTEST_TILE = 14


def cut_behind_pixels(image: Dataset, compressed: bool, syntax: str = "") -> bool:
    """
    Cut what stands behind the pixels; True when there was something.

    Args:
        image: In place; nothing happens where its numbers do not tell the length.
        compressed: Whether the pixels are encapsulated.
        syntax: Transfer syntax; run-length encoding has no marker, and is left.
    """
    if "PixelData" not in image:
        return False
    if not compressed:
        return _cut_native(image)
    return syntax != _RLE and _cut_frames(image)


def _cut_native(image: Dataset) -> bool:
    wanted = _native_length(image)
    pixels = image.PixelData
    if not wanted or wanted > _NATIVE_LIMIT or len(pixels) <= wanted:
        return False
    image.PixelData = pixels[:wanted]
    return True


def _native_length(image: Dataset) -> int:
    """
    How many bytes its native pixels take, filled up to an even number; 0 where the header does not tell.
    """
    numbers = [image.get(name) for name in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")]
    if not all(isinstance(one, int) and one > 0 for one in numbers):
        return 0
    rows, columns, samples, bits = (int(one or 0) for one in numbers)
    if image.get("PhotometricInterpretation") == "YBR_FULL_422":
        samples = 2  # two pixels share their colours
    wanted = (rows * columns * samples * bits * int(image.get("NumberOfFrames") or 1) + 7) // 8
    return wanted + wanted % 2


def _cut_frames(image: Dataset) -> bool:
    number = int(image.get("NumberOfFrames") or 1)
    frames = list(generate_frames(image.PixelData, number_of_frames=number))
    cut = [frame[: end_of(frame)] for frame in frames]
    if not any(_is_padded(frame[len(kept) :]) for frame, kept in zip(frames, cut, strict=True)):
        return False
    image.PixelData = encapsulate(cut)
    for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if name in image:
            delattr(image, name)
    return True


def _is_padded(rest: bytes) -> bool:
    """More than the one byte that makes a length even."""
    return len(rest) > 1 or bool(rest.strip(b"\0"))


def end_of(frame: bytes) -> int:
    """Behind the end marker of a compressed frame; its whole length where it cannot be told."""
    if frame.startswith(_SOC):
        places = _tiles(frame)
    elif frame.startswith(_SOI):
        places = _segments(frame)
    else:
        return len(frame)
    return next(places, len(frame))


def _segments(frame: bytes) -> Iterator[int]:
    """JPEG and JPEG-LS: segments with a length, and scans without one."""
    at = 2
    while 0 <= at < len(frame) - 1:
        marker = frame[at + 1]
        if frame[at] != 0xFF:
            return
        if marker == _END:
            yield at + 2
            return
        at += 1 if marker == 0xFF else 2 + _length(frame, at + 2)
        if marker == _SCAN:
            at = _behind_scan(frame, at)


def _behind_scan(frame: bytes, at: int) -> int:
    """
    The next marker that is no part of the coded data: there a byte below 0x80 follows each 0xFF, or a
    restart.
    """
    while (at := frame.find(b"\xff", at)) >= 0 and at + 1 < len(frame):
        following = frame[at + 1]
        if following >= 0x80 and following not in _RESTARTS and following != 0xFF:
            return at
        at += 1 if following == 0xFF else 2
    return -1


def _tiles(frame: bytes) -> Iterator[int]:
    """JPEG 2000: the main header's segments, then tile parts that tell their length."""
    at = 2
    while at < len(frame) - 1 and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == _END:
            yield at + 2
            return
        if marker != _TILE:
            at += 2 + _length(frame, at + 2)
            continue
        size = int.from_bytes(frame[at + 6 : at + 10], "big")
        if size < _SHORTEST_TILE:
            return  # up to the end, wherever that is
        at += size


def _length(frame: bytes, at: int) -> int:
    return max(int.from_bytes(frame[at : at + 2], "big"), 2)
