"""One process over a store tells each alarm once, whatever restarts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.domain.alarm.alarm import Alarm, Message
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.pull.throttle import Hours
from pacs_module.use_cases.operate.tell_alarms import TellAlarms
from pacs_module.use_cases.recover.lease_holder import LeaseHolder
from tests.fakes.world import FakeClock, FakeLog

DISK = Alarm("ram_disk", "full")


class World:
    """Processes over one store; ``wrong`` is what each of them sees, ``told`` what came through."""

    def __init__(self) -> None:
        self.clock, self.leases = FakeClock(), MemoryLeases()
        self.wrong: list[Alarm] = []
        self.told: list[tuple[str, str, str]] = []
        self.refuses = False

    def process(self, name: str, quiet: Sequence[Hours] = ()) -> TellAlarms:
        holder = LeaseHolder(self.leases, name, self.clock, FakeLog(), timedelta(seconds=30))

        def send(message: Message) -> None:
            if self.refuses:
                raise RetriableError("web hook answered 500")
            self.told.append((name, message.change.value, message.alarm.key))

        return TellAlarms(
            look=lambda: self.wrong, channels={"webhook": send}, leases=holder, clock=self.clock,
            local=lambda: datetime.fromtimestamp(self.clock.now() / 1000, UTC), log=FakeLog(), hold_ms=60_000,
            quiet=tuple(quiet),
        )  # fmt: skip


def run(world: World, *processes: TellAlarms, minutes: int = 3) -> None:
    for _ in range(2 * minutes):
        world.clock.pass_seconds(20)
        for process in processes:
            process()


def test_one_of_two_processes_tells() -> None:
    world = World()
    one, two = world.process("one"), world.process("two")
    world.wrong = [DISK]
    run(world, one, two)
    assert world.told == [("one", "raised", "ram_disk")]
    assert [entry.alarm for entry in one.lasting()] == [DISK]
    assert two.lasting() == []


def test_after_a_restart_nothing_is_told_twice_and_the_end_is_told() -> None:
    world = World()
    world.wrong = [DISK]
    run(world, world.process("one"))
    world.clock.pass_seconds(120)  # its lease is over
    another = world.process("two")
    run(world, another)
    world.wrong = []
    run(world, another)
    assert world.told == [("one", "raised", "ram_disk"), ("two", "resolved", "ram_disk")]


def test_what_is_not_taken_is_sent_again() -> None:
    world = World()
    world.wrong, world.refuses = [DISK], True
    process = world.process("one")
    run(world, process)
    assert world.told == []
    world.refuses = False
    run(world, process)
    assert world.told == [("one", "raised", "ram_disk")]


def test_while_the_store_is_away_the_one_that_told_before_goes_on() -> None:
    world = World()
    process, other = world.process("one"), world.process("two")
    run(world, process, other)
    take, note = world.leases.take, world.leases.note

    def away(*_: object) -> None:
        raise RetriableError("the store does not answer")

    world.leases.take = world.leases.note = away  # type: ignore[method-assign, assignment]
    world.wrong = [DISK]
    run(world, process, other)
    world.leases.take, world.leases.note = take, note  # type: ignore[method-assign]
    run(world, process, other)
    assert world.told == [("one", "raised", "ram_disk")]


def test_quiet_hours_are_the_hospitals() -> None:
    world = World()
    now = datetime.fromtimestamp(world.clock.now() / 1000, UTC)
    quiet = Hours(time(now.hour), time((now.hour + 1) % 24))
    world.wrong = [DISK]
    process = world.process("one", [quiet])
    run(world, process)
    assert world.told == []
    run(world, process, minutes=90)
    assert world.told == [("one", "raised", "ram_disk")]
