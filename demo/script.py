"""What the department will send, and what should become of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from hospital_sim.day import plan_day
from hospital_sim.sending.folder import DicomFile, find_dicom
from stack.errors import StackError
from stack.processes import Process, Programme
from stack.whole import Stack

from .verdict import Expected

ZONE = ZoneInfo("Asia/Shanghai")
EVENTS = "department.jsonl"


@dataclass(frozen=True)
class Script:
    """What the department will send: how it is told to, the dates and studies, and how many images in all."""

    command: tuple[str, ...]
    dates: tuple[date, ...]
    expected: tuple[Expected, ...]
    images: int
    fixed_dates: bool


def simulated(day: str, seed: int = 1, send_s: float = 50.0) -> Script:
    """
    A day of the simulated department.

    Args:
        day: ``demo`` or ``small``.
        seed: Another seed, other UIDs.
        send_s: Over how many seconds the day is spread.
    """
    now = datetime.now(ZONE)
    today = now.date()
    plan = plan_day(day, today, seed=seed, now=now.time())
    expected = tuple(
        Expected(study.uid, study.label, study.wanted, study.expected_series) for study in plan.studies
    )
    command = (
        "send",
        *("--day", day),
        *("--date", today.isoformat()),
        *("--now", now.strftime("%H:%M:%S")),
        *("--duration", str(send_s)),
        *("--seed", str(seed)),
    )
    images = sum(study.instances for study in plan.studies)
    return Script(command, (today,), expected, images, fixed_dates=False)


def own_files(folder: Path, console: Console) -> Script:
    """
    The user's own DICOM files, unchanged, at the dates that they bear.

    Raises:
        EmptyFolderError: There is no DICOM file.
        StackError: A StudyDate is no date.
    """

    def tell(path: Path, why: str) -> None:
        console.print(f"[yellow]not sent: {path}: {why}[/yellow]", soft_wrap=True)

    files = list(find_dicom(folder, tell))
    first: dict[str, DicomFile] = {}
    for file in files:
        first.setdefault(file.values["StudyInstanceUID"], file)
    dates = {_date_of(file) for file in first.values()}
    expected = tuple(
        Expected(uid, file.values["AccessionNumber"] or uid, True, None) for uid, file in first.items()
    )
    command = ("send-folder", str(folder))
    return Script(command, tuple(sorted(day for day in dates if day)), expected, len(files), fixed_dates=True)


def _date_of(file: DicomFile) -> date:
    try:
        return datetime.strptime(file.values["StudyDate"], "%Y%m%d").replace(tzinfo=ZONE).date()
    except ValueError:
        raise StackError(
            f"{file.path}: StudyDate {file.values['StudyDate']!r} is no date, so no find can ask for it"
        ) from None


def department(stack: Stack, script: Script) -> Process:
    """The department as a process, not started yet; what it sends it notes in EVENTS in the run folder."""
    events = stack.run.path / EVENTS
    events.unlink(missing_ok=True)
    target = (
        "--host",
        "127.0.0.1",
        "--port",
        str(stack.hospital.ports.dicom),
        "--aet",
        stack.hospital.aet,
        "--events",
        str(events),
    )
    return Process(
        stack.run,
        Programme(
            "department", [sys.executable, "-m", "hospital_sim", *script.command, *target], lambda: True
        ),
    )
