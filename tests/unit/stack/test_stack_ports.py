"""Ports: real sockets on loopback, no servers."""

import os
import socket
from collections.abc import Iterator

import pytest

from stack.errors import StackError
from stack.ports import check_free, free_ports, holder_of, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_ports(1)[0]))
        listener.listen()
        yield listener.getsockname()[1]


def test_free_ports_are_different_and_below_the_range_of_outgoing_connections() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < 32768


def test_the_same_port_is_never_given_twice() -> None:
    assert not set(free_ports(50)) & set(free_ports(50))


def test_a_port_on_which_somebody_listens_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_the_holder_is_found(taken: int) -> None:
    holder = holder_of(taken)
    assert holder is not None
    assert holder.pid == os.getpid()


def test_nobody_holds_a_free_port() -> None:
    assert holder_of(free_ports(1)[0]) is None


def test_the_message_names_port_purpose_and_holder(taken: int) -> None:
    with pytest.raises(StackError, match=rf"port {taken} \(AI backend\) is in use by .+, pid {os.getpid()}$"):
        check_free({"other": free_ports(1)[0], "AI backend": taken})
