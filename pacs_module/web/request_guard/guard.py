"""
What stands before every route: who asks and whether he may, then the size of the body, then the body, and
only then whatever reads it.

A body that nobody is allowed to send is not read; one that is allowed is read up to a limit of bytes and
time. Its JSON is bounded before it is parsed (:mod:`pacs_module.domain.json_messages.json_text`).
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...domain.access.roles import Right
from ...domain.errors import MessageError, RetriableError
from ...domain.json_messages.json_text import BY_HAND, MESSAGE, JsonLimits, json_text, read_json
from .access import SIGN_IN, Access
from .answers import JsonAnswer
from .audit_trail import Recorder
from .errors import answer_for, told
from .needs import STATIC, need_of

_READ_ONLY = ("GET", "HEAD", "OPTIONS")
_BY_HAND = ("/pull", "/redo", "/cancel", "/done", "/priority")
_THREADS = 16
"""Requests whose key is looked at in the store at one time."""
RESULTS = "/api/v1/results"
_OBJECTS = (b"application/dicom", b"multipart/")
_TOO_LARGE, _TOO_SLOW, _UNREADABLE, _LATER = 413, 408, 422, 503


@dataclass(frozen=True)
class BodyLimits:
    """The largest body in bytes, and how long it may take to arrive, in seconds."""

    size: int = MESSAGE.size
    seconds: float = 30.0


@dataclass
class _Seen:
    """What the audit trail has to know: the body, and how the request was answered."""

    body: bytes = b""
    refused: int = 0
    """Before a browser was led to the sign-in."""
    answered: int = 500

    @property
    def status(self) -> int:
        """Of the refusal where there was one."""
        return self.refused or self.answered

    def watching(self, send: Send) -> Send:
        """Note the status of the answer."""

        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.answered = int(message["status"])
            await send(message)

        return wrapped


class Guard:
    """An ASGI middleware around all routes."""

    def __init__(
        self, app: ASGIApp, access: Access, limits: BodyLimits, record: Recorder | None = None
    ) -> None:
        self._app, self._access, self._limits, self._record = app, access, limits, record
        self._threads: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send, kept=str(scope["path"]).startswith(STATIC))
        request = Request(scope)
        seen = _Seen()
        try:
            await self._answer(request, receive, seen.watching(send), seen)
        finally:
            if self._record is not None:
                await to_thread.run_sync(
                    self._record, request, seen.body, seen.status, limiter=self._limiter()
                )

    async def _answer(self, request: Request, receive: Receive, send: Send, seen: _Seen) -> None:
        scope = request.scope
        try:
            await self._admit(request)
            self._access.log.event(
                "request", "a request was let in", "DEBUG", method=scope["method"], path=scope["path"]
            )
            unread = scope["method"] in _READ_ONLY or is_stream(scope)
            body = None if unread else await self._body(scope, receive)
            seen.body = body or b""
        except HTTPException as error:
            seen.refused = error.status_code
            refused = await run_in_threadpool(_refusal, request, error)
            await refused(scope, receive, send)
        except RetriableError as error:  # the identity provider is away
            await JsonAnswer({"error": error.public}, _LATER)(scope, receive, send)
        except MessageError as error:
            await JsonAnswer(told(error), _UNREADABLE)(scope, receive, send)
        else:
            await self._app(scope, receive if body is None else _again(body, receive), send)

    async def _admit(self, request: Request) -> None:
        """
        In threads of its own: what waits for a PACS or a store elsewhere must not keep keys from being looked
        at.
        """
        if need_of(request.method, request.url.path) is Right.OPEN:
            self._access.admit(request)  # asks no store
            return
        await to_thread.run_sync(self._access.admit, request, limiter=self._limiter())

    def _limiter(self) -> CapacityLimiter:
        if self._threads is None:
            self._threads = CapacityLimiter(_THREADS)
        return self._threads

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The body, bounded, with values that every reader understands alike."""
        headers = dict(scope["headers"])
        form = _is_form(str(scope["path"]), headers.get(b"content-type", b""))
        by_hand = form or str(scope["path"]).endswith(_BY_HAND)
        limits = BY_HAND if by_hand else JsonLimits(size=self._limits.size)
        announced = headers.get(b"content-length", b"0")
        if not (announced.isascii() and announced.isdigit()) or int(announced[:20]) > limits.size:
            raise _too_large(limits.size)
        try:
            async with asyncio.timeout(self._limits.seconds):
                body = await _read(receive, limits.size)
        except TimeoutError:
            words = f"the body did not come within {self._limits.seconds:g} s"
            raise HTTPException(_TOO_SLOW, words, {"Connection": "close"}) from None
        if form or not body:
            return body  # a form is read by page_support.forms, which bounds the number of its fields
        return json_text(read_json(body, "body", limits)).encode()


def is_stream(scope: Scope) -> bool:
    """
    Whether a body is DICOM objects, which are not held in memory: the route itself reads them piece by piece,
    within limits of its own (:mod:`pacs_module.web.request_guard.posted_objects`).
    """
    kind = bytes(dict(scope["headers"]).get(b"content-type", b"")).lower()
    return str(scope["path"]) == RESULTS and kind.startswith(_OBJECTS)


def _refusal(request: Request, error: HTTPException) -> Response:
    """At a page a person without a session is led to where he gets one."""
    page = request.method == "GET" and not request.url.path.startswith("/api/")
    browser = (
        "text/html" in request.headers.get("accept", "") and request.query_params.get("format") != "json"
    )
    if (
        error.status_code == HTTPStatus.UNAUTHORIZED
        and page
        and browser
        and "authorization" not in request.headers
    ):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{SIGN_IN}?next={quote(here, safe='')}", HTTPStatus.SEE_OTHER)
    return answer_for(request, {"detail": error.detail}, error.status_code, error.headers)


def _with_headers(send: Send, kept: bool) -> Send:
    """No browser guesses what an answer is, or keeps one with patients' data."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            if not kept:
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return wrapped


def _is_form(path: str, content_type: bytes) -> bool:
    """Whether it is the form of a page; the API reads JSON only."""
    return not path.startswith("/api/") and content_type.startswith(b"application/x-www-form-urlencoded")


async def _read(receive: Receive, limit: int) -> bytes:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        piece = message.get("body", b"")
        pieces.append(piece)
        size += len(piece)
        more = message.get("more_body", False)
        if size > limit:
            raise _too_large(limit)
    return b"".join(pieces)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(_TOO_LARGE, f"a body of more than {limit} bytes is not read")


def _again(body: bytes, receive: Receive) -> Receive:
    """The body as one message, for the routes; then whatever else comes."""
    first: MutableMapping[str, Any] | None = {"type": "http.request", "body": body, "more_body": False}

    async def again() -> Message:
        nonlocal first
        if first is None:
            return await receive()
        message, first = first, None
        return message

    return again
