"""
The depth of sequences is found without a parser, in every way to write them, and pixels do not count (K8).
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from aipull.server import nesting
from aipull.server.nesting import is_deeper, look
from tests.support.images.poison import as_file, dataset, element, nested

STUDY, SOP = "1.2.3", "1.2.3.4"
ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
PIXELS = struct.pack("<HH", 0x7FE0, 0x0010)


def native(value: bytes, vr: bytes = b"OW") -> bytes:
    return PIXELS + vr + b"\0\0" + struct.pack("<I", len(value)) + value


def compressed(fragments: int, filling: bytes = b"") -> bytes:
    parts = [struct.pack("<HHI", 0xFFFE, 0xE000, len(filling)) + filling for _ in range(fragments)]
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return PIXELS + b"OB\0\0" + struct.pack("<I", 0xFFFFFFFF) + ITEM + b"".join(parts) + end


def frames(number: int) -> bytes:
    """A sequence with one item a frame, each with one inside (enhanced CT)."""
    inner = nested(1, defined=True)
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner for _ in range(number))
    return struct.pack("<HH", 0x5200, 0x9230) + b"SQ\0\0" + struct.pack("<I", len(items)) + items


@pytest.mark.parametrize("defined", [False, True])
@pytest.mark.parametrize(
    ("depth", "deeper"), [(0, False), (1, False), (32, False), (33, True), (60, True), (20_000, True)]
)
def test_nested_sequences_are_counted(depth: int, deeper: bool, defined: bool) -> None:
    assert is_deeper(as_file(dataset(STUDY, SOP, nested(depth, defined))), 32) is deeper


@pytest.mark.parametrize(
    "tail",
    [native(b"\0" * 999), native(ITEM * 99), compressed(99), compressed(99, ITEM * 9),
     native(ITEM * 9, b"OB"), PIXELS],
    ids=["native", "items in pixels", "fragments", "items in fragments", "bytes", "cut"],
)  # fmt: skip
def test_pixels_are_no_sequences_and_hide_none(tail: bytes) -> None:
    assert not is_deeper(as_file(dataset(STUDY, SOP)) + tail, 32)
    assert is_deeper(as_file(dataset(STUDY, SOP, nested(40))) + tail, 32)
    if tail != PIXELS:
        assert is_deeper(as_file(dataset(STUDY, SOP)) + tail + nested(40), 32)


def test_pixels_of_an_icon_and_a_tag_within_a_value_hide_nothing() -> None:
    icon = struct.pack("<HH", 0x0088, 0x0200) + b"SQ\0\0" + struct.pack("<I", 0xFFFFFFFF)
    icon += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + native(ITEM * 40)
    icon += struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    value = element(0x0008, 0x103E, "LO", PIXELS + b"\xff\xff\xff\x7f")
    assert not is_deeper(as_file(dataset(STUDY, SOP, icon)), 32)
    assert is_deeper(as_file(dataset(STUDY, SOP, icon + nested(40))), 32)
    assert is_deeper(as_file(dataset(STUDY, SOP, value + nested(40))), 32)


def test_many_items_beside_one_another_are_not_deep() -> None:
    assert not is_deeper(as_file(dataset(STUDY, SOP, frames(5_000))) + native(b"\0" * 512), 32)
    assert not is_deeper(as_file(dataset(STUDY, SOP, nested(20) * 200)), 32)


@pytest.mark.parametrize("depth", [20, 40])
@pytest.mark.parametrize("head_bytes", range(8, 400, 7))
def test_a_file_is_judged_alike_wherever_its_head_ends(
    depth: int, head_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nesting, "_HEAD_BYTES", head_bytes)
    file = tmp_path / "x"
    for content in (
        as_file(dataset(STUDY, SOP, nested(depth))) + native(ITEM * 99),
        as_file(dataset(STUDY, SOP)) + native(b"\0" * 64) + nested(depth),
        as_file(dataset(STUDY, SOP)) + compressed(9) + nested(depth),
    ):
        file.write_bytes(content)
        seen = look(file, 32)
        assert seen is not None
        assert seen.deeper is (depth > 32)


@pytest.mark.parametrize("content", [b"", b"\0", b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0" * 9, b"DICM" * 99])
def test_no_file_is_too_odd_to_be_looked_at(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    seen = look(file, 32)
    assert seen is None or not seen.deeper
    assert look(tmp_path / "gone", 32) is None
