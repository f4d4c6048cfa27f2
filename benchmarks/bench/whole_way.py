"""
Studies from a PACS to the backend's acceptance through the whole pipeline, beside what a user would do by
hand with the same PACS: measured once, for the rows 2 to 5.
"""

from __future__ import annotations

import datetime as dt
import subprocess
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import requests
from pydicom import dcmread

from benchmarks.bench.row import Scale
from benchmarks.bench.servers import Bare, Storescp, ram_folder, until_stored
from benchmarks.reception import chest_cts, plan, timed_images
from benchmarks.reception_cost import of_size
from hospital_sim.busy_day.day import BusyStudy
from hospital_sim.devices import SOFT_KERNELS
from hospital_sim.pacs import SimPacs
from hospital_sim.pacs.clock import ManualClock
from hospital_sim.pacs.content.planned import archive_of
from hospital_sim.pacs.content.studies import Archive
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.growing_study.scan import best_of
from pacs_module.domain.rules.switches import Switches
from stack.ports import free_ports
from stack.ram_disk import GIB
from stack.run_folder import RunFolder
from stack.servers.orthanc import HOSPITAL_NAME, OrthancPorts
from stack.whole import Stack, StackOptions

BY_SERIES, BY_STUDY = "BYSERIES", "BYSTUDY"
STABLE_AGES_S = (5.0, 60.0)
PATIENCE_S = 120.0
IMAGES = 400
"""Of the series to compute; the others of its study have fewer, or it would not be chosen."""
_RULES = Switches(kernel_preferred=SOFT_KERNELS)


@dataclass(frozen=True)
class Way:
    """
    One study through the pipeline, seconds.

    Args:
        level: Of its find: BY_SERIES or BY_STUDY.
        images: Of the series to compute.
        asked_to_accepted: From the question by hand, the study known to nobody, to the backend's 2xx.
        asked_to_last: From the question to the last image that the PACS sent.
        to_notification: From that image to the notification in pacs_module.
        to_accepted: From that image to the backend's 2xx.
        pulled: Images that came; ``used``: that were handed over.
    """

    level: str
    images: int
    asked_to_accepted: float
    asked_to_last: float
    to_notification: float
    to_accepted: float
    pulled: int
    used: int


@dataclass(frozen=True)
class Measured:
    """``ours`` by study; the others are seconds a study of the same size, in turn with ours."""

    ours: tuple[Way, ...]
    movescu: tuple[float, ...]
    """The whole study by dcmtk's movescu, and every header read to choose its series."""
    bare_study: tuple[float, ...]
    """The whole study by a tuned Orthanc's C-MOVE; an age comes on top until it is told as stable."""
    bare_series: tuple[float, ...]
    """The series to compute alone, by the same."""


def measured(scale: Scale) -> Measured:
    """
    Each way in turn for each study, once for all rows.

    Raises:
        RuntimeError: It could not be measured; it is not tried again.
    """
    found = _measured_once(scale)
    if isinstance(found, Measured):
        return found
    raise RuntimeError(found)


@lru_cache
def _measured_once(scale: Scale) -> Measured | str:
    try:
        return _measured(scale)
    except Exception as error:  # told by each row that needs it
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"


def forget() -> None:
    """Measured anew, with another Orthanc."""
    _measured_once.cache_clear()


def _is_chosen_with(study: BusyStudy, images: int) -> bool:
    """Whether the series to compute is still the one when it has so many images: no other one has more."""
    return all(
        one.planned.uid in study.expected_series or one.planned.instances <= images for one in study.arrivals
    )


def _measured(scale: Scale) -> Measured:
    studies = [of_size(one, IMAGES) for one in chest_cts() if _is_chosen_with(one, IMAGES)]
    studies = studies[: scale.of(6, 1) * 2 + 1]
    ours, by_hand, whole, alone = [], [], [], []
    with _hospital() as hospital:
        hospital.by_pipeline(studies[0], BY_SERIES)  # warms up
        for place, study in enumerate(studies[1:]):
            level = BY_STUDY if place % 2 else BY_SERIES
            ours.append(hospital.by_pipeline(study, level))
            if level == BY_SERIES:
                by_hand.append(hospital.by_movescu(study))
                whole.append(hospital.by_bare(study, whole=True))
                alone.append(hospital.by_bare(study, whole=False))
    return Measured(tuple(ours), tuple(by_hand), tuple(whole), tuple(alone))


@dataclass
class _Hospital:
    stack: Stack
    pacs: Mapping[str, SimPacs]
    bare: Bare
    scp: Storescp
    in_bare: int = 0

    def by_pipeline(self, study: BusyStudy, level: str) -> Way:
        """Asked for by hand, so that no find and no stability is waited for."""
        (held,) = archive_of(replace(plan(), studies=(study,)))
        timed = timed_images(held)
        self.pacs[level].archive.add(held)
        (chosen,) = study.expected_series
        begin = time.monotonic()
        wall = time.time() - begin
        self._ask("/pull", {"StudyInstanceUID": study.uid, "by": "bench", "why": "row 2"})
        document = self._until_accepted(study.uid)
        handover = document["handovers"][-1]
        if handover["seriesUID"] != chosen:
            raise ValueError(f"{handover['seriesUID']} was handed over, not {chosen}")
        last = max(timed[chosen].sent_at.values())
        told, accepted = (_epoch(handover[key]) - wall for key in ("receivedAt", "acceptedAt"))
        pulled = sum(len(one.sent_at) for one in timed.values())
        return Way(
            level, len(timed[chosen].sent_at), accepted - begin, last - begin, told - last, accepted - last,
            pulled, handover["numberReceived"],
        )  # fmt: skip

    def by_movescu(self, study: BusyStudy) -> float:
        """The whole study as files; then their headers, which choose."""
        folder, before = self.scp.folder, set(self.scp.folder.iterdir())
        images = sum(one.planned.instances for one in study.arrivals)
        begin = time.perf_counter()
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study.uid}"]
        pacs = self.pacs[BY_SERIES]
        command = ["movescu", "-S", "-aet", "BENCH", "-aec", pacs.ae_title, "-aem", self.scp.aet, *keys]
        subprocess.run(
            [*command, pacs.host, str(pacs.port)], capture_output=True, timeout=PATIENCE_S, check=False
        )
        while len(new := set(folder.iterdir()) - before) < images:
            if time.perf_counter() > begin + PATIENCE_S:
                raise TimeoutError(f"{len(new)} of {images} images by movescu")
            time.sleep(0.02)
        _choose(new)
        took = time.perf_counter() - begin
        for file in new:
            file.unlink()
        return took

    def by_bare(self, study: BusyStudy, *, whole: bool) -> float:
        """A C-MOVE by an Orthanc without plugins."""
        (chosen,) = study.expected_series
        series = [one.planned for one in study.arrivals if whole or one.planned.uid == chosen]
        what: dict[str, Any] = {"StudyInstanceUID": study.uid}
        if not whole:
            what["SeriesInstanceUID"] = chosen
        auth, url = (self.bare.user, self.bare.password), self.bare.url
        self.in_bare += sum(one.instances for one in series)
        begin = time.perf_counter()
        body = {"Level": "Study" if whole else "Series", "Resources": [what], "Asynchronous": True}
        answer = requests.post(
            f"{url}/modalities/{HOSPITAL_NAME}/move",
            json={**body, "TargetAet": "BARE"},
            auth=auth,
            timeout=60,
        )
        answer.raise_for_status()
        end = until_stored(url, auth, self.in_bare)
        for one in requests.get(f"{url}/studies", auth=auth, timeout=60).json():
            requests.delete(f"{url}/studies/{one}", auth=auth, timeout=60).raise_for_status()
        self.in_bare = 0
        return end - begin

    def _ask(self, path: str, message: Mapping[str, str]) -> None:
        module = self.stack.pacs_module
        answer = requests.post(
            f"{module.url}/api/v1/dcm{path}", json=message, headers={"X-API-Key": module.api_key}, timeout=60
        )
        answer.raise_for_status()

    def _until_accepted(self, uid: str) -> dict[str, Any]:
        module, deadline = self.stack.pacs_module, time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            time.sleep(0.1)
            answer = requests.get(
                f"{module.url}/api/v1/dcm/debug", params={"StudyInstanceUID": uid, "askPACS": "false"},
                headers={"X-API-Key": module.api_key}, timeout=60,
            )  # fmt: skip
            found = answer.json().get("studies") or [{}]
            if (found[0].get("handovers") or [{}])[-1].get("acceptedAt") and not found[0]["pull"].get(
                "running"
            ):
                return dict(found[0])
        raise TimeoutError(f"study {uid} was not accepted in {PATIENCE_S:g} s")


def _choose(files: set[Path]) -> str:
    """The series that the rules choose, by reading every file: what a script beside movescu does."""
    series: dict[str, SeriesFacts] = {}
    counts: dict[str, int] = {}
    for file in files:
        header = dcmread(file, stop_before_pixels=True)
        uid = str(header.SeriesInstanceUID)
        counts[uid] = counts.get(uid, 0) + 1
        names = (
            "Modality",
            "BodyPartExamined",
            "ProtocolName",
            "SeriesDescription",
            "ImageType",
            "SliceThickness",
            "ConvolutionKernel",
        )
        told = {name: _text(header.get(name)) for name in names}
        series[uid] = SeriesFacts(uid, told)
    best = best_of([replace(one, instances=counts[uid]) for uid, one in series.items()], _RULES)
    return best[0].series_uid if best is not None else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    return (
        value
        if isinstance(value, str)
        else "\\".join(map(str, value))
        if isinstance(value, Sequence)
        else str(value)
    )


def _epoch(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def _options(pacs: Mapping[str, SimPacs]) -> StackOptions:
    return StackOptions(
        more_pacs={name: (one.ae_title, one.port) for name, one in pacs.items()},
        settings={
            "pacs": [
                {"name": BY_SERIES, "follow": False, "use_series": True},
                {"name": BY_STUDY, "follow": False, "use_series": False},
            ],
            "find_dates": ["2020-01-01"],
        },
        switches={"KERNEL_PREFERRED": list(SOFT_KERNELS)},
        ram_disk_bytes=2 * GIB,
    )


@contextmanager
def _hospital() -> Iterator[_Hospital]:
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="bench-way-")))
        ram = exits.enter_context(ram_folder())
        run = exits.enter_context(RunFolder(folder / "bare"))
        h, d, scp_port = free_ports(3)
        clock = ManualClock(plan().ends_at)
        pacs = {
            name: exits.enter_context(SimPacs(Archive(), ae_title=f"{name}AE", clock=clock))
            for name in (BY_SERIES, BY_STUDY)
        }
        bare = _Bare(run, ram, OrthancPorts(h, d), pacs[BY_SERIES])
        bare.start()
        scp = Storescp(run, ram / "scp", scp_port)
        stack = exits.enter_context(Stack(folder / "run", _options(pacs)))
        for one in pacs.values():
            one.destinations[stack.receiver.aet] = ("127.0.0.1", stack.receiver.ports.dicom)
            one.destinations["BARE"] = ("127.0.0.1", d)
            one.destinations[scp.aet] = ("127.0.0.1", scp_port)
        yield _Hospital(stack, pacs, bare, scp)
        scp.process.kill()
        bare.stop()


class _Bare(Bare):
    """A tuned Orthanc that asks one of the simulated PACS."""

    aet = "BARE"

    def __init__(self, run: RunFolder, ram: Path, ports: OrthancPorts, pacs: SimPacs) -> None:
        super().__init__(run, ram, ports, pacs.port)
        self.pacs = pacs

    def environment(self) -> dict[str, str]:
        """With that PACS's AE title."""
        return {**super().environment(), "HOSPITAL_PACS_AET": self.pacs.ae_title}
