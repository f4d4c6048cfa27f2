"""
The platform's API for reports and quality records (``pacs_module/adapters/http/platform.py`` has its table),
in memory or in a file that outlives it, with the habits of platforms that are not well.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_MAX_BODY = 64 * 2**20


@dataclass
class Habits:
    """
    What it does badly; all may be changed while it runs.

    Args:
        away: Every call ends without an answer.
        fails: So many calls from now on are answered 500 and store nothing.
        drops: So many calls from now on are stored, and the connection is cut before the answer.
        forgets: Of so many stored entries one is named as accepted and is not kept; each key only once; 0:
            none.
        silent: Of so many entries one is not named in the answer, and is not kept; each key only once; 0:
            none.
        poison: A batch with this key in it is answered 500.
        refuses: Keys that are refused, with the reason.
        garbage: So many calls from now on are answered with no JSON.
        after_storing: Called when something was stored, before the answer: a test kills its sender there.
    """

    away: bool = False
    fails: int = 0
    drops: int = 0
    forgets: int = 0
    silent: int = 0
    poison: str = ""
    refuses: dict[str, str] = field(default_factory=dict)
    garbage: int = 0
    after_storing: Callable[[], None] = lambda: None


class Registry:
    """What the platform holds: by kind and key the version and the body."""

    def __init__(self, file: Path | None = None) -> None:
        self.habits = Habits()
        self.held: dict[str, dict[str, dict[str, Any]]] = {"reports": {}, "records": {}}
        self.calls: list[str] = []
        """The paths that were called, in order."""
        self.taken = 0
        """Entries that were stored, repeats included."""
        self._file, self._lock, self._spoilt = file, threading.Lock(), set[str]()
        if file is not None and file.exists():
            self.held = json.loads(file.read_text(encoding="utf-8"))

    def answer(self, path: str, body: Mapping[str, Any]) -> Any:
        """
        Answer one call; None: with 500.

        Args:
            path: Below ``/api/v1/``.
            body: The JSON object that was sent.
        """
        with self._lock:
            self.calls.append(path)
            if path == "reports/compare":
                return self._compared(str(body["day"]))
            kind, name = ("reports", "serial") if path == "reports" else ("records", "id")
            if any(one[name] == self.habits.poison for one in body[kind]):
                return None
            answer = self._take(kind, name, body[kind])
            if self._file is not None:
                self._file.write_text(json.dumps(self.held), encoding="utf-8")
            self.habits.after_storing()
            return answer

    def versions(self, kind: str = "reports") -> dict[str, int]:
        """What is held, by key."""
        with self._lock:
            return {key: one["version"] for key, one in self.held[kind].items()}

    def _take(self, kind: str, name: str, sent: list[dict[str, Any]]) -> dict[str, Any]:
        accepted, refused = [], []
        for number, one in enumerate(sent, 1):
            key, told = one[name], {name: one[name], "version": one["version"]}
            if key in self.habits.refuses:
                refused.append({**told, "reason": self.habits.refuses[key]})
            elif self._spoils(self.habits.silent, number, key):
                continue
            elif self._spoils(self.habits.forgets, number, key):
                accepted.append(told)
            else:
                known = self.held[kind].get(key)
                if known is None or known["version"] <= one["version"]:
                    self.held[kind][key] = dict(one)
                self.taken += 1
                accepted.append(told)
        return {"accepted": accepted, "refused": refused}

    def _spoils(self, every: int, number: int, key: str) -> bool:
        if every == 0 or number % every or key in self._spoilt:
            return False
        self._spoilt.add(key)
        return True

    def _compared(self, day: str) -> dict[str, Any]:
        of_day = [
            {"serial": key, "version": one["version"]}
            for key, one in self.held["reports"].items()
            if one["day"] == day
        ]
        return {"count": len(of_day), "reports": of_day}


class PlatformServer:
    """A registry behind HTTP on loopback."""

    def __init__(self, registry: Registry, port: int = 0, key: str = "") -> None:
        handler = type("Handler", (_Handler,), {"registry": registry, "key": key})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> PlatformServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    registry: Registry
    key: str

    def do_POST(self) -> None:
        habits = self.registry.habits
        size = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(min(size, _MAX_BODY))
        if habits.away:
            self.close_connection = True
            return
        if self.key and self.headers.get("Authorization") != f"Bearer {self.key}":
            self._say(401, b"{}")
        elif habits.fails > 0:
            habits.fails -= 1
            self._say(500, b'{"error": "out of order"}')
        else:
            self._answer(json.loads(body))

    def _answer(self, body: Mapping[str, Any]) -> None:
        habits = self.registry.habits
        told = self.registry.answer(self.path.removeprefix("/api/v1/"), body)
        if told is None:
            self._say(500, b'{"error": "cannot parse"}')
        elif habits.drops > 0:
            habits.drops -= 1
            self.close_connection = True
        elif habits.garbage > 0:
            habits.garbage -= 1
            self._say(200, b"<html>OK</html>")
        else:
            self._say(200, json.dumps(told).encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests look at what it holds."""
