"""
What stands before every route: who asks and whether he may, then the size of the body, then the body, and
only then whatever reads it.

A body that nobody is allowed to send is not read; one that is allowed is read up to a limit of bytes and
time. Its JSON is bounded before it is parsed (:mod:`pacs_module.domain.wire.json_text`).
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
from ...domain.wire.json_text import BY_HAND, MESSAGE, JsonLimits, json_text, read_json
from .access import SIGN_IN, Access
from .answers import JsonAnswer
from .errors import answer_for, told
from .needs import STATIC, need_of

_READ_ONLY = ("GET", "HEAD", "OPTIONS")
_BY_HAND = ("/pull", "/redo", "/cancel", "/done", "/priority")
_THREADS = 16
"""Requests whose key is looked at in the store at one time."""
_TOO_LARGE, _TOO_SLOW, _UNREADABLE, _LATER = 413, 408, 422, 503


@dataclass(frozen=True)
class BodyLimits:
    """The largest body in bytes, and how long it may take to arrive, in seconds."""

    size: int = MESSAGE.size
    seconds: float = 30.0


class Guard:
    """An ASGI middleware around all routes."""

    def __init__(self, app: ASGIApp, access: Access, limits: BodyLimits) -> None:
        self._app, self._access, self._limits = app, access, limits
        self._threads: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send, kept=str(scope["path"]).startswith(STATIC))
        request = Request(scope)
        try:
            await self._admit(request)
            self._access.log.event(
                "request", "a request was let in", "DEBUG", method=scope["method"], path=scope["path"]
            )
            body = None if scope["method"] in _READ_ONLY else await self._body(scope, receive)
        except HTTPException as error:
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
        if self._threads is None:
            self._threads = CapacityLimiter(_THREADS)
        await to_thread.run_sync(self._access.admit, request, limiter=self._threads)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The body, bounded, with values that every reader understands alike."""
        headers = dict(scope["headers"])
        form = _is_form(str(scope["path"]), headers.get(b"content-type", b""))
        by_hand = form or str(scope["path"]).endswith(_BY_HAND)
        limits = BY_HAND if by_hand else JsonLimits(size=self._limits.size)
        announced = headers.get(b"content-length", b"0")
        if not announced.isdigit() or int(announced[:20]) > limits.size:
            raise _too_large(limits.size)
        try:
            async with asyncio.timeout(self._limits.seconds):
                body = await _read(receive, limits.size)
        except TimeoutError:
            words = f"the body did not come within {self._limits.seconds:g} s"
            raise HTTPException(_TOO_SLOW, words, {"Connection": "close"}) from None
        if form or not body:
            return body  # a form is read by pacs_module.web.site.forms, which bounds the number of its fields
        return json_text(read_json(body, "body", limits)).encode()


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
