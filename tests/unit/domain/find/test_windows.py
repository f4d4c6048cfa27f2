"""
Windows, their splits, what is asked when, and going live. Does not prove that a PACS behaves so; the find
matrix does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from pacs_module.domain.dicom.attributes import FoundStudy
from pacs_module.domain.find.caps import is_record, is_suspicious
from pacs_module.domain.find.go_live import Backlog
from pacs_module.domain.find.learned import LearnedTraits
from pacs_module.domain.find.schedule import FindSchedule, due_windows
from pacs_module.domain.find.windows import (
    Window,
    dimensions,
    halved_among,
    lost,
    not_honoured,
    overlap,
    seconds_of,
    split,
)
from pacs_module.domain.study.study import Study

DAY = date(2026, 11, 21)
BEFORE = date(2026, 11, 20)
NOON = datetime(2026, 11, 21, 12, 0)


@dataclass(frozen=True)
class Came:
    """A list of answers."""

    received: int | None
    cut: bool = False


def found(
    uid: str,
    time: str = "101500",
    accession: str = "A1",
    patient: str = "P1",
    modalities: tuple[str, ...] = ("CT",),
) -> FoundStudy:
    return FoundStudy("SIM", uid, "2026-11-21", time, accession, patient, "", modalities, 10)


@pytest.mark.parametrize(
    ("window", "query"),
    [
        (Window(DAY), {"StudyDate": "20261121"}),
        (Window(DAY, since=3600), {"StudyDate": "20261121", "StudyTime": "010000-235959"}),
        (Window(DAY, modality="CT"), {"StudyDate": "20261121", "ModalitiesInStudy": "CT"}),
        (Window(DAY, prefixes=(("PatientID", "10"),)), {"StudyDate": "20261121", "PatientID": "10*"}),
    ],
)
def test_the_query_of_a_window(window: Window, query: dict[str, str]) -> None:
    assert window.query() == query
    assert window.whole_day == (len(query) == 1)


@pytest.mark.parametrize(
    ("count", "caps", "suspicious"),
    [
        (0, (), False),
        (99, (), False),
        (100, (), True),
        (150, (), True),
        (137, (137,), True),
        (140, (137,), True),
        (136, (137,), False),
    ],
)
def test_which_numbers_are_suspicious(count: int, caps: tuple[int, ...], suspicious: bool) -> None:
    assert is_suspicious(Came(count), LearnedTraits(set(caps))) == suspicious


def test_a_list_that_the_pacs_cut_is_suspicious_and_its_round_numbers_are_not() -> None:
    """K12: where nobody knows how many came, that is no number."""
    says = LearnedTraits()
    assert is_suspicious(Came(None, cut=True), says)
    assert is_suspicious(Came(0, cut=True), says)
    says.take_length(None, cut=True)
    assert (says.caps, says.says_when_cut, says.longest) == (set(), True, 0)
    assert not is_suspicious(Came(100), says)
    assert not is_record(Came(130), says, 130)


@pytest.mark.parametrize(
    ("count", "longest", "doubtful"),
    [
        (130, 0, True),
        (130, 130, True),
        (131, 130, True),
        (129, 130, False),
        (9, 0, False),
        (10, 0, True),
        (10, 11, False),
        (0, 0, False),
    ],
)
def test_only_a_list_as_long_as_the_longest_may_end_at_a_silent_cap(
    count: int, longest: int, doubtful: bool
) -> None:
    assert is_record(Came(count), LearnedTraits(), longest) == doubtful
    assert not is_record(Came(count), LearnedTraits({100}), longest), "its cap is known"


def test_a_list_longer_than_a_learned_cap_takes_it_back_and_a_set_one_stays() -> None:
    learned = LearnedTraits({45, 100}, set(), (100,))
    learned.take_length(120, cut=False)
    assert (learned.caps, learned.longest) == ({100}, 120)


@pytest.mark.parametrize(
    ("dimension", "beside", "received", "ignored"),
    [
        ("time", 0, 100, False),
        ("time", 3, 100, False),
        ("time", 24, 100, False),
        ("time", 25, 100, True),
        ("time", 100, 100, True),
        ("AccessionNumber", 3, 100, False),
        ("AccessionNumber", 97, 100, True),
        ("PatientID", 5, 10, False),
        ("PatientID", 8, 10, True),
        ("time", 3, 4, False),
        ("modality", 1, 100, True),
        ("modality", 0, 100, False),
    ],
)
def test_a_key_is_ignored_where_the_whole_list_comes_again(
    dimension: str, beside: int, received: int, ignored: bool
) -> None:
    assert not_honoured(dimension, beside, received) == ignored


@pytest.mark.parametrize(
    ("times", "parts"),
    [
        (("080000", "090000"), ((0, 28800), (28801, 86399))),
        (("080000", "080000", "110000"), ((0, 28800), (28801, 86399))),
        (("080000", "110000", "110000"), ((0, 28800), (28801, 86399))),
        (("010000", "020000", "030000", "040000"), ((0, 7200), (7201, 86399))),
        (("080000", "080000"), ()),
        (("080000",), ()),
        (("080000", ""), ()),
        ((), ()),
    ],
)
def test_a_list_is_parted_where_its_studies_are(
    times: tuple[str, ...], parts: tuple[tuple[int, int], ...]
) -> None:
    halves = halved_among(Window(DAY), [found(f"1.{n}", time) for n, time in enumerate(times)])
    assert tuple((half.since, half.until) for half in halves) == parts


def test_halves_exclude_each_other_and_leave_nothing_out() -> None:
    first, second = split(Window(DAY), "time", [found("1")], ())
    assert (first.since, second.until) == (0, 86399)
    assert first.until + 1 == second.since
    assert [half.holds(found("1", "115959")) for half in (first, second)] == [True, False]
    assert [half.holds(found("1", "120000")) for half in (first, second)] == [False, True]
    assert split(Window(DAY, since=0, until=59), "time", [found("1")], ()) == ()
    assert split(Window(DAY), "time", [found("1", "")], ()) == (), (
        "a study without a time would be in no half"
    )


def test_modalities_and_prefixes() -> None:
    assert [part.modality for part in split(Window(DAY), "modality", [found("1")], ("CT", "DX"))] == [
        "CT",
        "DX",
    ]
    assert split(Window(DAY), "modality", [found("1", modalities=())], ("CT",)) == ()
    parts = split(Window(DAY), "PatientID", [found("1", patient="张1"), found("2", patient="7")], ())
    assert {"张*", "7*", "A*", "0*"} <= {part.query()["PatientID"] for part in parts}
    deeper = split(parts[0], "PatientID", [found("1", patient=parts[0].prefix("PatientID") + "5")], ())
    assert all(part.prefix("PatientID").startswith(parts[0].prefix("PatientID")) for part in deeper)
    assert split(Window(DAY), "AccessionNumber", [found("1", accession="")], ()) == ()


def test_the_name_that_differs_earliest_is_split_first() -> None:
    studies = [
        found("1", accession="A2611210001", patient="17"),
        found("2", accession="A2611210002", patient="95"),
    ]
    assert dimensions(Window(DAY), studies) == ("time", "modality", "PatientID", "AccessionNumber")


def test_what_tells_that_a_key_is_not_honoured() -> None:
    morning, evening = split(Window(DAY), "time", [found("1")], ())
    assert overlap([[found("1")], [found("1")]])
    assert not overlap([[found("1"), found("1")], [found("2")]]), (
        "an answer that comes twice in one part is only a duplicate"
    )
    assert lost([found("1", "080000")], {morning: [], evening: [found("2", "230000")]})
    assert not lost([found("1", "080000")], {morning: [found("1", "080000")], evening: []})


@pytest.mark.parametrize(
    ("time", "seconds"), [("000000", 0), ("235959", 86399), ("240000", None), ("", None), ("1015", None)]
)
def test_seconds_of_a_time(time: str, seconds: int | None) -> None:
    assert seconds_of(time) == seconds


def test_days_that_a_clock_asked_for_that_was_ahead_are_asked_for_at_once() -> None:
    asked = {DAY: NOON + timedelta(hours=1), BEFORE: NOON + timedelta(seconds=1)}
    assert due_windows([DAY, BEFORE], asked, (), NOON, FindSchedule()) == [Window(DAY), Window(BEFORE)]


def test_a_short_window_often_the_whole_day_and_the_day_before_less_often() -> None:
    schedule = FindSchedule(
        recent=timedelta(minutes=30), whole_day=timedelta(minutes=10), earlier_days=timedelta(hours=1)
    )
    asked = {DAY: NOON - timedelta(minutes=5), BEFORE: NOON - timedelta(minutes=59)}
    assert due_windows([DAY, BEFORE], asked, (), NOON, schedule) == [Window(DAY, since=11 * 3600 + 1800)]
    assert due_windows([DAY, BEFORE], asked, (), NOON + timedelta(minutes=5), schedule) == [
        Window(DAY),
        Window(BEFORE),
    ]
    assert due_windows([DAY, BEFORE], asked, {BEFORE}, NOON, schedule)[1:] == [Window(BEFORE)], (
        "its studies wait for a second count"
    )
    assert due_windows([DAY, BEFORE], {}, (), NOON, schedule) == [Window(DAY), Window(BEFORE)]
    shortly_after_midnight = datetime(2026, 11, 21, 0, 10)
    assert due_windows([DAY], {DAY: shortly_after_midnight}, (), shortly_after_midnight, schedule) == [
        Window(DAY)
    ]


def test_today_is_the_newest_day_wherever_it_stands() -> None:
    assert due_windows([BEFORE, DAY], {DAY: NOON, BEFORE: NOON}, (), NOON, FindSchedule()) == [Window(DAY)]


def test_without_time_ranges_each_round_asks_for_the_whole_day() -> None:
    assert due_windows([DAY], {DAY: NOON}, (), NOON, FindSchedule()) == [Window(DAY)]


def test_what_is_from_before_going_live_is_pulled_at_a_limited_rate() -> None:
    backlog = Backlog("2026-11-21 080000", per_hour=60)
    assert backlog.has(Study("1", study_date="2026-11-20", study_time="235959"))
    assert not backlog.has(Study("1", study_date="2026-11-21", study_time="080000"))
    assert not backlog.has(Study("1", study_date="2026-11-20", priority=4)), "a person asked for it"
    assert not Backlog().has(Study("1", study_date="2000-01-01"))
    assert backlog.next_slot(None, 5_000) == 5_000
    assert backlog.next_slot(5_000, 6_000) == 65_000
    assert backlog.next_slot(5_000, 90_000) == 90_000
