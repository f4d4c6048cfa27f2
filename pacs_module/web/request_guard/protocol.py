"""
uvicorn's HTTP protocol with a time limit for what it has none for.

A connection that says nothing, sends the head of a request byte by byte, or goes on sending a body that was
answered long ago, is closed after :data:`HEAD_S` seconds. The time of a body that is read is bounded by
:mod:`.guard`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 15.0


class BoundedProtocol(H11Protocol):
    """One connection."""

    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Somebody has connected: the head of his first request is awaited."""
        super().connection_made(transport)
        self._overdue = self.loop.call_later(HEAD_S, self._close)

    def data_received(self, data: bytes) -> None:
        """Something came of a head or a body."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """A request was answered; its body may still be on its way."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """The time runs from the first byte that is waited for; more bytes do not begin it anew."""
        if not self._half_sent():
            self._forget()
        elif self._overdue is None:
            self._overdue = self.loop.call_later(HEAD_S, self._close)

    def _half_sent(self) -> bool:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering:
            return False
        return self.conn.their_state is not h11.IDLE or bool(self.conn.trailing_data[0])

    def _forget(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _close(self) -> None:
        self._overdue = None
        self.transport.close()
