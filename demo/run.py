"""The course of a demo: start the stack, let the department send, show what happens, judge, stop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from hospital_sim.day import plan_day
from hospital_sim.folder import DicomFile, find_dicom
from stack.errors import StackError
from stack.processes import Process, Programme
from stack.ram_disk import GIB
from stack.run_folder import living_servers
from stack.whole import Stack, StackOptions, StackPorts

from .live import COLOURS, Tail, from_log, from_record
from .report import print_addresses, print_table
from .truth import PacsStudy, accepted_studies, read_pacs, read_record
from .verdict import Expected, Row, judge

ZONE = ZoneInfo("Asia/Shanghai")
LOOK_S = 0.25
SEND_S = 50.0
"""Over how many seconds the department spreads its day."""
SETTLED = ("completed", "unsupported_series", "pull_failed", "dead_letter")


@dataclass(frozen=True)
class DemoOptions:
    """What the user asked for."""

    run_folder: Path
    dicom_dir: Path | None = None
    keywords: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    keep: bool = False
    ram_disk: Path | None = None
    day: str = "demo"
    use_series: bool = False
    deadline_s: float = 600.0
    ports: StackPorts | None = None


@dataclass(frozen=True)
class Script:
    """What the department will send: how it is told to, the dates and studies, and how many images in all."""

    command: tuple[str, ...]
    dates: tuple[date, ...]
    expected: tuple[Expected, ...]
    images: int
    fixed_dates: bool


def run_demo(options: DemoOptions, console: Console) -> bool:
    """
    Run the demo.

    Returns:
        Whether every study that should have been computed was, whole, and nothing else.

    Raises:
        StackError: It cannot run here; the message says why.
        EmptyFolderError: There is nothing to send.
    """
    script = _own_files(options, console) if options.dicom_dir else _simulated(options)
    console.print(f"{len(script.expected)} studies, {script.images} images. Run folder: {options.run_folder}", soft_wrap=True)
    begin = time.monotonic()
    _remove_last_run(options.run_folder)
    stack = Stack(options.run_folder, _stack_options(options, script), say=lambda text: console.print(f"[dim]{text}[/dim]"))
    with stack:
        good = _course(stack, script, options, console)
        console.print(f"{time.monotonic() - begin:.0f} s in all; logs in {stack.log_folder}", soft_wrap=True)
        if options.keep:
            print_addresses(stack, console)
            stack.leave_running()
    return good


def _course(stack: Stack, script: Script, options: DemoOptions, console: Console) -> bool:
    department = _department(stack, script)
    watcher = Watcher(stack, script, console)
    department.spawn()
    settled = watcher.until_settled(department, time.monotonic() + options.deadline_s)
    rows = _rows(stack, script, watcher)
    print_table(rows, console)
    faults = [row for row in rows if row.fault]
    if not settled:
        console.print(f"[red]not all studies were settled within {options.deadline_s:g} s[/red]")
    if not any(row.taken != "-" for row in rows):
        console.print("[red]no series reached the backend: does KEYWORDS name the body region of these images?[/red]")
        return False
    if settled and not faults:
        console.print("[bold green]every wanted study was computed, whole, and nothing else was handed over[/bold green]")
    return settled and not faults


def _simulated(options: DemoOptions) -> Script:
    now = datetime.now(ZONE)
    today = now.date()
    plan = plan_day(options.day, today, now=now.time())
    expected = tuple(Expected(study.uid, study.label, study.wanted, study.expected_series) for study in plan.studies)
    clock = now.strftime("%H:%M:%S")
    command = ("send", "--day", options.day, "--date", today.isoformat(), "--now", clock, "--duration", str(SEND_S))
    images = sum(study.instances for study in plan.studies)
    return Script(command, (today,), expected, images, fixed_dates=False)


def _own_files(options: DemoOptions, console: Console) -> Script:
    assert options.dicom_dir is not None  # noqa: S101 - asked for by the only caller
    folder = options.dicom_dir.expanduser()
    files = list(find_dicom(folder, lambda path, why: console.print(f"[yellow]not sent: {path}: {why}[/yellow]", soft_wrap=True)))
    first: dict[str, DicomFile] = {}
    for file in files:
        first.setdefault(file.values["StudyInstanceUID"], file)
    dates = {_date_of(file) for file in first.values()}
    expected = tuple(Expected(uid, file.values["AccessionNumber"] or uid, True, None) for uid, file in first.items())
    command = ("send-folder", str(folder))
    return Script(command, tuple(sorted(day for day in dates if day)), expected, len(files), fixed_dates=True)


def _date_of(file: DicomFile) -> date:
    try:
        return datetime.strptime(file.values["StudyDate"], "%Y%m%d").replace(tzinfo=ZONE).date()
    except ValueError:
        raise StackError(f"{file.path}: StudyDate {file.values['StudyDate']!r} is no date, so no find can ask for it") from None


def _stack_options(options: DemoOptions, script: Script) -> StackOptions:
    switches: dict[str, Any] = {"FIND_PACS_USE_SERIES": options.use_series}
    if options.keywords:
        switches["KEYWORDS"] = list(options.keywords)
    if options.kernels:
        switches["KERNEL_PREFERRED"] = list(options.kernels)
    elif not options.dicom_dir:
        switches["KERNEL_PREFERRED"] = list(SOFT_KERNELS)
    settings: dict[str, Any] = {"time_zone": str(ZONE), "find_interval_s": 3.0}
    if script.fixed_dates:
        settings["find_dates"] = [day.isoformat() for day in script.dates]
    elif _midnight_is_near():
        settings["crossday"] = -1
    return StackOptions(
        ram_disk=options.ram_disk,
        ram_disk_bytes=max(GIB, min(8 * GIB, 2 * 600_000 * script.images)),
        ports=options.ports or StackPorts.usual(),
        switches=switches,
        settings=settings,
        survive=options.keep,
    )


SOFT_KERNELS = ("B30f", "Br40", "STANDARD", "B", "FC08", "B_SOFT_B")
"""What the site of the demo prefers: one soft kernel by vendor."""


def _midnight_is_near() -> bool:
    now = datetime.now(ZONE)
    return now.date() != (now + timedelta(minutes=15)).date()


def _remove_last_run(folder: Path) -> None:
    """Logs and stores of the last demo would be read as this one's."""
    if living_servers(folder):
        return  # the stack refuses to start and says so
    for name in ("study.db", "study.db-wal", "study.db-shm", "department.jsonl"):
        (folder / name).unlink(missing_ok=True)


def _department(stack: Stack, script: Script) -> Process:
    events = stack.run.path / "department.jsonl"
    target = ("--host", "127.0.0.1", "--port", str(stack.hospital.ports.dicom), "--aet", stack.hospital.aet, "--events", str(events))
    return Process(stack.run, Programme("department", ["hospital-sim", *script.command, *target], lambda: True))


class Watcher:
    """Shows what happens and knows when it is over."""

    def __init__(self, stack: Stack, script: Script, console: Console) -> None:
        self._stack = stack
        self._script = script
        self._console = console
        self._labels = {study.study_uid: study.label for study in script.expected}
        self._logs = [Tail(stack.log_folder / name) for name in ("dcm_end.log", "orthanc-python.log")]
        self._record = Tail(stack.backend.record)
        self._events = Tail(stack.run.path / "department.jsonl")
        self._begin = time.monotonic()
        self.sent_at: dict[str, float] = {}
        self.images: dict[tuple[str, str], int] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self._pacs: dict[str, PacsStudy] = {}

    def until_settled(self, department: Process, deadline: float) -> bool:
        """Show what happens until every study in the PACS is settled; False when the deadline came first."""
        with self._progress() as update:
            while time.monotonic() < deadline:
                sending = department.is_alive()
                self._show()
                over = not sending and self._settled(department)
                update()
                if over:
                    self._show()
                    return True
                time.sleep(LOOK_S)
        return False

    def _settled(self, department: Process) -> bool:
        if set(self.sent_at) != set(self._labels):
            raise StackError(f"the department did not send everything:\n{department.log_tail()}")
        if not self._pacs:
            self._pacs = pacs_content(self._stack)
        self.documents = study_documents(self._stack, self._script.dates)
        return all(self._is_settled(uid, study) for uid, study in self._pacs.items())

    def _is_settled(self, uid: str, study: PacsStudy) -> bool:
        document = self.documents.get(uid)
        if document is None:
            return False
        seen = max((copy.get("count") or 0 for copy in document["pacs"].values()), default=0)
        judged = document.get("baseline") == study.instances or "state" not in document
        return seen == study.instances and judged and document.get("state", "completed") in SETTLED

    def _show(self) -> None:
        for tail in self._logs:
            for line in tail.lines():
                self._print(from_log(line, self._label))
        for line in self._record.lines():
            self._print(from_record(line, self._label))
        for line in self._events.lines():
            event = json.loads(line)
            if event["event"] == "study_sent":
                self.sent_at[event["studyUID"]] = event["at"]
            if event["event"] == "series_sent":
                self.images[event["studyUID"], event["seriesUID"]] = event["instances"]

    def _print(self, shown: tuple[str, str] | None) -> None:
        if shown is None:
            return
        what, words = shown
        at = time.monotonic() - self._begin
        self._console.print(f"[dim]{at:6.1f} s[/dim]  [{COLOURS[what]}]{what:11}[/]  ", end="")
        self._console.print(words, markup=False, soft_wrap=True)

    def _label(self, study_uid: str) -> str:
        return self._labels.get(study_uid, study_uid)

    @contextmanager
    def _progress(self) -> Iterator[Callable[[], None]]:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} of {task.total}"), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            sent = progress.add_task("images in the PACS", total=self._script.images)
            settled = progress.add_task("studies settled   ", total=len(self._labels))

            def update() -> None:
                progress.update(sent, completed=sum(self.images.values()))
                done = sum(self._is_settled(uid, study) for uid, study in self._pacs.items())
                progress.update(settled, completed=done)

            yield update


def pacs_content(stack: Stack) -> dict[str, PacsStudy]:
    """What the hospital's PACS holds."""
    return read_pacs(stack.hospital.url, stack.hospital.user, stack.hospital.password)


def study_documents(stack: Stack, dates: tuple[date, ...]) -> dict[str, dict[str, Any]]:
    """The pipeline's documents of these days by StudyInstanceUID; empty while pacs_module does not answer."""
    found: dict[str, dict[str, Any]] = {}
    for day in dates:
        url = f"{stack.pacs_module.url}/api/v1/studies"
        headers = {"X-API-Key": stack.pacs_module.api_key}
        try:
            answer = requests.get(url, params={"studyDate": day.isoformat()}, headers=headers, timeout=30)
            answer.raise_for_status()
        except requests.RequestException:
            return {}
        found |= {document["studyUID"]: document for document in answer.json()["studies"]}
    return found


def _rows(stack: Stack, script: Script, watcher: Watcher) -> list[Row]:
    pacs = pacs_content(stack)
    record = read_record(stack.backend.record)
    documents = study_documents(stack, script.dates)
    rows = [
        judge(
            expected,
            pacs.get(expected.study_uid),
            [done for done in record if done.study_uid == expected.study_uid],
            documents.get(expected.study_uid),
            watcher.sent_at.get(expected.study_uid),
        )
        for expected in script.expected
    ]
    unknown = accepted_studies(stack.backend.record) - {expected.study_uid for expected in script.expected}
    rows += [judge(Expected(uid, uid, False, ()), pacs.get(uid), [], documents.get(uid), None) for uid in sorted(unknown)]
    return rows
