"""
The view models of the pages: what needs a person, the day in numbers, the list, one study, filters, the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.explain.listing import RowFilter, StudyRow, judged_of_day
from pacs_module.domain.explain.overview import Hour, arrivals, counts, latencies
from pacs_module.domain.explain.time_scale import time_scale
from pacs_module.domain.instants import iso
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.lifecycle import Event, State
from pacs_module.domain.study.study import PacsCopy, Study
from pacs_module.use_cases.show.filters import grouped
from pacs_module.use_cases.show.log import ShowLog
from pacs_module.use_cases.show.reconciliation import ShowReconciliation
from pacs_module.use_cases.show.studies import MOST_COUNTED, PAGE, ShowStudies
from pacs_module.use_cases.show.study import ShowStudy, allowed
from pacs_module.use_cases.show.today import MOST_SHOWN, Machine, Need, ShowToday
from tests.fakes.world import NOON, FakeClock

DAY = "2020-06-18"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def row(number: int, **values: Any) -> StudyRow:
    return StudyRow(f"1.2.{number}", DAY, **values)


# --- the day in numbers ---


def test_counts_tell_a_study_at_two_pacs_twice() -> None:
    made = counts([row(1, state="completed", pacs=("A", "B"), modality=("CT", "PR")), row(2, pacs=("A",))])
    assert [(one.value, one.number) for one in made.by_pacs] == [("A", 2), ("B", 1)]
    assert [(one.value, one.number) for one in made.by_state] == [("completed", 1), ("none", 1)]
    assert made.studies == 2


def test_arrivals_are_compared_with_days_that_had_any() -> None:
    at = [f"{DAY}T{hour:02}:10:00+00:00" for hour in (8, 8, 9)]
    made = arrivals(at, [at, [], at[:1]], local)
    assert made[8] == Hour(8, 2, 1, 1.5, 2)
    assert made[9] == Hour(9, 1, 0, 0.5, 1)
    assert arrivals(at, [[]], local)[8] == Hour(8, 2), "nothing to compare with is told as such"


def test_latencies_leave_out_what_has_not_come_and_what_grew_again() -> None:
    def took(seconds: float) -> StudyRow:
        return row(1, image_at=iso(NOON), pulled_at=iso(NOON + int(seconds * 1000)))

    made = {one.stage: one for one in latencies([took(2), took(10), took(-5), row(2)])}
    assert (made["pulled"].studies, made["pulled"].median, made["pulled"].longest) == (2, 6.0, 10.0)
    assert sum(made["pulled"].classes) == 2
    assert made["result"].studies == 0
    assert made["result"].median is None


@pytest.mark.parametrize(("studies", "ninth"), [(1, 1), (2, 2), (9, 9), (10, 9), (11, 10), (20, 18), (100, 90)])
def test_nine_of_ten_studies_took_no_longer(studies: int, ninth: float) -> None:
    rows = [
        row(1, image_at=iso(NOON), pulled_at=iso(NOON + seconds * 1000)) for seconds in range(1, studies + 1)
    ]
    made = {one.stage: one for one in latencies(rows)}
    assert made["pulled"].p90 == ninth


# --- today ---


def add(store: MemoryStore, uid: str, state: State, **values: Any) -> Study:
    study = Study(uid, DAY, state=state, changed_at=iso(NOON), **values)
    assert store.insert(study)
    return study


def today(store: MemoryStore, needs: tuple[Need, ...] = ()) -> ShowToday:
    return ShowToday(store, FakeClock(), local, lambda: Machine(needs=needs), timedelta(minutes=30))


def test_what_needs_a_person_comes_with_its_reason_the_machine_first() -> None:
    store = MemoryStore()
    add(store, "1.1", State.DEAD_LETTER, why="the backend said 422")
    add(store, "1.2", State.COMPLETED)
    add(store, "1.3", State.PULL_FAILED, why="5 attempts")
    add(store, "1.4", State.DEAD_LETTER)
    made = today(store, (Need("ram_disk", "", "full"),))()
    assert [need.kind for need in made.needs] == ["ram_disk", "dead_letter", "dead_letter", "pull_failed"]
    assert {(need.what, need.because, need.link) for need in made.needs if need.what == "1.1"} == {
        ("1.1", "the backend said 422", "/studies/1.1")
    }


@pytest.mark.parametrize(("minutes", "late"), [(29, False), (31, True)])
def test_a_result_that_is_late_needs_a_person(minutes: int, late: bool) -> None:
    store, received = MemoryStore(), iso(NOON - minutes * 60_000)
    add(store, "1.1", State.PULL_DATA_END, handovers=[HandOver("h", "1.1.1", 1, "/a", {}, received)])
    told = [(need.kind, need.because) for need in today(store)().needs]
    assert told == ([("late_result", "the backend has not accepted it yet")] if late else [])


def test_a_late_result_of_what_the_backend_took_says_so() -> None:
    store, received = MemoryStore(), iso(NOON - 31 * 60_000)
    item = HandOver("h", "1.1.1", 1, "/a", {}, iso(NOON - 90 * 60_000), accepted_at=received)
    add(store, "1.1", State.PULL_DATA_END, why="862 instances, COMPLETE", handovers=[item])
    later = HandOver("h2", "1.2.1", 1, "/a", {}, iso(NOON - 90 * 60_000), accepted_at=iso(NOON - 60_000))
    add(store, "1.2", State.PULL_DATA_END, handovers=[later])
    (need,) = today(store)().needs
    assert (need.because, need.since) == ("the backend has accepted it", received)


def test_an_old_trouble_is_not_told_for_ever() -> None:
    store = MemoryStore()
    assert store.insert(Study("1.9", "2020-06-01", state=State.DEAD_LETTER))
    assert today(store)().needs == ()


def test_a_late_result_is_not_hidden_behind_many_newer_studies() -> None:
    store = MemoryStore()
    for number in range(60):
        waited = 31 * 60_000 if number < 3 else 60_000
        item = HandOver("h", f"1.{number}.1", 1, "/a", {}, iso(NOON - waited))
        assert store.insert(
            Study(f"1.{number}", DAY, f"{number:06}", state=State.PULL_DATA_END, handovers=[item])
        )
    assert [need.what for need in today(store)().needs] == ["1.0", "1.1", "1.2"]


def test_all_that_needs_a_person_is_counted_though_not_all_is_shown() -> None:
    store = MemoryStore()
    for number in range(MOST_SHOWN + 5):
        add(store, f"1.{number}", State.PULL_FAILED)
    made = today(store, (Need("ram_disk", "", "full"),))()
    assert (len(made.needs), made.needing) == (MOST_SHOWN + 1, MOST_SHOWN + 6)


def test_earlier_weekdays_say_what_is_usual() -> None:
    store, week_ago = MemoryStore(), "2020-06-11"
    assert store.insert(Study("1.1", week_ago, first_seen_at=f"{week_ago}T08:10:00+00:00"))
    made = today(store)()
    assert made.usual_days == (week_ago,)
    assert made.arrivals[8] == Hour(8, 0, 1, 1, 1)


# --- the list ---


def test_pages_follow_one_another_without_gap() -> None:
    store = MemoryStore()
    for number in range(PAGE + 3):
        assert store.insert(Study(f"1.{number:03}", DAY))
    show = ShowStudies(store)
    first = show(RowFilter())
    second = show(RowFilter(), after=first.next)
    assert (len(first.rows), len(second.rows), second.next) == (PAGE, 3, None)
    assert len({one.study_uid for one in (*first.rows, *second.rows)}) == PAGE + 3
    assert (first.found, first.more_than_counted) == (PAGE + 3, False)
    assert MOST_COUNTED > PAGE


# --- one study ---


class Images:
    """An Orthanc that answers, or does not."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def preview(self, series_uid: str) -> bytes | None:
        return None

    def reception(self, study_uid: str) -> Mapping[str, Any] | None:
        told: Mapping[str, Any] = self._answer({"state": "open"})
        return told

    def patient_name(self, study_uid: str) -> str:
        return str(self._answer("DOE^JANE"))

    def _answer(self, value: Any) -> Any:
        if self.error is not None:
            raise self.error
        return value


def show_study(store: MemoryStore, images: Images) -> ShowStudy:
    return ShowStudy(store, FakeClock(), images, dict, dict)


def test_a_name_is_told_only_where_the_site_shows_names() -> None:
    store = MemoryStore()
    add(store, "1.1", State.PULL_DATA)
    without, with_name = show_study(store, Images())("1.1"), show_study(store, Images())("1.1", True)
    assert without is not None
    assert with_name is not None
    assert (without.patient_name, with_name.patient_name) == ("", "DOE^JANE")
    assert without.reception == {"state": "open"}


def test_an_orthanc_that_is_away_costs_only_its_part_of_the_page() -> None:
    store = MemoryStore()
    add(store, "1.1", State.PULL_DATA)
    view = show_study(store, Images(RetriableError("away")))("1.1", True)
    assert view is not None
    assert (view.patient_name, view.reception) == ("", {})
    assert show_study(store, Images())("9.9") is None


def test_only_what_the_state_allows_is_offered() -> None:
    assert allowed(Study("1", state=None)) == ("redo", "priority")
    assert allowed(Study("1", state=State.PULL_DATA)) == ("redo", "cancel", "done", "priority")


def test_the_time_line_is_drawn_to_scale() -> None:
    study = Study("1.1", DAY, first_seen_at=iso(NOON), pacs={"A": PacsCopy(1)})
    study.apply(Event.WANTED, "", NOON)
    study.saw("A", 2, NOON)
    study.saw("A", 3, NOON + 25_000)
    study.pull_now(NOON + 25_000)
    scale = time_scale(study, NOON + 100_000)
    assert scale is not None
    assert scale.seconds == 100
    assert [(span.kind, span.left, span.width) for span in scale.spans] == [("seen", 0, 25), ("line", 25, 75)]
    assert time_scale(Study("1.2"), NOON) is None


# --- filters, log, reports ---


def test_what_was_filtered_is_counted_by_value_and_study() -> None:
    def dropped(value: str, device: str, series: int = 1) -> list[Any]:
        return ["filtered", "body part", "BodyPartExamined", value, "CT", device, series]

    taken = ["handed over", "all", "", "", "CT", "CT-3", 1]
    days = (
        [("1", (dropped("THX", "CT-3", 2), dropped("THX", ""), taken))],
        [("2", (dropped("HEAD", "CT-1"), dropped("THX", "CT-3")))],
    )
    made = grouped(group for day in days for group in judged_of_day(day))
    assert [(one.value, one.series, one.studies, one.examples) for one in made] == [
        ("THX", 4, 2, ["1", "2"]),
        ("HEAD", 1, 1, ["2"]),
    ]
    assert made[0].devices == {"CT-3": 3, "": 1}
    assert made[0].suggestion == "KEYWORDS+=THX"


class Tail:
    def __init__(self, **files: list[str]) -> None:
        self.files = files

    def tail(self) -> Mapping[str, list[str]]:
        return self.files


def test_a_log_line_that_was_cut_is_left_out() -> None:
    lines = [
        '{"at": "2", "level": "ERROR", "text": "b"}',
        '{"at": "1", "line": "a"}',
        '{"at": "3", "te',
        "[]",
        "",
    ]
    view = ShowLog(Tail(dcm_end=lines))()
    assert [line.words for line in view.lines] == ["b", "a"]
    assert [line.words for line in ShowLog(Tail(dcm_end=lines))(level="WARNING").lines] == ["b", "a"], (
        "a contract line has no level of its own to be dropped by"
    )


class Reports:
    def days(self) -> list[Any]:
        return []

    def read(self, day: Any) -> None:
        return None


def test_without_a_report_the_page_says_so() -> None:
    view = ShowReconciliation(Reports())(None)
    assert (view.report, view.trend, view.lines) == (None, (), ())
