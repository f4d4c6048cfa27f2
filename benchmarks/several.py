"""
Throughput of two receiving Orthancs and three pacs_module against one of each: from the first pull until the last
study is handed over.

    python -m benchmarks.several [--studies 24] [--images 60] [--quota 0.3]

On one machine of a few cores several Orthancs share what one has, and the ratio says what sharing costs. With
``--quota`` each receiving Orthanc gets so many cores and no more (a CPU control group of its own, which needs
root): then each stands for a machine that is its own limit, and the ratio says whether the pipeline uses both.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import requests
import typer

from hospital_sim.sending.scu import Pacs
from stack.ports import LOOPBACK, free_ports
from stack.ram_disk import GIB, make_ram_disk, remove_noted
from stack.servers.orthanc import HOSPITAL_NAME, OrthancPorts, ReceivingOrthanc
from stack.servers.pacs_module import PacsModule
from stack.settings_file import merged
from stack.whole import Stack, StackOptions
from tests.chaos.audit.auditor import read_documents
from tests.support.images.dicom_maker import CHEST_CT, Study, store

ZONE = "Asia/Shanghai"
MATRIX = 256
PATIENCE_S = 600.0
PERIOD_US = 100_000
SETTINGS: dict[str, Any] = {
    "find_interval_s": 1.0,
    "crossday": -1,
    "MOVE_SYNC": False,
    "orthanc": {"name": "r1"},
    "pacs": [{"name": HOSPITAL_NAME, "parallel_pulls": 4}],
}
app = typer.Typer(add_completion=False)


@dataclass
class Few:
    """How many of what, and what each Orthanc may take of the CPU; 0: all there is."""

    orthancs: int
    pacs_modules: int
    quota: float = 0.0


class Receiver(ReceivingOrthanc):
    """One more."""

    def __init__(self, number: int, first: ReceivingOrthanc, folder: Path) -> None:
        named = {"AIPULL_RECEIVER": f"r{number}"}
        links = replace(
            first.links,
            environment={**first.links.environment, **named},
            log_folder=folder / "site-logs",
        )
        disk = make_ram_disk(folder, None, GIB)
        super().__init__(first.run, OrthancPorts(*free_ports(2)), disk.path, links)
        self.name, self.aet, self.journal = (
            f"receiving-orthanc-{number}",
            f"AIPULL{number}",
            folder / "journal.db",
        )


class Several(Stack):
    """The whole stack with more of both; the pacs_module are started by hand."""

    def __init__(self, folder: Path, few: Few) -> None:
        settings = {**SETTINGS, "orthanc": {"name": "r1"}}
        environment = {"AIPULL_RECEIVER": "r1"}
        super().__init__(
            folder, StackOptions(settings=settings, orthanc_environment=environment, ram_disk_bytes=GIB)
        )
        self.few = few
        self.folders: list[Path] = []

    def _assemble(self) -> None:
        super()._assemble()
        self.receivers: list[ReceivingOrthanc] = [self.receiver]
        for number in range(2, self.few.orthancs + 1):
            self._add_receiver(number)
        self.modules = [self.pacs_module, *(self._module(n) for n in range(2, self.few.pacs_modules + 1))]
        del self._servers["pacs_module"]

    def _add_receiver(self, number: int) -> None:
        folder = self.run.path / f"r{number}"
        folder.mkdir(mode=0o700)
        self.folders.append(folder)
        more = Receiver(number, self.receiver, folder)
        told = {"name": f"r{number}", "url": more.url, "username": more.user, "password": more.password}
        told["handover_folder"] = str(more.handover_folder)
        known = [*self.pacs_module.overrides.get("receiver", []), told]
        self.pacs_module.overrides = merged(self.pacs_module.overrides, {"receiver": known})
        self.receivers.append(more)
        self._servers[more.name] = more

    def _module(self, number: int) -> PacsModule:
        first = self.pacs_module
        return PacsModule(
            self.run, free_ports(1)[0], first.links, first.overrides, name=f"pacs-module-{number}"
        )

    def _start_together(self, *names: str) -> None:
        if there := [name for name in names if name in self._servers]:
            super()._start_together(*there)

    def stop(self, gracefully: bool = True) -> None:
        """Stop all, as the whole stack does."""
        super().stop(gracefully)
        for folder in self.folders:
            remove_noted(folder)


@app.command()
def main(
    studies: Annotated[int, typer.Option(help="in the PACS when the pipeline starts")] = 24,
    images: Annotated[int, typer.Option(help="of each, 256 x 256 of 16 bits")] = 60,
    quota: Annotated[float, typer.Option(help="cores that each receiving Orthanc may take; 0: all")] = 0.0,
    repeats: int = 3,
) -> None:
    """Run both in turn, and print images a second and the ratio."""
    one, many = Few(1, 1, quota), Few(2, 3, quota)
    rates: dict[str, list[float]] = {"one": [], "several": []}
    for _ in range(repeats):
        for name, few in (("one", one), ("several", many)):
            seconds = run(few, studies, images)
            rates[name].append(studies * images / seconds)
            print(f"{name:8} {seconds:6.1f} s  {rates[name][-1]:6.0f} images/s", flush=True)
    ratios = [b / a for a, b in zip(rates["one"], rates["several"], strict=True)]
    print(
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}), {quota or 'all'} cores an Orthanc"
    )


def run(few: Few, studies: int, images: int) -> float:
    """Seconds from the first pull to the last hand-over."""
    folder = Path(tempfile.mkdtemp(prefix="aipull-several-"))
    try:
        with Several(folder, few) as stack, held_back(stack):
            tell_pacs(stack)
            wanted = fill_pacs(stack, studies, images)
            with standing_still(stack):
                for module in stack.modules:
                    module.start()
            return measured(stack, wanted)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def standing_still(stack: Several) -> Iterator[None]:
    """The PACS answers nobody until all pacs_module are there: then they begin at the same time."""
    pid = stack.hospital.process.pid
    if pid is None:
        raise RuntimeError("the PACS does not run")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def tell_pacs(stack: Several) -> None:
    """The PACS knows each as a move destination."""
    hospital = stack.hospital
    for more in stack.receivers[1:]:
        known = {"AET": more.aet, "Host": LOOPBACK, "Port": more.ports.dicom}
        url, user = f"{hospital.url}/modalities/{more.aet}", (hospital.user, hospital.password)
        requests.put(url, json=known, auth=user, timeout=10).raise_for_status()


def fill_pacs(stack: Several, studies: int, images: int) -> set[str]:
    """StudyInstanceUIDs of chest CTs that the filter takes whole."""
    today = datetime.now(ZoneInfo(ZONE)).strftime("%Y%m%d")
    pixels: dict[str, Any] = {"Rows": MATRIX, "Columns": MATRIX, "PixelData": bytes(2 * MATRIX**2)}
    wanted = set()
    for number in range(studies):
        study = Study(f"BENCH{number}", today)
        study.add_series(images, CHEST_CT, **pixels)
        store(Pacs(LOOPBACK, stack.hospital.ports.dicom, stack.hospital.aet), study.images)
        wanted.add(study.uid)
    return wanted


def measured(stack: Several, wanted: set[str]) -> float:
    """Until each of them has a hand-over, from when the first of them was asked for."""
    database = Path(stack.pacs_module.settings()["store"]["url"].removeprefix("sqlite:///"))

    def documents() -> list[dict[str, Any]]:
        return [one for uid, one in read_documents(database).items() if uid in wanted]

    begin = _when(lambda: any(one.get("pull") for one in documents()))
    return _when(lambda: sum(bool(one.get("handovers")) for one in documents()) == len(wanted)) - begin


def _when(condition: Callable[[], bool]) -> float:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise typer.BadParameter(f"not done after {PATIENCE_S:g} s")
        time.sleep(0.1)
    return time.monotonic()


@contextmanager
def held_back(stack: Several) -> Iterator[None]:
    """Each receiving Orthanc in a CPU control group (version 1) of its own."""
    groups = [
        Path(f"/sys/fs/cgroup/cpu/aipull-{one.ports.http}") for one in stack.receivers if stack.few.quota
    ]
    for group, receiver in zip(groups, stack.receivers, strict=False):
        group.mkdir()
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(int(stack.few.quota * PERIOD_US)))
        (group / "cgroup.procs").write_text(str(receiver.process.pid))
    try:
        yield
    finally:
        _give_back(groups)


def _give_back(groups: Sequence[Path]) -> None:
    for group in groups:
        for pid in (group / "cgroup.procs").read_text().split():
            with suppress(OSError):
                (group.parent / "cgroup.procs").write_text(pid)
        with suppress(OSError):
            group.rmdir()


if __name__ == "__main__":
    app()
