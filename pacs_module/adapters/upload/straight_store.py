"""
C-STORE requests whose data set goes from the file to the connection as it lies there.

pynetdicom makes an object of every fragment and hands it from thread to thread: thirty times for a CT image.
Here the fragments (PS3.8 9.3.5, annex E) are put together by hand; association, answers and time limits stay
pynetdicom's. Its hook is the ``send_msg`` of one association; :func:`send_straight` is the only place that
knows its inner names.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

_P_DATA_TF = 4
_HEAD = struct.Struct(">BBIIBB")
"""PDU type, reserved, its length; length of the item, presentation context, kind of the fragment."""
_PDV_HEAD = 6
"""Bytes of an item before its fragment; they count in the length that the peer allows."""
_COMMAND, _LAST = 1, 2
_UNLIMITED = 128 * 1024
"""A fragment where the peer allows any length."""
_AT_ONCE = 256 * 1024
"""Bytes that are written to the connection at once."""


def send_straight(association: Association, sent: Callable[[int], None], timeout: float) -> None:
    """
    Have an association write its C-STORE requests of files straight to its connection.

    Args:
        association: An established one.
        sent: Told of the bytes before they are written.
        timeout: Seconds in which the peer has to take some bytes.
    """
    dimse, link = association.dimse, association.dul.socket
    by_pynetdicom = dimse.send_msg
    connection = link.socket if link is not None else None
    if connection is None:
        return
    connection.setsockopt(*_write_limit(timeout))

    def send(primitive: Any, context_id: int) -> None:
        file = getattr(primitive, "_dataset_path", None)
        if not isinstance(primitive, C_STORE) or file is None:
            by_pynetdicom(primitive, context_id)
            return
        path, offset = file
        command = _command(primitive)
        with open(path, "rb") as content, _hung_up_on_error(connection):
            content.seek(offset)
            for data in fragments(context_id, command, content, dimse.maximum_pdu_size):
                sent(len(data))
                connection.sendall(data)

    dimse.send_msg = send  # type: ignore[method-assign]


@contextmanager
def _hung_up_on_error(connection: socket.socket) -> Iterator[None]:
    """
    What broke off within a message ends the connection: pynetdicom then finds no answer, as when the peer has
    gone.
    """
    try:
        yield
    except OSError:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def fragments(context: int, command: bytes, content: BinaryIO, longest: int) -> Iterator[bytes]:
    """
    P-DATA-TF PDUs of a command and the data set behind it, some at a time.

    Args:
        context: The presentation context.
        command: The command set, encoded.
        content: At the begin of the data set.
        longest: Bytes that the peer takes as the variable field of a PDU; 0: any number.
    """
    most = (longest or _UNLIMITED + _PDV_HEAD) - _PDV_HEAD
    left = os.fstat(content.fileno()).st_size - content.tell()
    waiting = [*_pdus(context, command, most, _COMMAND)]
    while left > 0:
        data = content.read(min(left, max(most, _AT_ONCE // most * most)))
        if not data:
            raise OSError("the file became shorter while it was sent")
        left -= len(data)
        yield b"".join([*waiting, *_pdus(context, data, most, 0, is_end=left <= 0)])
        waiting = []


def _pdus(context: int, data: bytes, most: int, kind: int, is_end: bool = True) -> Iterator[bytes]:
    """Heads and fragments in turn."""
    for place in range(0, len(data), most):
        fragment = data[place : place + most]
        is_last = is_end and place + most >= len(data)
        size = len(fragment)
        yield _HEAD.pack(
            _P_DATA_TF, 0, size + _PDV_HEAD, size + 2, context, kind | (_LAST if is_last else 0)
        )
        yield fragment


def _command(request: C_STORE) -> bytes:
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    encoded = encode(message.command_set, True, True)
    if encoded is None:
        raise ValueError("the C-STORE request cannot be encoded")
    return encoded


def _write_limit(timeout: float) -> tuple[int, int, bytes]:
    """For a socket: a peer that takes nothing any more ends the write, and no read."""
    whole = int(timeout)
    return socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", whole, int((timeout - whole) * 1e6))
