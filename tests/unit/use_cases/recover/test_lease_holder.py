"""
Leases of several processes: who holds them, who lives, and what one that stood still or has a wrong clock may
believe.

Each process here has a clock of its own; the adapters' part is tests/contract/store/test_leases_contract.py.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.use_cases.recover.lease_holder import LeaseHolder
from tests.fakes.world import FakeClock, FakeLog

LENGTH = timedelta(seconds=30)


class Processes:
    """One store's leases; time passes for all."""

    def __init__(self, *names: str) -> None:
        self.leases, self.log = MemoryLeases(), FakeLog()
        self.clocks = {name: FakeClock() for name in names}
        self.dead: set[str] = set()
        self.all = [
            LeaseHolder(self.leases, name, self.clocks[name], self.log, LENGTH, self.dead.__contains__)
            for name in names
        ]

    def pass_seconds(self, seconds: float, *living: LeaseHolder) -> None:
        """The living renew and look every ten of them."""
        for _ in range(int(seconds // 10)):
            for clock in self.clocks.values():
                clock.pass_seconds(10)
            for one in living:
                one.renew()
                one.dead()

    def events(self) -> list[str]:
        return [what for what, _ in self.log.events]


@pytest.fixture
def both() -> Processes:
    return Processes("one", "two")


def test_what_is_held_is_renewed_and_given_back(both: Processes) -> None:
    one, two = both.all
    assert one.hold("find A")
    one.note("find A", {"circuit": "open"})
    assert (two.hold("find A"), two.holder("find A"), two.memo("find A")) == (
        False,
        "one",
        {"circuit": "open"},
    )
    both.pass_seconds(300, one, two)
    assert one.holds("find A")
    assert not two.hold("find A")
    one.let_all_go()
    assert not one.holds("find A")
    assert two.hold("find A")
    assert both.events() == []


def test_a_dead_ones_lease_is_over_when_it_was_seen_unchanged_for_its_length_and_no_sooner(
    both: Processes,
) -> None:
    one, two = both.all
    assert one.hold("find A")
    assert not two.hold("find A")
    both.pass_seconds(20, two)
    assert not two.hold("find A")
    both.pass_seconds(10, two)
    assert two.hold("find A")
    assert both.log.events == [("lease taken over", {"level": "WARNING", "lease": "find A", "before": "one"})]


def test_one_that_stood_still_knows_it_before_another_can_have_it_and_drops_it(both: Processes) -> None:
    one, two = both.all
    assert (one.hold("find A"), two.hold("find A")) == (True, False)
    both.pass_seconds(30, two)
    assert not one.holds("find A")
    assert two.hold("find A")
    one.renew()
    assert (one.holds("find A"), both.events()) == (False, ["lease taken over", "lease lost"])


def test_what_another_had_and_gave_back_meanwhile_is_lost_too(both: Processes) -> None:
    one, two = both.all
    assert (one.hold("pull A"), two.hold("pull A")) == (True, False)
    both.pass_seconds(30, two)
    assert two.hold("pull A")
    two.let_go("pull A")
    one.renew()
    assert not one.holds("pull A")
    assert two.hold("pull A"), "it is free"


@pytest.mark.parametrize("wrong_s", [90, -90, 86400])
def test_clocks_that_are_wrong_or_jump_change_nothing(both: Processes, wrong_s: float) -> None:
    one, two = both.all
    both.clocks["one"].jump(wrong_s)
    one.be_present()
    assert one.hold("find A")
    two.be_present()
    both.pass_seconds(120, one, two)
    both.clocks["one"].jump(-2 * wrong_s)
    assert one.holds("find A")
    assert not two.hold("find A")
    assert (one.dead(), two.dead(), both.events()) == ([], [], [])
    both.pass_seconds(30, two)
    assert two.hold("find A"), "dead is dead, whatever its clock said"


def test_a_process_that_is_known_to_be_dead_holds_nothing(both: Processes) -> None:
    one, two = both.all
    one.be_present()
    assert one.hold("find A")
    both.dead.add("one")
    assert two.hold("find A")
    assert two.dead() == ["one"]


def test_a_silent_process_is_dead_for_one_of_the_others_until_it_is_forgotten() -> None:
    three = Processes("one", "two", "three")
    one, two, other = three.all
    for process in three.all:
        process.be_present()
    three.pass_seconds(60, one, two, other)
    three.pass_seconds(20, two, other)
    assert (two.dead(), other.dead()) == ([], [])
    for clock in three.clocks.values():
        clock.pass_seconds(10)
    two.renew()
    other.renew()
    assert (two.dead(), other.dead()) == (["one"], [])
    two.forget("one")
    assert (two.dead(), other.dead()) == ([], [])
    assert sorted(lease.name for lease in three.leases.all()) == ["process three", "process two"]


def test_who_clears_up_and_dies_is_cleared_up_after_together_with_what_it_had_begun() -> None:
    three = Processes("one", "two", "three")
    _, two, other = three.all
    for process in three.all:
        process.be_present()
    three.dead.add("one")
    assert two.dead() == ["one"]
    three.pass_seconds(40, other)
    assert sorted(other.dead()) == ["one", "two"]


def held_dead(both: Processes) -> list[LeaseHolder]:
    """Both, when the first one stood still until the second one held it dead."""
    _, two = both.all
    for process in both.all:
        process.be_present()
    assert two.dead() == []
    both.pass_seconds(20, two)
    for clock in both.clocks.values():
        clock.pass_seconds(10)
    assert two.dead() == ["one"]
    return both.all


def test_one_that_was_held_dead_comes_back(both: Processes) -> None:
    one, two = held_dead(both)
    one.renew()
    one.be_present()
    assert one.dead() == [], "while it is cleared up after it waits"
    two.forget("one")
    one.be_present()
    both.pass_seconds(120, one, two)
    assert (one.dead(), two.dead()) == ([], [])
    assert {lease.owner for lease in both.leases.all()} == {"one", "two"}


def test_one_that_was_cleared_up_after_before_it_comes_back_lives_from_its_first_renewal_on(
    both: Processes,
) -> None:
    one, two = held_dead(both)
    two.forget("one")
    one.renew()
    assert two.dead() == []
    assert one.holds("process one")


def test_one_that_ends_is_cleared_up_after_at_once(both: Processes) -> None:
    one, two = both.all
    one.be_present()
    one.let_all_go()
    assert (two.dead(), both.events()) == (["one"], [])


def test_who_was_away_itself_gives_the_others_time(both: Processes) -> None:
    one, two = both.all
    for process in both.all:
        process.be_present()
    both.pass_seconds(20, one, two)
    both.pass_seconds(60)  # the machine slept, or the store was away
    assert two.dead() == []
    one.renew()
    both.pass_seconds(60, one, two)
    assert both.events() == []
