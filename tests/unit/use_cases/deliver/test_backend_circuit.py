"""The circuit that the workers of a process share: one probe at a time, whatever becomes of its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from pacs_module.domain.circuit import CircuitPolicy
from pacs_module.use_cases.deliver.backend_circuit import BackendCircuit
from tests.fakes.world import FakeClock, FakeLog

T = TypeVar("T")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def circuit(clock: FakeClock) -> BackendCircuit:
    opened = BackendCircuit(clock, FakeLog(), CircuitPolicy())
    opened.failed("refused", down=True)
    clock.pass_seconds(5)
    return opened


def in_thread(work: Callable[[], T]) -> T:
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_one_probe_at_a_time(circuit: BackendCircuit) -> None:
    assert circuit.admit()
    assert [in_thread(circuit.admit) for _ in range(3)] == [False] * 3
    circuit.succeeded()
    assert in_thread(circuit.admit)


def test_a_probe_that_found_no_message_is_the_next_ones(circuit: BackendCircuit) -> None:
    assert circuit.admit()
    circuit.give_back()
    assert circuit.told()["circuit"] == "open"
    assert in_thread(circuit.admit)


def test_another_worker_that_gives_back_does_not_take_the_probe_away(circuit: BackendCircuit) -> None:
    assert circuit.admit()
    in_thread(circuit.give_back)
    assert not in_thread(circuit.admit)


def test_a_probe_that_fails(circuit: BackendCircuit, clock: FakeClock) -> None:
    assert circuit.admit()
    circuit.failed("500")
    circuit.give_back()
    clock.pass_seconds(9)
    assert not circuit.admit()
    clock.pass_seconds(1)
    assert circuit.admit()


def test_a_late_success_closes_it(circuit: BackendCircuit) -> None:
    states: list[str] = []
    circuit._told = states.append
    circuit.succeeded()
    assert circuit.admit()
    assert states == ["closed"]
    assert circuit.told() == {"circuit": "closed", "since": "2020-06-18T12:00:05.000+00:00",
                              "failuresInRow": 0,
                              "retryAt": None, "why": ""}  # fmt: skip
