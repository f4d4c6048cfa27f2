"""The keeper starts again what died by itself, counts it, and leaves alone what a disaster has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.chaos.rig import keeper
from tests.chaos.rig.keeper import Keeper
from tests.support.waiting import wait_for


class Process:
    def __init__(self) -> None:
        self.alive, self.starts = True, 0
        self.killed_by: int | None = 11

    def is_alive(self) -> bool:
        return self.alive

    def kill(self) -> None:
        self.alive = False

    def start(self) -> None:
        self.alive, self.starts = True, self.starts + 1


class FakeRig:
    def __init__(self) -> None:
        self.servers = {"Orthanc": Process(), "backend": Process()}

    def process(self, name: str) -> Process:
        return self.servers[name]


@pytest.fixture
def busy() -> set[str]:
    """What disasters have."""
    return set()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def kept(busy: set[str], said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Keeper]]:
    @contextmanager
    def alone(name: str) -> Iterator[bool]:
        yield name not in busy

    monkeypatch.setattr(keeper, "_LOOK_S", 0.005)
    monkeypatch.setattr(keeper, "start_again", lambda rig, name: rig.servers[name].start())
    rig: Any = FakeRig()
    with Keeper(rig, ("Orthanc", "backend"), alone, said.append) as one:
        yield rig, one


def test_every_death_is_counted_and_healed(kept: tuple[Any, Keeper], said: list[str]) -> None:
    rig, one = kept
    orthanc = rig.servers["Orthanc"]
    orthanc.alive = False
    wait_for(lambda: orthanc.starts == 1, what="it was started again")
    orthanc.alive = False
    wait_for(lambda: orthanc.starts == 2, what="and again")
    assert dict(one.deaths) == {"Orthanc": 2}
    assert said == ["Orthanc died by itself, of signal 11"] * 2
    assert rig.servers["backend"].starts == 0


def test_what_ended_with_a_status_is_started_again_and_no_death(
    kept: tuple[Any, Keeper], said: list[str]
) -> None:
    rig, one = kept
    orthanc = rig.servers["Orthanc"]
    orthanc.killed_by = None
    orthanc.alive = False
    wait_for(lambda: orthanc.starts == 1, what="it was started again")
    assert (dict(one.deaths), said) == ({}, ["Orthanc ended by itself"])


def test_what_a_disaster_has_killed_is_the_disasters(kept: tuple[Any, Keeper], busy: set[str]) -> None:
    rig, one = kept
    busy.add("Orthanc")
    rig.servers["Orthanc"].alive = False
    rig.servers["backend"].alive = False
    wait_for(lambda: rig.servers["backend"].starts == 1, what="the other one was started again")
    assert (dict(one.deaths), rig.servers["Orthanc"].starts) == ({"backend": 1}, 0)


def test_an_error_is_not_swallowed(busy: set[str]) -> None:
    @contextmanager
    def alone(name: str) -> Iterator[bool]:
        raise RuntimeError(name)
        yield False

    rig: Any = FakeRig()
    rig.servers["Orthanc"].alive = False
    one = Keeper(rig, ("Orthanc",), alone, print)
    with pytest.raises(RuntimeError, match="Orthanc"), one:
        wait_for(lambda: one.error is not None, what="the keeper has met it")
