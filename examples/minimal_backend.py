"""
The smallest AI backend that is right: one file, the standard library, nothing to install but your model.

    BACKEND_KEY=... PIPELINE_API_KEY=... python examples/minimal_backend.py 9000 http://127.0.0.1:7000

It answers at once and computes in the background, computes a hand-over once however often it is asked, and
posts the result until that is acknowledged. It takes both kinds of transfer: the path of a shared folder, or
the bytes as a tar.
"""

import http.server
import json
import os
import queue
import shutil
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

RESULTS: dict[
    str, dict[str, Any] | None
] = {}  # by Idempotency-Key, None while it is computed; on disk, in earnest
WORK: queue.Queue[tuple[str, dict[str, Any], Path]] = queue.Queue()
LOCK = threading.Lock()
DIRECT = urllib.request.build_opener(
    urllib.request.ProxyHandler({})
)  # a proxy of the environment knows no pacs_module


def compute(folder: Path) -> dict[str, Any]:
    """Here goes the model; a ValueError says that these images are of no use to it."""
    return {"files": sum(1 for path in folder.rglob("*") if path.is_file())}


def work() -> None:
    """One hand-over after the other."""
    while True:
        key, message, folder = WORK.get()
        answer = {name: message[name] for name in ("studyUID", "seriesUID", "handoverID")}
        try:
            answer |= {"state": "completed", "result": compute(folder)}
        except ValueError as error:
            answer |= {"state": "unsupported_series", "message": str(error)}
        except Exception as error:  # whatever it is, the pipeline must hear of it
            answer |= {"state": "failed", "message": repr(error)}
        RESULTS[key] = answer
        if answer["state"] == "failed":
            del RESULTS[key]  # to be computed when the pipeline asks again, with the same key
        if folder.parent.name.startswith("bytes-"):
            shutil.rmtree(folder.parent, ignore_errors=True)
        threading.Thread(target=post, args=(answer,), daemon=True).start()


def post(answer: dict[str, Any]) -> None:
    """Until it is acknowledged; what is refused (4xx) would be refused again."""
    headers = {"X-API-Key": os.environ["PIPELINE_API_KEY"], "Content-Type": "application/json"}
    urls = sys.argv[2].split(",")  # several pacs_module: the next one where one is away
    for number, pause in enumerate((1, 1, 2, 4, 8, 16, 32, 60, 60, 60)):
        url = f"{urls[number % len(urls)]}/api/v1/dcm/result"
        request = urllib.request.Request(url, json.dumps(answer).encode(), headers)  # noqa: S310
        try:
            DIRECT.open(request, timeout=20).close()
            return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        time.sleep(pause)


class Handler(http.server.BaseHTTPRequestHandler):
    """POST at any path: a hand-over."""

    def do_POST(self) -> None:
        """Take it, and answer before it is computed."""
        key = self.headers["Idempotency-Key"]
        if self.headers["Authorization"] != f"Bearer {os.environ['BACKEND_KEY']}" or not key:
            self.send_error(401)
            return
        if self.headers["Content-Type"] == "application/x-tar":
            folder = Path(tempfile.mkdtemp(prefix="bytes-"))
            with tarfile.open(fileobj=self.rfile, mode="r|") as tar:  # SHA256SUMS in it can be checked
                for entry in tar:
                    if entry.isfile() and not {"..", "/"} & set(
                        Path(entry.name).parts
                    ):  # nothing outside the folder
                        tar.extract(entry, folder)
            message, folder = (
                json.loads((folder / "manifest.json").read_bytes())["message"],
                folder / "images",
            )
        else:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            folder = Path(message["filepath"])
        with LOCK:
            known, result = key in RESULTS, RESULTS.setdefault(key, None)
        if not known:
            WORK.put((key, message, folder))
        elif result:
            threading.Thread(target=post, args=(result,), daemon=True).start()  # they have not heard it
        self.send_response(202)
        self.end_headers()


if __name__ == "__main__":
    threading.Thread(target=work, daemon=True).start()
    http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
