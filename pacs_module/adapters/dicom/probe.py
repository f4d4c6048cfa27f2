"""
The DICOM side of the probe: each question on an association of its own, answers as bytes, no error for what a
PACS does.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, Self

from pydicom.datadict import keyword_for_tag
from pydicom.uid import UID
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom import pdu as pdus
from pynetdicom.dimse_messages import C_ECHO_RQ, C_MOVE_RQ
from pynetdicom.dimse_primitives import C_ECHO, C_MOVE

from ...domain.errors import ConfigurationError, PermanentError, RetriableError
from ...domain.json_messages.json_text import FROM_ORTHANC
from ...domain.probe import MODELS, Answer, Hello, Moved, Reply, Together
from ...shared.http import HttpLink
from .find_scu import PENDING, Deadline, FindAssociation, Peer, Response
from .identifiers import _elements, encode_identifier

_VERIFICATION = MODELS["echo"]
_MOVE_RESPONSE = 0x8021
_LOW = 2  # priority, PS3.7 9.1.2.1.4
_STORE_CONTEXTS = 128
LATE_S = 10.0


class _Association(FindAssociation):
    """With C-ECHO and C-MOVE too."""

    def accepts(self, sop_class: str) -> bool:
        """Whether the PACS has accepted a presentation context for it."""
        return sop_class in self._contexts

    def echo(self) -> int:
        """C-ECHO; its status."""
        primitive = C_ECHO()
        primitive.MessageID, primitive.AffectedSOPClassUID = 1, UID(_VERIFICATION)
        self._request(C_ECHO_RQ(), primitive, _VERIFICATION)
        return int(self._message().command_set.Status)

    def move(self, sop_class: str, identifier: bytes, destination: str) -> Iterator[Any]:
        """C-MOVE; the command sets of its responses (PS3.7 9.1.4)."""
        self._request(C_MOVE_RQ(), _move_request(sop_class, identifier, destination), sop_class)
        while True:
            command = self._message().command_set
            if command.get("CommandField") != _MOVE_RESPONSE:
                raise RetriableError(f"{self._peer} answers C-MOVE with another message")
            yield command
            if command.Status not in PENDING:
                return

    def _request(self, message: Any, primitive: Any, sop_class: str) -> None:
        message.primitive_to_message(primitive)
        for part in message.encode_msg(self._contexts[sop_class], self._peer_maximum):
            pdu = pdus.P_DATA_TF()
            pdu.from_primitive(part)
            self._send(pdu.encode())


class _Moving:
    """The responses of one C-MOVE: what they count, and how long there was none."""

    def __init__(self, begin: float) -> None:
        self._begin = self._last = begin
        self._silence = 0.0
        self._responses = 0
        self.announced = 0
        self.last_command: Any = None

    def take(self, command: Any) -> None:
        now = time.monotonic()
        self._silence, self._last = max(self._silence, now - self._last), now
        self._responses += 1
        self.announced = max(self.announced, sum(_suboperations(command).values()))
        self.last_command = command

    def moved(self, received: int, at_end: int) -> Moved:
        counts = _suboperations(self.last_command)
        return Moved(
            status=int(self.last_command.Status),
            announced=self.announced,
            completed=counts["Completed"],
            failed=counts["Failed"],
            pending=self._responses - 1,
            received=received,
            late=received - at_end,
            seconds=self._last - self._begin,
            silence=self._silence,
        )


class DicomProbe:
    """
    Asks one PACS.

    Args:
        peer: The PACS, and our AE title there.
        timeout: Deadline of one question in seconds.
        late: How long images may come after the final response of a move, in seconds.
    """

    def __init__(self, peer: Peer, timeout: float, late: float = LATE_S) -> None:
        self._peer = peer
        self._timeout = timeout
        self._late = late

    def hello(self) -> Hello:
        """Which presentation contexts the PACS accepts, and C-ECHO."""
        begin = time.monotonic()
        try:
            with _Association(self._peer, list(MODELS.values()), Deadline(self._timeout)) as association:
                accepted = {name: association.accepts(sop_class) for name, sop_class in MODELS.items()}
                status = association.echo() if accepted["echo"] else None
        except (RetriableError, PermanentError, OSError) as error:
            return Hello(error=_words(error), refused=_refused(error))
        return Hello(accepted, status, time.monotonic() - begin)

    def find(self, level: str, query: Mapping[str, str], keys: Sequence[str], root: str = "study") -> Reply:
        """One C-FIND; ``root`` is the information model, study or patient."""
        identifier, model = encode_identifier(level, query, keys), MODELS[f"{root} find"]
        begin = time.monotonic()
        try:
            with _Association(self._peer, [model], Deadline(self._timeout)) as association:
                association.model_for([model])
                return _collected(association.find(model, identifier), begin)
        except (RetriableError, PermanentError, OSError) as error:
            return _failed(error, begin)

    def together(self, most: int, level: str, query: Mapping[str, str], keys: Sequence[str]) -> Together:
        """Open up to ``most`` associations, keep them open, and ask the same on all of them at once."""
        identifier, model = encode_identifier(level, query, keys), MODELS["study find"]
        with contextlib.ExitStack() as stack:
            opened, why = self._open(most, model, stack)
            if not opened:
                return Together(0, (), why)
            replies = _ask_at_once(opened, model, identifier)
        return Together(len(opened), tuple(replies), why)

    def _open(self, most: int, model: str, stack: contextlib.ExitStack) -> tuple[list[_Association], str]:
        """Up to ``most`` associations, and why there are no more."""
        opened: list[_Association] = []
        while len(opened) < most:
            try:
                association = _Association(self._peer, [model], Deadline(self._timeout))
                opened.append(stack.enter_context(association))
            except (RetriableError, PermanentError, OSError) as error:
                return opened, str(error) or type(error).__name__
        return opened, ""

    def move(self, query: Mapping[str, str], destination: str, received: Callable[[], int]) -> Moved:
        """
        C-MOVE at SERIES level, and wait for images that come after its end.

        Args:
            query: The UIDs.
            destination: AE title that the PACS shall send to.
            received: How many images have come so far.
        """
        seen = _Moving(time.monotonic())
        try:
            self._move(query, destination, seen)
        except (RetriableError, PermanentError, OSError) as error:
            return Moved(error=_words(error), received=received())
        at_end = received()
        late = self._late if seen.last_command.Status in (0, 0xB000) else 0.0
        _until(lambda: received() >= max(seen.announced, 1), late)
        return seen.moved(received(), at_end)

    def _move(self, query: Mapping[str, str], destination: str, seen: _Moving) -> None:
        model = MODELS["study move"]
        with _Association(self._peer, [model], Deadline(self._timeout)) as association:
            association.model_for([model])
            for command in association.move(model, encode_identifier("SERIES", query, ()), destination):
                seen.take(command)


def _suboperations(command: Any) -> dict[str, int]:
    names = ("Remaining", "Completed", "Failed", "Warning")
    return {name: int(command.get(f"NumberOf{name}Suboperations") or 0) for name in names}


def _until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


def _ask_at_once(associations: Sequence[_Association], model: str, identifier: bytes) -> list[Reply]:
    def ask(association: _Association) -> Reply:
        begin = time.monotonic()
        try:
            association.model_for([model])
            return _collected(association.find(model, identifier), begin)
        except (RetriableError, PermanentError, OSError) as error:
            return _failed(error, begin)

    with ThreadPoolExecutor(len(associations)) as pool:
        return list(pool.map(ask, associations))


def _collected(responses: Iterator[Response], begin: float) -> Reply:
    answers: list[Answer] = []
    first: float | None = None
    status = 0
    for response in responses:
        first = time.monotonic() - begin if first is None else first
        if response.status in PENDING:
            answers.append(_values(response.identifier))
        else:
            status = response.status
    return Reply(tuple(answers), status, time.monotonic() - begin, first or 0.0)


def _values(identifier: bytes) -> Answer:
    return {keyword: value for tag, value in _elements(identifier) if (keyword := keyword_for_tag(tag))}


def _failed(error: Exception, begin: float) -> Reply:
    silent = isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)
    words = str(error) or type(error).__name__
    return Reply(seconds=time.monotonic() - begin, error=words, silent=silent, refused=_refused(error))


def _refused(error: Exception) -> bool:
    return "refuses the association" in str(error)


class Receiver:
    """
    Our own storage SCP for one move; keeps the number of images and nothing else of them. Open within a
    ``with`` block.
    """

    def __init__(self, ae_title: str, port: int) -> None:
        self._ae_title = ae_title
        self._port = port
        self._uids: set[str] = set()
        self._senders: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        ae = AE(ae_title=self._ae_title)
        for context in AllStoragePresentationContexts[:_STORE_CONTEXTS]:
            ae.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        try:
            self._server: Any = ae.start_server(
                ("", self._port), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
            )
        except OSError as error:
            raise ConfigurationError("--listen", self._port, f"a free port ({error.strerror})") from error
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()

    def _store(self, event: Any) -> int:
        with self._lock:
            self._uids.add(str(event.request.AffectedSOPInstanceUID))
            requestor = event.assoc.requestor
            self._senders.add((str(requestor.ae_title).strip(), str(requestor.address)))
        return 0

    def senders_beside(self, peer: Peer) -> tuple[str, ...]:
        """Who sent images, ``AET@address``, but for the PACS that was asked."""
        with self._lock:
            return _beside(self._senders, peer)

    def received(self) -> int:
        """How many different images have come."""
        with self._lock:
            return len(self._uids)


def _beside(senders: Iterable[tuple[str, str]], peer: Peer) -> tuple[str, ...]:
    """Those that are not the PACS itself, by AE title and address."""
    try:
        own = {info[4][0] for info in socket.getaddrinfo(peer.host, None)}
    except OSError:
        own = {peer.host}
    return tuple(
        sorted(
            f"{title}@{address}" for title, address in senders if title != peer.ae_title or address not in own
        )
    )


class OrthancReceiver:
    """The receiving Orthanc as the destination of one move: it is asked how many images it has."""

    def __init__(self, url: str, username: str, password: str, timeout: float) -> None:
        self._url = url
        self._link = HttpLink(
            "the receiving Orthanc", auth=(username, password), answer_bytes=FROM_ORTHANC.size
        )
        self._timeout = timeout

    def received(self, series_uid: str) -> int:
        """
        How many images of a series are there.

        Raises:
            RetriableError: Orthanc does not answer.
        """
        query = {"Level": "Instance", "Query": {"SeriesInstanceUID": series_uid}}
        answer = self._link.call("POST", f"{self._url}/tools/find", json_body=query, timeout=self._timeout)
        if not answer.ok:
            raise RetriableError(f"the receiving Orthanc cannot be asked: HTTP {answer.status}", answer.words)
        return len(answer.json(FROM_ORTHANC))


def _move_request(sop_class: str, identifier: bytes, destination: str) -> Any:
    primitive = C_MOVE()
    primitive.MessageID, primitive.AffectedSOPClassUID = 1, UID(sop_class)
    primitive.Priority, primitive.MoveDestination = _LOW, destination
    primitive.Identifier = BytesIO(identifier)
    return primitive


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
