"""The plan of a day and its ground truth."""

import datetime as dt
from collections import Counter
from dataclasses import replace

import pytest

from hospital_sim.day import DayPlan, plan_day
from hospital_sim.planned_study import Content, PlannedSeries, PlannedStudy, expected_series, stable_uid

DATE = dt.date(2026, 11, 21)
KEYWORDS = ("CHEST", "THORAX", "LUNG", "PULMO", "胸", "肺")


@pytest.fixture(params=["demo", "small"])
def plan(request: pytest.FixtureRequest) -> DayPlan:
    return plan_day(request.param, DATE)


def series_of(plan: DayPlan) -> list[tuple[PlannedStudy, PlannedSeries]]:
    return [(study, one) for study in plan.studies for one in study.series]


def is_chest(study: PlannedStudy, one: PlannedSeries) -> bool:
    """
    The product's keyword rule, written once more so that the plan is checked by other code than it was made
    by.
    """
    if one.body_part:
        return any(word in one.body_part.upper() for word in KEYWORDS)
    text = " ".join((one.protocol, study.description, one.description)).upper()
    for repaired in (text, repair(study.description) + repair(one.description)):
        if any(word in repaired for word in KEYWORDS):
            return True
    return False


def repair(text: str) -> str:
    try:
        return text.encode("latin-1").decode("gbk")
    except UnicodeError:
        return text


def test_the_demo_day_keeps_to_its_limits() -> None:
    plan = plan_day("demo", DATE)
    assert len(plan.studies) <= 20
    assert 1800 <= plan.instances <= 2300
    assert {study.matrix for study in plan.studies} == {512}


def test_the_small_day_is_small() -> None:
    plan = plan_day("small", DATE)
    assert 6 <= len(plan.studies) <= 8
    assert plan.instances <= 200
    assert max(one.instances for _, one in series_of(plan)) <= 32


def test_the_demo_day_holds_every_kind() -> None:
    plan = plan_day("demo", DATE)
    chest_makers = {
        study.device.manufacturer for study in plan.studies if study.wanted and "chest CT" in study.label
    }
    assert chest_makers == {"SIEMENS", "GE MEDICAL SYSTEMS", "Philips", "Canon Medical Systems", "UIH"}
    assert {one.modality for _, one in series_of(plan)} == {"CT", "SR", "PR", "DX", "CR", "MG", "MR"}
    assert {one.content for _, one in series_of(plan)} == set(Content) - {Content.OTHER}  # only in busy days
    assert {study.character_set for study in plan.studies} == {"GB18030", "ISO_IR 192"}


def test_same_seed_same_plan_and_another_seed_another(plan: DayPlan) -> None:
    assert plan_day(plan.kind, DATE) == plan
    other = plan_day(plan.kind, DATE, seed=2)
    assert not {study.uid for study in plan.studies} & {study.uid for study in other.studies}


def test_the_time_of_day_does_not_change_uids(plan: DayPlan) -> None:
    later = plan_day(plan.kind, DATE, now=dt.time(18, 30))
    assert [study.uid for study in later.studies] == [study.uid for study in plan.studies]


@pytest.mark.parametrize("now", [dt.time(0, 0), dt.time(0, 3), dt.time(23, 59)])
def test_study_times_lie_on_the_date_and_before_now(now: dt.time) -> None:
    for study in plan_day("demo", DATE, now=now).studies:
        assert study.started_at.date() == DATE
        assert study.started_at.time() <= now


def test_uids_are_unique_and_valid(plan: DayPlan) -> None:
    uids = [study.uid for study in plan.studies] + [one.uid for _, one in series_of(plan)]
    assert len(set(uids)) == len(uids)
    assert all(len(uid) <= 64 for uid in uids)


def test_parts_hold_every_image_once(plan: DayPlan) -> None:
    sent: Counter[tuple[str, int]] = Counter()
    for part in plan.parts:
        for piece in part.slices:
            sent.update((piece.series.uid, index) for index in range(piece.begin, piece.end))
    assert set(sent.values()) == {1}
    assert len(sent) == plan.instances


def test_a_growing_study_comes_in_three_parts_with_others_between(plan: DayPlan) -> None:
    order = [part.study.uid for part in plan.parts]
    growing = [uid for uid, count in Counter(order).items() if count == 3]
    assert len(growing) == 1
    places = [index for index, uid in enumerate(order) if uid == growing[0]]
    assert places[1] > places[0] + 1
    assert places[2] > places[1] + 1
    assert all(plan.parts[place].pause >= dt.timedelta(seconds=2) for place in places[1:])


def test_ground_truth_agrees_with_the_filter_rules(plan: DayPlan) -> None:
    for study in plan.studies:
        passing = [
            one
            for one in study.series
            if is_chest(study, one)
            and (
                one.modality in ("DX", "CR")
                or (
                    one.modality == "CT"
                    and {"ORIGINAL", "PRIMARY"} <= set(one.image_type)
                    and {"AXIAL", "HELICAL"} & set(one.image_type)
                    and (one.thickness_mm or 0) <= 5.0
                    and one.instances >= 10
                )
            )
        ]
        assert bool(passing) == study.wanted, study.label
        assert set(study.expected_series) <= {one.uid for one in passing}, study.label


def test_of_two_equally_thin_series_the_soft_kernel_is_expected(plan: DayPlan) -> None:
    pairs = 0
    for study in plan.studies:
        thin = {
            one.content: one for one in study.series if one.content in (Content.THIN_SOFT, Content.THIN_SHARP)
        }
        if len(thin) == 2:
            soft, sharp = thin[Content.THIN_SOFT], thin[Content.THIN_SHARP]
            assert (soft.instances, soft.thickness_mm) == (sharp.instances, sharp.thickness_mm)
            assert soft.kernel != sharp.kernel
            assert study.expected_series == (soft.uid,)
            pairs += 1
    assert pairs >= 2


def test_thinner_beats_more_images_and_more_images_beat_the_kernel() -> None:
    study = plan_day("demo", DATE).studies[0]
    thick, soft, sharp = study.series[1], study.series[2], study.series[3]
    assert expected_series((replace(thick, instances=999), soft)) == (soft.uid,)
    assert expected_series((soft, replace(sharp, instances=soft.instances + 1))) == (sharp.uid,)


def test_the_damaged_description_is_c3_90_c3_98_in_utf8() -> None:
    study = next(one for one in plan_day("small", DATE).studies if "damaged" in one.label)
    assert study.description.encode("utf-8").startswith(b"\xc3\x90\xc3\x98")
    assert study.description.encode("latin-1").decode("gbk") == "胸部平扫"


def test_an_unknown_day_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown day 'huge'; allowed: demo, small"):
        plan_day("huge", DATE)


def test_stable_uid_has_a_known_form() -> None:
    assert stable_uid("a").startswith("2.25.")
    assert stable_uid("a") == stable_uid("a") != stable_uid("b")
