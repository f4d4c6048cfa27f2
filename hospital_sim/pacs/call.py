"""
One request over an association: read, answered, kept silent about; and what all associations of one PACS
share.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.pdu_primitives import P_DATA

from hospital_sim.pacs.clock import Clock
from hospital_sim.pacs.content.identity import Corrected
from hospital_sim.pacs.content.stored import Store
from hospital_sim.pacs.content.studies import Archive
from hospital_sim.pacs.habit_values import Failure
from hospital_sim.pacs.habits import Habits
from hospital_sim.pacs.ledger import Entry, Ledger
from hospital_sim.pacs.wire.data_sets import decode_flat

_QUEUED_AT_MOST = 32  # answers that wait to be sent; more, and a C-CANCEL would not be read in between
_STEP_S = 0.02


class Memory:
    """What was asked for how often: the habits that show only the first times need it. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def earlier(self, habit: str, what: str) -> int:
        """How often this was met before; counts this time in."""
        with self._lock:
            before = self._counts[habit, what]
            self._counts[habit, what] += 1
            return before


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
    corrected: Corrected = field(default_factory=Corrected)
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

    def failure(self, habit: str, what: str) -> Failure | None:
        """
        How a habit of kind FAILURE shows for this, None when it does not (any more); counts this time in.
        """
        failure = self.habits.failure(habit)
        if failure is None or not failure.still(
            self.memory.earlier(habit, what), time.monotonic() - self.started
        ):
            return None
        return failure

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
        address = str(self._association.requestor.address)
        entry = Entry(
            service,
            level,
            keys,
            self.calling,
            self.now,
            seconds,
            answers,
            status,
            tuple(self.bitten),
            address,
        )
        self.context.ledger.add(entry)
