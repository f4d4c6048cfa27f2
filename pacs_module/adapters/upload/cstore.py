"""
A destination by C-STORE (PS3.4 annex B), with what the site trusts as proof that it is there.

``status``: the status of each C-STORE, as this process has heard it. ``find``: an IMAGE level C-FIND of each
series.
``commitment``: the destination takes responsibility itself (Storage Commitment Push Model, PS3.4 annex J): it
answers on the same association, or calls back to ``commit_port``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
)

from ...domain.errors import Busy, FilesGone, RetriableError, Unreachable, about
from ...domain.upload.files import ImagePlace, Lacking, UploadFile
from ..dicom.reactor_gate import keep_answers
from .lanes import Lanes
from .pacing import Pacer
from .straight_store import send_straight

_config.STORE_SEND_CHUNKED_DATASET = True
"""A file is sent as it lies there, in pieces: it is neither decoded nor encoded anew."""
STATUS, FIND, COMMITMENT = "status", "find", "commitment"
_LOOK_S = 0.0003
"""
How often pynetdicom looks for something to send: with its own millisecond some twenty of them pass with each
image. It has no setting for that; a version without this one goes at its own pace.
"""
_WHO = "the destination"
_MOST_CONTEXTS = 120
"""Of one association: 128 by the standard (PS3.8 9.3.2.2), some kept for the proof."""
_MOST_ACKNOWLEDGED = 100_000
"""Forgotten beyond that: what is not known to be there is sent again."""
_WARNING = range(0xB000, 0xC000)
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
_FOR_GOOD = (*range(0xA900, 0xAA00), 0x0117, 0x0118, 0x0122, 0x0124)
"""
The data set does not match its SOP class, the instance or the SOP class is not one that is taken, or we are
not allowed (PS3.4 B.2.3, PS3.7 annex C). Any other failure may be the destination's own: many say C000
whatever went wrong.
"""
_DUPLICATE = 0x0111
"""It has an object with this UID already."""
_PENDING = (0xFF00, 0xFF01)
_COMMIT_INSTANCE = "1.2.840.10008.1.20.1.1"
"""Of the well-known SOP instance of storage commitment."""
_COMMIT_ACTION = 1
_REPORT_ENDS_S = 5.0
"""How long a destination that has told of a commitment may take to end its association."""


@dataclass(frozen=True)
class CStorePlace:
    """
    Where and how.

    Args:
        host: Name or address.
        port: Of the SCP.
        ae_title: Its AE title.
        calling_ae_title: Ours.
        proof: status, find or commitment.
        commit_port: Where we listen for answers of a commitment; 0: only on the association that asked.
        timeout: Seconds for an answer.
    """

    host: str
    port: int
    ae_title: str
    calling_ae_title: str = "AIPULL"
    proof: str = STATUS
    commit_port: int = 0
    timeout: float = 60.0


@dataclass
class CStoreUploader:
    """Each call makes its own associations, one for each lane."""

    place: CStorePlace
    pacer: Pacer = field(default_factory=Pacer)
    lanes: Lanes = field(default_factory=Lanes)
    _acknowledged: set[tuple[str, str]] = field(default_factory=set)
    """Path and SOPInstanceUID of what was stored with success, of late."""
    _failed: dict[str, str] = field(default_factory=dict)
    """By SOPInstanceUID: what it was answered last, where that may pass."""

    def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """In each lane one association for as many as fit in its presentation contexts."""
        with about(self._server):
            number = self.lanes.number
            shares = [files[lane::number] for lane in range(min(number, len(files)))]
            told = self.lanes.each(self._store_share, shares)
        return [one for refused in told for one in refused]

    def _store_share(self, files: Sequence[UploadFile]) -> list[Lacking]:
        return [one for some in _by_contexts(files) for one in self._store(some)]

    def missing(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """By the proof that the site trusts."""
        with about(self._server):
            ask = {STATUS: self._by_status, FIND: self._by_find, COMMITMENT: self._by_commitment}[
                self.place.proof
            ]
            return ask(files)

    @property
    def proof(self) -> str:
        """What the site trusts."""
        return self.place.proof

    def list_images(self, place: ImagePlace) -> frozenset[str] | None:
        """By C-FIND; one whose proof is the status alone is not known to answer any."""
        if self.place.proof == STATUS:
            return None
        with (
            about(self._server),
            self._associated([(StudyRootQueryRetrieveInformationModelFind, "")]) as association,
        ):
            each = [_find(association, place.study_uid, series) for series in place.series_uids]
        return frozenset().union(*each)

    def close(self) -> None:
        """Nothing is kept open."""

    @property
    def _server(self) -> str:
        return f"destination {self.place.ae_title} at {self.place.host}:{self.place.port}"

    def _store(self, files: Sequence[UploadFile]) -> list[Lacking]:
        refused: list[Lacking] = []
        contexts = sorted({(one.sop_class, one.transfer_syntax) for one in files})
        with self._associated(contexts) as association:
            association.dul._run_loop_delay = _LOOK_S
            send_straight(association, self.pacer.sent, self.place.timeout)
            accepted = _accepted_by(association)
            for file in files:
                if (file.sop_class, file.transfer_syntax) not in accepted:
                    refused.append(Lacking(file, "its SOP class or transfer syntax is not accepted"))
                    continue
                refused += self._take_status(file, self._send(association, file))
        return refused

    def _take_status(self, file: UploadFile, status: tuple[int, str]) -> list[Lacking]:
        """
        What the destination refused for good; a failure that may pass is told with what lacks afterwards.
        """
        number, comment = status
        if number in (0, _DUPLICATE) or number in _WARNING:
            self._acknowledge(file)
            self._failed.pop(file.sop_uid, None)
            return []
        words = f"status {number:04X} {comment}".strip()
        if number in _OUT_OF_RESOURCES:
            raise Busy(f"{_WHO} has no room", said=words)
        if number in _FOR_GOOD:
            return [Lacking(file, words)]
        self._failed[file.sop_uid] = words
        return []

    def _acknowledge(self, file: UploadFile) -> None:
        if len(self._acknowledged) >= _MOST_ACKNOWLEDGED:
            self._acknowledged = set()  # not emptied: another lane may look at it
        self._acknowledged.add((file.path, file.sop_uid))

    def _send(self, association: Association, file: UploadFile) -> tuple[int, str]:
        """The status of its C-STORE, and the comment with it."""
        try:
            status = association.send_c_store(file.path)
        except FileNotFoundError as error:
            raise FilesGone("an image cannot be read", file.path) from error
        except (RuntimeError, ValueError, AttributeError, OSError) as error:
            if not association.is_established:
                raise RetriableError(f"{_WHO}: the association broke", str(error)) from error
            return _FOR_GOOD[0], f"it cannot be sent: {error}"
        number = getattr(status, "Status", None)
        if number is None:
            raise RetriableError(f"{_WHO} did not answer a C-STORE, or the association broke")
        return int(number), str(getattr(status, "ErrorComment", ""))

    # --- proofs ---

    def _by_status(self, files: Sequence[UploadFile]) -> list[Lacking]:
        lacking = [one for one in files if (one.path, one.sop_uid) not in self._acknowledged]
        silent = "this process has no C-STORE of it acknowledged"
        return [Lacking(one, self._failed.get(one.sop_uid, silent)) for one in lacking]

    def _by_find(self, files: Sequence[UploadFile]) -> list[Lacking]:
        there: dict[tuple[str, str], set[str]] = {}
        with self._associated([(StudyRootQueryRetrieveInformationModelFind, "")]) as association:
            for key in dict.fromkeys((one.study_uid, one.series_uid) for one in files):
                there[key] = _find(association, *key)
        lacking = [one for one in files if one.sop_uid not in there[one.study_uid, one.series_uid]]
        return [Lacking(one, self._failed.get(one.sop_uid, "not there")) for one in lacking]

    def _by_commitment(self, files: Sequence[UploadFile]) -> list[Lacking]:
        answers = _Answers(str(generate_uid()))
        with (
            self._listening(answers),
            self._associated([(StorageCommitmentPushModel, "")], answers) as association,
        ):
            status, _ = association.send_n_action(
                answers.asked(files), _COMMIT_ACTION, StorageCommitmentPushModel, _COMMIT_INSTANCE
            )
            number = getattr(status, "Status", None)
            if number != 0:
                raise RetriableError(f"{_WHO} takes no request for storage commitment: {number}")
            if not answers.wait(self.place.timeout):
                raise RetriableError(f"{_WHO} did not answer a request for storage commitment in time")
            keep_answers(association)  # its report has our answer before the association ends
        lacking = [one for one in files if one.sop_uid not in answers.committed]
        return [
            Lacking(one, f"not committed {answers.failed.get(one.sop_uid, '')}".strip()) for one in lacking
        ]

    @contextmanager
    def _listening(self, answers: _Answers) -> Iterator[None]:
        if not self.place.commit_port:
            yield
            return
        entity = AE(self.place.calling_ae_title)
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        try:
            server = entity.start_server(
                ("", self.place.commit_port),
                block=False,
                evt_handlers=[(evt.EVT_N_EVENT_REPORT, answers.take)],
            )
        except OSError as error:
            raise RetriableError(
                f"port {self.place.commit_port} for commitments is in use", str(error)
            ) from error
        try:
            yield
        finally:
            if server is not None:
                for report in server.active_associations:
                    report.join(_REPORT_ENDS_S)
                server.shutdown()

    @contextmanager
    def _associated(
        self, contexts: Sequence[tuple[str, str]], answers: _Answers | None = None
    ) -> Iterator[Association]:
        entity = AE(self.place.calling_ae_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = self.place.timeout
        entity.connection_timeout = 10.0
        for abstract, syntax in contexts:
            if syntax:
                entity.add_requested_context(abstract, syntax)
            else:
                entity.add_requested_context(abstract)
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, answers.take)] if answers is not None else []
        association = entity.associate(
            self.place.host, self.place.port, ae_title=self.place.ae_title, evt_handlers=handlers
        )
        if not association.is_established:
            raise _not_established(association)
        keep_answers(association)
        try:
            yield association
        finally:
            with suppress(Exception):
                association.release()


class _Answers:
    """The answer to one request for commitment, whichever way it comes."""

    def __init__(self, transaction: str) -> None:
        self._transaction = transaction
        self._told = threading.Event()
        self.committed: set[str] = set()
        self.failed: dict[str, str] = {}

    def asked(self, files: Sequence[UploadFile]) -> Dataset:
        """The request (PS3.4 J.3.2.1)."""
        request = Dataset()
        request.TransactionUID = self._transaction
        request.ReferencedSOPSequence = [_reference(one) for one in files]
        return request

    def take(self, event: Any) -> tuple[int, None]:
        """Of pynetdicom: an N-EVENT-REPORT came; its answer is a status and no data set."""
        told = event.event_information
        if str(told.get("TransactionUID", "")) != self._transaction:
            return 0x0000, None
        self.committed = {
            str(one.ReferencedSOPInstanceUID) for one in told.get("ReferencedSOPSequence", None) or ()
        }
        self.failed = {
            str(one.ReferencedSOPInstanceUID): f"failure reason {int(one.get('FailureReason', 0)):04X}"
            for one in told.get("FailedSOPSequence", None) or ()
        }
        self._told.set()
        return 0x0000, None

    def wait(self, timeout: float) -> bool:
        """Whether it came within so many seconds."""
        return self._told.wait(timeout)


def _reference(file: UploadFile) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = file.sop_class, file.sop_uid
    return item


def _not_established(association: Association) -> RetriableError:
    if association.is_rejected:
        answer = association.acceptor.primitive
        reason = getattr(answer, "reason_str", "")
        return Busy(f"{_WHO} rejects the association", said=str(reason))
    if association.is_aborted:
        return Unreachable(f"{_WHO} does not answer, or aborts the association")
    return Unreachable(f"{_WHO} does not answer")


def _find(association: Association, study: str, series: str) -> set[str]:
    """The SOPInstanceUIDs of a series (PS3.4 C.6.2.1)."""
    asked = Dataset()
    asked.QueryRetrieveLevel = "IMAGE"
    asked.StudyInstanceUID, asked.SeriesInstanceUID, asked.SOPInstanceUID = study, series, ""
    found: set[str] = set()
    for status, answer in association.send_c_find(asked, StudyRootQueryRetrieveInformationModelFind):
        number = getattr(status, "Status", None)
        if number in _PENDING and answer is not None:
            found.add(str(answer.get("SOPInstanceUID", "")))
        elif number != 0:
            raise RetriableError(f"{_WHO} does not answer what it has: {number}")
    return found


def _by_contexts(files: Sequence[UploadFile]) -> Iterator[list[UploadFile]]:
    """Some at a time: no more presentation contexts than one association has."""
    some: list[UploadFile] = []
    contexts: set[tuple[str, str]] = set()
    for file in files:
        key = (file.sop_class, file.transfer_syntax)
        if key not in contexts and len(contexts) >= _MOST_CONTEXTS:
            yield some
            some, contexts = [], set()
        some.append(file)
        contexts.add(key)
    if some:
        yield some


def _accepted_by(association: Any) -> set[tuple[str, str]]:
    """SOP class and transfer syntax of each presentation context that was accepted."""
    contexts = association.accepted_contexts
    return {(str(one.abstract_syntax), str(one.transfer_syntax[0])) for one in contexts}
