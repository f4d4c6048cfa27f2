"""
Clocks that are an hour wrong: Orthanc's, pacs_module's and the PACS's against the others', and of the first
two between starts; and two pacs_module whose clocks are a minute and a half apart.

The plugins' journal, Orthanc's jobs and the study documents have times in them. Clocks that jump by seconds
in the middle of everything are the storm's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.chaos.rig.clocks import LIBRARY, Clocks, sweep
from tests.chaos.rig.harness import SECOND, Rig
from tests.chaos.rig.one_of_two import dies
from tests.chaos.rig.small_day import Day

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(900),
    pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime; `make setup-dev` installs it"),
]

HOUR = 3600
WRONG = (HOUR, -HOUR)
BETWEEN = ((HOUR, 0), (-HOUR, 0), (0, HOUR), (0, -HOUR))


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clocks]:
    yield Clocks(tmp_path_factory.mktemp("clocks"), ("Orthanc", "pacs_module", "PACS"))
    sweep()


def noon() -> str:
    """A time zone in which it is about noon: an hour more or less is the same day."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+}"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, clocks: Clocks) -> Iterator[Rig]:
    theirs = {f"{name.lower()}_environment": clocks.environment(name) for name in clocks.names}
    with Rig(tmp_path_factory.mktemp("rig"), {"time_zone": noon(), **theirs}) as rig:
        yield rig


@pytest.fixture
def rig(standing: Rig, clocks: Clocks) -> Iterator[Rig]:
    """All clocks are right at first."""
    yield standing
    for name in clocks.names:
        clocks.jump(name, 0)


def restart(rig: Rig, name: str) -> None:
    rig.servers[name].kill()
    rig.servers[name].start()


def send(rig: Rig) -> Day:
    return rig.send_day(f"{len(rig.wanted)}")


def judge(rig: Rig, day: Day) -> None:
    found = rig.until_settled(day.wanted)
    assert (found.computed, found.faults, found.twice_other_key) == (found.wanted, [], [])


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ["Orthanc", "pacs_module", "PACS"])
def test_started_with_a_wrong_clock_that_is_set_right_while_it_runs(
    rig: Rig, clocks: Clocks, name: str, wrong: int
) -> None:
    clocks.jump(name, wrong)
    restart(rig, name)
    judge(rig, send(rig))
    clocks.jump(name, 0)
    judge(rig, send(rig))


@pytest.mark.parametrize(("before", "after"), BETWEEN)
@pytest.mark.parametrize(
    ("name", "place"),
    [("Orthanc", place) for place in ("submitted", "moving", "journaled")]
    + [("pacs_module", place) for place in ("stable", "pull_asked", "published")],
)
def test_another_time_at_the_next_start(
    rig: Rig, clocks: Clocks, name: str, place: str, before: int, after: int
) -> None:
    clocks.jump(name, before)
    restart(rig, name)
    rig.arm(place, "kill")
    day = send(rig)
    rig.wait_reached(place)
    rig.wait_dead(rig.process(name))
    clocks.jump(name, after)
    restart(rig, name)
    judge(rig, day)


@pytest.mark.parametrize("apart", [90, -90])
def test_of_two_whose_clocks_are_apart_none_holds_the_other_dead_until_one_is(
    tmp_path: Path, apart: int
) -> None:
    clocks = Clocks(tmp_path, (SECOND,))
    theirs = clocks.environment(SECOND)
    clocks.jump(SECOND, apart)
    with Rig(tmp_path / "rig", {"time_zone": noon()}, two=True, second_environment=theirs) as rig:
        for _ in range(2):
            judge(rig, send(rig))
        log = rig.stack.log_folder / "dcm_end.jsonl"
        for words in ("lease taken over", "lease lost", "claims of a dead process", "due later than ever"):
            assert words not in log.read_text(encoding="utf-8")
        _, day, start_again = dies(rig, "claimed", "third")
        judge(rig, day)
        start_again()
        judge(rig, send(rig))
        assert "claims of a dead process" in log.read_text(encoding="utf-8")
