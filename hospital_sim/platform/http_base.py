"""What the platform's HTTP servers have in common: threads, bodies of a known length, breaking off."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

PIECE = 64 * 1024


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with connections that stay."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return int(self.headers.get("Content-Length") or 0)

    def body(self, most: int | None = None) -> Iterator[bytes]:
        """The body in pieces; ``most``: no more than so many bytes of it."""
        left = self.length if most is None else min(most, self.length)
        while left > 0:
            data = self.rfile.read(min(PIECE, left))
            if not data:
                raise ConnectionError("the client has gone")
            left -= len(data)
            yield data

    def skip_body(self) -> None:
        """Read a body that nobody wants."""
        for _ in self.body():
            pass

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """The whole answer."""
        self.send_response(status)
        told = {"Content-Length": str(len(body)), **(headers or {})}
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self) -> None:
        """Break the connection off, so that the client sees a reset."""
        self.close_connection = True
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()


class Server:
    """A server in a thread of its own."""

    def __init__(
        self,
        handler: type[Handler],
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._http = ThreadingHTTPServer((host, port), handler)
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._http.socket = tls.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self._http.daemon_threads = True
        self._http.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Listen."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Listen no more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        """Listen."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        self.stop()
