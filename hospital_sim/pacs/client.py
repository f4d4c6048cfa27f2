"""
The other side: a plain SCU for C-ECHO, C-FIND and C-MOVE that shows exactly what came, bytes and statuses.

For tests, for the naive control of a comparison, and for looking at a real PACS by hand. It repairs and
retries nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.dimse_primitives import C_CANCEL, C_ECHO, C_FIND, C_MOVE

from hospital_sim.pacs.find.query import FIND_CLASSES
from hospital_sim.pacs.move.images import MOVE_CLASSES, PENDING
from hospital_sim.pacs.wire.data_sets import decode_flat, encode_answer, raw_values
from hospital_sim.pacs.wire.text import NATURAL
from hospital_sim.sending.scu import Association, Pacs

_VERIFICATION = "1.2.840.10008.1.1"


@dataclass
class Found:
    """
    The result of a C-FIND.

    Attributes:
        status: Final status; None when none came in time.
        raw: Each answer's values as bytes, padding included.
        answers: The same as text, decoded as declared.
        without_data: Pending answers that had no data set.
    """

    status: int | None = None
    without_data: int = 0
    raw: list[dict[str, bytes]] = field(default_factory=list)
    answers: list[dict[str, str]] = field(default_factory=list)

    def values(self, keyword: str) -> list[str]:
        """One attribute of all answers that have it."""
        return [one[keyword] for one in self.answers if keyword in one]


@dataclass
class Moved:
    """
    The result of a C-MOVE: final status (None: none came), sub-operations as told at the end, and the pending
    responses.
    """

    status: int | None = None
    completed: int | None = None
    failed: int | None = None
    failed_uids: list[str] = field(default_factory=list)
    pending: list[tuple[int, int, int]] = field(default_factory=list)
    """Remaining, completed, failed of each pending response."""


class Client(Association):
    """An association for queries, open within a ``with`` block."""

    def __init__(
        self, pacs: Pacs, calling_ae_title: str = "CLIENT", *, timeout_s: float = 10.0, implicit: bool = False
    ) -> None:
        """
        Prepare; nothing is opened yet.

        Args:
            pacs: The peer.
            calling_ae_title: Our AE title.
            timeout_s: The longest silence between two responses.
            implicit: Talk implicit VR, as Orthanc does.
        """
        syntax = str(ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)
        super().__init__(
            pacs,
            calling_ae_title,
            [(one, (syntax,)) for one in (_VERIFICATION, *FIND_CLASSES, *MOVE_CLASSES)],
        )
        self._ae.dimse_timeout = timeout_s
        self._implicit = implicit
        self._message_id = 0

    def echo(self) -> int | None:
        """C-ECHO; the status."""
        answer = self._ask(C_ECHO(), _VERIFICATION)
        return answer.Status if answer is not None else None

    def find(
        self,
        level: str,
        keys: Mapping[str, str],
        *,
        patient_root: bool = False,
        cancel_after: int | None = None,
    ) -> Found:
        """
        C-FIND.

        Args:
            level: QueryRetrieveLevel.
            keys: Keyword to key; empty text asks for the attribute.
            patient_root: Patient root instead of study root.
            cancel_after: Send a C-CANCEL after so many answers.
        """
        request, found = C_FIND(), Found()
        request.Priority = 0
        request.Identifier = self._identifier({"QueryRetrieveLevel": level, **keys})
        sop_class = FIND_CLASSES[0 if patient_root else 1]
        answer = self._ask(request, sop_class)
        while answer is not None:
            found.status = answer.Status
            if answer.Status != PENDING:
                return found
            data = answer.Identifier.getvalue() if answer.Identifier else b""
            if data:
                found.raw.append(raw_values(data, implicit=self._implicit))
                found.answers.append(decode_flat(data, implicit=self._implicit))
                if len(found.raw) == cancel_after:
                    self._cancel(sop_class)
            else:
                found.without_data += 1
            answer = self._next()
        found.status = None
        return found

    def move(
        self, destination: str, level: str, keys: Mapping[str, str], *, patient_root: bool = False
    ) -> Moved:
        """
        C-MOVE; returns with the final response, or with none when the association ends or is silent for too
        long.
        """
        request, moved = C_MOVE(), Moved()
        request.Priority, request.MoveDestination = 0, destination
        request.Identifier = self._identifier({"QueryRetrieveLevel": level, **keys})
        answer = self._ask(request, MOVE_CLASSES[0 if patient_root else 1])
        while answer is not None:
            moved.completed = answer.NumberOfCompletedSuboperations
            moved.failed = answer.NumberOfFailedSuboperations
            if answer.Status != PENDING:
                moved.status = answer.Status
                if answer.Identifier:
                    values = decode_flat(answer.Identifier.getvalue(), implicit=self._implicit)
                    moved.failed_uids = values.get("FailedSOPInstanceUIDList", "").split("\\")
                return moved
            moved.pending.append(
                (answer.NumberOfRemainingSuboperations, moved.completed or 0, moved.failed or 0)
            )
            answer = self._next()
        return moved

    def _identifier(self, values: Mapping[str, str]) -> BytesIO:
        return BytesIO(encode_answer(values, NATURAL["ISO_IR 192"], implicit=self._implicit))

    def _ask(self, request: Any, sop_class: str) -> Any:
        self._message_id += 1
        request.MessageID = self._message_id
        request.AffectedSOPClassUID = sop_class
        self._association.dimse.send_msg(request, self._context(sop_class))
        return self._next()

    def _context(self, sop_class: str) -> int:
        return next(iter(self.accepted(sop_class).values()))

    def _cancel(self, sop_class: str) -> None:
        request = C_CANCEL()
        request.MessageIDBeingRespondedTo = self._message_id
        self._association.dimse.send_msg(request, self._context(sop_class))

    def _next(self) -> Any:
        _, answer = self._association.dimse.get_msg(block=True)
        return answer
