"""
A hospital PACS and the receiving Orthanc with our plugins, both real, and a recorder in the place of
pacs_module.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import pydicom
import requests
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.orthanc import HospitalPacs, OrthancPorts, ReceivingLinks, ReceivingOrthanc
from tests.support.waiting import wait_for

T = TypeVar("T")

CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
DX_STORAGE = "1.2.840.10008.5.1.4.1.1.1.1"
PACS = "HOSPITAL-PACS"
API_KEY = "the-key-of-the-tests"


class Recorder:
    """Takes notifications and pull reports as pacs_module would; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.arrived_at: list[float] = []
        self.status = 200
        self.announced: dict[str, dict[str, Any]] = {}
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = recorder.status if self.headers["X-API-Key"] == API_KEY else 401
                recorder.arrived_at.append(time.monotonic())
                recorder.messages.append((f"{self.path} {status}", body))
                known = recorder.announced.get(body["studyUID"])
                answer = json.dumps({"request": known}).encode() if self.path.endswith("/announced") else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def taken(self, kind: str, study_uid: str) -> list[dict[str, Any]]:
        """What was acknowledged about a study; kind is notify or pull_report."""
        return [
            body
            for path, body in self.messages
            if path.endswith(f"{kind} 200") and body["studyUID"] == study_uid
        ]

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


class PluginStack:
    """
    Use as a context manager.

    ``site``: lines of the site's config.py; ``pacs_port``: of another PACS in the place of the hospital's
    Orthanc.
    """

    def __init__(
        self,
        folder: Path,
        site: str = "STABLE_AGE = 3.0\n",
        environment: dict[str, str] | None = None,
        pacs_port: int | None = None,
    ) -> None:
        self._pacs_port = pacs_port
        self.environment = environment or {}
        self.recorder = Recorder()
        self.run = RunFolder(folder / "run")
        self.logs = folder / "site-logs"
        self.site = folder / "site_config.py"
        self.site.write_text(site, encoding="utf-8")
        self.ram_disk = Path(tempfile.mkdtemp(prefix="aipull-test-", dir="/dev/shm"))
        self._http = requests.Session()
        self._http.trust_env = False

    def __enter__(self) -> PluginStack:
        self.run.open()
        h, hd, r, rd = free_ports(4)
        self.hospital = HospitalPacs(self.run, OrthancPorts(h, hd), rd)
        links = ReceivingLinks(
            hospital_port=self._pacs_port or hd, pacs_module_url=self.recorder.url, api_key=API_KEY,
            log_folder=self.logs,
            time_zone="Asia/Shanghai",
            site_config=self.site, environment=self.environment,
        )  # fmt: skip
        self.receiver = ReceivingOrthanc(self.run, OrthancPorts(r, rd), self.ram_disk, links)
        try:
            if self._pacs_port is None:
                self.hospital.start()
            self.receiver.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.receiver.kill()
        self.hospital.kill()
        self.run.close()
        self._http.close()
        self.recorder.close()
        shutil.rmtree(self.ram_disk, ignore_errors=True)

    def post(self, path: str, body: object) -> requests.Response:
        auth = (self.receiver.user, self.receiver.password)
        return self._http.post(self.receiver.url + path, json=body, auth=auth, timeout=30)

    def get(self, path: str) -> requests.Response:
        return self._http.get(
            self.receiver.url + path, auth=(self.receiver.user, self.receiver.password), timeout=30
        )

    def to_pacs(self, images: list[Dataset]) -> None:
        """Put images into the PACS."""
        self._store(self.hospital, images)

    def push(self, images: list[Dataset]) -> None:
        """Have the PACS send its images of these datasets to us without our asking."""
        ids = self.hospital_ids({str(image.SOPInstanceUID) for image in images})
        auth = (self.hospital.user, self.hospital.password)
        answer = self._http.post(
            f"{self.hospital.url}/modalities/AIPULL/store", json=ids, auth=auth, timeout=60
        )
        answer.raise_for_status()

    def hospital_ids(self, uids: set[str]) -> list[str]:
        auth = (self.hospital.user, self.hospital.password)
        every = self._http.get(f"{self.hospital.url}/instances?expand", auth=auth, timeout=30).json()
        return [one["ID"] for one in every if one["MainDicomTags"]["SOPInstanceUID"] in uids]

    def drop_from_pacs(self, images: list[Dataset]) -> None:
        auth = (self.hospital.user, self.hospital.password)
        for orthanc_id in self.hospital_ids({str(image.SOPInstanceUID) for image in images}):
            self._http.delete(
                f"{self.hospital.url}/instances/{orthanc_id}", auth=auth, timeout=30
            ).raise_for_status()

    def _store(self, orthanc: HospitalPacs | ReceivingOrthanc, images: list[Dataset]) -> None:
        for image in images:
            buffer = BytesIO()
            image.save_as(buffer, enforce_file_format=True)
            auth = (orthanc.user, orthanc.password)
            self._http.post(
                f"{orthanc.url}/instances", data=buffer.getvalue(), auth=auth, timeout=30
            ).raise_for_status()

    def pull(self, study_uid: str, **values: object) -> str:
        """Ask for a pull; the pullID."""
        request = {"pullID": uuid.uuid4().hex, "studyUID": study_uid, "pacs": PACS, **values}
        answer = self.post("/aipull/pulls", request)
        assert answer.status_code == 200, answer.text
        return str(request["pullID"])

    def report_of(self, pull_id: str, within_s: float = 120) -> dict[str, Any]:
        """
        Wait until the recorder has the report of a pull; one that was killed before it knew that it was taken
        repeats it.
        """
        first, *repeated = until(lambda: self._reports(pull_id), within_s, f"report of pull {pull_id}", self)
        assert all(one == first for one in repeated)
        return dict(first)

    def _reports(self, pull_id: str) -> list[dict[str, Any]]:
        return [
            b
            for path, b in self.recorder.messages
            if path.endswith("pull_report 200") and b["pullID"] == pull_id
        ]

    def pause(self, seconds: float) -> None:
        """Let a chosen time pass: the instant of a kill is a time and no condition."""
        time.sleep(seconds)

    def gone(self, study_uid: str, within_s: float = 120) -> None:
        """Wait until Orthanc has nothing of a study."""
        until(lambda: study_uid not in self.studies_here(), within_s, f"deletion of {study_uid}", self)

    def studies_here(self) -> set[str]:
        return {study["MainDicomTags"]["StudyInstanceUID"] for study in self.get("/studies?expand").json()}

    def lines(self, part: str = "") -> list[str]:
        """Lines of orthanc-python.log with some text in them."""
        file = self.logs / "orthanc-python.log"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        return [line for line in _whole_lines(text) if part in line]

    def events(self, part: str = "") -> list[dict[str, Any]]:
        text = (self.logs / "orthanc-python.jsonl").read_text(encoding="utf-8")
        return [record for record in map(json.loads, _whole_lines(text)) if part in record.get("text", "")]

    def orthanc_log(self) -> str:
        return self.receiver.process.log_file.read_text(encoding="utf-8", errors="replace")


def _whole_lines(text: str) -> list[str]:
    """Without the one that is just being written."""
    return text.rpartition("\n")[0].splitlines()


def until(condition: Callable[[], T], within_s: float, what: str, stack: PluginStack | None = None) -> T:
    """The first true value of a condition; when it never comes, an error with what the stack has told."""

    def seen() -> str:
        return (
            f"{what}\n{stack.lines()}\n{stack.events()[-8:]}\n{stack.recorder.messages[-3:]}"
            if stack
            else what
        )

    return wait_for(condition, within_s, seen)


def sop_uids(folder: Path) -> set[str]:
    return {str(pydicom.dcmread(file).SOPInstanceUID) for file in folder.rglob("*.dcm")}


def ct_series(
    study_uid: str, count: int, first: int = 1, series_uid: str = "", **values: Any
) -> list[Dataset]:
    """A chest CT series of 16 x 16 images; further attributes by keyword, None removes one."""
    attributes: dict[str, Any] = {
        "Modality": "CT", "SOPClassUID": CT_STORAGE, "BodyPartExamined": "CHEST", "SliceThickness": "1.0",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "ConvolutionKernel": "B30f",
        "SeriesDescription": "Chest 1.0",
        "ProtocolName": "Thorax", "StudyDescription": "111",
    }  # fmt: skip
    series_uid = series_uid or generate_uid()
    return [
        _image(study_uid, series_uid, number, {**attributes, **values})
        for number in range(first, first + count)
    ]


def dx_series(study_uid: str, count: int = 1, /, **values: Any) -> list[Dataset]:
    dx = {
        "Modality": "DX",
        "SOPClassUID": DX_STORAGE,
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "SliceThickness": None,
    }
    return ct_series(study_uid, count, **{**dx, "ConvolutionKernel": None, **values})


def _image(study_uid: str, series_uid: str, number: int, attributes: dict[str, Any]) -> Dataset:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SpecificCharacterSet = "ISO_IR 192"
    image.StudyInstanceUID, image.SeriesInstanceUID = study_uid, series_uid
    image.SOPInstanceUID = generate_uid()
    image.PatientID, image.PatientName, image.AccessionNumber = "P1", "Chest^Test", "A1"
    image.StudyDate, image.StudyTime, image.StudyID = "20200618", "080626", "1"
    image.InstanceNumber, image.SeriesNumber = number, 1
    image.Rows = image.Columns = 16
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 0, 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.PixelData = bytes([number % 256, 0]) * 256
    for keyword, value in attributes.items():
        if value is not None:
            setattr(image, keyword, value)
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return image
