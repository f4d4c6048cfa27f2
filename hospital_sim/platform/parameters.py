"""
The platform's parameter API, with the habits of platforms whose operators are human: ``GET
/api/v1/parameters``.

A habit is shown so many times; then the platform behaves.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hospital_sim.platform.http_base import Handler, Server

SLOW_S = 3.0


class Oddity(StrEnum):
    """What is wrong with its answer."""

    NONSENSE = "nonsense"
    """Numbers below zero, lists for texts, a path that leads out of its folder."""
    MISSING = "missing"
    """Half of the parameters are not told."""
    IN_FLIGHT = "in-flight"
    """Other values under the version before."""
    OLDER = "older"
    """A version that was over."""
    AWAY = "away"
    """Hangs up."""
    SLOW = "slow"
    """Answers late."""
    FAILS = "500"
    HUGE = "huge"
    """Megabytes of parameters."""
    REDIRECT = "redirect"
    """Sends the key to another place."""
    WRONG_TYPE = "wrong-type"
    """A page for people."""
    NOT_JSON = "not-json"
    """Cut in the middle."""
    REFUSED = "401"


NONSENSE: Mapping[str, Any] = {
    "threads": -3, "batch_size": "many", "storage_path": "../{StudyDate}", "gateway_url": ["http://a"],
    "hospital_code": None, "kilobytes_per_second": float("inf"),
}  # fmt: skip


@dataclass
class ParameterBook:
    """
    What the platform wants.

    Args:
        values: By name.
        version: Counted up with each change.
        key: That it asks for; empty: none.
    """

    values: dict[str, Any]
    version: int = 1
    key: str = ""
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for, with their queries."""
    _odd: dict[Oddity, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def change(self, **values: Any) -> None:
        """Other values, under a new version."""
        with self._lock:
            self.values = {**self.values, **values}
            self.version += 1

    def be(self, oddity: Oddity, times: int = 1) -> None:
        """Be odd so many times."""
        with self._lock:
            self._odd[oddity] = times

    def behave(self) -> None:
        """Be odd no more."""
        with self._lock:
            self._odd.clear()

    def odd(self) -> Oddity | None:
        """What is wrong with the next answer."""
        with self._lock:
            for oddity, times in self._odd.items():
                if times > 0:
                    self._odd[oddity] = times - 1
                    return oddity
        return None


class _Parameters(Handler):
    book: ParameterBook

    def _get(self) -> None:
        self.book.asked.append(self.path)
        if self.book.key and self.headers.get("Authorization") != f"Bearer {self.book.key}":
            self.answer(401, b"{}")
            return
        odd = self.book.odd()
        if odd in _WAYS:
            _WAYS[odd](self)
            return
        self._say(*self._told(odd))

    do_GET = _get  # noqa: N815

    def _told(self, odd: Oddity | None) -> tuple[int, Mapping[str, Any]]:
        version, values = self.book.version, dict(self.book.values)
        changed = {**values, "threads": int(values.get("threads", 1)) % 16 + 1}
        if odd is Oddity.NONSENSE:
            return version + 1, {**values, **NONSENSE}
        if odd is Oddity.MISSING:
            return version + 1, dict(list(values.items())[: len(values) // 2])
        if odd is Oddity.IN_FLIGHT:
            return version, changed
        if odd is Oddity.OLDER:
            return version - 1, changed
        if odd is Oddity.HUGE:
            return version + 1, {**values, **{f"p{number}": "x" * 1000 for number in range(5000)}}
        return version, values

    def _say(self, version: int, values: Mapping[str, Any]) -> None:
        body = json.dumps({"version": version, "parameters": values}).encode()
        self.answer(200, body, {"Content-Type": "application/json"})

    def _slow(self) -> None:
        time.sleep(SLOW_S)
        self._say(*self._told(None))


_WAYS: Mapping[Oddity | None, Callable[[_Parameters], None]] = {
    Oddity.AWAY: lambda one: one.hang_up(),
    Oddity.SLOW: _Parameters._slow,
    Oddity.FAILS: lambda one: one.answer(500, b"out of order"),
    Oddity.REFUSED: lambda one: one.answer(401, b"{}"),
    Oddity.REDIRECT: lambda one: one.answer(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}),
    Oddity.WRONG_TYPE: lambda one: one.answer(200, b"<html>sign in</html>", {"Content-Type": "text/html"}),
    Oddity.NOT_JSON: lambda one: one.answer(200, b'{"version": 9, "parameters": {"threads"'),
}


def parameter_server(book: ParameterBook, port: int = 0, tls: ssl.SSLContext | None = None) -> Server:
    """
    Make the server.

    Args:
        book: What it tells.
        port: Where to listen; 0: anywhere.
        tls: With a certificate, which may have expired.
    """
    return Server(type("Parameters", (_Parameters,), {"book": book}), port=port, tls=tls)
