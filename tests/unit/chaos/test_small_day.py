"""The ways in which a day arrives: nothing of it is forgotten, and the seed alone decides."""

from __future__ import annotations

import random

import pytest

from hospital_sim.sending.stranger import STRANGER
from tests.chaos.audit.identity import pixels_of
from tests.chaos.rig.small_day import (
    HEAVY_MATRIX,
    LATE_S,
    LIES,
    WAYS,
    Day,
    Part,
    nasty_parts,
    small_day,
    whole,
)


@pytest.fixture(scope="module")
def day() -> Day:
    return small_day("1", "Asia/Shanghai", cts=2)


def uids(parts: list[Part], pushed: bool) -> list[str]:
    return sorted(
        str(image.SOPInstanceUID) for part in parts if part.pushed is pushed for image in part.images
    )


@pytest.mark.parametrize("way", dict.fromkeys(WAYS), ids=lambda way: way.__name__)
@pytest.mark.parametrize("place", [0, 2], ids=["CT", "DX"])
def test_the_pacs_has_every_image_once_in_the_end(day: Day, way: type, place: int) -> None:
    images, wanted = day.studies[place].images, day.wanted[place].series_uids
    parts = way(images, wanted, random.Random(1))
    assert uids(parts, pushed=False) == sorted(image.SOPInstanceUID for image in images)
    assert set(uids(parts, pushed=True)) <= set(uids(parts, pushed=False))
    assert all(part.images for part in parts)
    late = [part for part in parts if part.after_s and not part.pushed]
    if "late" in way.__name__:
        assert [LATE_S[0] <= part.after_s <= LATE_S[1] for part in late] == [True]
        assert {image.SeriesInstanceUID for image in late[0].images} & set(wanted)


def test_a_heavy_study_is_wanted_like_the_others() -> None:
    day = small_day("1", "Asia/Shanghai", heavy=20)
    heavy, light = day.studies[:2]
    assert [study.uid for study in day.studies[:3]] == [study.study_uid for study in day.wanted]
    thin = [image for image in heavy.images if image.SeriesInstanceUID == day.wanted[0].series_uids[0]]
    assert [len(image.PixelData) for image in thin] == [2 * HEAVY_MATRIX**2] * 20
    assert max(len(image.PixelData) for image in light.images) < 1000


def test_the_seed_decides(day: Day) -> None:
    one, again, other = (nasty_parts(day, random.Random(seed)) for seed in (1, 1, 2))
    assert [(part.after_s, part.pushed, len(part.images)) for part in one] == [
        (part.after_s, part.pushed, len(part.images)) for part in again
    ]
    assert one != other


def test_what_nobody_wants_is_simply_there(day: Day) -> None:
    parts = nasty_parts(day, random.Random(1))
    assert parts[-1:] == tuple(whole(day.studies[-1].images, (), random.Random(1)))


def test_the_truth_of_a_study_is_what_the_pacs_gets_in_the_end(day: Day) -> None:
    for wanted, study in zip(day.wanted, day.studies, strict=False):
        assert wanted.truth.pixels == {str(image.SOPInstanceUID): pixels_of(image) for image in study.images}
        assert wanted.truth.patient_ids[-1] == study.images[0].PatientID


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_leaves_the_truth_in_the_pacs(day: Day, lie: type) -> None:
    study, wanted = day.studies[0], day.wanted[0]
    parts = lie(study.images, wanted.series_uids, random.Random(1))
    last = [part for part in parts if not part.pushed][-1]
    assert last.images == tuple(study.images)
    for part in parts:
        for image in part.images:
            right = wanted.truth.pixels.get(str(image.SOPInstanceUID)) == pixels_of(image)
            own = str(image.PatientID) in wanted.truth.patient_ids
            assert (right and own) == (not part.pushed)
            assert (part.calling == STRANGER) == part.pushed


def test_lies_are_told_only_when_asked_for(day: Day) -> None:
    honest = [part for seed in range(20) for part in nasty_parts(day, random.Random(seed))]
    lying = [part for seed in range(20) for part in nasty_parts(day, random.Random(seed), lies=True)]
    assert {part.calling for part in honest} == {"CT1"}
    assert {part.calling for part in lying} == {"CT1", STRANGER}
    assert not any(part.replaces for part in honest)
    assert any(part.replaces for part in lying)
