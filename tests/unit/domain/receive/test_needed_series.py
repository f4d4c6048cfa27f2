"""
Which series must be whole before a hand-over is proved, while the rest of the study may still arrive
(M15-M17).
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.receive.needed_series import Arrived, needed_series
from pacs_module.domain.rules.choice import choose
from pacs_module.domain.rules.kernel_and_contrast import candidate_here
from pacs_module.domain.rules.switches import Switches

SITE = Switches()
CHEST = {"Modality": "CT", "BodyPartExamined": "CHEST", "ImageType": "ORIGINAL\\PRIMARY\\AXIAL"}


def told(uid: str, thickness: str = "", count: int | None = None, **more: str) -> SeriesFacts:
    """What a PACS says of a series, or its first image."""
    return SeriesFacts(uid, {**CHEST, "SliceThickness": thickness, **more}, count)


THIN, THICK = told("thin", "1", 300), told("thick", "5", 60)
SCOUT = told("scout", "5", 2, ImageType="ORIGINAL\\PRIMARY\\LOCALIZER")
REPORT = SeriesFacts("report", {"Modality": "SR"}, 1)
UNKNOWN = told("unknown", "", 100)


@pytest.mark.parametrize(
    ("here", "announced", "needed"),
    [
        # the thin one is decided before anything else has come, and nothing else is waited for
        ({"thin": 1}, (THIN, THICK, SCOUT, REPORT), "thin"),
        ({"thick": 60}, (THIN, THICK), "thin"),
        ({"scout": 2, "report": 1}, (THIN, THICK, SCOUT, REPORT), "thin"),
        ({}, (THIN, THICK), "thin"),
        # whose thickness the PACS did not tell may be thinner, until its first image is here
        ({"thin": 300}, (THIN, UNKNOWN), "thin unknown"),
        (
            {"thin": 300, "unknown": 1},
            (THIN, replace(UNKNOWN, attributes={**CHEST, "SliceThickness": "3"})),
            "thin",
        ),
        # nobody counted it: as thin, but perhaps more images
        ({"thin": 300}, (THIN, replace(told("same", "1"), instances=None)), "thin same"),
        ({"thin": 300}, (THIN, replace(told("thicker", "2"), instances=None)), "thin"),
        # what came and was not announced
        ({"thin": 300, "late": 5}, (THIN,), "thin late"),
        ({"thin": 300, "late-thick": 5}, (THIN,), "thin"),
        # only what is told drops a series: an empty description is no evidence
        ({}, (SeriesFacts("bare", {"Modality": "CT", "SeriesDescription": ""}, 50), THICK), "bare thick"),
        ({}, (REPORT, SCOUT), ""),
    ],
)
def test_what_must_be_whole(here: dict[str, int], announced: tuple[SeriesFacts, ...], needed: str) -> None:
    images = {
        one.series_uid: one
        for one in (THIN, THICK, SCOUT, REPORT, told("late", "1"), told("late-thick", "5"))
    }
    images["unknown"] = told("unknown", "3")
    taken = {uid: uid not in ("scout", "report") for uid in here}
    arrived = {uid: Arrived(images[uid], taken[uid], count) for uid, count in here.items()}
    ahead = needed_series(
        arrived, {one.series_uid: one for one in announced}, frozenset(), False, False, SITE
    )
    assert set(ahead.needed) == set(needed.split())


def test_a_series_that_the_received_image_dropped_is_not_waited_for() -> None:
    arrived = {"thin": Arrived(THIN, False, 1), "thick": Arrived(THICK, True, 1)}
    assert needed_series(arrived, {"thin": THIN, "thick": THICK}, frozenset(), False, False, SITE).needed == {
        "thick"
    }


def test_dx_is_whole_but_for_what_the_rules_drop() -> None:
    frontal, lateral = (SeriesFacts(uid, {"Modality": "DX"}, 1) for uid in ("frontal", "lateral"))
    coming = {"lateral": lateral, "report": REPORT}
    ahead = needed_series({"frontal": Arrived(frontal, True, 1)}, coming, frozenset(), True, False, SITE)
    assert (set(ahead.needed), ahead.dx, ahead.best) == ({"frontal", "lateral"}, True, "")


def test_an_announced_ct_series_makes_it_a_ct_study() -> None:
    frontal = SeriesFacts("frontal", {"Modality": "DX"}, 1)
    ahead = needed_series(
        {"frontal": Arrived(frontal, True, 1)}, {"thin": THIN}, frozenset(), True, False, SITE
    )
    assert (set(ahead.needed), ahead.dx) == ({"thin"}, False)


THICKNESSES = st.sampled_from(["1", "1.5", "5", ""])
ONE = st.tuples(
    THICKNESSES, st.integers(1, 6), st.sampled_from(["B30f", "B70f", ""]), st.booleans(), st.booleans()
)


@given(st.lists(ONE, min_size=1, max_size=5))
def test_an_early_choice_is_the_choice_that_waiting_would_have_made(
    series: list[tuple[str, int, str, bool, bool]],
) -> None:
    """Whatever the PACS leaves out of what it announces, as long as what it tells is so."""
    site = replace(SITE, kernel_preferred=("B70",), filter_min_instances=False)
    images = [told(f"s{place}", one[0], one[1], ConvolutionKernel=one[2]) for place, one in enumerate(series)]
    announced, here = {}, {}
    for image, (_, count, _, arrived, hidden) in zip(images, series, strict=True):
        shown = {
            name: text for name, text in image.attributes.items() if not (hidden and name == "SliceThickness")
        }
        announced[image.series_uid] = SeriesFacts(image.series_uid, shown, count)
        if arrived:
            here[image.series_uid] = Arrived(image, True, 1)
    ahead = needed_series(here, announced, frozenset(), False, False, site)
    (best,) = choose(
        [candidate_here(one, one.instances or 0, site, final=True) for one in images], False, site
    ).series
    assert ahead.best in ahead.needed
    if ahead.needed <= here.keys():
        assert ahead.best == best.series_uid
