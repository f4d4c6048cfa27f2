"""
K7: several rows for one UID, and values that a PACS tells in turn: one answer, no delay for ever, no line a
find.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pacs_module.domain.dicom.attributes import FoundStudy, Sighting
from pacs_module.domain.find.merging import merged
from pacs_module.domain.find.sighting import new_study, see
from pacs_module.domain.find.stability import StabilityPolicy, judge_stability
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PULL, Study

SITE, COUNT = Switches(), StabilityPolicy()
SECOND, HOUR = 1_000, 3_600_000
ROW = FoundStudy("A", "1.2.3", "2020-06-12", "101500", "ACC", "PID", "Thorax", ("CT",), 300)


def row(count: int | None = 300, **changed: Any) -> FoundStudy:
    return replace(ROW, count=count, **changed)


@pytest.mark.parametrize(
    ("rows", "one"),
    [
        ([row()], row()),
        ([row(300), row(2)], row(300)),
        ([row(None), row(2)], row(2)),
        ([row(None), row(None)], row(None)),
        ([row(300, modalities=("CT",)), row(2, modalities=("SR",))], row(300, modalities=("CT", "SR"))),
        ([row(modalities=("CT", "PR")), row(modalities=())], row(modalities=("CT", "PR"))),
        ([row(study_description=""), row()], row()),
        ([row(study_time=""), row(study_time="120000"), row()], row(study_time="101500")),
        ([row(accession_number="B"), row(accession_number="A")], row(accession_number="A")),
        ([row(12), row(12), row(12)], row(12)),
        # Date and time of one row: nothing was made at 08:00 of the 12th.
        ([row(), row(study_date="2020-06-13", study_time="080000")], row()),
        ([row(study_time=""), row(study_date="2020-06-13", study_time="080000")], row(study_time="")),
        ([row(study_time=""), row(study_date="", study_time="080000")], row(study_time="080000")),
        ([row(study_date="", study_time="080000"), row(study_date="2020-06-13")],
         row(study_date="2020-06-13")),
    ],
)  # fmt: skip
def test_the_rows_of_a_study_are_one_answer_in_whichever_order(
    rows: list[FoundStudy], one: FoundStudy
) -> None:
    for order in itertools.permutations(rows):
        assert merged(order) == [one]


def test_rows_without_a_uid_are_told_apart_by_what_else_names_them() -> None:
    nameless = row(study_uid="")
    rows = [
        replace(nameless, accession_number=number, count=count)
        for number, count in (("1", 3), ("2", 3), ("1", 9))
    ]
    assert [one.accession_number for one in merged(rows)] == ["1", "2"]
    assert len(merged([row(), replace(ROW, pacs="B")])) == 2, "each PACS has its own"


def seen(*counts: int | None, every: int = SECOND) -> list[Sighting]:
    return [Sighting(number * every, "A", count) for number, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("counts", "stable"),
    [
        ((300, 2, 300), True),
        ((2, 300, 2), False),
        ((2, 300, 2, 300), True),
        ((300, 2, 300, 2), True),
        ((300, None, 300), True),
        ((280, 2, 300), False),
        ((300, 298), False),
        ((300, 298, 298), True),
        ((100, 200, 300), False),
        ((300, 2, 150, 300), True),
        ((1, 2, 3, 2, 1), False),
    ],
)
def test_the_largest_number_told_twice_is_enough(counts: tuple[int | None, ...], stable: bool) -> None:
    assert judge_stability(seen(*counts), COUNT, len(counts) * SECOND).stable is stable


def test_never_the_same_number_twice_and_never_a_larger_one_is_stable_after_the_delay() -> None:
    sightings = seen(300, 17, 4, 209, 31, every=200 * SECOND)
    assert not judge_stability(sightings, COUNT, 599 * SECOND).stable
    judged = judge_stability(sightings, COUNT, 600 * SECOND)
    assert (judged.stable, judged.why) == (True, "never more than 300 instances for 0:10:00")


@pytest.mark.parametrize("seed", range(12))
def test_flapping_counts_delay_no_pull_for_ever(seed: int) -> None:
    """Whatever a PACS tells of a study that has come: pulled by the delay at the latest."""
    rng = random.Random(seed)
    counts = [rng.choice((300, 2, 150, 299, None, 77)) for _ in range(700)]
    study = new_study(row(counts[0]), 0, SITE)
    for number, count in enumerate(counts):
        if study.due.get(PULL, number * SECOND + 1) <= number * SECOND:
            break
        see(study, row(count), number * SECOND, COUNT, SITE)
    assert study.due[PULL] <= 601 * SECOND
    assert study.state is State.META_ONLY


def written(study: Study, answers: list[FoundStudy], every: int = 10 * SECOND) -> int:
    """How many of these finds wrote something."""
    return sum(
        see(study, answer, (number + 1) * every, COUNT, SITE).changed for number, answer in enumerate(answers)
    )


@pytest.mark.parametrize(
    "values",
    [(300, 2), (300, 298), (300, None), (2, 300), (300, 2, 150), (10, 20, 30, 40), (300, 299, 298, 297)],
)
def test_counts_told_in_turn_are_written_a_few_times_and_no_more(values: tuple[int | None, ...]) -> None:
    study = new_study(row(max(value or 0 for value in values)), 0, SITE)
    study.state, study.baseline = State.COMPLETED, 300
    lines = len(study.history)
    answers = [row(value) for value, _ in zip(itertools.cycle(values), range(400), strict=False)]
    assert written(study, answers) <= 2 * len(values) + 1
    assert study.count == max(value or 0 for value in values)
    assert (len(study.history), study.state) == (lines, State.COMPLETED)


def test_a_count_that_falls_for_good_is_taken() -> None:
    study = new_study(row(300), 0, SITE)
    written(study, [row(290), row(300), row(290), row(290)])
    assert study.count == 290


NAMES = [
    ("patient_id", "OLD1", "NEW1"),
    ("patient_id", "P", "P1"),
    ("accession_number", "A1", "A2"),
    ("study_date", "2020-06-11", "2020-06-12"),
    ("study_time", "080000", "200000"),
    ("study_description", "CHEST", "Thorax"),
]


def named(name: str, value: str) -> FoundStudy:
    changed: dict[str, Any] = {name: value}
    return replace(ROW, **changed)


@pytest.mark.parametrize(("name", "first", "second"), NAMES)
def test_names_told_in_turn_are_noted_once(name: str, first: str, second: str) -> None:
    answers = [
        named(name, value) for value, _ in zip(itertools.cycle((first, second)), range(400), strict=False)
    ]
    study = new_study(answers[0], 0, SITE)
    study.state, study.baseline = State.COMPLETED, 300
    lines = len(study.history)
    assert written(study, answers) <= 3
    assert [entry.event for entry in study.history[lines:]] == ["corrected at the PACS", "told in turn"]
    assert getattr(study, name) == second


@pytest.mark.parametrize(("name", "first", "second"), NAMES)
def test_a_correction_that_is_corrected_later_is_taken(name: str, first: str, second: str) -> None:
    study = new_study(named(name, first), 0, SITE)
    for at, value in ((0, first), (HOUR, second), (2 * HOUR, second), (26 * HOUR, first), (27 * HOUR, first)):
        see(study, named(name, value), at, COUNT, SITE)
    assert getattr(study, name) == first


def test_what_was_told_in_turn_and_then_stands_is_taken_after_a_day() -> None:
    study = new_study(row(patient_id="A"), 0, SITE)
    for number in range(20):
        see(study, row(patient_id="AB"[number % 2]), number * SECOND, COUNT, SITE)
    assert study.patient_id == "B"
    see(study, row(patient_id="A"), 25 * HOUR, COUNT, SITE)
    assert study.patient_id == "A"


def test_an_empty_name_in_every_other_answer_is_nothing() -> None:
    study = new_study(row(), 0, SITE)
    study.state, study.baseline = State.COMPLETED, 300
    answers = [row(study_description="" if number % 2 else "Thorax") for number in range(40)]
    assert written(study, answers) <= 1
    assert study.study_description == "Thorax"


def test_the_delay_counts_from_the_largest() -> None:
    """Growth begins it anew."""
    growing = [Sighting(number * 100 * SECOND, "A", 100 * number + 1) for number in range(7)]
    assert not judge_stability(growing, COUNT, 600 * SECOND).stable
    assert StabilityPolicy().delay == timedelta(minutes=10)


@pytest.mark.parametrize("name", ["study_time", "study_description", "accession_number", "patient_id"])
@pytest.mark.parametrize("values", [6, 10, 2_000])
def test_a_name_with_many_values_or_another_in_every_find_is_noted_a_few_times(
    name: str, values: int
) -> None:
    """Some PACS put the time of the question, or a number of the answer, into a text."""
    answers = [named(name, f"{number % values:06d}") for number in range(2_000)]
    study = new_study(answers[0], 0, SITE)
    study.state, study.baseline = State.COMPLETED, 300
    lines = len(study.history)
    assert written(study, answers) <= 6
    assert [entry.event for entry in study.history[lines:]] == ["corrected at the PACS"] * 4 + [
        "told in turn"
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_count_that_is_another_one_in_every_find_is_written_a_few_times(seed: int) -> None:
    rng = random.Random(seed)
    study = new_study(row(300), 0, SITE)
    study.state, study.baseline = State.COMPLETED, 300
    lines = len(study.history)
    assert written(study, [row(rng.randrange(1, 300)) for _ in range(2_000)]) <= 20
    assert len(study.history) == lines
    falling = [row(count) for count in range(300, 1, -1)]
    assert written(study, falling) <= 6


def test_a_count_that_fell_often_is_taken_after_a_day() -> None:
    study = new_study(row(300), 0, SITE)
    written(study, [row(count) for count in (300, 1, 299, 2, 298, 3, 297, 4, 296, 5, 295, 200)])
    assert study.count != 200
    see(study, row(200), 25 * HOUR, COUNT, SITE)
    assert study.count == 200
