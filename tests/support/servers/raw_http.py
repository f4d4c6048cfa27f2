"""
A server that answers any request with given bytes, and notes what it was asked: for answers that no library
writes.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class RawServer:
    """``requests`` are the heads of what came, ``bodies`` their bodies; ``answer`` writes to the connection whatever it likes."""

    def __init__(self, answer: bytes | Callable[[socket.socket], None]) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.stopping = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, name="raw server")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._thread.join(10)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with connection:
                if self.stopping.is_set():
                    return
                with suppress(OSError):
                    self._one(connection)

    def _one(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        head, _, rest = b"", b"", b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
        head, _, rest = head.partition(b"\r\n\r\n")
        self.requests.append(head.decode("latin-1"))
        self.bodies.append(self._read_body(connection, head, rest))
        if callable(self.answer):
            self.answer(connection)
        else:
            connection.sendall(self.answer)

    @staticmethod
    def _read_body(connection: socket.socket, head: bytes, rest: bytes) -> bytes:
        lengths = [
            line.partition(b":")[2]
            for line in head.splitlines()
            if line.lower().startswith(b"content-length:")
        ]
        left = int(lengths[0]) - len(rest) if lengths else 0
        while left > 0 and (piece := connection.recv(65536)):
            left -= len(piece)
            rest += piece
        return rest


@contextmanager
def raw_server(answer: bytes | Callable[[socket.socket], None]) -> Iterator[RawServer]:
    """A running one."""
    server = RawServer(answer)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def answer_of(status: str, body: bytes = b"", *headers: str) -> bytes:
    """A whole answer after which the connection is closed."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
