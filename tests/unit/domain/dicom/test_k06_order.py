"""K6: images are put in order by what tells them apart, and it is said by what."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.geometry import OrderedBy, order_images
from pacs_module.domain.dicom.images import ImageFacts

AXIAL = "1\\0\\0\\0\\1\\0"
SAGITTAL = "0\\1\\0\\0\\0\\-1"


def three(**each: Any) -> list[ImageFacts]:
    """Images c, a, b with these values in this order: c is the first, b the last."""
    facts = [dict(zip(each, values, strict=True)) for values in zip(*each.values(), strict=True)]
    return [ImageFacts(uid, **more) for uid, more in zip("cab", facts, strict=True)]


def places(*places: str, orientation: str = AXIAL) -> dict[str, Any]:
    return {"positions": [(place,) if place else () for place in places], "orientation": [orientation] * 3}


UP = places("0\\0\\-5", "0\\0\\10", "0\\0\\200")
TIMES = {"acquired": ["101530", "101531", "101532.5"]}


@pytest.mark.parametrize(
    ("kind", "given", "by"),
    [
        ("numbers", {"number": ["1", "2", "3"]}, OrderedBy.NUMBER),
        ("numbers with blanks and a sign", {"number": [" 9", "+10", "011 "]}, OrderedBy.NUMBER),
        ("numbers from zero", {"number": ["0", "1", "2"]}, OrderedBy.NUMBER),
        ("numbers as reals", {"number": ["1.0", "2.0", "10.0"]}, OrderedBy.NUMBER),
        ("numbers in full width", {"number": ["１", "２", "１０"]}, OrderedBy.NUMBER),
        ("no number", {"number": ["", "", ""], **UP}, OrderedBy.POSITION),
        ("one number is missing", {"number": ["3", "", "1"], **UP}, OrderedBy.POSITION),
        ("a number twice", {"number": ["2", "2", "1"], **UP}, OrderedBy.POSITION),
        ("numbers are words", {"number": ["three", "two", "one"], **UP}, OrderedBy.POSITION),
        ("commas in positions", places("0\\0\\-5,5", "0\\0\\1,5", "0\\0\\20"), OrderedBy.POSITION),
        ("a sagittal stack", places("9\\0\\0", "5\\0\\0", "1\\0\\0", orientation=SAGITTAL),
         OrderedBy.POSITION),
        ("all at one place", {**places(*["0\\0\\1"] * 3), **TIMES}, OrderedBy.TIME),
        ("no position", TIMES, OrderedBy.TIME),
        ("one position is missing", {**places("0\\0\\9", "", "0\\0\\1"), **TIMES}, OrderedBy.TIME),
        ("planes differ", {**UP, "orientation": [AXIAL, SAGITTAL, AXIAL], **TIMES}, OrderedBy.TIME),
    ],
)  # fmt: skip
def test_by_what_images_are_put_in_order(kind: str, given: dict[str, Any], by: OrderedBy) -> None:
    ordered = order_images(reversed(three(**given)))
    assert (ordered.uids, ordered.by) == (("c", "a", "b"), by), kind


def test_nothing_tells_them_apart_but_the_uid() -> None:
    assert order_images(three(number=["", "", "x"])).uids == ("a", "b", "c")
    assert order_images(three(number=["", "", "x"])).by is OrderedBy.UID
    assert order_images([]).uids == ()


_ROWS = st.tuples(
    st.sampled_from(["", "1", "2"]),
    st.sampled_from(["", "0\\0\\1", "0\\0\\2"]),
    st.sampled_from(["", "1015", "1016"]),
)


@given(st.lists(_ROWS, max_size=8), st.randoms(use_true_random=False))
def test_the_order_in_which_they_come_makes_no_difference(
    rows: list[tuple[str, str, str]], chance: random.Random
) -> None:
    images = [
        ImageFacts(
            str(uid), orientation=AXIAL, number=number, positions=(place,) if place else (), acquired=acquired
        )
        for uid, (number, place, acquired) in enumerate(rows)
    ]
    mixed = images[:]
    chance.shuffle(mixed)
    assert order_images(mixed) == order_images(images)
