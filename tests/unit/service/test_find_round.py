"""
One PACS's rounds: which windows, what a failure does to the circuit, and that looks come after the finds.

The finds themselves are in tests/unit/use_cases.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from pacs_module.adapters.metrics import FindMetrics
from pacs_module.domain.errors import PermanentError, PipelineError, RetriableError, StoreAway
from pacs_module.domain.find.schedule import FindSchedule
from pacs_module.domain.find.windows import Window
from pacs_module.service.find_round import FindLoop
from pacs_module.use_cases.find.find_studies import FindResult, FindStudies
from tests.fakes.world import FakeLog

TODAY = date(2020, 6, 18)
YESTERDAY = TODAY - timedelta(days=1)


class Finds:
    """In place of the use case: answers or fails by day."""

    def __init__(self) -> None:
        self.asked: list[Window] = []
        self.errors: dict[date, PipelineError] = {}
        self.result = FindResult(stable=0, undecided=0, complete=True, answers=5, queries=1)

    def __call__(self, pacs: str, window: Window) -> FindResult:
        self.asked.append(window)
        if window.day in self.errors:
            raise self.errors[window.day]
        return self.result


class World:
    """A loop and what it does."""

    def __init__(self) -> None:
        self.now = datetime(2020, 6, 18, 12)
        self.finds, self.log, self.metrics = Finds(), FakeLog(), FindMetrics()
        self.unreachable: set[str] = set()
        self.woken = 0
        self.looks: list[int | PipelineError | None] = []
        find: FindStudies = self.finds  # type: ignore[assignment]
        self.loop = FindLoop(
            "A", find, lambda: [TODAY, YESTERDAY], lambda: self.now, FindSchedule(), self.log, self.metrics,
            self.unreachable,
            self.wake, self.look,
        )  # fmt: skip

    def wake(self) -> None:
        self.woken += 1

    def look(self, pacs: str) -> int | None:
        assert self.finds.asked, "looks come after the finds"
        told = self.looks.pop(0) if self.looks else None
        if isinstance(told, PipelineError):
            raise told
        return told

    def round(self) -> list[Window]:
        self.finds.asked.clear()
        self.loop()
        return self.finds.asked

    def metric(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"pacs": "A"})


@pytest.fixture
def world() -> World:
    return World()


def test_today_in_each_round_and_yesterday_now_and_then(world: World) -> None:
    assert world.round() == [Window(TODAY), Window(YESTERDAY)]
    assert world.round() == [Window(TODAY)]
    world.now += timedelta(minutes=1)
    assert world.round() == [Window(TODAY), Window(YESTERDAY)]


def test_a_day_with_undecided_studies_is_asked_again_at_once(world: World) -> None:
    world.finds.result = FindResult(stable=0, undecided=1, complete=True, answers=5, queries=1)
    world.round()
    assert world.round() == [Window(TODAY), Window(YESTERDAY)]


def test_a_pacs_that_does_not_answer_opens_the_circuit_and_the_other_windows_are_tried(world: World) -> None:
    world.finds.errors = {TODAY: RetriableError("away"), YESTERDAY: RetriableError("away")}
    with pytest.raises(RetriableError, match="away"):
        world.round()
    assert [window.day for window in world.finds.asked] == [TODAY, YESTERDAY]
    assert world.loop.circuit == "open"
    assert world.unreachable == {"A"}
    assert world.metric("aipull_pacs_reachable") == 0
    world.finds.errors = {}
    world.round()
    assert world.loop.circuit == "closed"
    assert world.unreachable == set()
    assert [what for what, _ in world.log.events] == ["circuit of A is open", "circuit of A is closed"]


def test_answers_that_cannot_be_read_say_nothing_against_the_pacs(world: World) -> None:
    world.finds.errors = {YESTERDAY: PermanentError("HTTP 400")}
    with pytest.raises(PermanentError):
        world.round()
    assert world.loop.circuit == "closed"
    assert world.unreachable == set()
    assert world.metric("aipull_find_failures_total") == 1


def test_a_store_that_is_away_says_nothing_against_the_pacs(world: World) -> None:
    world.finds.errors = {TODAY: StoreAway("MongoDB: connection closed")}
    with pytest.raises(StoreAway):
        world.round()
    assert world.loop.circuit == "closed"
    assert world.unreachable == set()
    assert world.log.events == []


def test_stable_studies_wake_the_pulls(world: World) -> None:
    world.round()
    assert world.woken == 0
    world.finds.result = FindResult(stable=2, undecided=0, complete=False, answers=5, queries=3)
    world.round()
    assert world.woken == 1
    assert world.loop.capped
    assert world.metric("aipull_find_queries_total") == 5


def test_looks_follow_the_finds_until_none_is_due(world: World) -> None:
    world.looks = [1, 0, 3, None, 1]
    world.round()
    assert world.looks == [1]
    assert world.metric("aipull_find_queries_total") == 2 + 4


def test_a_round_makes_so_many_looks_at_most(world: World) -> None:
    world.looks = [1] * 20
    world.round()
    assert len(world.looks) == 20 - world.loop.max_checks


def test_a_look_that_fails_is_told_and_does_no_more_harm(world: World) -> None:
    world.looks = [RetriableError("silence"), 1]
    world.round()
    assert world.looks == [1], "not another one in this round"
    assert world.loop.circuit == "closed"
    assert world.unreachable == set()
    assert world.log.events == [("look again failed", {"level": "WARNING", "pacs": "A", "error": "silence"})]


def test_a_pacs_that_is_away_is_not_looked_into(world: World) -> None:
    world.finds.errors = {TODAY: RetriableError("away"), YESTERDAY: RetriableError("away")}
    world.looks = [1]
    with pytest.raises(RetriableError):
        world.round()
    assert world.looks == [1]
