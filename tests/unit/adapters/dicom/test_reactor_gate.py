"""An answer is never taken by pynetdicom's own thread, whatever moment the request falls into."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from pacs_module.adapters.dicom.reactor_gate import ReactorGate, keep_answers
from stack.ports import LOOPBACK, free_ports


class Behind:
    """Holds a reactor that has passed its gate, as a busy machine does for an instant."""

    def __init__(self) -> None:
        self.is_there = threading.Event()
        self.may_go_on = threading.Event()

    def hold(self) -> None:
        self.is_there.set()
        self.may_go_on.wait(10)


class HeldGate(threading.Event):
    """pynetdicom's own gate."""

    behind: Behind

    def wait(self, timeout: float | None = None) -> bool:
        is_open = super().wait(timeout)
        self.behind.hold()
        return is_open


class HeldReactorGate(ReactorGate):
    """Ours."""

    behind: Behind

    def wait(self, timeout: float | None = None) -> bool:
        is_open = super().wait(timeout)
        self.behind.hold()
        return is_open


@pytest.fixture
def association() -> Iterator[Association]:
    (port,) = free_ports(1)
    peer = AE("PEER")
    peer.add_supported_context(Verification)
    server = peer.start_server((LOOPBACK, port), block=False)
    entity = AE("AIPULL")
    entity.dimse_timeout = 1.0
    entity.add_requested_context(Verification)
    opened = entity.associate(LOOPBACK, port, ae_title="PEER")
    assert opened.is_established
    yield opened
    if opened.is_established:
        opened.release()
    assert server is not None
    server.shutdown()


def answers(association: Association, number: int) -> list[int | None]:
    """The statuses of so many C-ECHOs; None: without an answer."""
    return [getattr(association.send_c_echo(), "Status", None) for _ in range(number)]


def seems_paused(association: Association, gate: HeldGate | HeldReactorGate) -> bool:
    """Whether a request would go out while the reactor is just behind its gate."""
    gate.behind = Behind()
    association._reactor_checkpoint = gate
    assert gate.behind.is_there.wait(10)
    gate.clear()
    paused = association._is_paused
    gate.set()
    gate.behind.may_go_on.set()
    return paused


def test_a_reactor_behind_its_gate_is_not_paused(association: Association) -> None:
    assert not seems_paused(association, HeldReactorGate(association))
    assert answers(association, 20) == [0] * 20


def test_pynetdicom_takes_it_for_paused(association: Association) -> None:
    """Where this fails, pynetdicom has mended it, and the gate can go."""
    gate = HeldGate()
    gate.set()
    assert seems_paused(association, gate)


def test_requests_and_the_release_go_on(association: Association) -> None:
    keep_answers(association)
    assert answers(association, 100) == [0] * 100
    association.release()
    assert association.is_released


def test_an_association_that_has_ended_is_not_waited_for(association: Association) -> None:
    association.abort()
    association.join(10)
    keep_answers(association)
    assert not association.is_alive()
