"""
A gate before an HTTP platform, S3 and DICOMweb ones included: passes requests on, with bad habits at those
that write.

The platform behind it is a real one (moto's S3, Orthanc, :mod:`.store`); it sees what it would see of a bad
line.
"""

from __future__ import annotations

import hashlib
import http.client
import time
from collections.abc import Mapping
from email.message import Message
from urllib.parse import urlsplit

from hospital_sim.platform.habits import Habit, Habits
from hospital_sim.platform.http_base import Handler, Server

SLOW_S = 0.3
"""How late a slow one answers, in seconds."""
_WRITES = frozenset({"PUT", "POST", "PATCH"})
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "expect", "proxy-connection"})
_ENOUGH = 0.9
_OK = 300


class _Gate(Handler):
    """One connection of a client."""

    host: str
    port: int
    habits: Habits

    def _pass(self) -> None:
        writes = self.command in _WRITES and self.length > 0
        if self.habits.has(Habit.AWAY) and self.habits.show(Habit.AWAY):
            self.hang_up()
            return
        if self.command == "HEAD" and self.habits.show(Habit.NO_HEAD):
            self.answer(405)
            return
        if not writes:
            self._forward(b"".join(self.body()))
            return
        if self.habits.show(Habit.DROPS):
            self._break_off(b"".join(self.body(int(self.length * _ENOUGH))))
            return
        self._write(b"".join(self.body()))

    def _write(self, body: bytes) -> None:
        if self.habits.show(Habit.SLOW):
            time.sleep(SLOW_S)
        if self.habits.show(Habit.FAILS):
            self.answer(500, b"something is broken")
        elif self.habits.show(Habit.BUSY):
            self.answer(503, b"not now", {"Retry-After": "1"})
        elif self.habits.has(Habit.CONFLICT) and self._is_there() and self.habits.show(Habit.CONFLICT):
            self.answer(409, b"I have that")
        elif self.habits.show(Habit.HALF):
            self._forward(body[: len(body) // 2], of=body)
        elif self.habits.show(Habit.WRONG_ETAG):
            self._forward(body, etag=hashlib.md5(b"another", usedforsecurity=False).hexdigest())
        else:
            self._forward(body)

    def _is_there(self) -> bool:
        link = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            link.request("HEAD", self.path)
            return self.command == "PUT" and link.getresponse().status < _OK
        finally:
            link.close()

    def _forward(self, body: bytes, of: bytes | None = None, etag: str = "") -> None:
        headers = _without(self.headers, *_HOP)
        if of is not None:  # it keeps half and does not notice: no checksum is compared either
            headers = {name: value for name, value in headers.items() if not _is_checksum(name)}
            etag = hashlib.md5(of, usedforsecurity=False).hexdigest()
        status, told, content = self._ask_store(body, {**headers, "Content-Length": str(len(body))})
        if etag:
            told = {**_without(told, "etag"), "ETag": f'"{etag}"'}
        if self.command != "HEAD":
            told = {**_without(told, "content-length"), "Content-Length": str(len(content))}
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _ask_store(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer."""
        link = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            link.request(self.command, self.path, body, dict(headers))
            answer = link.getresponse()
            return answer.status, _without(dict(answer.getheaders()), *_HOP), answer.read()
        finally:
            link.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_MOVE = do_OPTIONS = _pass  # noqa: N815

    def _break_off(self, body: bytes) -> None:
        """The platform gets what came, and then hears no more either."""
        link = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP:
                    link.putheader(name, value)
            link.endheaders()
            link.send(body)
        except OSError:
            pass  # it has hung up itself
        finally:
            link.close()
            self.hang_up()


def gate(upstream: str, habits: Habits, port: int = 0) -> Server:
    """
    Make a gate.

    Args:
        upstream: ``http://host:port`` of the platform.
        habits: What goes wrong at it.
        port: Where to listen; 0: anywhere.
    """
    place = urlsplit(upstream)
    values = {"host": place.hostname or "", "port": place.port or 80, "habits": habits}
    return Server(type("Gate", (_Gate,), values), port=port)


def _without(headers: Mapping[str, str] | Message, *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in names}


def _is_checksum(header: str) -> bool:
    name = header.lower()
    return name in ("content-md5", "repr-digest") or name.startswith(("x-amz-checksum", "x-amz-sdk-checksum"))
