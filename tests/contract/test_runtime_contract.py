"""
What every clock and every event log does, the shipped ones and the fakes of the tests.

Does not prove that CLOCK_BOOTTIME goes on while the machine sleeps: no test puts it to sleep.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pacs_module.adapters.machine import SystemClock
from pacs_module.cli.common import WarningsOnly
from pacs_module.ports import Clock, EventLog
from pacs_module.shared.logs import ContractLog
from tests.fakes.world import FakeClock, FakeLog

SHANGHAI, KIRITIMATI = (
    ZoneInfo("Asia/Shanghai"),
    ZoneInfo("Pacific/Kiritimati"),
)  # 8 and 14 hours ahead of UTC


@dataclass(frozen=True)
class ClockCase:
    """A clock under test, its zone, and how a moment passes on it."""

    clock: Clock
    zone: tzinfo
    pass_a_moment: Callable[[], None]


def system_clock(zone: ZoneInfo) -> ClockCase:
    clock = SystemClock(zone)

    def pass_a_moment() -> None:
        begun, end = clock.steady(), time.monotonic() + 10
        while clock.steady() == begun and time.monotonic() < end:
            time.sleep(0.001)

    return ClockCase(clock, zone, pass_a_moment)


def fake_clock() -> ClockCase:
    clock = FakeClock()
    return ClockCase(clock, UTC, lambda: clock.pass_seconds(0.001))


CLOCKS: dict[str, Callable[[], ClockCase]] = {
    "system in Shanghai": lambda: system_clock(SHANGHAI),
    "system on Kiritimati": lambda: system_clock(KIRITIMATI),
    "fake": fake_clock,
}


@pytest.fixture(params=CLOCKS)
def clock_case(request: pytest.FixtureRequest) -> ClockCase:
    return CLOCKS[request.param]()


def test_now_is_epoch_milliseconds(clock_case: ClockCase) -> None:
    now = clock_case.clock.now()
    assert type(now) is int
    assert date(2020, 1, 1) < datetime.fromtimestamp(now / 1000, UTC).date() < date(2200, 1, 1)


def test_today_is_the_date_of_now_in_the_hospitals_zone(clock_case: ClockCase) -> None:
    before = clock_case.clock.now()
    today = clock_case.clock.today()
    after = clock_case.clock.now()
    days = {
        datetime.fromtimestamp(moment / 1000, clock_case.zone).date() for moment in (before, after)
    }  # midnight passes
    assert today in days


def test_both_go_on_and_neither_goes_back(clock_case: ClockCase) -> None:
    clock = clock_case.clock
    now, steady = clock.now(), clock.steady()
    assert type(steady) is int
    for _ in range(3):
        clock_case.pass_a_moment()
        assert clock.steady() > steady
        assert clock.now() >= now
        now, steady = clock.now(), clock.steady()


def test_a_clock_that_is_set_leaves_the_steady_one_alone() -> None:
    clock = FakeClock()
    now, steady = clock.now(), clock.steady()
    clock.jump(-3600)
    assert (clock.now() - now, clock.steady() - steady) == (-3_600_000, 0)


@dataclass(frozen=True)
class LogCase:
    """
    A log under test, and what was kept of it: contract lines, and events with key, words, level and values.
    """

    log: EventLog
    lines: Callable[[], list[str]]
    events: Callable[[], list[tuple[str, str, str, dict[str, object]]]]


def contract_log(folder: Path) -> LogCase:
    log = ContractLog(folder, "dcm_end")

    def twin() -> list[dict[str, object]]:
        return [
            json.loads(line) for line in (folder / "dcm_end.jsonl").read_text(encoding="utf-8").splitlines()
        ]

    def events() -> list[tuple[str, str, str, dict[str, object]]]:
        own = {"at", "level", "event", "text"}
        return [
            (
                str(one["event"]),
                str(one["text"]),
                str(one["level"]),
                {k: v for k, v in one.items() if k not in own},
            )
            for one in twin()
            if "event" in one
        ]

    return LogCase(log, lambda: (folder / "dcm_end.log").read_text(encoding="utf-8").splitlines(), events)


def fake_log() -> LogCase:
    log = FakeLog()

    def events() -> list[tuple[str, str, str, dict[str, object]]]:
        pairs = zip(log.keys, log.events, strict=True)
        return [
            (key, words, str(told["level"]), {k: v for k, v in told.items() if k != "level"})
            for key, (words, told) in pairs
        ]

    return LogCase(log, lambda: log.lines, events)


@pytest.fixture(params=["contract", "fake"])
def log_case(request: pytest.FixtureRequest, tmp_path: Path) -> LogCase:
    return contract_log(tmp_path / "log") if request.param == "contract" else fake_log()


def test_lines_are_kept_letter_by_letter_in_their_order(log_case: LogCase) -> None:
    lines = [
        "find 2020-06-18 study list",
        "张三 胸部 ÐØ²¿",
        "filter because BodyPartExamined: HAND%s {} \\",
        "",
    ]
    for line in lines:
        log_case.log.line(line)
    assert log_case.lines() == lines
    assert log_case.events() == []


def test_events_keep_key_words_level_and_values(log_case: LogCase) -> None:
    log_case.log.event("find_failed", "find A failed")
    log_case.log.event(
        "records_differ", "the store lacks 张", "WARNING", number=2, studyUIDs=["1.2", "1.3"], why=None
    )
    assert log_case.lines() == []
    assert log_case.events() == [
        ("find_failed", "find A failed", "INFO", {}),
        (
            "records_differ",
            "the store lacks 张",
            "WARNING",
            {"number": 2, "studyUIDs": ["1.2", "1.3"], "why": None},
        ),
    ]


ODD: list[object] = [
    b"\xff", "half \ud83d", ValueError("x"), {1, 2}, float("nan"), Path("/x"), object(), {"a": {"b": [None]}},
    10**40,
]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_no_value_stops_whoever_tells(log_case: LogCase, value: object) -> None:
    log_case.log.event("odd", "told all the same", value=value)
    log_case.log.line(f"line {value}")
    assert [key for key, _, _, _ in log_case.events()] == ["odd"]
    assert len(log_case.lines()) == 1
    WarningsOnly().event("odd", "told all the same", "WARNING", value=repr(value).encode("ascii", "replace"))


def test_nothing_is_lost_when_several_threads_tell_at_once(log_case: LogCase) -> None:
    def tell(number: int) -> None:
        for place in range(50):
            log_case.log.line(f"{number} {place}")
            log_case.log.event("told", f"{number} {place}")

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    expected = sorted(f"{number} {place}" for number in range(4) for place in range(50))
    assert sorted(log_case.lines()) == expected
    assert sorted(words for _, words, _, _ in log_case.events()) == expected
