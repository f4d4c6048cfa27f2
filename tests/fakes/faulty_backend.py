"""
A backend with bad habits, as a process of its own: what it was asked and what it computed stands in its
record, line by line.

    python faulty_backend.py PORT PIPELINE RECORD '{"fails_every": 3, "slow_s": 0.5, "refuses": ["1.2.3"],
    "dies_at": 5}'

``fails_every`` n: every n-th request gets a 500. ``slow_s``: so long until it answers. ``refuses``: these
studies get a 400.
``dies_at`` n: ends, without a result, when it has accepted for the n-th time. ``twice``: each result is
posted two times.
"""

import contextlib
import http.server
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

PORT, PIPELINE, RECORD = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
HABITS = json.loads(sys.argv[4])
LOCK = threading.Lock()
COMPUTED: dict[str, dict[str, object]] = {}
asked = accepted = 0


def record(event: str, key: str, **values: object) -> None:
    with RECORD.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": event, "key": key, **values}) + "\n")


def post(answer: dict[str, object]) -> None:
    headers = {"X-API-Key": os.environ["PIPELINE_API_KEY"], "Content-Type": "application/json"}
    request = urllib.request.Request(f"{PIPELINE}/api/v1/dcm/result", json.dumps(answer).encode(), headers)
    for _ in range(200):
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                record("answered", str(answer["handoverID"]), said=json.load(response)["answer"])
                return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                record("answered", str(answer["handoverID"]), said=error.read().decode())
                return
        except OSError:
            pass
        time.sleep(0.1)


def compute(key: str, message: dict[str, object]) -> None:
    files = sum(1 for path in Path(str(message["filepath"])).rglob("*") if path.is_file())
    named = {name: message[name] for name in ("studyUID", "seriesUID", "handoverID")}
    with LOCK:
        COMPUTED[key] = {**named, "state": "completed", "result": {"files": files}}
        record("computed", key, study=message["studyUID"], files=files)
    for _ in range(2 if HABITS.get("twice") else 1):
        post(COMPUTED[key])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        global asked, accepted
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Idempotency-Key"]
        with LOCK:
            asked += 1
            number = asked
            repeat = key in COMPUTED
            record("asked", key, study=message["studyUID"])
        time.sleep(HABITS.get("slow_s", 0))
        if message["studyUID"] in HABITS.get("refuses", ()):
            return self.answer(400, "no model for this region <b>")
        if "fails_every" in HABITS and number % HABITS["fails_every"] == 0:
            return self.answer(500, "out of memory")
        with LOCK:
            accepted += 1
            last = accepted == HABITS.get("dies_at")
        with contextlib.suppress(OSError):  # whoever asked has not waited so long
            self.answer(202, "accepted")
        if last:
            self.wfile.flush()
            os._exit(1)
        work = (post, COMPUTED[key]) if repeat else (compute, key, message)
        threading.Thread(target=work[0], args=work[1:], daemon=True).start()
        return None

    def answer(self, status: int, words: str) -> None:
        body = words.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64


Server(("127.0.0.1", PORT), Handler).serve_forever()
