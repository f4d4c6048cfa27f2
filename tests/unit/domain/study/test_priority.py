"""The order of pulls (M13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.instants import iso
from pacs_module.domain.study.priority import (
    BACKLOG,
    EMERGENCY,
    GREEN_CHANNEL,
    HEAD_START,
    MANUAL,
    ROUTINE,
    Ageing,
    turn,
)
from pacs_module.domain.study.study import Study, effective_priority
from tests.support.pull_order import pull_key

HOUR = 3_600_000
NOON = int(datetime(2020, 6, 18, 12, tzinfo=UTC).timestamp() * 1000)
AGEING = Ageing(timedelta(hours=1))


def test_priority_first_then_the_oldest_study() -> None:
    new = Study("new", study_date="2020-06-13", study_time="080000")
    old = Study("old", study_date="2020-06-12", study_time="235900")
    older = Study("older", study_date="2020-06-12", study_time="080000")
    by_priority = [
        Study(str(priority), study_date="2020-06-14", priority=priority)
        for priority in (ROUTINE, GREEN_CHANNEL, EMERGENCY, MANUAL)
    ]
    in_order = sorted([*by_priority, new, old, older], key=lambda study: pull_key(study, NOON, AGEING))
    assert [study.study_uid for study in in_order] == ["4", "2", "1", "older", "old", "new", "0"]


@pytest.mark.parametrize(
    ("priority", "backlog", "hours", "expected"),
    [
        (ROUTINE, False, 0.99, ROUTINE),
        (ROUTINE, False, 1, GREEN_CHANNEL),
        (ROUTINE, False, 1000, GREEN_CHANNEL),
        (ROUTINE, True, 0, BACKLOG),
        (ROUTINE, True, 0.99, BACKLOG),
        (ROUTINE, True, 1, GREEN_CHANNEL),
        (GREEN_CHANNEL, False, 1000, GREEN_CHANNEL),
        (EMERGENCY, False, 1000, EMERGENCY),
        (MANUAL, True, 1000, MANUAL),
        (ROUTINE, True, -5, BACKLOG),
    ],
)
def test_waiting_raises_by_a_class_and_never_to_an_emergency(
    priority: int, backlog: bool, hours: float, expected: int
) -> None:
    study = Study("1", priority=priority, backlog=backlog, waits_since_at=iso(NOON))
    assert effective_priority(study, NOON + int(hours * HOUR), AGEING) == expected


def test_what_does_not_wait_does_not_age() -> None:
    assert effective_priority(Study("1"), NOON, AGEING) == ROUTINE


def test_a_study_found_late_is_at_most_a_day_older_than_it_has_waited() -> None:
    assert turn("2020-06-18", "080000", iso(NOON)) == f"2020-06-18 080000 {iso(NOON)}"
    assert turn("2012-01-01", "080000", iso(NOON)) == f"2020-06-17 120000 {iso(NOON)}"
    assert turn("", "", iso(NOON)) == f"2020-06-17 120000 {iso(NOON)}"
    assert turn("2020-06-18", "", "") == "2020-06-18 000000"


@pytest.mark.parametrize("study_time", ["080000", ""])
def test_of_studies_with_one_time_the_one_that_has_waited_longest_comes_first(study_time: str) -> None:
    """Whatever their UIDs: else one would wait as long as others with the same time go on coming."""
    waits = {"9": NOON, "1": NOON + 1, "5": NOON + 2}
    studies = [
        Study(uid, study_date="2020-06-18", study_time=study_time, waits_since_at=iso(at))
        for uid, at in waits.items()
    ]
    in_order = sorted(studies, key=lambda study: pull_key(study, NOON + 3, AGEING))
    assert [study.study_uid for study in in_order] == ["9", "1", "5"]


@given(st.integers(0, 10_000), st.sampled_from([ROUTINE, GREEN_CHANNEL]), st.booleans())
def test_nothing_starves_whatever_comes_after_it_in_time_goes_after_it(
    days_old: int, priority: int, backlog: bool
) -> None:
    """
    A routine study that has aged stands before every automatic one that begins to wait a day after its own
    turn.
    """
    mine = Study(
        "mine", study_date="2020-06-18", study_time="110000", waits_since_at=iso(NOON), backlog=backlog
    )
    late = NOON + int(HEAD_START.total_seconds() * 1000) + 2 * HOUR
    taken = datetime.fromtimestamp(late / 1000, UTC) - timedelta(days=days_old)
    other = Study(
        "other",
        study_date=f"{taken:%Y-%m-%d}",
        study_time=f"{taken:%H%M%S}",
        priority=priority,
        waits_since_at=iso(late),
    )
    assert pull_key(mine, late, AGEING) < pull_key(other, late, AGEING)
