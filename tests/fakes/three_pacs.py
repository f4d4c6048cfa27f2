"""
A receiving Orthanc with its plugins and several PACS behind it, as far as pacs_module sees them: HTTP, and
nothing else.

A stand-in for runs with a thousand studies over real pacs_module processes; C-MOVEs of real images take too
long for that. Everything that it is asked stands in ``pulls``; reports are posted to whichever pacs_module
answers.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from pacs_module.domain.json_messages.messages import FILTERED_OUT
from pacs_module.domain.json_messages.notification import Notification

DAY = datetime.now(UTC).date()
"""Of all studies: older ones would count as found late."""


@dataclass
class AskedPull:
    """One pull: when it was asked for and when it ended, in seconds of :func:`time.time`."""

    pull_id: str
    study_uid: str
    pacs: str
    priority: int
    began: float
    ended: float = 0.0
    beside: int = 0
    """Pulls that ran at the same PACS when it began."""


@dataclass
class ThreePacs:
    """
    Studies by PACS (UID to StudyTime), each with one wanted series; a pull takes ``seconds`` and brings
    nothing new.
    """

    studies: dict[str, dict[str, str]]
    seconds: float
    api_key: str
    modules: Sequence[str] = ()
    pulls: list[AskedPull] = field(default_factory=list)
    _queries: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Listen; the port is the system's choice."""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(site.get(self.path))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                self._answer(site.post(self.path, body))

            def _answer(self, answer: tuple[int, object]) -> None:
                content = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing to standard error."""

        ThreadingHTTPServer.request_queue_size = 128
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()
        self._moves = ThreadPoolExecutor(16)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        """Stop listening; moves that run end first."""
        self._moves.shutdown(wait=True, cancel_futures=True)
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(30)

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, object]:
        """What a POST is answered."""
        parts = path.strip("/").split("/")
        if parts[0] == "modalities":
            return 200, {"ID": self._find(parts[1], body)}
        if path == "/aipull/pulls":
            self._ask(body)
        return 200, {}

    def get(self, path: str) -> tuple[int, object]:
        """What a GET is answered."""
        parts = path.partition("?")[0].strip("/").split("/")
        if parts[0] == "queries":
            return 200, self._queries.pop(parts[1], [])
        if parts[:2] == ["aipull", "pulls"]:
            asked = next((pull for pull in self.pulls if pull.pull_id == parts[2]), None)
            if asked is None:
                return 404, {}
            return 200, {"report": _report(asked) if asked.ended else None}
        return 200, {}

    def _find(self, pacs: str, body: dict[str, Any]) -> str:
        query = body["Query"]
        if body["Level"] == "Study":
            asked = query.get("StudyInstanceUID", "")
            answers = [_study(uid, at) for uid, at in self.studies[pacs].items() if asked in ("", uid)]
        else:
            answers = [_series(query["StudyInstanceUID"])]
        with self._lock:
            name = f"query-{len(self._queries)}-{time.monotonic_ns()}"
            self._queries[name] = answers
        return name

    def _ask(self, request: dict[str, Any]) -> None:
        with self._lock:
            if any(pull.pull_id == request["pullID"] for pull in self.pulls):
                return
            beside = sum(pull.pacs == request["pacs"] and not pull.ended for pull in self.pulls)
            asked = AskedPull(
                request["pullID"], request["studyUID"], request["pacs"], request["priority"], time.time()
            )
            asked.beside = beside
            self.pulls.append(asked)
        self._moves.submit(self._move, asked)

    def _move(self, asked: AskedPull) -> None:
        time.sleep(self.seconds)  # the C-MOVE
        asked.ended = time.time()
        for path, message in (("notify", _nothing_wanted(asked)), ("pull_report", _report(asked))):
            self._send(path, message)

    def _send(self, path: str, message: dict[str, Any]) -> None:
        for attempt in range(200):
            url = self.modules[(len(self.pulls) + attempt) % len(self.modules)]
            try:
                answer = requests.post(
                    f"{url}/api/v1/dcm/{path}", json=message, headers={"X-API-Key": self.api_key}, timeout=30
                )
            except requests.RequestException:
                time.sleep(0.1)  # as the plugins do: again until it is acknowledged
                continue
            if answer.ok:
                return


def _report(asked: AskedPull) -> dict[str, Any]:
    ids = {"reportID": f"R-{asked.pull_id}", "pullID": asked.pull_id, "studyUID": asked.study_uid}
    return {**ids, "outcome": "filtered", "completeness": "COMPLETE", "received": 1}


def _nothing_wanted(asked: AskedPull) -> dict[str, Any]:
    told = Notification(
        study_uid=asked.study_uid,
        series_uid="",
        number_received=0,
        statecode=FILTERED_OUT,
        message="nothing is wanted here",
        priority=asked.priority,
        last_update_time="20200618T120000",
        handover_id=hashlib.md5(asked.pull_id.encode(), usedforsecurity=False).hexdigest(),
        pull_id=asked.pull_id,
        completeness="COMPLETE",
    )
    return told.to_message()


def _study(uid: str, study_time: str) -> dict[str, str]:
    return {
        "StudyInstanceUID": uid,
        "StudyDate": f"{DAY:%Y%m%d}",
        "StudyTime": study_time,
        "AccessionNumber": f"A{uid.rpartition('.')[2]}",
        "PatientID": f"P{uid.rpartition('.')[2]}",
        "ModalitiesInStudy": "CT",
        "NumberOfStudyRelatedInstances": "100",
    }


def _series(study_uid: str) -> dict[str, str]:
    names = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": f"{study_uid}.1", "Modality": "CT"}
    return {**names, "NumberOfSeriesRelatedInstances": "100"}
