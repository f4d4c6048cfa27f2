"""
A PACS that answers a C-MOVE by storing exactly the bytes that a test gives it, and ends it with any status.

pynetdicom alone encodes Datasets, so that it cannot send an object with 20,000 nested sequences. No C-FIND:
who needs one to pull by UID is refused.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove  # type: ignore[attr-defined]

from hospital_sim.sending.hang_up import hang_up_for_certain
from pacs_module.adapters.dicom.reactor_gate import keep_answers
from tests.support.images.poison import CT

hang_up_for_certain()


@dataclass
class RawPacs:
    """
    Listens on loopback within a ``with`` block.

    Args:
        destination: Port of the move destination.
        studies: Objects by StudyInstanceUID: SOPInstanceUID and data set in explicit VR little endian.
        statuses: Final statuses by StudyInstanceUID, sent without storing anything.
    """

    destination: int
    studies: dict[str, Sequence[tuple[str, bytes]]] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    behaviour: Mapping[str, str] = field(default_factory=dict)
    """By StudyInstanceUID: ``silent`` never answers, ``abort`` ends the association without a response."""
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """StudyInstanceUIDs in the order of the C-MOVE requests."""

    def __enter__(self) -> Self:
        entity = AE("RAWPACS")
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelMove)
        handlers: Any = [(evt.EVT_C_MOVE, self._move)]
        self._server: Any = cast(Any, entity).start_server(
            ("127.0.0.1", self.port), block=False, evt_handlers=handlers
        )
        self.port = self._server.socket.getsockname()[1]
        self._lock = threading.Lock()
        self._over = threading.Event()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Nobody is there any more; a second time changes nothing."""
        if not self._over.is_set():
            self._over.set()
            self._server.shutdown()

    def _move(self, event: evt.Event) -> Any:
        study = str(event.identifier.StudyInstanceUID)
        with self._lock:
            self.asked.append(study)
        how = self.behaviour.get(study)
        if how == "silent":
            self._over.wait(60)
        if how is not None:
            event.assoc.abort()
            return
        yield "127.0.0.1", self.destination, {"contexts": [build_context(CT, ExplicitVRLittleEndian)]}
        if study in self.statuses:
            yield 1
            status = Dataset()
            status.Status = self.statuses[study]
            yield status, None
            return
        self._store(self.studies.get(study, ()))
        yield 0

    def _store(self, objects: Sequence[tuple[str, bytes]]) -> None:
        sender = AE("RAWPACS")
        sender.add_requested_context(CT, ExplicitVRLittleEndian)
        association = sender.associate("127.0.0.1", self.destination, ae_title="AIPULL")
        if not association.is_established:
            return
        for number, (sop_uid, data) in enumerate(objects, start=1):
            if not store_raw(association, number, sop_uid, data):
                return
        association.release()


def store_raw(association: Any, number: int, sop_uid: str, data: bytes) -> bool:
    """Store one object as it is; False when the other side has gone."""
    request = C_STORE()
    request.MessageID, request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = number, CT, sop_uid
    request.Priority, request.DataSet = 2, io.BytesIO(data)
    keep_answers(association)
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.0001)
    try:
        association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
        _, answer = association.dimse.get_msg(block=True)
    finally:
        association._reactor_checkpoint.set()
    return bool(answer is not None and association.is_established)
