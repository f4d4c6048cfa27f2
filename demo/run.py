"""The course of a demo: start the stack, let the department send, show what happens, judge, stop."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from hospital_sim.devices import SOFT_KERNELS
from stack.ram_disk import GIB
from stack.run_folder import living_servers, stop_run
from stack.whole import Stack, StackOptions, StackPorts

from .report import print_addresses, print_table
from .script import ZONE, Script, department, own_files, simulated
from .watch import Watcher, judge_all


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
    send_s: float = 50.0
    """Over how many seconds the simulated day is spread."""
    deadline_s: float = 600.0
    ports: StackPorts | None = None


def run_demo(options: DemoOptions, console: Console) -> bool:
    """
    Run the demo.

    Returns:
        Whether every study that should have been computed was, whole and once, and nothing else.

    Raises:
        StackError: It cannot run here; the message says why.
        EmptyFolderError: There is nothing to send.
    """
    script = _script(options, console)
    content = f"{len(script.expected)} studies, {script.images} images"
    console.print(f"{content}. Run folder: {options.run_folder}", soft_wrap=True)
    begin = time.monotonic()
    remove_last_run(options.run_folder)
    made = stack_options(options, script)
    with Stack(options.run_folder, made, say=lambda text: console.print(f"[dim]{text}[/dim]")) as stack:
        good = _course(stack, script, options, console)
        console.print(f"{time.monotonic() - begin:.0f} s in all; logs in {stack.log_folder}", soft_wrap=True)
        if options.keep:
            print_addresses(stack, script.expected[0].study_uid, console)
            stack.leave_running()
    if not options.keep:
        shutil.rmtree(stack.hospital.folder, ignore_errors=True)  # a gigabyte of images; logs and stores stay
    return good


def _script(options: DemoOptions, console: Console) -> Script:
    if options.dicom_dir:
        return own_files(options.dicom_dir.expanduser(), console)
    return simulated(options.day, send_s=options.send_s)


def _course(stack: Stack, script: Script, options: DemoOptions, console: Console) -> bool:
    sender = department(stack, script)
    watcher = Watcher(stack, script, console)
    sender.spawn()
    settled = watcher.until_settled(sender, time.monotonic() + options.deadline_s)
    rows = judge_all(stack, script, watcher.sent_at)
    print_table(rows, console)
    faults = [row for row in rows if row.fault]
    if not settled:
        console.print(f"[red]not all studies were settled within {options.deadline_s:g} s[/red]")
    if not any(row.taken != "-" for row in rows):
        console.print(
            "[red]no series reached the backend: does KEYWORDS name the body region of these images?[/red]"
        )
        return False
    if settled and not faults:
        console.print(
            "[bold green]every wanted study was computed, whole and once, and nothing else was "
            "handed over[/bold green]"
        )
    return settled and not faults


def stack_options(options: DemoOptions, script: Script) -> StackOptions:
    """How the demo's stack differs from the usual one."""
    settings: dict[str, Any] = {"time_zone": str(ZONE), "find_interval_s": 3.0}
    if script.fixed_dates:
        settings["find_dates"] = [day.isoformat() for day in script.dates]
    elif _midnight_is_near():
        settings["crossday"] = -1
    return StackOptions(
        ram_disk=options.ram_disk,
        ram_disk_bytes=max(GIB, min(8 * GIB, 2 * 600_000 * script.images)),
        ports=options.ports or StackPorts.usual(),
        switches=_switches(options),
        settings=settings,
        survive=options.keep,
    )


def _switches(options: DemoOptions) -> dict[str, Any]:
    switches: dict[str, Any] = {"FIND_PACS_USE_SERIES": options.use_series}
    if options.keywords:
        switches["KEYWORDS"] = list(options.keywords)
    if options.kernels:
        switches["KERNEL_PREFERRED"] = list(options.kernels)
    elif not options.dicom_dir:
        switches["KERNEL_PREFERRED"] = list(SOFT_KERNELS)
    return switches


def _midnight_is_near() -> bool:
    now = datetime.now(ZONE)
    return now.date() != (now + timedelta(minutes=15)).date()


def remove_last_run(folder: Path) -> None:
    """What the last demo stored and logged would be read as this one's."""
    if folder.exists() and not living_servers(
        folder
    ):  # with living ones the stack refuses to start, and says so
        stop_run(folder)  # a RAM disk that a crash has left
        shutil.rmtree(folder)
