"""
C-STORE to a PACS: one association, errors that name both ends.

Error tree::

    StoreError                 nothing more can be sent; the message names AE titles, host and port
    +-- PacsUnreachableError   no connection, or the association was rejected or lost
    +-- StoreRefusedError      the PACS answered an image with a failure status, or accepts no context for it
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.presentation import build_context

from hospital_sim.sending.hang_up import hang_up_for_certain

hang_up_for_certain()

SUCCESS = 0x0000
WARNINGS = frozenset({0xB000, 0xB006, 0xB007})  # PS3.4 B.2.3: stored all the same
CONTEXTS_PER_ASSOCIATION = 128  # PS3.8 9.3.2.2: odd ids from 1 to 255


class StoreError(Exception):
    """Nothing more can be sent to this PACS."""


class PacsUnreachableError(StoreError):
    """No association with the PACS."""


class StoreRefusedError(StoreError):
    """The PACS does not take this image."""


@dataclass(frozen=True)
class Pacs:
    """Where to send: host, port and the PACS's own AE title."""

    host: str
    port: int
    ae_title: str

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}:{self.port}"


def check_listening(pacs: Pacs) -> None:
    """
    See that something listens there; pynetdicom says only that it failed, not why.

    Raises:
        PacsUnreachableError: With the system's reason.
    """
    try:
        socket.create_connection((pacs.host, pacs.port), timeout=10).close()
    except OSError as error:
        raise PacsUnreachableError(f"no connection to {pacs}: {error.strerror or error}") from error


@dataclass(frozen=True)
class Originator:
    """Who asked for the C-MOVE, and the message id of the request (PS3.7 9.1.1.1.4)."""

    ae_title: str
    message_id: int


class Association:
    """A C-STORE association, open within a ``with`` block."""

    def __init__(
        self,
        pacs: Pacs,
        calling_ae_title: str,
        contexts: Iterable[tuple[str, tuple[str, ...]]],
        *,
        address: str = "",
    ) -> None:
        """
        Prepare; nothing is opened yet.

        Args:
            pacs: The peer.
            calling_ae_title: Our AE title.
            contexts: SOP Class UID and the transfer syntaxes that are offered together for it.
            address: Of ours, from which the connection is opened; empty: the system's choice.
        """
        self._pacs = pacs
        self._calling = calling_ae_title
        self._address = address
        self._ae = AE(ae_title=calling_ae_title)
        self._ae.maximum_pdu_size = 0
        self._ae.connection_timeout = 10
        self._ae.acse_timeout = 20
        self._ae.dimse_timeout = 120
        self._ae.network_timeout = 120
        self._contexts = [build_context(sop_class, list(syntaxes)) for sop_class, syntaxes in contexts]

    def __enter__(self) -> Self:
        rejections: list[A_ASSOCIATE_RJ] = []

        def note_rejection(event: evt.Event) -> None:
            if isinstance(event.pdu, A_ASSOCIATE_RJ):
                rejections.append(event.pdu)

        self._association = self._ae.associate(
            self._pacs.host,
            self._pacs.port,
            contexts=self._contexts,
            ae_title=self._pacs.ae_title,
            bind_address=(self._address, 0) if self._address else None,
            evt_handlers=[(evt.EVT_CONN_OPEN, send_at_once), (evt.EVT_PDU_RECV, note_rejection)],
        )
        if self._association.is_established:
            self._parking = _Parking.of(self._association)
            return self
        # is_rejected is not asked: on a busy machine pynetdicom 3.0.4 now and then takes the close that
        # follows for an abort.
        why = "rejected the association (is our AE title known there?)" if rejections else None
        raise PacsUnreachableError(
            f"{self._calling} -> {self._pacs}: {why or 'no connection or association aborted'}"
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._association.is_established:
                return
            if error is None:
                self._association.release()
            else:
                self._association.abort()
        finally:
            self._parking.leave()

    def accepted(self, sop_class: str) -> dict[str, int]:
        """Transfer syntaxes that the peer takes for a SOP Class, with the id of the presentation context."""
        return {
            str(one.transfer_syntax[0]): one.context_id
            for one in self._association.accepted_contexts
            if one.abstract_syntax == sop_class and one.context_id is not None
        }

    def store_bytes(
        self,
        sop_class: str,
        sop_instance: str,
        data: bytes,
        context_id: int,
        *,
        message_id: int,
        originator: Originator | None,
    ) -> int:
        """
        Send one encoded data set and wait for the answer; the status is the caller's to judge.

        Args:
            sop_class: Affected SOP Class UID.
            sop_instance: Affected SOP Instance UID.
            data: The data set in the transfer syntax of the context.
            context_id: From ``accepted``.
            message_id: From 1 to 65535.
            originator: Who asked for the move that this is part of, if anybody did.

        Raises:
            PacsUnreachableError: The association was lost.
        """
        request = C_STORE()
        request.MessageID, request.Priority = message_id, 0
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, sop_instance
        if originator is not None:
            request.MoveOriginatorApplicationEntityTitle = originator.ae_title
            request.MoveOriginatorMessageID = originator.message_id
        request.DataSet = BytesIO(data)
        if not self._association.is_established:
            raise PacsUnreachableError(
                f"{self._calling} -> {self._pacs}: association lost before {sop_instance}"
            )
        self._association.dimse.send_msg(request, context_id)
        _, answer = self._association.dimse.get_msg(block=True)
        if answer is None or answer.Status is None:
            raise PacsUnreachableError(
                f"{self._calling} -> {self._pacs}: no answer to C-STORE of {sop_instance}"
            )
        return int(answer.Status)

    def begin_store(self, sop_class: str, sop_instance: str, context_id: int) -> None:
        """
        Send the command of a C-STORE alone; its data set follows by ``send_fragment``, never with a last
        part.
        """
        request = C_STORE()
        request.MessageID, request.Priority = 1, 0
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, sop_instance
        request.DataSet = BytesIO(b"\0\0")  # so that the command says that one follows (PS3.7 E.1)
        message = C_STORE_RQ()
        message.primitive_to_message(request)
        command, *_ = message.encode_msg(context_id, 16_384)
        self._association.dul.send_pdu(command)

    def send_fragment(self, data: bytes, context_id: int) -> None:
        """
        Send a part of a data set, not the last (PS3.8 E.2).

        Raises:
            PacsUnreachableError: The association was lost.
        """
        if not self._association.is_established:
            raise PacsUnreachableError(f"{self._calling} -> {self._pacs}: association lost")
        primitive = P_DATA()
        primitive.presentation_data_value_list.append((context_id, b"\x00" + data))
        self._association.dul.send_pdu(primitive)

    def store(self, image: Dataset | Path, name: str) -> None:
        """
        Send one image; a path is sent byte for byte as it is in the file.

        Args:
            image: Dataset with file meta information, or a DICOM file.
            name: How to call it in an error message.

        Raises:
            StoreRefusedError: No context for it, or a failure status.
            PacsUnreachableError: The association was lost.
        """
        try:
            with _bytes_unchanged():
                answer = self._association.send_c_store(image)
        except (ValueError, AttributeError) as error:
            raise StoreRefusedError(
                f"{self._calling} -> {self._pacs}: {name} cannot be sent: {error}"
            ) from error
        except RuntimeError as error:
            raise PacsUnreachableError(
                f"{self._calling} -> {self._pacs}: association lost before {name}"
            ) from error
        if "Status" not in answer:
            raise PacsUnreachableError(f"{self._calling} -> {self._pacs}: no answer to C-STORE of {name}")
        if answer.Status != SUCCESS and answer.Status not in WARNINGS:
            comment = f" ({answer.ErrorComment})" if "ErrorComment" in answer else ""
            raise StoreRefusedError(
                f"{self._calling} -> {self._pacs}: {name} refused with status 0x{answer.Status:04X}{comment}"
            )


class _Parking(threading.Event):
    """
    Keeps pynetdicom's reactor thread out of the way for as long as an association is ours.

    The reactor looks for requests from the peer, which a C-STORE SCU never gets. ``send_c_store`` pauses it,
    but trusts a flag that is still up for an instant after the reactor has gone on (3.0.4,
    ``Association._run_reactor``): about once in 2,000 images on a busy machine the reactor then takes the
    response ("Received unexpected C-STORE service message") and the sender waits until its time-out. Once
    parked here it stays.
    """

    def __init__(self) -> None:
        super().__init__()
        self._parked = threading.Event()

    @classmethod
    def of(cls, association: Any) -> _Parking:
        """Park the reactor of an established association; returns when it stands."""
        parking = cls()
        association._reactor_checkpoint = parking
        parking._parked.wait(timeout=5.0)
        return parking

    def wait(self, timeout: float | None = None) -> bool:
        """Called by the reactor."""
        self._parked.set()
        return super().wait(timeout)

    def set(self) -> None:
        """Called after each message; the reactor stays where it is."""

    def leave(self) -> None:
        """Let the reactor go on, to find the association ended and end itself."""
        super().set()


@contextmanager
def _bytes_unchanged() -> Iterator[None]:
    """Make pynetdicom send a file's own bytes instead of decoding and encoding it."""
    before = _config.STORE_SEND_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = True
    try:
        yield
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = before


def send_at_once(event: evt.Event) -> None:
    """
    Switch Nagle's algorithm off: with it each C-STORE waits some 50 ms for a delayed acknowledgement, an
    answer 40.
    """
    transport = event.assoc.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
