"""
K3: one image does not speak for a series. Every input is a kind of series that scanners and PACS really make;
values are made up.

What it does not prove: that the plugins look at the images at all (tests/unit/plugins, tests/integration).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import AGREEING, FRAMES, MULTI_FRAME, SLICE_SPACING, SeriesFacts
from pacs_module.domain.dicom.geometry import OrderedBy
from pacs_module.domain.dicom.images import ImageFacts, image_facts, index_facts
from pacs_module.domain.rules.attribute_rules import wants_image
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.series_agreement.agreement import Agreement, Oddity, agree, agreed_facts
from pacs_module.domain.series_agreement.unread_images import to_read

AXIAL, CORONAL = "1\\0\\0\\0\\1\\0", "1\\0\\0\\0\\0\\-1"
CHEST = "ORIGINAL\\PRIMARY\\AXIAL"


def image(number: int, place: float | None = None, /, **more: Any) -> ImageFacts:
    usual = ImageFacts(
        sop_uid=f"1.2.{number:04d}", image_type=CHEST, thickness="1.25", size="512\\512", orientation=AXIAL,
        positions=(f"-180\\-180\\{number * 1.25 if place is None else place}",), number=str(number),
    )  # fmt: skip
    return replace(usual, **more)


def stack(count: int, start: int = 1, **more: Any) -> list[ImageFacts]:
    return [image(number, **more) for number in range(start, start + count)]


def agreed(images: list[ImageFacts]) -> Agreement:
    found = agree(images)
    assert found is not None
    return found


SCOUT = image(
    0, image_type="ORIGINAL\\PRIMARY\\LOCALIZER", orientation=CORONAL, thickness="500", size="512\\888"
)
DOSE = image(900, image_type="DERIVED\\SECONDARY\\SCREEN SAVE", orientation="", positions=(), thickness="")
PAGE_WITHOUT_A_PLACE = image(
    901, image_type="DERIVED\\SECONDARY\\OTHER", orientation="", positions=(), thickness=""
)
MPR = image(902, image_type="DERIVED\\SECONDARY\\MPR", orientation=CORONAL)


@pytest.mark.parametrize(
    ("kind", "odd", "why"),
    [
        ("a scout", [SCOUT], {Oddity.LOCALIZER}),
        ("two scouts", [SCOUT, image(903, image_type="ORIGINAL\\PRIMARY\\LOCALIZER")], {Oddity.LOCALIZER}),
        ("a dose page", [DOSE], {Oddity.PAGE}),
        ("a page without a place", [PAGE_WITHOUT_A_PLACE], {Oddity.PAGE}),
        ("a reformat", [MPR], {Oddity.IMAGE_TYPE}),
        ("thick slices", stack(6, 500, thickness="5.0"), {Oddity.THICKNESS}),
        ("coronal slices of the same type", stack(5, 500, orientation=CORONAL), {Oddity.ORIENTATION}),
        ("a tilted gantry", stack(5, 500, orientation="1\\0\\0\\0\\0.9\\-0.43"), {Oddity.ORIENTATION}),
        ("another matrix", stack(5, 500, size="1024\\1024"), {Oddity.SIZE}),
        ("helical tests of the bolus", stack(4, 500, image_type="ORIGINAL\\PRIMARY\\BOLUS"),
         {Oddity.IMAGE_TYPE}),
        ("scout and dose page", [SCOUT, DOSE], {Oddity.LOCALIZER, Oddity.PAGE}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_the_largest_group_is_the_series_whatever_comes_first(
    kind: str, odd: list[ImageFacts], why: set[Oddity], first: bool
) -> None:
    images = odd + stack(24) if first else stack(24) + odd
    found = agreed(images)
    assert found.images == tuple(f"1.2.{number:04d}" for number in range(1, 25)), kind
    assert {one.why for one in found.odd} == why
    assert found.words.startswith(f"24 of {24 + len(odd)} images")
    facts = agreed_facts(
        SeriesFacts("1", {"Modality": "CT", "BodyPartExamined": "CHEST"}, len(images)), found, final=True
    )
    assert judge_series(facts, Switches()).taken
    assert facts.text(AGREEING) == found.words
    assert facts.slices == 24


PAGE = {"image_type": "DERIVED\\SECONDARY\\SCREEN SAVE", "orientation": "", "positions": (), "thickness": ""}


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("coronal reformats", stack(40, 500, image_type="DERIVED\\SECONDARY\\MPR", orientation=CORONAL)),
        ("maximum intensity projections", stack(40, 500, image_type="DERIVED\\SECONDARY\\MIP")),
        ("screens", stack(40, 500, **PAGE)),
        ("scouts", stack(40, 500, image_type="ORIGINAL\\PRIMARY\\LOCALIZER", orientation=CORONAL)),
        ("slices that are too thick", stack(40, 500, thickness="8")),
        ("coronal slices of the same number", stack(24, -30, orientation=CORONAL)),
        ("thinner coronal slices of the same number", stack(24, 500, orientation=CORONAL, thickness="0.6")),
    ],
)
def test_the_slices_that_are_read_are_not_hidden_by_more_images_of_another_kind(
    kind: str, more: list[ImageFacts]
) -> None:
    site = Switches()
    found = agree([*more, *stack(24)], lambda one: wants_image(one, site), site.min_instances_ct)
    assert found is not None
    assert found.images == tuple(f"1.2.{number:04d}" for number in range(1, 25)), kind
    told = SeriesFacts("1", {"Modality": "CT", "BodyPartExamined": "CHEST"}, len(more) + 24)
    assert judge_series(agreed_facts(told, found, final=True), site).taken


def test_a_slice_or_two_among_screens_do_not_make_a_series() -> None:
    """The reason is the ImageType of the series, not the number of the slices that strayed into it."""
    site = Switches()
    found = agree(
        [*stack(30, 500, **PAGE), *stack(2)], lambda one: wants_image(one, site), site.min_instances_ct
    )
    assert found is not None
    assert found.image_type == PAGE["image_type"]


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, True),
        ({"image_type": None, "thickness": None}, True),
        ({"thickness": "999"}, True),
        ({"thickness": "8"}, False),
        ({"image_type": "DERIVED\\SECONDARY\\MPR"}, False),
        ({"image_type": "ORIGINAL\\PRIMARY\\VOLUME"}, False),
        ({"image_type": "ORIGINAL\\PRIMARY\\VOLUME", "frames": 168}, True),
    ],
)
def test_an_image_is_wanted_by_what_is_told_of_it(more: dict[str, Any], wanted: bool) -> None:
    assert wants_image(image(1, **more), Switches()) is wanted
    assert wants_image(image(1, **more), Switches(thin_only=True, thin_slice_max=2.0)) is wanted


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("the thickness jitters", {"thickness": "1.26"}),
        ("the thickness is written otherwise", {"thickness": "1,250 mm"}),
        ("the thickness is not told", {"thickness": ""}),
        ("the thickness is a placeholder", {"thickness": "999"}),
        ("vendors append values", {"image_type": CHEST + "\\CT_SOM5 SPI"}),
        ("small letters", {"image_type": "original\\primary\\axial"}),
        ("cosines are rounded", {"orientation": "1.0\\0.0\\1e-9\\0\\0.99999\\0"}),
        ("no ImageType", {"image_type": ""}),
        ("no Rows and Columns", {"size": "\\"}),
        ("no orientation", {"orientation": ""}),
    ],
)
def test_what_is_no_difference(kind: str, more: dict[str, str]) -> None:
    found = agreed(stack(20) + stack(5, 21, **more))
    assert len(found.images) == 25, kind
    assert found.words == "25 images"


def test_the_scouts_of_a_series_of_scouts_are_its_images() -> None:
    found = agreed([SCOUT, replace(SCOUT, sop_uid="1.3")])
    assert found.odd == ()
    assert found.image_type == "ORIGINAL\\PRIMARY\\LOCALIZER"


def test_no_image_is_no_agreement() -> None:
    assert agree([]) is None


def test_an_image_that_is_given_twice_counts_once() -> None:
    assert agreed([*stack(12), *stack(12)]).frames == 12


# --- enhanced CT ---


def enhanced(
    uid: int, frames: int = 168, thickness: str = "1.0", frame_type: str = "ORIGINAL\\PRIMARY\\VOLUME\\NONE"
) -> dict[str, Any]:
    per_frame = [
        {"PlanePositionSequence": [{"ImagePositionPatient": f"-180\\-180\\{uid * 168 + place}"}]}
        for place in range(frames)
    ]
    shared = {
        "PixelMeasuresSequence": [{"SliceThickness": thickness}],
        "PlaneOrientationSequence": [{"ImageOrientationPatient": AXIAL}],
        "CTImageFrameTypeSequence": [{"FrameType": frame_type}],
    }
    return {
        "SOPInstanceUID": f"1.2.{uid}", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1",
        "NumberOfFrames": str(frames),
        "ImageType": "ORIGINAL\\PRIMARY\\VOLUME\\MIXED", "Rows": "512", "Columns": "512",
        "InstanceNumber": str(uid),
        "SharedFunctionalGroupsSequence": [shared], "PerFrameFunctionalGroupsSequence": per_frame,
    }  # fmt: skip


def test_enhanced_ct_is_judged_by_frames_and_functional_groups() -> None:
    found = agreed([image_facts(enhanced(uid)) for uid in range(8)])
    assert (found.frames, len(found.images)) == (1344, 8)
    assert found.thickness == "1.0"
    assert (found.geometry.spacing, found.geometry.gaps, found.geometry.duplicates) == (1.0, 0, 0)
    facts = agreed_facts(
        SeriesFacts("1", {"Modality": "CT", "BodyPartExamined": "CHEST"}, 8), found, final=True
    )
    assert facts.text(FRAMES) == "1344"
    assert judge_series(facts, Switches()).because == "BodyPartExamined CHEST"


@pytest.mark.parametrize(
    ("image_type", "frames", "words"),
    [
        ("ORIGINAL\\PRIMARY\\VOLUME\\MIXED", {}, "taken"),  # told by C-FIND: 8 objects may have 1344 slices
        ("ORIGINAL\\PRIMARY\\VOLUME", {FRAMES: "1344", MULTI_FRAME: "yes"}, "taken"),
        ("ORIGINAL\\PRIMARY\\VOLUME", {FRAMES: "8"}, "ImageType ORIGINAL\\PRIMARY\\VOLUME"),
        ("ORIGINAL\\PRIMARY\\VOLUME", {FRAMES: "8", MULTI_FRAME: "yes"}, "instance nums 8 < 10"),
        ("DERIVED\\SECONDARY\\VOLUME", {}, "ImageType DERIVED\\SECONDARY\\VOLUME"),
        ("ORIGINAL\\PRIMARY\\AXIAL", {}, "instance nums 8 < 10"),
    ],
)
def test_eight_objects_may_be_a_chest(image_type: str, frames: dict[str, str], words: str) -> None:
    told = {"Modality": "CT", "BodyPartExamined": "CHEST", "ImageType": image_type, **frames}
    verdict = judge_series(SeriesFacts("1", told, 8), Switches())
    assert ("taken" if verdict.taken else verdict.because) == words


def test_a_scout_among_enhanced_objects_is_odd_though_it_is_one_object_of_two() -> None:
    found = agreed([SCOUT, image_facts(enhanced(1))])
    assert found.images == ("1.2.1",)
    assert found.words == "1 of 2 images (1 localizer)"


@pytest.mark.parametrize("per_frame", ["as the frames have it", "shared", "shared, and no item of a frame"])
def test_objects_of_one_frame_lie_where_any_of_their_groups_says(per_frame: str) -> None:
    images = []
    for uid in range(24):
        tags = enhanced(uid, 1)
        if per_frame != "as the frames have it":
            (frame,) = tags["PerFrameFunctionalGroupsSequence"]
            tags["SharedFunctionalGroupsSequence"] = [{**tags["SharedFunctionalGroupsSequence"][0], **frame}]
            empty: list[dict[str, Any]] = [] if per_frame.endswith("frame") else [{}]
            tags["PerFrameFunctionalGroupsSequence"] = empty
        tags["InstanceNumber"] = ""
        images.append(image_facts(tags))
    found = agreed(images)
    assert (len(found.images), found.frames, found.geometry.spacing) == (24, 24, 168.0)
    assert found.ordered_by is OrderedBy.POSITION


@pytest.mark.parametrize("told", ["99999999999", "65536", "-5", "0", "many", ""])
def test_a_number_of_frames_that_cannot_be_true_is_not_told(told: str) -> None:
    assert image_facts({**enhanced(1, 3), "NumberOfFrames": told}).frames == 3
    assert index_facts({"NumberOfFrames": told}).frames == 1
    assert image_facts({**enhanced(1, 3), "NumberOfFrames": "２"}).frames == 2


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"SharedFunctionalGroupsSequence": "x"},
        {"PerFrameFunctionalGroupsSequence": [1, None]},
        {"NumberOfFrames": "-3"},
        {"NumberOfFrames": "many"},
        {"Rows": 512},
    ],
)
def test_the_strangest_header_is_read(nonsense: dict[str, Any]) -> None:
    assert image_facts({"SOPInstanceUID": "1", **nonsense}).frames == 1


# --- geometry ---


def test_the_spacing_stands_in_for_a_thickness_that_is_absent_or_absurd() -> None:
    found = agreed(stack(60, thickness="999"))
    assert (found.thickness, found.geometry.spacing) == ("", 1.25)
    facts = agreed_facts(SeriesFacts("1", {"Modality": "CT", "SliceThickness": "999"}, 60), found, final=True)
    assert facts.text(SLICE_SPACING) == "1.25"
    thick = agreed_facts(
        facts, agreed([image(number, number * 8.0, thickness="") for number in range(60)]), True
    )
    assert judge_series(thick, Switches()).because == "SliceThickness spacing:8"


def test_gaps_duplicates_and_orientations_are_facts() -> None:
    holes = [one for one in stack(30) if one.number not in ("10", "11", "20")]
    again = [replace(one, sop_uid=f"9.{one.number}") for one in stack(3)]
    found = agreed([*holes, *again, SCOUT])
    assert (found.geometry.gaps, found.geometry.duplicates, found.geometry.orientations) == (2, 3, 2)


def test_the_order_is_told() -> None:
    assert agreed(stack(5)).ordered_by is OrderedBy.NUMBER
    assert agreed([replace(one, number="") for one in stack(5)]).ordered_by is OrderedBy.POSITION


# --- which images must be read ---


def of_index(images: list[ImageFacts]) -> list[ImageFacts]:
    return [replace(one, image_type=None, thickness=None, size=None, sop_class="") for one in images]


def test_of_an_even_stack_a_few_images_are_read_and_of_each_other_plane_some() -> None:
    images = of_index(stack(1500))
    assert len(to_read(images)) <= 10
    assert set(to_read(images)) >= {images[0].sop_uid, images[-1].sop_uid}
    assert SCOUT.sop_uid in to_read([*images, *of_index([SCOUT])])


def test_images_that_were_read_as_they_came_do_for_their_neighbours() -> None:
    images = of_index(stack(1500))
    as_they_came = {images[place].sop_uid for place in range(5, 1500, 100)}
    wanted = set(to_read(images, as_they_came))
    assert wanted - as_they_came == {images[0].sop_uid, images[-1].sop_uid}
    assert len(wanted) == len(to_read(images))


def test_where_slices_lie_unevenly_every_one_is_read() -> None:
    uneven = of_index([*stack(20), *stack(10, 500, thickness="5")])
    assert len(to_read(uneven)) == 30


def test_images_that_were_not_read_are_like_the_nearest_that_was() -> None:
    images = [*stack(200), SCOUT]
    wanted = set(to_read(of_index(images)))
    looked_at = [one if one.sop_uid in wanted else of_index([one])[0] for one in images]
    assert agreed(looked_at) == agreed(images)


def test_the_index_knows_the_place_of_an_image() -> None:
    tags = {
        "SOPInstanceUID": "1",
        "InstanceNumber": "3 ",
        "ImagePositionPatient": "0\\0\\5",
        "ImageOrientationPatient": AXIAL,
    }
    assert index_facts(tags) == ImageFacts("1", orientation=AXIAL, positions=("0\\0\\5",), number="3")
    assert index_facts(tags).image_type is None


# --- in any order ---

_IMAGES = st.builds(
    image,
    st.integers(1, 40),
    st.one_of(st.none(), st.floats(-500, 500).map(lambda place: round(place, 2))),
    image_type=st.sampled_from([CHEST, "", None, "ORIGINAL\\PRIMARY\\LOCALIZER", "DERIVED\\SECONDARY\\MPR"]),
    thickness=st.sampled_from(["1.25", "1.26", "5.0", "", "999", "x", None]),
    orientation=st.sampled_from([AXIAL, CORONAL, "", "1\\0\\0\\0\\1\\0.01", "1\\2"]),
    size=st.sampled_from(["512\\512", "", "1024\\1024", None]),
    frames=st.sampled_from([1, 1, 1, 12]),
    number=st.sampled_from(["", "1", "7", "x", "7.0"]),
    acquired=st.sampled_from(["", "101530", "101531.5"]),
)


@given(st.lists(_IMAGES, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_the_order_in_which_images_come_makes_no_difference(
    images: list[ImageFacts], chance: random.Random
) -> None:
    distinct = list({one.sop_uid: one for one in images}.values())
    mixed = distinct[:]
    chance.shuffle(mixed)
    found = agreed(distinct)
    assert agreed(mixed) == found
    assert sorted([*found.images, *(one.sop_uid for one in found.odd)]) == sorted(
        one.sop_uid for one in distinct
    )
    assert to_read(mixed) == to_read(distinct)


def _slices(change: Callable[[int], dict[str, str]]) -> list[ImageFacts]:
    """Twenty-four axial slices; what every second one tells otherwise."""
    plain = ImageFacts(
        "1",
        image_type="ORIGINAL\\PRIMARY\\AXIAL",
        thickness="1.25",
        size="512\\512",
        orientation="1\\0\\0\\0\\1\\0",
    )
    slices = []
    for number in range(24):
        told: dict[str, Any] = {**change(number)} if number % 2 else {}
        positions = (f"0\\0\\{(number * 7 % 24) * 1.25}",)
        slices.append(replace(plain, sop_uid=f"1.{number:02d}", positions=positions, **told))
    return slices


@pytest.mark.parametrize(
    "other",
    [
        {"image_type": "ORIGINAL\\PRIMARY\\CT_SOM5 SPI\\AXIAL"},
        {"image_type": "ORIGINAL\\PRIMARY\\HELICAL"},
        {"image_type": "original\\primary\\axial\\HEAD FIRST"},
        {"image_type": "ORIGINAL/PRIMARY/AXIAL"},
        {"image_type": ""},
        {"thickness": "1,25 mm"},
        {"thickness": "999"},
        {"thickness": ""},
        {"orientation": "1.0\\-0\\0.0\\0\\1.000\\-0.0"},
        {"orientation": "1,0\\0,0\\0\\0\\1,0\\0"},
        {"orientation": "0.99999\\0.001\\0\\-0.001\\0.9999\\0"},
        {"orientation": "0\\0\\0\\0\\0\\0"},
        {"orientation": "1\\0\\0\\1\\0\\0"},
        {"orientation": "not told"},
        {"orientation": ""},
    ],
)
def test_the_same_told_in_another_way_is_the_same_and_in_order(other: dict[str, str]) -> None:
    """Slices whose headers say one thing in two ways are one group, ordered by position, with no gap."""
    agreement = agree(_slices(lambda number: other))
    assert agreement is not None
    assert (len(agreement.images), agreement.odd) == (24, ())
    assert agreement.ordered_by is OrderedBy.POSITION
    assert (agreement.geometry.spacing, agreement.geometry.gaps, agreement.geometry.orientations) == (
        1.25,
        0,
        1,
    )
    assert [int(uid[2:]) * 7 % 24 for uid in agreement.images] == list(range(24))


@pytest.mark.parametrize(
    "other",
    [
        {"size": "768\\768"},
        {"orientation": "-1\\0\\0\\0\\-1\\0"},
        {"image_type": "DERIVED\\SECONDARY\\AXIAL"},
    ],
)
def test_what_is_really_another_image_stays_apart(other: dict[str, str]) -> None:
    agreement = agree(_slices(lambda number: other))
    assert agreement is not None
    assert (len(agreement.images), len(agreement.odd)) == (12, 12)


def test_a_page_with_the_image_type_of_a_slice_lies_nowhere_and_is_odd() -> None:
    page = ImageFacts(
        "1.99", image_type="ORIGINAL\\PRIMARY\\AXIAL", size="512\\512", thickness="", orientation=""
    )
    agreement = agree([page, *_slices(lambda number: {})])
    assert agreement is not None
    assert [(one.sop_uid, one.why) for one in agreement.odd] == [("1.99", Oddity.PAGE)]
    assert agreement.ordered_by is OrderedBy.POSITION
    nowhere = [ImageFacts(f"2.{number}", image_type="ORIGINAL\\PRIMARY\\AXIAL") for number in range(24)]
    alone = agree(nowhere)
    assert alone is not None
    assert not alone.odd, "where no image tells its place none of them is odd"


CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize(
    ("sop_class", "told"),
    [
        ("1.2.840.10008.5.1.4.1.1.7", {}),
        ("1.2.840.10008.5.1.4.1.1.7.2", {"orientation": "", "positions": ()}),
        ("1.2.840.10008.5.1.4.1.1.7.4", {"size": "768\\1024"}),
        ("1.2.840.10008.5.1.4.1.1.88.67", {"image_type": "", "thickness": "", "size": "\\"}),
        ("1.2.840.10008.5.1.4.1.1.11.1", {"image_type": "", "thickness": "", "size": "\\"}),
        ("1.2.840.10008.5.1.4.1.1.104.1", {"image_type": "", "thickness": "", "positions": ()}),
        ("1.2.840.10008.5.1.4.1.1.66.4", {"image_type": "DERIVED\\PRIMARY"}),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", {"image_type": "", "positions": (), "orientation": ""}),
    ],
)
@pytest.mark.parametrize("number", [1, 3, 40])
def test_what_is_no_slice_by_its_class_is_odd_whatever_its_header_copies(
    sop_class: str, told: dict[str, Any], number: int
) -> None:
    """Captures, reports and presentation states in the SeriesInstanceUID of the slices."""
    slices = stack(24, sop_class=CT_CLASS)
    found = agreed([image(500 + n, n * 1.25, sop_class=sop_class, **told) for n in range(number)] + slices)
    assert found.images == tuple(one.sop_uid for one in slices)
    assert {one.why for one in found.odd} == {Oddity.PAGE}
    assert (found.geometry.gaps, found.geometry.duplicates) == (0, 0)


def test_a_series_of_captures_alone_is_what_it_is() -> None:
    captures = stack(24, sop_class="1.2.840.10008.5.1.4.1.1.7")
    assert len(agreed(captures).images) == 24
