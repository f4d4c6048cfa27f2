"""
Two processes on one store: limits and rates hold over both, what one leaves behind the other takes up; and
spared PACS.

Two wirings over one store stand for the processes, one after the other. Real processes:
tests/long/whole/test_two_processes.py.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.domain.errors import NoRoom
from pacs_module.domain.pull.throttle import Hours, PacsLimits
from pacs_module.domain.study.priority import EMERGENCY, MANUAL
from pacs_module.domain.study.study import PULL
from pacs_module.use_cases.operate.manual_work import Who
from pacs_module.use_cases.pull.pacs_locks import PacsLocks
from pacs_module.use_cases.pull.pull_studies import PullStudies
from pacs_module.use_cases.recover.lease_holder import LeaseHolder
from tests.fakes.pipeline import UID, Pipeline, answer
from tests.fakes.world import DAY

WHO = Who("manual: Dr. Li", "because")


def process(world: Pipeline, leases: MemoryLeases, owner: str, limits: dict[str, PacsLimits]) -> PullStudies:
    """The pulling half of one more process over the world's store."""
    holding = LeaseHolder(leases, owner, world.clock, world.log, timedelta(seconds=30))
    turns = PacsLocks(
        limits, world.clock, lambda: datetime.fromtimestamp(world.clock.now() / 1000, UTC), world.log, holding
    )
    old = world.pull
    policy = old.policy
    return PullStudies(
        world.store, old.puller, old.prepare, old.ends, world.clock, world.log, policy, owner,
        lambda: world.unreachable, lambda names: names[0], locks=turns,
    )  # fmt: skip


def found(world: Pipeline, number: int, pacs: str = "A", count: int = 100) -> None:
    uids = [f"{UID}.{ord(pacs)}{place}" for place in range(number)]
    world.pacs.studies[pacs] = [
        answer(uid, count, StudyTime=f"08{place:02}00") for place, uid in enumerate(uids)
    ]
    world.find(pacs, DAY)
    world.find(pacs, DAY)


@pytest.fixture
def world() -> Pipeline:
    return Pipeline(store=MemoryStore(), limit=1)


def test_the_limit_holds_over_both(world: Pipeline) -> None:
    found(world, 3)
    leases = MemoryLeases()
    one, two = (process(world, leases, owner, {"A": PacsLimits(1)}) for owner in ("one", "two"))
    assert (one(), two(), one()) == (1, 0, 0)
    world.filtered(world.plugins.asked[-1])
    assert (two(), one()) == (1, 0)


def test_while_one_has_the_turn_the_other_starts_nothing_and_a_dead_ones_turn_is_over_after_the_lease(
    world: Pipeline,
) -> None:
    found(world, 2)
    leases = MemoryLeases()
    two = process(world, leases, "two", {"A": PacsLimits(1)})
    leases.take("pull A", "one")  # it died with it
    assert two() == 0
    world.clock.pass_seconds(29)
    assert two() == 0
    world.clock.pass_seconds(1)
    assert two() == 1


def test_a_process_that_stood_still_sees_that_its_turn_is_over(world: Pipeline) -> None:
    found(world, 1)
    leases = MemoryLeases()
    one = process(world, leases, "one", {"A": PacsLimits(1)})
    real = one.prepare.finder

    class Slow:
        def find(self, *asked: object, **keys: object) -> object:
            world.clock.pass_seconds(31)
            leases.take("pull A", "two", over=next(lease.beat for lease in leases.all()))
            return real.find(*asked, **keys)  # type: ignore[arg-type]

    one.prepare.finder = Slow()  # type: ignore[assignment]
    assert one() == 0
    study = world.study(f"{UID}.650")
    assert (world.plugins.asked, study.state, study.due[PULL]) == ([], "meta_only", world.clock.now())
    assert "another has its turn" in study.why


def test_rates_hold_over_both_and_over_restarts_and_let_emergencies_through(world: Pipeline) -> None:
    found(world, 3)
    leases = MemoryLeases()
    limits = {"A": PacsLimits(1, pulls=60)}
    one, two = (process(world, leases, owner, limits) for owner in ("one", "two"))
    ended = 0

    def pulled(by: PullStudies) -> int:
        nonlocal ended
        number = by()
        for request in world.plugins.asked[ended:]:
            world.filtered(request)
            ended += 1
        return number

    assert (pulled(one), pulled(two), pulled(one)) == (1, 0, 0)
    assert two.locks.held_back == {"A": "60 pulls an hour: the next in 60 s"}
    world.clock.pass_seconds(59)
    assert pulled(two) == 0
    world.work.prioritise(f"{UID}.652", EMERGENCY, WHO)
    assert pulled(two) == 1
    world.clock.pass_seconds(1)
    assert pulled(one) == 0
    world.clock.pass_seconds(61)
    assert pulled(process(world, leases, "three", limits)) == 1
    assert [what for what, _ in world.log.events if "spared" in what]


def test_in_rush_hours_only_what_a_person_asked_for(world: Pipeline) -> None:
    found(world, 2)
    rush = PacsLimits(1, hours=(Hours(time(8), time(13), least=MANUAL),))
    pull = process(world, MemoryLeases(), "one", {"A": rush})
    world.work.prioritise(f"{UID}.650", EMERGENCY, WHO)
    assert pull() == 0
    world.work.prioritise(f"{UID}.651", MANUAL, WHO)
    assert pull() == 1
    assert world.plugins.asked[-1].study_uid == f"{UID}.651"
    world.filtered(world.plugins.asked[-1])
    world.clock.pass_seconds(3600)
    assert pull() == 1


def test_a_manual_pull_is_asked_for_when_others_wait_in_orthancs_queue() -> None:
    world = Pipeline(pacs=("A", "B"), limit=3)
    found(world, 5, "A")
    found(world, 1, "B")
    assert world.pull("A") == 3
    assert world.pull("B") == 1  # four run or wait there: as many as Orthanc moves at once
    assert world.pull("A") == 0
    world.work.prioritise(f"{UID}.654", MANUAL, WHO)
    assert world.pull("A") == 1
    assert (world.plugins.asked[-1].study_uid, world.plugins.asked[-1].priority) == (f"{UID}.654", MANUAL)
    assert world.pull("A") == 0


def test_one_after_the_other_stays_so_for_manual_pulls(world: Pipeline) -> None:
    found(world, 2)
    assert world.pull("A") == 1
    world.work.prioritise(f"{UID}.651", MANUAL, WHO)
    assert world.pull("A") == 0


def test_nothing_overtakes_what_waits_for_room_but_not_for_ever(world: Pipeline) -> None:
    found(world, 2)
    world.plugins.refuse = lambda request: NoRoom("full") if request.study_uid == f"{UID}.650" else None
    assert (world.pull(), world.pull()) == (0, 0)
    world.clock.pass_seconds(5)
    assert world.pull() == 0
    assert world.plugins.asked == []
    for _ in range(120):
        world.clock.pass_seconds(5)
        world.pull()
    world.pull()
    assert [request.study_uid for request in world.plugins.asked] == [f"{UID}.651"]


def test_a_slow_pacs_keeps_the_turn_of_no_other() -> None:
    world = Pipeline(pacs=("A", "B"), limit=1)
    both = [answer(f"{UID}.{number}") for number in range(2)]
    world.pacs.studies = {"A": both, "B": both}
    for name in ("A", "B", "A", "B"):
        world.find(name, DAY)
    taken = world.pull.locks.take(["A", "B"])
    assert taken == {"A", "B"}
    assert world.pull() == 0
    world.pull.locks.give(["B"])
    assert world.pull("A") == 0
    assert world.pull("B") == 1
    assert world.plugins.asked[-1].pacs == "B"
    world.pull.locks.give(["A"])
