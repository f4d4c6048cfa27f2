"""
When a study counts as gone from a PACS, and when it is back. Which finds count is tested in
test_note_vanished.py.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pacs_module.domain.dicom.attributes import found_study
from pacs_module.domain.explain.story import story
from pacs_module.domain.find.vanished import (
    FINDS,
    LEAST,
    expected,
    gone_from,
    missed,
    nameless,
    present_at,
    seen_again,
)
from pacs_module.domain.instants import iso
from pacs_module.domain.pull.source_pacs import choose_pacs
from pacs_module.domain.study.history import Note
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.pacs_attributes import StudyNames
from pacs_module.domain.study.study import PULL, PacsCopy, Study

DAY = date(2020, 6, 18)
SPAN = LEAST // timedelta(milliseconds=1)


def study(**copies: PacsCopy) -> Study:
    pacs = copies or {"A": PacsCopy(100, iso(0))}
    return Study(
        "1.2.3", "2020-06-18", "080000", "A1", "P1", state=State.META_ONLY, pacs=pacs, due={PULL: 5_000}
    )


def test_it_takes_several_finds_and_some_minutes() -> None:
    one = study()
    assert [missed(one, "A", at) for at in (0, 1, 2, 3, SPAN - 1)] == [True, True, True, False, False]
    assert gone_from(one) == {}
    assert missed(one, "A", SPAN)
    assert gone_from(one) == {"A": iso(0)}
    assert one.history[-1].why.startswith(f"gone from A since {iso(0)}")
    assert not missed(one, "A", SPAN + 1), "said once, written once"
    assert one.state is State.META_ONLY
    assert one.due == {PULL: 5_000}


def test_minutes_alone_are_not_enough() -> None:
    one = study()
    assert [missed(one, "A", at * SPAN) for at in range(FINDS)] == [True] * FINDS
    assert one.pacs["A"].gone_at == iso((FINDS - 1) * SPAN)


def test_an_answer_in_between_begins_anew() -> None:
    one = study()
    assert missed(one, "A", 0)
    assert seen_again(one, "A", 1)
    assert one.history == [], "nobody was told that it was missing"
    assert not seen_again(one, "A", 2)
    assert one.pacs["A"] == PacsCopy(100, iso(0))


@pytest.mark.parametrize("state", [state for state in State if state is not State.NONE])
def test_what_is_back_is_noted_and_only_what_was_given_up_is_pulled_after_all(state: State) -> None:
    one = study()
    for at in range(FINDS):
        missed(one, "A", at * SPAN)
    one.state, one.attempts = state, 5
    assert seen_again(one, "A", 3 * SPAN)
    assert "back at the PACS" in [entry.event for entry in one.history]
    given_up = state is State.PULL_FAILED
    assert (one.state, one.attempts) == ((State.META_ONLY, 0) if given_up else (state, 5))


@pytest.mark.parametrize(
    ("changed", "told", "in_parts", "yes"),
    [
        ({}, {}, False, True),
        ({"study_date": "2020-06-17"}, {}, False, False),
        ({}, {"study_date": "2020-06-19"}, False, False),  # this PACS has always told another day
        ({}, {"study_time": "080000"}, True, True),
        ({}, {"study_date": "2020-06-18"}, True, False),  # it tells no time: in no part of the day
        ({"study_time": ""}, {}, True, False),
        ({"study_time": ""}, {}, False, True),
        ({"state": None}, {}, False, False),
        ({"state": State.UNPULLABLE}, {}, False, False),
        ({"state": State.COMPLETED}, {}, False, True),
    ],
)
def test_which_studies_a_day_should_bring(
    changed: dict[str, object], told: dict[str, str], in_parts: bool, yes: bool
) -> None:
    one = study(A=PacsCopy(100, iso(0), told=StudyNames(**told)))
    for name, value in changed.items():
        setattr(one, name, value)
    assert expected(one, "A", DAY, in_parts) is yes
    assert not expected(one, "B", DAY, in_parts)


def test_what_a_pacs_was_never_seen_to_have_is_not_missed_there() -> None:
    assert not expected(study(A=PacsCopy()), "A", DAY, in_parts=False)


@pytest.mark.parametrize(
    ("uid", "accession", "may_be"), [("", "A1", True), ("", "A2", False), ("1.2.4", "A1", False)]
)
def test_an_answer_without_a_uid_may_be_it(uid: str, accession: str, may_be: bool) -> None:
    told = {"StudyInstanceUID": uid, "AccessionNumber": accession, "PatientID": "P1"}
    assert nameless(study(), [found_study("A", told)]) is may_be


def test_it_is_moved_from_where_it_still_is() -> None:
    one = study(A=PacsCopy(300, iso(0), missing_at=iso(0), gone_at=iso(9)), B=PacsCopy(200, iso(0)))
    assert choose_pacs(one, {"A", "B"}, (), lambda names: names[0]) == "B"
    assert choose_pacs(one, {"A", "B"}, {"B"}, lambda names: names[0]) == "B"
    assert present_at(one) == ["B"]
    assert story(one, 0)["next"]["what"].endswith(f"; gone from A since {iso(0)}: not tried there")
    one.pacs["B"].gone_at = iso(10)
    assert choose_pacs(one, {"A", "B"}, (), lambda names: names[0]) == "A"
    told = story(one, 0)["next"]
    assert told["what"].endswith("no PACS has it; tried all the same, and anew when it is back")
    assert told["at"] == iso(5_000)
    one.state = State.COMPLETED
    assert f"gone from A since {iso(0)}, B since {iso(10)}" in story(one, 0)["next"]["what"]


def test_k07_a_study_that_comes_and_goes_for_days_leaves_one_pair_of_lines() -> None:
    one = study()
    one.note(Note.STABLE, "what came before stays", 0)
    for at in range(1, 401):
        missed(one, "A", 4 * at * SPAN)
        if at % 4 == 0:
            seen_again(one, "A", 4 * at * SPAN + 1)
    assert [entry.event for entry in one.history] == ["stable", "gone from the PACS", "back at the PACS"]
