"""
The services of a PACS over one association: C-ECHO, C-FIND, C-MOVE, C-STORE.

pynetdicom does association and state machine; requests are served here instead of in its service classes, because they encode
every answer anew (slow), always answer (a PACS may not), and let no wrong counts or character sets through.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dimse_primitives import C_ECHO, C_FIND, C_MOVE, C_STORE
from pynetdicom.pdu_primitives import P_DATA

from hospital_sim.pacs.clock import Clock
from hospital_sim.pacs.content import Archive
from hospital_sim.pacs.find import OUT_OF_RESOURCES, Answer, Finder, Query, QueryRefusedError
from hospital_sim.pacs.habits import Habits
from hospital_sim.pacs.ledger import Entry, Ledger
from hospital_sim.pacs.move import (
    CANCELLED,
    CANNOT_PERFORM,
    PENDING,
    SUBOPERATIONS_FAILED,
    UNKNOWN_DESTINATION,
    Memory,
    Progress,
    Sending,
    Wanted,
    group_of,
    is_nth,
    send_images,
    wanted_images,
)
from hospital_sim.pacs.stored import Store
from hospital_sim.pacs.text import NATURAL
from hospital_sim.pacs.wire import decode_flat, encode_answer, encode_element
from hospital_sim.scu import SUCCESS, Originator, Pacs

# Patient root and study root (PS3.4 C.6.1, C.6.2).
FIND_CLASSES = ("1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.2.1")
MOVE_CLASSES = ("1.2.840.10008.5.1.4.1.2.1.2", "1.2.840.10008.5.1.4.1.2.2.2")
_CANNOT_UNDERSTAND = 0xC000
_QUEUED_AT_MOST = 32  # answers that wait to be sent; more, and a C-CANCEL would not be read in between
_STEP_S = 0.02


@dataclass
class Context:
    """What all associations of one PACS share; ``habits`` may be exchanged at any time."""

    ae_title: str
    archive: Archive
    store: Store
    clock: Clock
    habits: Habits
    destinations: Mapping[str, tuple[str, int]]
    ledger: Ledger = field(default_factory=Ledger)
    memory: Memory = field(default_factory=Memory)
    stopped: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=time.monotonic)
    finds: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    helpers: list[threading.Thread] = field(default_factory=list)

    def bites(self, habit: str, number: int) -> bool:
        """Whether a habit of kind OFTEN shows at the ``number``-th time."""
        often = self.habits.often(habit)
        return often is not None and often.bites(number, time.monotonic() - self.started)

    def still(self, habit: str, what: str) -> bool:
        """Whether a habit of kind TIMES still shows for this; counts this time in."""
        times = self.habits.times(habit)
        return times is not None and times.still(self.memory.earlier(habit, what))

    def next_find(self) -> int:
        """The number of this C-FIND, from 1."""
        with self.lock:
            self.finds += 1
            return self.finds


class Call:
    """One request: how to answer it, and what will stand in the ledger."""

    def __init__(self, context: Context, association: Any, request: Any, context_id: int) -> None:
        self.context = context
        self.habits = context.habits
        self.now: dt.datetime = context.clock.now()
        self.request = request
        self.values: dict[str, str] = {}
        self.bitten: list[str] = []
        self._association = association
        self._context_id = context_id
        self._begun = time.monotonic()
        syntax = association._accepted_cx[context_id].transfer_syntax[0]
        self.transfer_syntax = str(syntax)
        self.implicit = syntax == ImplicitVRLittleEndian

    @property
    def calling(self) -> str:
        """The caller's AE title."""
        return str(self._association.requestor.ae_title)

    @property
    def is_gone(self) -> bool:
        """Whether the other side has hung up, or we end."""
        association = self._association
        return bool(
            self.context.stopped.is_set()
            or not association.dul.is_alive()
            or association.acse.is_aborted()
            or association.dul.peek_next_pdu() is not None  # a release in the middle of an operation
        )

    @property
    def is_cancelled(self) -> bool:
        """Whether a C-CANCEL for this request has come."""
        return self.request.MessageID in self._association.dimse.cancel_req

    def read_identifier(self) -> None:
        """Decode the request's identifier into ``values``."""
        raw = self.request.Identifier.getvalue() if self.request.Identifier else b""
        self.values = decode_flat(raw, implicit=self.implicit)

    def send(self, response: Any) -> None:
        """Send a response primitive."""
        response.MessageIDBeingRespondedTo = self.request.MessageID
        response.AffectedSOPClassUID = self.request.AffectedSOPClassUID
        self._association.dimse.send_msg(response, self._context_id)

    def send_raw(self, command: bytes, data: bytes) -> None:
        """Send an encoded command set and data set, without pynetdicom's encoding."""
        largest = self._association.dimse.maximum_pdu_size
        room = largest - 6 if largest else len(data) + 1
        self._put(b"\x03" + command)  # last fragment of a command (PS3.8 E.2)
        for begin in range(0, len(data), room):
            last = begin + room >= len(data)
            self._put((b"\x02" if last else b"\x00") + data[begin : begin + room])
        while self._association.dul.to_provider_queue.qsize() > _QUEUED_AT_MOST and not self.is_gone:
            time.sleep(0.001)

    def _put(self, fragment: bytes) -> None:
        primitive = P_DATA()
        primitive.presentation_data_value_list.append((self._context_id, fragment))
        self._association.dul.send_pdu(primitive)

    def sleep(self, seconds: float) -> bool:
        """Be silent; False when the other side hung up meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.is_gone:
                return False
            self.context.stopped.wait(min(left, _STEP_S))
        return True

    def hang(self) -> None:
        """Never answer."""
        while not self.is_gone:
            self.context.stopped.wait(_STEP_S)

    def abort(self) -> None:
        """A-ABORT."""
        self._association.abort()

    def note(self, service: str, answers: int, status: int | None) -> None:
        """Write the request into the ledger."""
        level = self.values.get("QueryRetrieveLevel", "").strip()
        keys = {name: value for name, value in self.values.items() if value and name != "QueryRetrieveLevel"}
        seconds = time.monotonic() - self._begun
        entry = Entry(service, level, keys, self.calling, self.now, seconds, answers, status, tuple(self.bitten))
        self.context.ledger.add(entry)


def serve(context: Context, association: Any, request: Any, context_id: int) -> None:
    """Serve one request; takes the place of ``Association._serve_request``."""
    if context_id not in association._accepted_cx or not request.is_valid_request:
        association.abort()
        return
    call = Call(context, association, request, context_id)
    service = _SERVICES.get(type(request))
    if service is None:
        association.abort()
        return
    service(call)


def _echo(call: Call) -> None:
    response = C_ECHO()
    response.Status = SUCCESS
    call.note("C-ECHO", 0, SUCCESS)
    call.send(response)


# ---------------------------------------------------------------------------------------------- C-STORE


def _store(call: Call) -> None:
    request, status = call.request, SUCCESS
    data = request.DataSet.getvalue() if request.DataSet else b""
    sop_class, sop_instance = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
    try:
        values = call.context.store.add(sop_class, sop_instance, call.transfer_syntax, data, call.now)
        names = ("StudyInstanceUID", "SeriesInstanceUID")
        originator = str(request.MoveOriginatorApplicationEntityTitle or "").strip()
        call.values = {**{name: values[name] for name in names}, "SOPInstanceUID": sop_instance, "MoveOriginator": originator}
    except ValueError:
        status = _CANNOT_UNDERSTAND
    response = C_STORE()
    response.AffectedSOPInstanceUID = sop_instance
    response.Status = status
    call.note("C-STORE", 0, status)
    call.send(response)


# ---------------------------------------------------------------------------------------------- C-FIND


def _find(call: Call) -> None:
    call.read_identifier()
    number = call.context.next_find()
    if call.context.bites("never-answers", number):
        call.bitten.append("never-answers")
        call.hang()
        call.note("C-FIND", 0, None)
        return
    sent, status = 0, SUCCESS
    try:
        query = Query.of(call.values)
        answers = [] if _is_overloaded(call, number) else _answers(call, query)
        if not call.sleep(call.habits.seconds("slow")):
            call.note("C-FIND", 0, None)
            return
        sent, status = _send_answers(call, answers)
    except QueryRefusedError as error:
        status = error.status
    response = C_FIND()
    response.Status = status
    call.note("C-FIND", sent, status)  # first: who has the answer may read the ledger
    call.send(response)


def _is_overloaded(call: Call, number: int) -> bool:
    if not call.context.bites("overloaded", number):
        return False
    call.bitten.append("overloaded")
    return True


def _answers(call: Call, query: Query) -> list[Answer]:
    found = Finder(call.context.archive, call.habits, call.now, call.context.ae_title).answers(query)
    cap = call.habits.count("cap")
    if cap is None or len(found) <= cap:
        return found
    call.bitten.append("cap")
    return found[:cap]


def _send_answers(call: Call, answers: list[Answer]) -> tuple[int, int]:
    """Send them; how many were sent, and the final status."""
    limit = call.habits.count("cap-a700")
    pause = call.habits.seconds("trickle")
    command = _pending_command(call)
    for number, answer in enumerate(answers):
        if limit is not None and number >= limit:
            call.bitten.append("cap-a700")
            return number, OUT_OF_RESOURCES
        if call.is_cancelled or call.is_gone:
            return number, CANCELLED
        if pause and not call.sleep(pause):
            return number, CANCELLED
        call.send_raw(command, encode_answer(answer.values, answer.coding, implicit=call.implicit, vrs=answer.vrs))
    return len(answers), SUCCESS


def _pending_command(call: Call) -> bytes:
    """The command set of a pending C-FIND response (PS3.7 9.3.2.2), the same for all answers of a query."""
    values = [
        (0x00000002, "UI", str(call.request.AffectedSOPClassUID).encode()),
        (0x00000100, "US", (0x8020).to_bytes(2, "little")),
        (0x00000120, "US", int(call.request.MessageID).to_bytes(2, "little")),
        (0x00000800, "US", (0x0001).to_bytes(2, "little")),  # a data set follows
        (0x00000900, "US", PENDING.to_bytes(2, "little")),
    ]
    rest = b"".join(encode_element(one, implicit=True) for one in values)
    return encode_element((0x00000000, "UL", len(rest).to_bytes(4, "little")), implicit=True) + rest


# ---------------------------------------------------------------------------------------------- C-MOVE


def _move(call: Call) -> None:
    call.read_identifier()
    name = str(call.request.MoveDestination or "").strip()
    destination = call.context.destinations.get(name)
    if destination is None:
        _end_move(call, Progress(0), UNKNOWN_DESTINATION)
        return
    try:
        images = wanted_images(call.context.archive, call.values, call.now)
    except QueryRefusedError as error:
        _end_move(call, Progress(0), error.status)
        return
    if _spoiled_whole(call, images):
        return
    if call.habits.seconds("move-silent"):
        call.bitten.append("move-silent")
        if not call.sleep(call.habits.seconds("move-silent")):
            call.note("C-MOVE", 0, None)
            return
    _Mover(call, images, Pacs(destination[0], destination[1], name)).run()


def _spoiled_whole(call: Call, images: list[Wanted]) -> bool:
    """Habits that send nothing at all; whether one did."""
    group, total = group_of(images), len(images)
    for habit, progress, status in (
        ("move-refused", Progress(total), CANNOT_PERFORM),
        ("move-zero", Progress(0), SUCCESS),
        ("move-success-all-failed", Progress(total, failed=total), SUCCESS),
    ):
        if images and call.context.still(habit, group):
            call.bitten.append(habit)
            _end_move(call, progress, status)
            return True
    return False


def _end_move(call: Call, progress: Progress, status: int) -> None:
    response = C_MOVE()
    response.Status = status
    response.NumberOfCompletedSuboperations = progress.completed
    response.NumberOfFailedSuboperations = progress.failed
    response.NumberOfWarningSuboperations = 0
    if status == CANCELLED:
        response.NumberOfRemainingSuboperations = progress.remaining
    if progress.failed_uids:
        values = {"FailedSOPInstanceUIDList": "\\".join(progress.failed_uids)}
        response.Identifier = BytesIO(encode_answer(values, NATURAL[""], implicit=call.implicit))
    call.note("C-MOVE", progress.sent, status)
    call.send(response)


class _Mover:
    """Sends the images of one move."""

    def __init__(self, call: Call, images: list[Wanted], destination: Pacs) -> None:
        habits, context = call.habits, call.context
        originator = Originator(call.calling, call.request.MessageID)
        self._call = call
        self._sending = Sending(
            destination, context.ae_title, None if "move-no-originator" in habits else originator, context.stopped
        )
        self._images = images
        self._dropped = self._picked("move-drops-nth")
        self._failed = self._picked("move-b000") - self._dropped
        rest = [one for one in images if one.uid not in self._dropped | self._failed] if self._dropped or self._failed else images
        late = len(rest) - max(1, len(rest) // 3) if habits.seconds("move-late-images") else len(rest)
        self._now, self._later = rest[:late], rest[late:]
        self._dies = bool(images) and context.still("move-dies", group_of(images))

    def _picked(self, habit: str) -> set[str]:
        """SOPInstanceUIDs that a habit hits this time; noted in the ledger."""
        times = self._call.habits.times(habit)
        if times is None:
            return set()
        hit = {one.uid for one in self._images if is_nth(one, times.count)}
        picked = {uid for uid in hit if times.still(self._call.context.memory.earlier(habit, uid))}
        if picked:
            self._call.bitten.append(habit)
        return picked

    def run(self) -> None:
        """Send, tell the progress, and end as the habits want it."""
        call = self._call
        extra = (call.habits.count("move-announces-more") or 0) if self._images else 0
        progress = Progress(len(self._images) + extra)
        for ended in self._sent(progress):
            if ended:
                return
        if self._later:
            call.bitten.append("move-late-images")
            progress.completed += len(self._later)
            self._send_later()
        progress.completed += len(self._dropped)
        progress.failed += len(self._failed)
        progress.failed_uids += sorted(self._failed)
        _end_move(call, progress, SUBOPERATIONS_FAILED if progress.failed else SUCCESS)

    def _sent(self, progress: Progress) -> Iterator[bool]:
        """After each image whether the move has ended for good."""
        call = self._call
        for one, arrived in zip(self._now, send_images(self._now, self._sending, call.habits), strict=False):
            progress.sent += arrived
            progress.completed += arrived
            if not arrived:
                progress.failed += 1
                progress.failed_uids.append(one.uid)
            yield self._is_ended(progress)
            if "move-no-pending" not in call.habits:
                _send_pending(call, progress)
        if call.context.stopped.is_set():
            yield True

    def _is_ended(self, progress: Progress) -> bool:
        call = self._call
        if self._dies and 2 * (progress.completed + progress.failed) >= len(self._now):
            call.bitten.append("move-dies")
            call.note("C-MOVE", progress.sent, None)
            call.abort()
            return True
        if call.is_cancelled:
            _end_move(call, progress, CANCELLED)
            return True
        if call.is_gone:
            call.note("C-MOVE", progress.sent, None)
            return True
        return False

    def _send_later(self) -> None:
        """The rest after the final response, from a thread of its own."""
        context, seconds = self._call.context, self._call.habits.seconds("move-late-images")

        def send() -> None:
            if not context.stopped.wait(seconds):
                for _ in send_images(self._later, self._sending, Habits()):
                    pass

        thread = threading.Thread(target=send, name="late images", daemon=True)
        context.helpers.append(thread)
        thread.start()


def _send_pending(call: Call, progress: Progress) -> None:
    response = C_MOVE()
    response.Status = PENDING
    response.NumberOfRemainingSuboperations = progress.remaining
    response.NumberOfCompletedSuboperations = progress.completed
    response.NumberOfFailedSuboperations = progress.failed
    response.NumberOfWarningSuboperations = 0
    call.send(response)


_SERVICES = {C_ECHO: _echo, C_FIND: _find, C_MOVE: _move, C_STORE: _store}
