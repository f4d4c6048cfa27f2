"""What other rules would have done; the verdicts come from the very functions that judge."""

from typing import Any

import pytest

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rehearse.changes import changed, read_change
from pacs_module.domain.rehearse.filtered import FilteredSeries
from pacs_module.domain.rehearse.record import RECEPTION, JudgedStudy, header
from pacs_module.domain.rehearse.rehearse import Comparison
from pacs_module.domain.rehearse.result import Count, Kind, Rehearsal
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.rules.verdict import Verdict

SHIPPED = Switches()
AXIAL = "ORIGINAL\\PRIMARY\\AXIAL"


def ct(uid: str, instances: int = 100, **attributes: str) -> SeriesFacts:
    told = {
        "Modality": "CT",
        "BodyPartExamined": "CHEST",
        "ProtocolName": "",
        "StudyDescription": "",
        "SeriesDescription": "",
        "ImageType": AXIAL,
        "SliceThickness": "1",
        "Manufacturer": "GE",
        "StationName": "CT3",
    }
    return SeriesFacts(uid, {**told, **attributes}, instances)


def study(uid: str, *series: SeriesFacts, day: str = "2026-11-01", handed_over: str = "") -> JudgedStudy:
    headers = [
        header(
            one, judge_series(one, SHIPPED), RECEPTION, "handed_over" if one.series_uid == handed_over else ""
        )
        for one in series
    ]
    return JudgedStudy(uid, day, "A").with_headers(headers)


def rehearsed(*studies: JudgedStudy, changes: tuple[str, ...] = (), **more: Any) -> Rehearsal:
    then = changed(SHIPPED, [read_change(one) for one in changes])
    comparison = Comparison(SHIPPED if changes else None, then)
    for one in studies:
        comparison.take(one)
    return comparison.result(changes, **more)


def by_kind(made: Rehearsal) -> dict[str, Count]:
    return {kind: count for kind, count in made.kinds.items() if count.series}


def test_a_missing_keyword_is_found_by_device_and_value() -> None:
    odd = [
        study(f"1.{number}", ct(f"1.{number}.1", BodyPartExamined="STND"), day=f"2026-11-0{number}")
        for number in (1, 2)
    ]
    made = rehearsed(*odd, study("1.9", ct("1.9.1")), changes=("KEYWORDS+=STND",))
    assert by_kind(made) == {"newly_taken": Count(2, 2, 200), "newly_computed": Count(2, 2, 200)}
    taken = next(group for group in made.groups if group.kind is Kind.NEWLY_TAKEN)
    assert (taken.device, taken.because, taken.series) == ("GE / CT3", "BodyPartExamined STND", 2)
    assert [one.study_uid for one in taken.examples] == ["1.2", "1.1"]
    assert (taken.examples[0].before, taken.examples[0].after) == (
        "BodyPartExamined STND",
        "BodyPartExamined STND",
    )
    assert (made.days, made.studies, made.series) == (2, 3, 3)
    assert (made.taken_images_a_day, made.computed_images_a_day) == (100.0, 100.0)


def test_what_is_dropped_costs_fewer_images_and_says_what_the_ai_had_found() -> None:
    lost = study("1.1", ct("1.1.1"), handed_over="1.1.1")
    results = {"1.1": {"1.1.1": "completed"}}
    made = rehearsed(lost, changes=("KEYWORDS-=CHEST",), results=lambda uid: results.get(uid, {}))
    assert by_kind(made) == {"newly_dropped": Count(1, 1, 100), "no_longer_computed": Count(1, 1, 100)}
    assert {group.kind: group.results for group in made.groups} == {
        Kind.NEWLY_DROPPED: {"completed": 1},
        Kind.NO_LONGER_COMPUTED: {"completed": 1},
    }
    assert made.computed_images_a_day == -100.0


def test_another_choice_among_the_same_series() -> None:
    two = study(
        "1.1",
        ct("1.1.1", 300, SliceThickness="1", ConvolutionKernel="B30f", SeriesDescription="SOFT"),
        ct("1.1.2", 100, SliceThickness="2", ConvolutionKernel="B70f", SeriesDescription="SHARP"),
    )
    made = rehearsed(two, changes=("CHOICE_ORDER=kernel class,thickness",))
    assert by_kind(made) == {"chosen_differently": Count(1, 1, -200)}
    (group,) = made.groups
    assert (group.rule, group.because) == ("choice", "SHARP instead of SOFT")
    assert "kernel class" in group.examples[0].after


def test_a_thinner_series_that_passes_now_is_chosen() -> None:
    two = study(
        "1.1", ct("1.1.1", 50, SliceThickness="5"), ct("1.1.2", 300, SliceThickness="0.6",
                                                       ImageType="DERIVED\\PRIMARY\\AXIAL")
    )  # fmt: skip
    made = rehearsed(two, changes=("IMAGE_TYPES_CT+=DERIVED\\PRIMARY\\AXIAL",))
    assert by_kind(made) == {"newly_taken": Count(1, 1, 300), "chosen_differently": Count(1, 1, 250)}


def test_radiography_goes_whole_here_too() -> None:
    views = [
        ct("1.1.1", 1, Modality="DX", ImageType="", SliceThickness="", BodyPartExamined="STND"),
        ct("1.1.2", 1, Modality="DX", ImageType="", SliceThickness="", BodyPartExamined=""),
    ]
    made = rehearsed(study("1.1", *views), changes=("KEYWORDS+=STND",))
    assert made.kinds["newly_taken"] == Count(2, 1, 2)
    assert made.kinds["newly_computed"] == Count(1, 1, 2)


def test_a_series_that_a_person_named_stays_taken() -> None:
    named = header(ct("1.1.1"), Verdict(True, "named", "", "a person named this series"), RECEPTION)
    made = rehearsed(JudgedStudy("1.1", "d", "A").with_headers([named]), changes=("KEYWORDS-=CHEST",))
    assert by_kind(made) == {}


def test_without_changes_the_rules_in_force_are_compared_with_what_was_decided() -> None:
    before = header(
        ct("1.1.1"), Verdict(False, "body part", "BodyPartExamined", "CHEST", rules="1-x"), RECEPTION
    )
    comparison = Comparison(None, SHIPPED)
    comparison.take(JudgedStudy("1.1", "2026-11-01").with_headers([before]))
    comparison.take(study("1.2", ct("1.2.1"), handed_over="1.2.1"))
    assert comparison.newly_computed == {"1.1": 100}
    assert by_kind(comparison.result()) == {
        "newly_taken": Count(1, 1, 100),
        "newly_computed": Count(1, 1, 100),
    }


def test_nothing_recorded() -> None:
    made = rehearsed(changes=("KEYWORDS+=STND",))
    assert (made.days, made.first, made.groups) == (0, "", ())


@pytest.mark.parametrize(
    ("told", "suggested"),
    [
        ({"BodyPartExamined": "STND"}, "KEYWORDS+=STND"),
        ({"BodyPartExamined": "", "SeriesDescription": "Th.inspir"}, "KEYWORDS+=Th.inspir"),
        ({"BodyPartExamined": "", "SeriesDescription": "X, thin"}, 'KEYWORDS+=["X, thin"]'),
        ({"SliceThickness": "8"}, "SLICE_THICKNESS_MAX=8"),
        ({"ImageType": "DERIVED\\PRIMARY\\AXIAL\\X"}, "IMAGE_TYPES_CT+=DERIVED\\PRIMARY\\AXIAL"),
        ({"Modality": "PT"}, "CT_MODALITIES+=PT"),
    ],
)
def test_what_was_filtered_comes_with_the_change_that_would_take_it(
    told: dict[str, str], suggested: str
) -> None:
    found = FilteredSeries()
    one = study("1.1", ct("1.1.1", 100, **told))
    found.take(one)
    (group,) = found.groups()
    assert (group.suggestion, group.device, group.series) == (suggested, "GE / CT3", 1)
    assert rehearsed(one, changes=(suggested,)).kinds["newly_taken"].series == 1


def test_too_few_instances_are_one_group() -> None:
    found = FilteredSeries()
    for number in (1, 2, 3):
        found.take(study(f"1.{number}", ct(f"1.{number}.1", instances=number)))
    (group,) = found.groups()
    assert (group.rule, group.series, group.suggestion) == ("min instances", 3, "MIN_INSTANCES_CT=1")
