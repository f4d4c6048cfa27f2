"""
Connections are closed, also where the other side has gone; pynetdicom alone leaves them to the collector.
"""

from __future__ import annotations

import socket
import struct
import threading

import pytest

from hospital_sim.pacs import SimPacs
from hospital_sim.sending.scu import Association, Pacs, PacsUnreachableError
from stack.ports import free_ports
from tests.support.left_open import sockets_left_open
from tests.support.waiting import wait_for

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def reset(connection: socket.socket) -> None:
    """Hang up so that the other side cannot shut down any more."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_where_nobody_listens() -> None:
    with sockets_left_open() as left, pytest.raises(PacsUnreachableError):
        begin(free_ports(1)[0])
    assert left == []


def test_where_the_other_side_hangs_up_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: reset(server.accept()[0]))
        thread.start()
        with sockets_left_open() as left, pytest.raises(PacsUnreachableError):
            begin(server.getsockname()[1])
        thread.join()
    assert left == []


def test_a_client_that_goes_away_without_a_word() -> None:
    with SimPacs() as pacs, sockets_left_open() as left:
        for _ in range(5):
            reset(socket.create_connection(("127.0.0.1", pacs.port)))
        wait_for(lambda: not of_the_server(pacs), what="the end of the associations")
    assert left == []


def begin(port: int) -> None:
    with Association(Pacs("127.0.0.1", port, "NOBODY"), "ME", [(CT, (EXPLICIT,))]):
        pass


def of_the_server(pacs: SimPacs) -> list[object]:
    server = pacs._server
    return list(server.active_associations) if server is not None else []
