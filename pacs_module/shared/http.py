"""
The one HTTP client policy, for every link of both processes.

- No proxy from the environment: a container's ``HTTP_PROXY`` would send finds, pulls and deliveries to a
  server that knows none of them. A proxy is used only where the settings name one.
- Redirects are not followed: only the address that was asked can accept. 1xx is not the answer yet.
- Certificates are checked, against the system's authorities or a file that the settings name.
- Every call has a time limit, to connect, between two pieces of the answer, and for the answer as a whole.
- An answer is read up to a limit, and asked for uncompressed.
- 5xx, 408 and 425 are worth another try; 429 and 503 mean "not now"; another 4xx or a redirect is a refusal.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from urllib3.response import BaseHTTPResponse

from ..domain.errors import Busy, MessageError, Refused, RetriableError, Unreachable
from ..domain.json_messages.json_text import MESSAGE, MIB, JsonLimits, plain, printable, read_json
from .http_interim import Adapter, PlainPool

CONNECT_S = 5.0
ANSWER_BYTES = 8 * MIB
WORDS = 300
"""Characters of an answer that are shown."""
_AGAIN = frozenset({408, 425})
_BUSY = frozenset({429, 503})
_OK, _REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500
_LONGEST_WAIT_S = 3600
_MAX_DIGITS = 9
_PIECE = 64 * 1024
_SENT = 256 * 1024
"""Bytes of a body that are read and sent at once."""
_PLAIN = "http://"


@dataclass(frozen=True)
class Answer:
    """Status, headers (in any case of letters) and the whole body, read within its limit."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it is 2xx."""
        return _OK <= self.status < _REDIRECT

    @property
    def words(self) -> str:
        """The beginning of the body for people, on one line."""
        return " ".join(self.body[: 4 * WORDS].decode("utf-8", "backslashreplace").split())[:WORDS]

    def json(self, limits: JsonLimits = MESSAGE) -> Any:
        """
        The body as JSON.

        Raises:
            RetriableError: It is none, or beyond the limits.
        """
        try:
            return read_json(self.body, "answer", limits)
        except MessageError as error:
            raise RetriableError("the answer cannot be read", str(error)) from error


@dataclass(frozen=True)
class _Asked:
    """One request, as :meth:`HttpLink.call` has it."""

    method: str
    url: str
    data: Any
    headers: Mapping[str, str]
    params: Mapping[str, str] | None
    timeout: float


@dataclass(frozen=True)
class HttpLink:
    """
    A client for one server.

    Args:
        who: The server's name in errors.
        headers: Sent with every request.
        auth: User and password of HTTP Basic.
        proxy: The only proxy that is used; empty: none.
        ca_file: Authorities of the server's certificate; empty: the system's.
        answer_bytes: An answer that is longer is an error.
        keep: Keep one connection a thread; else each call makes its own.
    """

    who: str
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: tuple[str, str] | None = None
    proxy: str = ""
    ca_file: str = ""
    answer_bytes: int = ANSWER_BYTES
    keep: bool = False
    _threads: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    def call(
        self,
        method: str,
        url: str,
        *,
        json_body: object = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Answer:
        """
        One request, whatever its answer's status.

        Args:
            method: Of HTTP.
            url: The whole address.
            json_body: Sent as JSON.
            data: Sent as it is: bytes, or an iterable of pieces with a length.
            headers: Besides the link's own.
            params: Of the query.
            timeout: Seconds between two pieces of the answer, and for the answer as a whole.

        Raises:
            Unreachable: Nobody listens there.
            RetriableError: Time-out, connection lost, or an answer beyond the limit.
        """
        sent = {**(headers or {})}
        if json_body is not None:
            data = json.dumps(plain(json_body)).encode()
            sent["Content-Type"] = "application/json"
        asked = _Asked(method, url, data, sent, params, timeout)
        answering = self._by_kept_connection if self._is_light(asked) else self._by_session
        with translated(self.who), answering(asked) as raw:
            try:
                body = _read(self.who, raw, self.answer_bytes, time.monotonic() + timeout)
            except BaseException:
                raw.close()
                raise
            raw.release_conn()  # read to its end: the connection can be used again
        return Answer(raw.status, body, raw.headers)

    def _is_light(self, asked: _Asked) -> bool:
        """
        Whether a call needs nothing of what ``requests`` does around a connection.

        The plugins ask Orthanc many times a second while images come, in the process that receives them:
        without it a call costs a third.
        """
        bare = not self.proxy and self.auth is None and asked.params is None
        return self.keep and bare and asked.url.startswith(_PLAIN) and "@" not in asked.url

    @contextmanager
    def _by_kept_connection(self, asked: _Asked) -> Iterator[BaseHTTPResponse]:
        host, slash, path = asked.url.removeprefix(_PLAIN).partition("/")
        pieces = not isinstance(asked.data, bytes | None)
        length = {"Content-Length": str(len(asked.data))} if pieces else {}
        yield self._pool_of(host).urlopen(
            asked.method, slash + path or "/", body=asked.data,
            headers={"Accept-Encoding": "identity", **self.headers, **length, **asked.headers},
            timeout=urllib3.Timeout(connect=CONNECT_S, read=asked.timeout),
            redirect=False, retries=False, preload_content=False, decode_content=False,
        )  # fmt: skip

    def _pool_of(self, host: str) -> urllib3.HTTPConnectionPool:
        """One connection a thread and server."""
        if not hasattr(self._threads, "pools"):
            self._threads.pools = {}
        pools: dict[str, urllib3.HTTPConnectionPool] = self._threads.pools
        if host not in pools:
            name, port = host_and_port(_PLAIN + host)
            pools[host] = PlainPool(name, port, maxsize=1, blocksize=_SENT)
        return pools[host]

    @contextmanager
    def _by_session(self, asked: _Asked) -> Iterator[BaseHTTPResponse]:
        with self._session() as session:
            response = session.request(
                asked.method, asked.url, data=asked.data, headers=asked.headers, params=asked.params,
                timeout=(CONNECT_S, asked.timeout), allow_redirects=False, stream=True,
            )  # fmt: skip
            yield response.raw

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        if not self.keep:
            with self._new_session() as session:
                yield session
            return
        if not hasattr(self._threads, "session"):
            self._threads.session = self._new_session()
        yield self._threads.session

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        for scheme in (_PLAIN, "https://"):
            session.mount(scheme, Adapter())
        session.get_redirect_target = _not_followed  # type: ignore[method-assign]
        session.trust_env = False
        session.proxies = {"http": self.proxy, "https": self.proxy} if self.proxy else {}
        session.verify = self.ca_file or True
        session.headers.update({"Accept-Encoding": "identity", **self.headers})
        session.auth = self.auth
        return session


def _not_followed(resp: requests.Response) -> str | None:
    """
    No target: ``requests`` would read that of a redirect that it does not follow, and fail of its bytes.
    """
    del resp
    return None


def checked(who: str, answer: Answer) -> Answer:
    """
    The answer if it is 2xx.

    Raises:
        Busy: 429 and 503, with the time that ``Retry-After`` names in seconds.
        RetriableError: Any other 5xx, and the 4xx that mean "later".
        Refused: Any other status; of a redirect it names where to.
    """
    if answer.ok:
        return answer
    words = f"{who} answered {answer.status}"
    if answer.status in _BUSY:
        raise Busy(words, _retry_after(answer), answer.words)
    if answer.status >= _SERVER_ERROR or answer.status in _AGAIN:
        raise RetriableError(words, answer.words)
    if _REDIRECT <= answer.status < _CLIENT_ERROR:
        raise Refused(who, answer.status, redirected(answer))
    raise Refused(who, answer.status, answer.words)


def redirected(answer: Answer) -> str:
    """What is said of a redirect."""
    target = printable(answer.headers.get("Location", "") or "nowhere")[:WORDS]
    return f"{answer.status} to {target}: redirects are not followed"


def address_of(url: str) -> str:
    """
    ``host:port`` of a URL: what of it can be shown to anybody, a password may stand before it and a token
    behind.
    """
    return urlsplit(url).netloc.rpartition("@")[2]


def host_and_port(url: str) -> tuple[str, int]:
    """Where a connection to that URL goes; the scheme's port where it names none."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


@contextmanager
def translated(who: str) -> Iterator[None]:
    """
    Map what ``requests`` and ``urllib3`` raise: nobody there is Unreachable, everything else on the way is
    Retriable.
    """
    try:
        yield
    except requests.exceptions.RequestException as error:
        raise _translated(who, error) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:  # without requests, or while the answer is read
        raise _of_connection(who, error) from error
    except UnicodeError as error:  # a header that is not Latin-1, in either direction
        raise RetriableError(f"{who}: {_reason(error)}", str(error)) from error


def _of_connection(who: str, error: Exception) -> RetriableError:
    text = str(error)
    match error:
        case urllib3.exceptions.NameResolutionError():
            return RetriableError(f"{who} does not answer: {_reason(error)}", text)
        case urllib3.exceptions.NewConnectionError():
            return Unreachable(f"{who} does not answer: {_reason(error)}", text)
        case urllib3.exceptions.ConnectTimeoutError():
            return Unreachable(f"{who} does not answer: no connection in time", text)
    return RetriableError(f"{who}: {_reason(error)}", text)


def _translated(who: str, error: requests.exceptions.RequestException) -> RetriableError:
    text = str(error)
    match error:
        case requests.exceptions.ConnectTimeout():
            return Unreachable(f"{who} does not answer: no connection in time", text)
        case requests.exceptions.SSLError():
            words = f"{who}: its certificate is not trusted, or TLS failed: {_reason(error)}"
            return RetriableError(words, text)
        case requests.exceptions.ConnectionError():
            refused = "NewConnectionError" in repr(error) or "Connection refused" in repr(error)
            kind = Unreachable if refused else RetriableError
            through = ", through its proxy" if isinstance(error, requests.exceptions.ProxyError) else ""
            return kind(f"{who} does not answer{through}: {_reason(error)}", text)
    return RetriableError(f"{who}: {type(error).__name__}", text)


def _read(who: str, raw: BaseHTTPResponse, limit: int, end: float) -> bytes:
    """
    The body as it was sent; a compressed one was not asked for, and a small one may be endless when it is
    unpacked.
    """
    _refuse_compressed(who, raw)
    pieces: list[bytes] = []
    size = 0
    while piece := raw.read1(_PIECE, decode_content=False):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise RetriableError(f"{who}: an answer of more than {limit} bytes")
        if time.monotonic() > end:
            raise RetriableError(f"{who}: the answer does not end")
    return b"".join(pieces)


def _refuse_compressed(who: str, raw: BaseHTTPResponse) -> None:
    coding = raw.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise RetriableError(f"{who}: a compressed answer was not asked for", printable(coding)[:WORDS])


def _reason(error: BaseException) -> str:
    """
    The operating system's own words for it, from the bottom of the chain; ``requests`` shows the whole URL.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def _retry_after(answer: Answer) -> timedelta | None:
    """RFC 9110 10.2.3; its form with a date is taken as not said: the clocks may differ."""
    said = answer.headers.get("Retry-After", "").strip()
    if not said.isascii() or not said.isdigit():
        return None
    seconds = int(said) if len(said) <= _MAX_DIGITS else _LONGEST_WAIT_S
    return timedelta(seconds=min(seconds, _LONGEST_WAIT_S))
