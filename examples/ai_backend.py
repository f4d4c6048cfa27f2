"""
An AI backend to copy from: accepts a hand-over at once, computes in the background, posts its result back.

What a backend must get right is small and all here: the key is checked, the answer does not wait for the
computation, a request that comes twice (same Idempotency-Key) is computed once, and the result is posted
until it is acknowledged. The "AI" reads every pixel and measures: lung volume of a CT by threshold, mean and
contrast of radiographs.

    BACKEND_KEY=... PIPELINE_API_KEY=... python examples/ai_backend.py --port 9000 \
        --pipeline-url http://127.0.0.1:7000 --record backend.jsonl
"""

from __future__ import annotations

import argparse
import hmac
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import requests
import uvicorn
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import JSONResponse
from pydicom import FileDataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_modality_lut
from tenacity import before_sleep_log, retry, retry_if_exception, stop_after_delay, wait_exponential_jitter

log = logging.getLogger("ai_backend")
RADIOGRAPHS = ("DX", "CR", "DR", "RF", "OT")
Mask = npt.NDArray[np.bool_]


class UnsupportedSeriesError(Exception):
    """The images are readable but this backend has no use for them."""


# ------------------------------------------------------------------------------------------------ the "AI"


@dataclass(frozen=True)
class Measured:
    """
    What is kept of one image: lung area in mm2 and depth in mm for CT, mean and contrast of the pixel values.
    """

    uid: str
    modality: str
    depth_mm: float
    lung_mm2: float
    mean: float
    contrast: float


def read_images(folder: Path) -> Iterator[FileDataset]:
    """
    DICOM images below a folder, one at a time; other files are passed over, a damaged DICOM file is an error.
    """
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        try:
            yield dcmread(path)
        except InvalidDicomError:
            log.warning("not a DICOM file: %s", path)


def inside_body(hu: npt.NDArray[np.floating[Any]], pixel_mm: float) -> Mask:
    """Pixels of one slice with tissue on all four sides; the couch (thin, flat) does not count as tissue."""
    tissue = hu > -300
    height = max(1, round(15.0 / pixel_mm))  # mm; thinner than a chest wall, thicker than a couch's shell
    filled = np.cumsum(np.pad(tissue, ((height, 0), (0, 0))), axis=0, dtype=np.int32)
    thick = np.zeros_like(tissue)
    thick[height - 1 :] = (filled[height:] - filled[:-height])[height - 1 :] == height
    left = np.maximum.accumulate(thick, axis=1)
    right = np.maximum.accumulate(thick[:, ::-1], axis=1)[:, ::-1]
    above = np.maximum.accumulate(thick, axis=0)
    below = np.maximum.accumulate(thick[::-1], axis=0)[::-1]
    return np.asarray(left & right & above & below, dtype=np.bool_)


def measure(image: FileDataset) -> Measured:
    """Read the pixels of one image; lung is what lies between -950 and -500 HU inside the body."""
    modality, uid, pixels = str(image.get("Modality", "")), str(image.SOPInstanceUID), image.pixel_array
    mean = float(pixels.mean())
    contrast = float(pixels.std()) / max(abs(mean), 1e-9)
    if modality in RADIOGRAPHS:
        return Measured(uid, modality, 0.0, 0.0, mean, contrast)
    if modality != "CT" or "ImagePositionPatient" not in image:
        raise UnsupportedSeriesError(f"modality {modality or 'unknown'}, or CT without position")
    hu = apply_modality_lut(pixels, image)
    row_mm, column_mm = (float(value) for value in image.PixelSpacing)
    lung = (hu > -950) & (hu < -500) & inside_body(hu, row_mm)
    area = float(lung.sum()) * row_mm * column_mm
    return Measured(uid, modality, float(image.ImagePositionPatient[2]), area, mean, contrast)


def lung_volume_ml(images: list[Measured]) -> float:
    """
    Area times slice distance, in ml; the distance comes from the positions: SliceThickness may overlap or
    gap.
    """
    depths = sorted({one.depth_mm for one in images})
    if len(depths) < 2:
        raise UnsupportedSeriesError("a volume needs at least two slices")
    return sum(one.lung_mm2 for one in images) * (depths[-1] - depths[0]) / (len(depths) - 1) / 1000.0


def compute(folder: Path) -> tuple[dict[str, float], list[str]]:
    """Measure what is in the folder; returns the numbers and the SOPInstanceUIDs that they come from."""
    images = [measure(image) for image in read_images(folder)]
    if not images:
        raise FileNotFoundError(f"no DICOM file in {folder}")
    uids = sorted(one.uid for one in images)
    if images[0].modality == "CT":
        return {"lungVolumeMl": round(lung_volume_ml(images), 1)}, uids
    mean = sum(one.mean for one in images) / len(images)
    contrast = sum(one.contrast for one in images) / len(images)
    return {"meanValue": round(mean, 2), "contrast": round(contrast, 4)}, uids


# ------------------------------------------------------------------------------------------------ the service


def worth_repeating(error: BaseException) -> bool:
    """No connection, a time-out or the pipeline's own failure; what it refuses (4xx) it will refuse again."""
    if isinstance(error, requests.HTTPError):
        return error.response.status_code >= 500 or error.response.status_code in (408, 429)
    return isinstance(error, requests.RequestException)


class Record:
    """
    Append-only JSON lines, on disk before we answer; knows after a restart what was accepted and computed.
    """

    def __init__(self, path: Path) -> None:
        self.accepted: set[str] = set()
        self.results: dict[str, dict[str, Any]] = {}
        self._path, self._lock = path, threading.Lock()
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the last line of a killed process
            self._remember(entry)
        self._end_broken_line()

    def add(self, event: str, key: str, **values: Any) -> None:
        """Write one line and wait until it is on disk."""
        entry = {"event": event, "at": time.time(), "idempotencyKey": key, **values}
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
            self._remember(entry)

    def _end_broken_line(self) -> None:
        with self._path.open("a+b") as file:
            if file.tell() and self._path.read_bytes()[-1:] != b"\n":
                file.write(b"\n")

    def _remember(self, entry: dict[str, Any]) -> None:
        if entry["event"] == "accepted":
            self.accepted.add(entry["idempotencyKey"])
        if entry["event"] == "computed":
            self.results[entry["idempotencyKey"]] = entry["answer"]


class Backend:
    """Accepts, computes in a bounded pool, posts results."""

    def __init__(self, record: Record, pipeline_url: str, pipeline_key: str, workers: int = 2) -> None:
        self._record, self._key = record, pipeline_key
        self._urls = [url.strip().rstrip("/") for url in pipeline_url.split(",")]
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="compute")
        self._posts = ThreadPoolExecutor(
            4, thread_name_prefix="post"
        )  # a pipeline that is down must not stop computing
        self._lock = threading.Lock()
        self._running: set[str] = set()

    def accept(self, job: dict[str, Any], key: str) -> str:
        """
        Take a request; returns ``accepted``, ``running`` (nothing is done) or ``computed`` (result posted
        again).
        """
        with self._lock:
            known = (
                "computed"
                if key in self._record.results
                else "running"
                if key in self._running
                else "accepted"
            )
            repeat = known != "accepted" or key in self._record.accepted
            named = {"studyUID": job["studyUID"], "seriesUID": job["seriesUID"]}
            self._record.add("repeat" if repeat else "accepted", key, **named)
            if known == "accepted":
                self._running.add(key)
        if known == "accepted":
            self._pool.submit(self._work, job, key)
        elif known == "computed":
            self._posts.submit(self._post_logged, self._record.results[key])
        return known

    def _work(self, job: dict[str, Any], key: str) -> None:
        numbers: dict[str, float] = {}
        uids: list[str] = []
        state, message = "completed", ""
        try:
            numbers, uids = compute(Path(job["filepath"]))
        except UnsupportedSeriesError as error:
            state, message = "unsupported_series", str(error)
        except Exception as error:  # whatever is wrong with the images, the pipeline must hear of it
            log.exception("computing %s failed", job["studyUID"])
            state, message = "failed", f"{type(error).__name__}: {error}"
        answer = {
            "studyUID": job["studyUID"], "seriesUID": job["seriesUID"], "state": state, "message": message,
            "handoverID": job.get("handoverID"), "result": numbers,
        }  # fmt: skip
        try:
            self._record.add(
                "failed" if state == "failed" else "computed", key,
                studyUID=job["studyUID"], seriesUID=job["seriesUID"], files=len(uids), sopInstanceUIDs=uids,
                state=state, message=message, answer=answer, **numbers,
            )  # fmt: skip
        finally:
            with self._lock:
                self._running.discard(key)
        self._posts.submit(self._post_logged, answer)

    def _post_logged(self, answer: dict[str, Any]) -> None:
        try:
            self._post(answer)
        except requests.RequestException as error:
            log.error(
                "result of %s not acknowledged, waiting to be asked again: %s", answer["studyUID"], error
            )

    @retry(
        retry=retry_if_exception(worth_repeating),
        wait=wait_exponential_jitter(multiplier=0.2, max=10),
        stop=stop_after_delay(300),
        before_sleep=before_sleep_log(log, logging.WARNING),
        reraise=True,
    )
    def _post(self, answer: dict[str, Any]) -> None:
        """To the first pacs_module that takes it; any of them will do, and twice is harmless."""
        for url in self._urls[:-1]:
            try:
                self._post_to(url, answer)
                return
            except requests.RequestException as error:
                if not worth_repeating(error):
                    raise
                log.warning("%s did not take a result, the next one is asked: %s", url, error)
        self._post_to(self._urls[-1], answer)

    def _post_to(self, url: str, answer: dict[str, Any]) -> None:
        headers = {"X-API-Key": self._key}
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment knows no pacs_module
            answered = session.post(
                f"{url}/api/v1/dcm/result",
                json=answer,
                headers=headers,
                timeout=20,
                allow_redirects=False,
            )
        answered.raise_for_status()
        if answered.is_redirect:
            raise requests.HTTPError("redirects are not followed", response=answered)


def create_app(backend: Backend, key: str) -> FastAPI:
    """The HTTP side: ``POST /compute`` and ``GET /health``."""
    app = FastAPI(title="Example AI backend")

    @app.post("/compute", status_code=202)
    def take(
        job: dict[str, Any], authorization: str = Header(""), idempotency_key: str = Header("", min_length=0)
    ) -> JSONResponse:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {key}".encode()):
            raise HTTPException(401, "wrong or missing key")
        if missing := [name for name in ("studyUID", "seriesUID", "filepath") if not job.get(name)]:
            raise HTTPException(422, f"missing: {', '.join(missing)}")
        if not idempotency_key:
            raise HTTPException(422, "missing header: Idempotency-Key")
        return JSONResponse({"status": backend.accept(job, idempotency_key)}, status_code=202)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Example AI backend", epilog="Keys: BACKEND_KEY and PIPELINE_API_KEY"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument(
        "--pipeline-url",
        default="http://127.0.0.1:7000",
        help="where results are posted; several with commas: the next one where one is away",
    )
    parser.add_argument(
        "--record", type=Path, default=Path("backend.jsonl"), help="what was accepted and computed"
    )
    parser.add_argument("--workers", type=int, default=2, help="computations at the same time")
    return parser.parse_args()


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    options = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if missing := [name for name in ("BACKEND_KEY", "PIPELINE_API_KEY") if not os.environ.get(name)]:
        sys.exit(f"ai_backend: set {' and '.join(missing)} in the environment")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
        record = Record(options.record)
    except OSError as error:
        sys.exit(
            f"ai_backend: cannot use {error.filename or f'{options.host}:{options.port}'}: {error.strerror}"
        )
    backend = Backend(record, options.pipeline_url, os.environ["PIPELINE_API_KEY"], options.workers)
    server = uvicorn.Server(
        uvicorn.Config(create_app(backend, os.environ["BACKEND_KEY"]), log_level="warning")
    )
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        os._exit(0)  # what counts is on disk; a computation that is cut short is asked for again


if __name__ == "__main__":
    main()
