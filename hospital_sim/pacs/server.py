"""The simulated PACS as a server: associations in, associations out, start and stop."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydicom.uid import AllTransferSyntaxes, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom._handlers import (
    standard_dimse_recv_handler,
    standard_dimse_sent_handler,
    standard_pdu_recv_handler,
    standard_pdu_sent_handler,
)
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from hospital_sim import headers
from hospital_sim.busy_day.day import BusyDay
from hospital_sim.busy_day.oddities import made_late
from hospital_sim.pacs.answering import serve
from hospital_sim.pacs.call import Context
from hospital_sim.pacs.clock import Clock, ManualClock, RunningClock
from hospital_sim.pacs.content.planned import archive_of
from hospital_sim.pacs.content.stored import Store
from hospital_sim.pacs.content.studies import Archive
from hospital_sim.pacs.find.query import FIND_CLASSES
from hospital_sim.pacs.habit_values import REJECT
from hospital_sim.pacs.habits import Habits, as_habits
from hospital_sim.pacs.ledger import Entry, Ledger
from hospital_sim.pacs.move.images import MOVE_CLASSES
from hospital_sim.sending.hang_up import hang_up_for_certain
from hospital_sim.sending.scu import send_at_once

hang_up_for_certain()

_VERIFICATION = "1.2.840.10008.1.1"
_NATIVE = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
# What modalities send.
_STORAGE = (
    headers.CT_IMAGE, headers.CR_IMAGE, headers.DX_IMAGE, headers.MG_IMAGE, headers.MR_IMAGE,
    headers.US_IMAGE, headers.XA_IMAGE,
    headers.RF_IMAGE, headers.PET_IMAGE, headers.SECONDARY_CAPTURE, headers.PRESENTATION_STATE,
    headers.DOSE_SR,
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # DX for processing
    "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced SR
    "1.2.840.10008.5.1.4.1.1.88.59",  # Key Object Selection
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation
    "1.2.840.10008.5.1.4.1.1.3.1",  # Ultrasound multi-frame
    "1.2.840.10008.5.1.4.1.1.20",  # Nuclear Medicine
)  # fmt: skip
_SYNTAXES = [one for one in AllTransferSyntaxes if one.is_little_endian and not one.is_deflated]
_LOCAL_LIMIT = (0x02, 0x03, 0x02)  # rejected-transient, presentation, local limit exceeded (PS3.8 9.3.4)
_CONGESTION = (0x02, 0x03, 0x01)
_STOP_S = 5.0
_DATA_TRANSFER = "Sta6"  # PS3.8 9.2.1


class SimPacs:
    """
    A PACS on a port of its own, for a ``with`` block or between ``start()`` and ``stop()``.

    Example::

        day = plan_busy_day(dt.date(2026, 11, 21), studies=300, max_slices=20)
        with SimPacs(day, habits=["cap=100"], destinations={"ORTHANC": ("127.0.0.1", 4242)}) as pacs:
            pacs.advance(dt.timedelta(hours=1))
            ...
            assert pacs.ledger.queries("STUDY") < 100
    """

    def __init__(
        self,
        content: BusyDay | Archive | None = None,
        *,
        habits: Habits | Iterable[str] = (),
        ae_title: str = "SIMPACS",
        host: str = "127.0.0.1",
        port: int = 0,
        destinations: Mapping[str, tuple[str, int]] | None = None,
        clock: Clock | None = None,
        folder: Path | None = None,
    ) -> None:
        """
        Prepare; nothing listens yet.

        Args:
            content: A planned day, an archive, or nothing: then it holds what is stored.
            habits: ``Habits`` or as on the command line: ``["cap=100", "no-counts"]``.
            ae_title: Of the PACS; other called AE titles are answered as well.
            host: Address to listen on.
            port: 0 for any free one; see ``port`` after the start.
            destinations: Move destinations: AE title to host and port. May be changed later.
            clock: Without one: a ManualClock at a moment when everything has arrived, or our own time for
                other content.
            folder: Where C-STORE keeps files; in memory without.
        """
        own = as_habits(habits)
        self.day = _spoiled(content, own) if isinstance(content, BusyDay) else None
        given = content if isinstance(content, Archive) else Archive()
        self.archive = archive_of(self.day, own) if self.day else given
        self.clock = clock or _clock(self.day)
        self.destinations = dict(destinations or {})
        self._host, self._port = host, port
        self._context = Context(
            ae_title=ae_title,
            archive=self.archive,
            store=Store(self.archive, folder),
            clock=self.clock,
            habits=own,
            destinations=self.destinations,
        )
        self._server: ThreadedAssociationServer | None = None
        self._thread: threading.Thread | None = None
        self._associations = 0

    @property
    def ae_title(self) -> str:
        """Our AE title."""
        return self._context.ae_title

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return self._host

    @property
    def port(self) -> int:
        """The port that it listens on, once started."""
        return self._port

    @property
    def ledger(self) -> Ledger:
        """What was asked and answered."""
        return self._context.ledger

    @property
    def habits(self) -> Habits:
        """The habits; assign others at any time (``late-series`` works only from the start)."""
        return self._context.habits

    @habits.setter
    def habits(self, habits: Habits | Iterable[str]) -> None:
        self._context.habits = as_habits(habits)

    @property
    def now(self) -> dt.datetime:
        """The hospital's time."""
        return self.clock.now()

    def advance(self, by: dt.timedelta | float) -> dt.datetime:
        """Move a ManualClock on; a number is in seconds."""
        if not isinstance(self.clock, ManualClock):
            raise TypeError("this PACS's clock runs by itself")
        return self.clock.advance(by)

    def arrived(self) -> int:
        """How many studies a query could find now."""
        return len(self.archive.visible(self.now))

    # ------------------------------------------------------------------------------------------ server

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """
        Listen.

        Raises:
            OSError: The port is taken.
        """
        if self._server is not None:
            return
        self._context.stopped.clear()
        self._context.started = time.monotonic()
        ae = _application_entity(self.ae_title)
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, send_at_once),
            (evt.EVT_CONN_CLOSE, _wait_no_more),
            (evt.EVT_REQUESTED, self._on_requested),
        ]
        self._server = ThreadedAssociationServer(
            ae,
            (self._host, self._port),
            self.ae_title,
            ae.supported_contexts,
            evt_handlers=handlers,
            request_handler=functools.partial(_Handler, pacs_context=self._context),
        )
        self._server.contexts = _Shared(self._server.contexts)
        ae._servers.append(self._server)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="SimPacs", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Hang up on everybody and stop listening; returns within some seconds."""
        if self._server is None:
            return
        self._context.stopped.set()
        server, self._server = self._server, None
        server.shutdown()
        open_ones: list[Any] = list(server.active_associations)
        for one in open_ones:
            with contextlib.suppress(OSError, AttributeError):
                one.dul.socket.socket.shutdown(socket.SHUT_RDWR)
        own = [self._thread] if self._thread else []
        _join([*open_ones, *self._context.helpers, *own], _STOP_S)
        self._context.helpers.clear()
        for one in open_ones:
            with contextlib.suppress(OSError, AttributeError):
                one.dul.socket._shutdown_socket()

    def _on_requested(self, event: evt.Event) -> None:
        """Reject an association where a habit wants it."""
        self._associations += 1
        reason = self._reason_to_reject(event.assoc)
        if reason is None:
            return
        habit, codes = reason
        request: Any = event.assoc.requestor.primitive
        calling = str(request.calling_ae_title)
        self.ledger.add(Entry("reject", "", {}, calling, self.now, 0.0, 0, None, (habit,)))
        event.assoc.acse.send_reject(*codes)
        event.assoc.is_rejected = True
        event.assoc.kill()

    def _reason_to_reject(self, association: Any) -> tuple[str, tuple[int, int, int]] | None:
        if self._context.bites("refuse-associations", self._associations):
            return "refuse-associations", _CONGESTION
        if self._rejects_moves(association):
            return "move-fails", _CONGESTION
        most = self.habits.count("one-association")
        if most is None:
            return None
        # One that was aborted is counted until its threads have seen the end, which takes some milliseconds.
        until = time.monotonic() + 0.2
        while self._established(association) >= most:
            if time.monotonic() > until:
                return "one-association", _LOCAL_LIMIT
            time.sleep(0.005)
        return None

    def _rejects_moves(self, association: Any) -> bool:
        """
        Whether somebody who may want to move is turned away; what he will ask shows in the contexts that he
        proposes.
        """
        failure = self.habits.failure("move-fails")
        if failure is None or failure.how != REJECT:
            return False
        proposed = {
            str(one.abstract_syntax)
            for one in association.requestor.primitive.presentation_context_definition_list
        }
        return bool(proposed & set(MOVE_CLASSES)) and self._context.failure("move-fails", "") is not None

    def _established(self, but: Any) -> int:
        """Not those that are being released: whoever has its answer to that may open the next one."""
        server = self._server
        others = [one for one in server.active_associations if one is not but] if server else []
        return sum(
            one.is_established and one.dul.state_machine.current_state == _DATA_TRANSFER for one in others
        )


def _application_entity(ae_title: str) -> AE:
    """What the PACS accepts: queries and moves in the native transfer syntaxes, images in more."""
    ae = AE(ae_title=ae_title)
    ae.maximum_pdu_size = 131_072
    ae.maximum_associations = 1000
    ae.acse_timeout, ae.network_timeout, ae.dimse_timeout = 30, None, None
    for abstract in (_VERIFICATION, *FIND_CLASSES, *MOVE_CLASSES):
        ae.add_supported_context(abstract, _NATIVE)
    for abstract in _STORAGE:
        ae.add_supported_context(abstract, _SYNTAXES)
    return ae


def _join(threads: Iterable[Any], seconds: float) -> None:
    """Wait for all of them, for so long in all."""
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(timeout=max(0.0, until - time.monotonic()))


class _Shared(list[Any]):
    """
    Contexts that pynetdicom copies for each association, which takes longer than a query, and only reads.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class _Handler(RequestHandler):
    """Makes associations whose requests are served by us."""

    def __init__(self, *arguments: Any, pacs_context: Context) -> None:
        self._pacs_context = pacs_context
        super().__init__(*arguments)

    def _create_association(self) -> Any:
        association: Any = super()._create_association()
        association._serve_request = functools.partial(serve, self._pacs_context, association)
        # They only format log lines, which takes longer than the answer itself.
        for event, handler in (
            (evt.EVT_DIMSE_RECV, standard_dimse_recv_handler),
            (evt.EVT_DIMSE_SENT, standard_dimse_sent_handler),
            (evt.EVT_PDU_RECV, standard_pdu_recv_handler),
            (evt.EVT_PDU_SENT, standard_pdu_sent_handler),
        ):
            association.unbind(event, handler)
        return association


def _wait_no_more(event: evt.Event) -> None:
    """
    Who connects and hangs up without a request leaves a thread that waits for it for ``acse_timeout``
    (pynetdicom 3.0.4).

    Only in state 2, awaiting the request (PS3.8 9.2.1): later the end of the connection is told by itself.
    """
    if event.assoc.dul.state_machine.current_state == "Sta2":
        event.assoc.dul.to_user_queue.put(None)


def _clock(day: BusyDay | None) -> Clock:
    if day is not None:
        return ManualClock(max(day.ends_at, day.settled_at))
    return RunningClock(dt.datetime.now().astimezone().replace(tzinfo=None))


def _spoiled(day: BusyDay, habits: Habits) -> BusyDay:
    """The day with the habits that are about content."""
    hours = habits.seconds("late-series")
    if not hours:
        return day
    by = dt.timedelta(hours=hours)
    studies = [
        made_late(one, by) if "CT" in one.modalities and len(one.arrivals) > 1 else one
        for one in day.new_studies
    ]
    kept = {one.uid: one for one in studies}
    late = [kept.get(one.uid, one) for one in day.studies]
    return replace(day, studies=tuple(late))
