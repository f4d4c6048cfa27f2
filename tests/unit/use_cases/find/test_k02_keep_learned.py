"""K2, K12: what a PACS's answers have taught is known after a restart, and forgotten after a week."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.find.learned import LearnedTraits, learned_memo, take_memo
from pacs_module.domain.find.traits import PacsTraits
from pacs_module.use_cases.find.keep_learned import KeepLearned
from pacs_module.use_cases.find.match_answers import MatchedFinder
from tests.fakes.world import FakeClock, FakeLog

DAY_S = 24 * 3600
TWELVE: list[Mapping[str, str]] = [
    {"StudyInstanceUID": f"1.2.{number}", "AccessionNumber": f"A{number}"} for number in range(12)
]


class Deaf:
    """A PACS that answers all that it has to every question."""

    def find(self, pacs: str, level: str, query: Any, return_keys: Any = ()) -> list[Mapping[str, str]]:
        return list(TWELVE)


class Away:
    """Leases in a store that does not answer."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(*values: object) -> Any:
            raise RetriableError("the store is away")

        return fail


class Written(MemoryLeases):
    """Counts what is written."""

    writes = 0

    def edit(self, name: str, change: Any) -> Any:
        self.writes += 1
        return super().edit(name, change)


def process(leases: Any, clock: FakeClock, log: FakeLog, **traits: Any) -> MatchedFinder:
    return MatchedFinder(Deaf(), log, {"A": PacsTraits(**traits)}, kept=KeepLearned(leases, clock))


def warnings(log: FakeLog) -> list[object]:
    return [event for event in log.events if event[1].get("level") != "DEBUG"]


def test_an_ignored_key_is_known_after_a_restart_and_not_told_again() -> None:
    leases, clock, log = MemoryLeases(), FakeClock(), FakeLog()
    first = process(leases, clock, log)
    first.find("A", "STUDY", {"AccessionNumber": "A7"})
    first.learned("A").caps.add(100)
    first.learned("A").take_length(12, False, "2020-06-18")
    first.find("A", "STUDY", {"AccessionNumber": "A8"})
    told = warnings(log)

    second = process(leases, clock, log)
    assert second.learned("A").ignores == {"AccessionNumber"}
    assert (second.learned("A").caps, second.learned("A").longest) == ({100}, 12)
    second.find("A", "STUDY", {"AccessionNumber": "A9"})
    assert warnings(log) == told, "told once, not once a start"
    assert second.learned("B").ignores == set(), "each PACS has its own"


def test_it_is_forgotten_after_a_week_so_that_a_mended_pacs_is_believed_again() -> None:
    leases, clock, log = MemoryLeases(), FakeClock(), FakeLog()
    process(leases, clock, log).find("A", "STUDY", {"AccessionNumber": "A7"})
    clock.pass_seconds(6 * DAY_S)
    assert process(leases, clock, log).learned("A").ignores
    clock.pass_seconds(2 * DAY_S)
    assert not process(leases, clock, log).learned("A").ignores


def test_what_the_site_has_set_and_takes_back_is_not_kept() -> None:
    leases, clock, log = MemoryLeases(), FakeClock(), FakeLog()
    process(leases, clock, log, caps=(200,), ignores=("StudyTime",)).find("A", "STUDY", {"PatientID": ""})
    known = process(leases, clock, log).learned("A")
    assert (known.caps, known.ignores) == (set(), set())


def test_the_same_answers_are_written_once() -> None:
    leases = Written()
    finder = process(leases, FakeClock(), FakeLog())
    for _ in range(50):
        finder.find("A", "STUDY", {"AccessionNumber": "A7"})
    assert leases.writes == 1


def test_a_store_that_is_away_costs_nothing_but_what_is_learned_again() -> None:
    finder = process(Away(), FakeClock(), FakeLog())
    assert len(finder.find("A", "STUDY", {"AccessionNumber": "A7"})) == 1
    assert finder.learned("A").ignores == {"AccessionNumber"}


@pytest.mark.parametrize(
    "memo",
    [
        {},
        {"caps": "100", "ignores": 3, "longest": "12", "longestDays": None},
        {"caps": [True, -1, "x", 2.5], "ignores": [1, None], "dropped": {"a": 1}, "longest": True},
    ],
)
def test_a_memo_that_cannot_be_read_is_learned_again(memo: dict[str, Any]) -> None:
    known = LearnedTraits()
    take_memo(known, memo)
    assert known == LearnedTraits()


def test_nothing_is_lost_between_two_processes() -> None:
    known = LearnedTraits({100}, {"StudyTime"}, longest=77, says_when_cut=True, longest_days={"2020-06-18"})
    known.take_refused(["it tells nothing"])
    again = LearnedTraits()
    take_memo(again, learned_memo(known))
    assert again == known
