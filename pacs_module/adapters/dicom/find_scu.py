"""
C-FIND over one association, in the calling thread and under one deadline.

pynetdicom's ``AE.associate`` runs an association in two threads of its own: a peer that stops in the middle
of a PDU blocks one of them for good, a refused connection leaks its socket, and time-outs are per message, so
that a PACS that drips answers never ends. Here its encoders and decoders are used (PDU: PS3.8 9.3, DIMSE:
PS3.7 6.3), and a plain socket.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from types import TracebackType
from typing import Any, Self

from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID
from pynetdicom import pdu as pdus
from pynetdicom.dimse_messages import C_FIND_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext, build_context

from ...domain.errors import PermanentError, RetriableError, Unreachable

PENDING = (0xFF00, 0xFF01)  # PS3.4 C.4.1.1.4
APPLICATION_CONTEXT = UID("1.2.840.10008.3.1.1.1")
_ACCEPTED, _REJECTED, _DATA, _RELEASE_REQUEST, _RELEASED, _ABORTED = 0x02, 0x03, 0x04, 0x05, 0x06, 0x07
_HEADER = struct.Struct(">BxL")
_LARGEST_PDU = 1 << 24
_OUR_MAXIMUM = 131072
MAX_IDENTIFIER = 1 << 20
"""Bytes of one answer; a longer one is read to its end and thrown away."""
_MAX_COMMAND = 1 << 16
_FIND_RESPONSE = 0x8020
_RELEASE_WITHIN_S = 1.0
_ABORT = b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"
_RELEASE = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"


@dataclass(frozen=True)
class DicomTls:
    """
    DICOM over TLS (PS3.15 B.9): both sides show a certificate.

    ``ca_file``: who has signed the PACS's; ``certificate`` and ``key``: ours, PEM. ``check_host``: the PACS's
    certificate has to name the host that we call; off for one whose certificate names something else.
    """

    ca_file: str
    certificate: str
    key: str
    check_host: bool = True


@dataclass(frozen=True)
class Peer:
    """A PACS and who we are for it; ``tls`` is None where it speaks plain DICOM."""

    host: str
    port: int
    ae_title: str
    calling_ae_title: str
    tls: DicomTls | None = None

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}:{self.port}"


@dataclass(frozen=True)
class Response:
    """
    One C-FIND response: its status, the PACS's comment on it and the bytes of its identifier, none of a too
    long one.
    """

    status: int
    comment: str
    identifier: bytes


class Deadline:
    """A moment by which all has to be over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """
        Seconds that are left.

        Raises:
            TimeoutError: None are.
        """
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class FindAssociation:
    """An association for C-FIND, open within a ``with`` block: released at its end, aborted on any error."""

    def __init__(self, peer: Peer, sop_classes: Sequence[str], deadline: Deadline) -> None:
        self._peer = peer
        self._sop_classes = sop_classes
        self._deadline = deadline
        self._contexts: dict[str, int] = {}
        self._peer_maximum = 0

    def __enter__(self) -> Self:
        with _translated(self._peer, self._deadline):
            self._socket = _connect(self._peer, self._deadline)
            try:
                self._negotiate()
            except BaseException:
                self._abort()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._release()
        else:
            self._abort()

    def model_for(self, sop_classes: Sequence[str]) -> str:
        """
        The first of these information models that the PACS has accepted.

        Raises:
            PermanentError: It has accepted none.
        """
        for sop_class in sop_classes:
            if sop_class in self._contexts:
                return sop_class
        raise PermanentError(f"{self._peer} does not offer C-FIND in this information model")

    def find(self, sop_class: str, identifier: bytes) -> Iterator[Response]:
        """
        Send one C-FIND request and give its responses, the final one included.

        Raises:
            RetriableError: No end within the deadline, or the association was lost.
            PermanentError: What comes is not DICOM.
        """
        with _translated(self._peer, self._deadline):
            self._send_request(sop_class, identifier)
            while True:
                response = self._response()
                yield response
                if response.status not in PENDING:
                    return

    def _response(self) -> Response:
        message = self._message()
        command = message.command_set
        if command.get("CommandField") != _FIND_RESPONSE:
            raise RetriableError(f"{self._peer} answers C-FIND with another message")
        data = message.data_set.getvalue() if isinstance(message.data_set, BytesIO) else b""
        return Response(int(command.Status), str(command.get("ErrorComment") or ""), data)

    def _negotiate(self) -> None:
        numbers = dict(zip(range(1, 256, 2), self._sop_classes, strict=False))  # PS3.8 9.3.2.2: odd
        pdu = pdus.A_ASSOCIATE_RQ()
        pdu.from_primitive(_association_request(self._peer, numbers))
        self._send(pdu.encode())
        accepted = self._accepted()
        self._peer_maximum = accepted.maximum_length_received or 0
        agreed = _agreed(accepted.presentation_context_definition_results_list)
        self._contexts = {name: number for number, name in numbers.items() if number in agreed}

    def _accepted(self) -> Any:
        """
        What the PACS answers to the request (A-ASSOCIATE-AC, PS3.8 9.3.3).

        Raises:
            RetriableError: It refuses, or answers something else.
        """
        kind, data = self._receive()
        if kind == _REJECTED:
            raise RetriableError(
                f"{self._peer} refuses the association of {self._peer.calling_ae_title}: "
                f"{_why_rejected(data)}"
            )
        if kind != _ACCEPTED:
            raise RetriableError(f"{self._peer} answers our association request with PDU type {kind}")
        answer = pdus.A_ASSOCIATE_AC()
        answer.decode(data)
        return answer.to_primitive()

    def _send_request(self, sop_class: str, identifier: bytes) -> None:
        primitive = C_FIND()
        primitive.MessageID = 1
        primitive.AffectedSOPClassUID = UID(sop_class)
        primitive.Priority = 2  # low, PS3.7 9.1.2.1.4: ours never goes before a doctor's
        primitive.Identifier = BytesIO(identifier)
        message = C_FIND_RQ()
        message.primitive_to_message(primitive)
        for part in message.encode_msg(self._contexts[sop_class], self._peer_maximum):
            pdu = pdus.P_DATA_TF()
            pdu.from_primitive(part)
            self._send(pdu.encode())

    def _message(self) -> Any:
        message: Any = DIMSEMessage()
        too_long = False
        while True:
            complete = message.decode_msg(self._data().to_primitive())
            too_long |= _size(message.data_set) > MAX_IDENTIFIER
            if too_long:
                message.data_set = BytesIO()
            if complete:
                return message
            if _size(message.encoded_command_set) > _MAX_COMMAND:
                raise PermanentError(f"{self._peer} sends a command set without an end")

    def _data(self) -> pdus.P_DATA_TF:
        kind, data = self._receive()
        if kind != _DATA:
            words = f"{self._peer} ended the association before its last answer (PDU type {kind})"
            raise RetriableError(words)
        pdu = pdus.P_DATA_TF()
        pdu.decode(data)
        return pdu

    def _send(self, data: bytes) -> None:
        self._socket.settimeout(self._deadline.left())
        self._socket.sendall(data)

    def _receive(self) -> tuple[int, bytes]:
        header = self._exactly(_HEADER.size)
        kind, length = _HEADER.unpack(header)
        if not _ACCEPTED <= kind <= _ABORTED or length > _LARGEST_PDU:
            raise PermanentError(f"{self._peer} does not speak DICOM: it sent {header.hex(' ')}")
        return kind, header + self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            self._socket.settimeout(self._deadline.left())
            part = self._socket.recv(min(length - len(data), 1 << 16))
            if not part:
                raise ConnectionResetError("connection closed")
            data += part
        return bytes(data)

    def _release(self) -> None:
        """Leave politely; the answers are here, so that nothing that goes wrong now matters."""
        with contextlib.suppress(OSError, RetriableError, PermanentError):
            self._deadline = Deadline(_RELEASE_WITHIN_S)
            self._send(_RELEASE)
            while self._receive()[0] not in (_RELEASED, _ABORTED):
                pass
        self._socket.close()

    def _abort(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.settimeout(_RELEASE_WITHIN_S)
            self._socket.sendall(_ABORT)
        self._socket.close()


def _association_request(peer: Peer, numbers: Mapping[int, str]) -> A_ASSOCIATE:
    """Our request: one presentation context for each information model, by its number."""
    request = A_ASSOCIATE()
    request.application_context_name = APPLICATION_CONTEXT
    request.calling_ae_title, request.called_ae_title = peer.calling_ae_title, peer.ae_title
    request.presentation_context_definition_list = _contexts(numbers)
    maximum, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    maximum.maximum_length_received = _OUR_MAXIMUM
    implementation.implementation_class_uid = PYNETDICOM_IMPLEMENTATION_UID
    request.user_information = [maximum, implementation]
    return request


def _contexts(numbers: Mapping[int, str]) -> list[PresentationContext]:
    contexts = []
    for number, sop_class in numbers.items():
        context = build_context(sop_class, ImplicitVRLittleEndian)
        context.context_id = number
        contexts.append(context)
    return contexts


def _size(stream: Any) -> int:
    return stream.getbuffer().nbytes if isinstance(stream, BytesIO) else 0


def _connect(peer: Peer, deadline: Deadline) -> socket.socket:
    """Connect to the first address that takes it, all of them within the deadline."""
    last: OSError | None = None
    places = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in places:
        connection = socket.socket(family, kind, protocol)
        try:
            return _opened(connection, address, peer, deadline)
        except ssl.SSLError as error:
            connection.close()
            raise RetriableError(f"TLS with {peer} failed", str(error)) from error
        except OSError as error:
            connection.close()
            last = error
    raise Unreachable(f"nobody answers as {peer}: {last or 'no address'}") from last


def _opened(connection: socket.socket, address: Any, peer: Peer, deadline: Deadline) -> socket.socket:
    connection.settimeout(deadline.left())
    connection.connect(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection if peer.tls is None else _encrypted(connection, peer.host, peer.tls)


def _encrypted(connection: socket.socket, host: str, tls: DicomTls) -> socket.socket:
    """The connection within TLS 1.2 or newer; it is the caller's to close when this fails."""
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=tls.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = tls.check_host
        context.load_cert_chain(tls.certificate, tls.key)
    except ssl.SSLError:
        raise
    except OSError as error:
        raise PermanentError(f"the certificates for DICOM TLS cannot be read: {error}") from error
    return context.wrap_socket(connection, server_hostname=host)


@contextlib.contextmanager
def _translated(peer: Peer, deadline: Deadline) -> Iterator[None]:
    try:
        yield
    except (RetriableError, PermanentError):
        raise
    except TimeoutError as error:
        raise RetriableError(f"{peer} gave no end of its answers within {deadline.seconds:g} s") from error
    except socket.gaierror as error:
        raise Unreachable(f"{peer}: {error}") from error
    except OSError as error:
        raise RetriableError(f"the connection to {peer} broke: {error}") from error
    except Exception as error:  # pynetdicom's decoders raise anything on bytes that are no DICOM
        raise RetriableError(f"{peer} sent what cannot be read: {type(error).__name__} {error}") from error


def _why_rejected(data: bytes) -> str:
    rejection = pdus.A_ASSOCIATE_RJ()
    rejection.decode(data)
    return f"{rejection.reason_str} ({rejection.result_str})"


def _agreed(results: Iterable[Any]) -> set[int]:
    """Ids of the presentation contexts that were accepted (result 0, PS3.8 9.3.3.2)."""
    return {each.context_id for each in results if each.result == 0}
