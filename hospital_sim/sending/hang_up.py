"""
Connections are closed for certain.

pynetdicom 3.0.4 shuts a connection down and then closes it. Where the one fails, because the other side has
closed already or nobody was there, the other is not done and the socket is left to the garbage collector.
"""

from __future__ import annotations

import contextlib
import socket

from pynetdicom.transport import AssociationSocket


def hang_up(connection: socket.socket) -> None:
    """Shut down and close."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def hang_up_for_certain() -> None:
    """Make pynetdicom do so, for all associations of this process."""
    # to a type checker it is a method
    setattr(AssociationSocket, "_shutdown_socket", _shutdown_socket)  # noqa: B010


def _shutdown_socket(transport: AssociationSocket) -> None:
    if transport.socket is not None:
        hang_up(transport.socket)
