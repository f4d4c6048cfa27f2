"""
Connections that read past interim answers (RFC 9110 15.2), and whose answers end.

``http.client`` of Python 3.11 reads past 100 alone: 102 and 103, which a proxy sends while the server still
works, would be taken for the answer, and count as a refusal. A time limit of a socket holds for one piece, so
that a server which sends a byte a second would be read for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

MOST_INTERIM = 1000
"""Answers before the answer; whoever sends more never answers."""
_CONTINUE, _SWITCHING, _FINAL = 100, 101, 200
_MOST_IN_LINE = 64 * 1024
"""Bytes of a line: of a header, of the length of a chunk."""
_TIMES = 2
"""The head of an answer, and its body, may each take the time limit."""


class _Timed(io.RawIOBase):
    """What comes on a socket until a moment (``time.monotonic()``)."""

    def __init__(self, pieces: io.RawIOBase, end: float) -> None:
        self._pieces, self._end = pieces, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._end:
            raise TimeoutError("the answer does not end")
        return self._pieces.readinto(buffer)

    def close(self) -> None:
        self._pieces.close()
        super().close()


class _Lines(io.BufferedReader):
    """No line without an end: the length of a chunk is read by ``urllib3`` whatever its extension."""

    def readline(self, size: int | None = -1) -> bytes:
        if size is not None and size >= 0:
            return super().readline(size)
        line = super().readline(_MOST_IN_LINE + 1)
        if len(line) > _MOST_IN_LINE:
            raise http.client.LineTooLong("chunk")
        return line


class _Response(http.client.HTTPResponse):
    """The final answer: what is 1xx and no change of protocol is not."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        timeout = sock.gettimeout()
        if timeout is not None:
            self.fp = _Lines(_Timed(self.fp.detach(), time.monotonic() + _TIMES * timeout))

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM):
            told: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if told[1] in (_CONTINUE, _SWITCHING) or told[1] >= _FINAL:
                return told
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine(f"more than {MOST_INTERIM} interim answers")


class _Plain(HTTPConnection):
    response_class = _Response


class _Secure(HTTPSConnection):
    response_class = _Response


class PlainPool(urllib3.HTTPConnectionPool):
    """Connections by HTTP."""

    ConnectionCls = _Plain


class SecurePool(urllib3.HTTPSConnectionPool):
    """Connections by HTTPS."""

    ConnectionCls = _Secure


class Adapter(requests.adapters.HTTPAdapter):
    """The same for ``requests``, through a proxy, too."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the manager of connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """The same through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS = {"http": PlainPool, "https": SecurePool}
