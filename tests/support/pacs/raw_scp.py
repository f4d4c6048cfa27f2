"""
A C-FIND SCP that answers with exactly the bytes that a test gives it, and misbehaves as it is told.

pynetdicom's own SCP encodes a Dataset, so that it cannot send a wrong character set or half an answer. Not
meant to be polite: it accepts any association and any presentation context.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from types import TracebackType
from typing import Any, Self

from pydicom.datadict import tag_for_keyword
from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom import pdu as pdus
from pynetdicom.dimse_messages import C_ECHO_RSP, C_FIND_RSP, DIMSEMessage
from pynetdicom.dimse_primitives import C_ECHO, C_FIND
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

PENDING = 0xFF00
SUCCESS = 0x0000
_FIND, _ECHO = 0x0020, 0x0030


def identifier(elements: Mapping[str, bytes]) -> bytes:
    """An answer out of bytes: keyword to value, padded to even length with a space."""
    tags = sorted((int(tag_for_keyword(keyword) or 0), value) for keyword, value in elements.items())
    return b"".join(_element(tag, value) for tag, value in tags)


def _element(tag: int, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


@dataclass
class Script:
    """
    What an SCP does with a C-FIND: answers first, ``final`` then, with ``pause`` seconds before each message.
    """

    answers: Sequence[bytes] = ()
    final: int = SUCCESS
    comment: str = ""
    pause: float = 0.0
    stop_at: str = ""
    """
    Silent from here: ``accept`` the association request, ``find`` the C-FIND, ``pdu`` the middle of a PDU; or
    ``abort``.
    """


@dataclass
class RawScp:
    """Listens on loopback within a ``with`` block; several associations at once, each in a thread."""

    script: Script | Callable[[Any], Script]
    port: int = 0
    requests: list[Any] = field(default_factory=list)
    ended_by: list[int] = field(default_factory=list)
    """The type of the last PDU of each association: 5 release, 7 abort, 0 connection lost."""
    associations: int = 0
    most_at_once: int = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.associations += 1
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        ended = False
        try:
            with connection:
                connection.settimeout(0.05)
                last = self._talk(connection)
                self._end(last)  # over before the other side hears of it, and may open the next one
                ended = True
                if last == 5:
                    connection.sendall(b"\x06\x00\x00\x00\x00\x04\x00\x00\x00\x00")
        except OSError:
            if not ended:
                self._end(0)

    def _end(self, last: int) -> None:
        with self._lock:
            self._open -= 1
            self.ended_by.append(last)

    def _talk(self, connection: socket.socket) -> int:
        message: Any = DIMSEMessage()
        while True:
            kind, data = self._read(connection)
            if kind == 1 and self._stops_at("accept"):
                continue
            if kind == 1:
                connection.sendall(_accepting(data))
            elif kind == 4:
                pdu = pdus.P_DATA_TF()
                pdu.decode(data)
                if message.decode_msg(pdu.to_primitive()):
                    self._answer(connection, message)
                    message = DIMSEMessage()
            else:
                return kind

    def _stops_at(self, where: str) -> bool:
        return isinstance(self.script, Script) and self.script.stop_at == where

    def _answer(self, connection: socket.socket, message: Any) -> None:
        if message.command_set.CommandField == _ECHO:
            connection.sendall(_echo(message.context_id))
            return
        self.requests.append(message.data_set.getvalue())
        script = self.script if isinstance(self.script, Script) else self.script(message)
        if script.stop_at == "find":
            return
        for answer in script.answers:
            time.sleep(script.pause)
            connection.sendall(_response(message.context_id, PENDING, answer, ""))
        time.sleep(script.pause)
        if script.stop_at == "abort":
            connection.sendall(b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00")
        elif script.stop_at == "pdu":
            connection.sendall(_response(message.context_id, script.final, None, "")[:20])
        else:
            connection.sendall(_response(message.context_id, script.final, None, script.comment))

    def _read(self, connection: socket.socket) -> tuple[int, bytes]:
        header = self._exactly(connection, 6)
        kind, length = struct.unpack(">BxL", header)
        return kind, header + self._exactly(connection, length)

    def _exactly(self, connection: socket.socket, length: int) -> bytes:
        data = b""
        while len(data) < length:
            if self._over.is_set():
                raise OSError("over")
            try:
                part = connection.recv(length - len(data))
            except TimeoutError:
                continue
            if not part:
                raise ConnectionResetError
            data += part
        return data


def _accepting(request: bytes) -> bytes:
    asked = pdus.A_ASSOCIATE_RQ()
    asked.decode(request)
    wanted = asked.to_primitive()
    answer = A_ASSOCIATE()
    answer.application_context_name = wanted.application_context_name
    answer.calling_ae_title, answer.called_ae_title = wanted.calling_ae_title, wanted.called_ae_title
    answer.result, answer.result_source = 0, 1
    results = []
    for context in wanted.presentation_context_definition_list:
        assert context.abstract_syntax is not None
        result = build_context(context.abstract_syntax, ImplicitVRLittleEndian)
        result.context_id, result.result = context.context_id, 0
        results.append(result)
    answer.presentation_context_definition_results_list = results
    maximum, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    maximum.maximum_length_received, implementation.implementation_class_uid = 16382, UID("1.2.3.4")
    answer.user_information = [maximum, implementation]
    pdu = pdus.A_ASSOCIATE_AC()
    pdu.from_primitive(answer)
    return bytes(pdu.encode())


def _response(context_id: int, status: int, data: bytes | None, comment: str) -> bytes:
    primitive = C_FIND()
    primitive.MessageIDBeingRespondedTo = 1
    primitive.AffectedSOPClassUID = UID("1.2.840.10008.5.1.4.1.2.2.1")
    primitive.Status = status
    if comment:
        primitive.ErrorComment = comment  # type: ignore[assignment]
    if data is not None:
        primitive.Identifier = BytesIO(data)
    message = C_FIND_RSP()
    message.primitive_to_message(primitive)
    return _pdus(message, context_id)


def _echo(context_id: int) -> bytes:
    primitive = C_ECHO()
    primitive.MessageIDBeingRespondedTo = 1
    primitive.AffectedSOPClassUID = UID("1.2.840.10008.1.1")
    primitive.Status = SUCCESS
    message = C_ECHO_RSP()
    message.primitive_to_message(primitive)
    return _pdus(message, context_id)


def _pdus(message: Any, context_id: int) -> bytes:
    sent = b""
    for part in message.encode_msg(context_id, 16382):
        pdu = pdus.P_DATA_TF()
        pdu.from_primitive(part)
        sent += pdu.encode()
    return sent
