"""The commands ``hospital-sim run`` and ``hospital-sim habits``."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hospital_sim.busy_day.day import BusyDay
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs.clock import RunningClock
from hospital_sim.pacs.habits import HABITS, Area, Habit, HabitError, Habits
from hospital_sim.pacs.ledger import Ledger
from hospital_sim.pacs.server import SimPacs

_RUN_EXAMPLES = """\b
Examples:
  hospital-sim run --studies 800 --port 11112 --move-destination ORTHANC=127.0.0.1:4242
  hospital-sim run --studies 800 --habit cap=100 --habit no-counts --habit gbk-undeclared
  hospital-sim run --studies 300 --start 18:00 --speed 600 --max-slices 20   36 hours in under four minutes
  hospital-sim run --studies 0 --folder stored    an empty PACS that keeps what it is sent
"""
_LINE_EVERY_S = 10.0  # where nobody watches a terminal


def run(
    studies: Annotated[
        int, typer.Option(help="New studies of the day; 0: an empty PACS for C-STORE.", min=0)
    ] = 800,
    habit: Annotated[
        list[str] | None, typer.Option(help="NAME or NAME=VALUE, again and again; see `hospital-sim habits`.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="DICOM port; 0: any free one.", min=0, max=65535)] = 11112,
    aet: Annotated[str, typer.Option(help="AE title.")] = "SIMPACS",
    move_destination: Annotated[
        list[str] | None, typer.Option(help="AET=host:port, again and again.")
    ] = None,
    date: Annotated[str, typer.Option(help="The day, YYYY-MM-DD; default: today on this machine.")] = "",
    start: Annotated[
        str, typer.Option(help="Hospital's time at the start, HH:MM or YYYY-MM-DDTHH:MM; default: now.")
    ] = "",
    speed: Annotated[
        float, typer.Option(help="How much faster than ours the hospital's time runs.", min=0.001)
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed, another day.", min=0)] = 1,
    matrix: Annotated[int, typer.Option(help="Rows and columns of a CT slice.", min=8, max=2048)] = 64,
    max_slices: Annotated[
        int, typer.Option(help="Most images of a series, from 12; 0: as many as in life.", min=0)
    ] = 0,
    truth: Annotated[
        Path | None, typer.Option(help="Write the truth about every study to this file (JSON).")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Keep what is stored in this folder; in memory without.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="End by itself after so many seconds; 0: run until Ctrl-C.", min=0)
    ] = 0.0,
) -> None:
    """Run a PACS with a day of studies and any bad habits; Ctrl-C ends it and prints what it was asked."""
    try:
        habits = Habits.of(*(habit or ()))
        destinations = dict(_destination(one) for one in move_destination or ())
        day_date = dt.date.fromisoformat(date) if date else dt.datetime.now().astimezone().date()
        most = max_slices or None
        day = plan_busy_day(day_date, studies, seed=seed, matrix=matrix, max_slices=most) if studies else None
        clock = RunningClock(_moment(start, day_date), speed)
    except (HabitError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    if truth is not None:
        _write_truth(truth, day)
    pacs = SimPacs(
        day,
        habits=habits,
        ae_title=aet,
        host=host,
        port=port,
        destinations=destinations,
        clock=clock,
        folder=folder,
    )
    _start(pacs)
    ended = _end_on_signal()
    typer.echo(_introduction(pacs, day, habits))
    _watch(pacs, day, ended, seconds)
    Console().print(ledger_table(pacs.ledger))
    sys.stdout.flush()
    os._exit(0)  # without waiting for associations that somebody keeps open


def _write_truth(file: Path, day: BusyDay | None) -> None:
    truth = day.as_json() if day else []
    file.write_text(json.dumps(truth, ensure_ascii=False, indent=1), encoding="utf-8")


def _start(pacs: SimPacs) -> None:
    try:
        pacs.start()
    except OSError as error:
        typer.echo(f"hospital-sim: cannot listen on {pacs.host}:{pacs.port}: {error.strerror}", err=True)
        raise typer.Exit(1) from error


def habits(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the habits that a PACS may have."""
    if as_json:
        typer.echo(json.dumps([_as_json(one) for one in HABITS], ensure_ascii=False, indent=1))
        return
    typer.echo("--habit NAME or --habit NAME=VALUE; they combine. The value shown is the default.")
    for area in Area:
        typer.echo(f"\n{area.value}")
        for one in HABITS:
            if one.area is area:
                written = f"{one.name}={one.default}" if one.default else one.name
                typer.echo(f"  {written:27} {one.what}{_allowed(one)}")


def _as_json(habit: Habit) -> dict[str, str]:
    return {
        "name": habit.name,
        "area": habit.area.value,
        "value": habit.kind.value,
        "default": habit.default,
        "what": habit.what,
    }


def _allowed(habit: Habit) -> str:
    return f" ({', '.join(habit.words)})" if habit.words else ""


def register(app: typer.Typer) -> None:
    """Add the commands to ``hospital-sim``."""
    app.command(epilog=_RUN_EXAMPLES)(run)
    app.command(epilog="Example: hospital-sim habits --json")(habits)


def ledger_table(ledger: Ledger) -> Table:
    """What was asked and answered."""
    table = Table(title="what the PACS was asked")
    for heading in ("service", "level", "requests", "answers or images", "longest, s"):
        table.add_column(heading, justify="left" if heading in ("service", "level") else "right")
    for service, level, requests, answers, longest in ledger.summary():
        table.add_row(service, level, str(requests), str(answers), f"{longest:.2f}")
    shown = ", ".join(f"{name} {number} x" for name, number in sorted(ledger.bitten().items()))
    table.caption = f"habits that showed: {shown}" if shown else None
    return table


def _destination(written: str) -> tuple[str, tuple[str, int]]:
    name, equals, address = written.partition("=")
    host, colon, port = address.rpartition(":")
    if not (name and equals and host and colon and port.isdigit()):
        raise ValueError(f"move destination {written!r}; allowed: AET=host:port")
    return name, (host, int(port))


def _moment(written: str, date: dt.date) -> dt.datetime:
    if "T" in written:
        return dt.datetime.fromisoformat(written)
    now = dt.datetime.now().astimezone().time().replace(tzinfo=None)
    return dt.datetime.combine(date, dt.time.fromisoformat(written) if written else now)


def _introduction(pacs: SimPacs, day: BusyDay | None, habits: Habits) -> str:
    content = "empty"
    if day:
        content = (
            f"{len(day.studies)} studies ({len(day.new_studies)} new, {len(day.wanted)} wanted) from "
            f"{day.begins_at} on"
        )
    named = ", ".join(habits) or "none"
    return f"{pacs.ae_title} at {pacs.host}:{pacs.port}, {content}; habits: {named}"


def _end_on_signal() -> threading.Event:
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        ended.set()

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, end)
    return ended


def _line(pacs: SimPacs, day: BusyDay | None) -> str:
    total = f" of {len(day.studies)}" if day else ""
    ledger = pacs.ledger
    return (
        f"{pacs.now:%Y-%m-%d %H:%M:%S}  {pacs.arrived()}{total} studies arrived, {ledger.queries()} queries, "
        f"{ledger.answers()} answers, {len(ledger.moves)} moves, {len(ledger.of('C-STORE'))} images stored"
    )


def _watch(pacs: SimPacs, day: BusyDay | None, ended: threading.Event, seconds: float) -> None:
    """Tell how it goes until the end."""
    until = time.monotonic() + seconds if seconds else float("inf")
    console = Console()
    every = 0.5 if console.is_terminal else _LINE_EVERY_S
    with _show(console) as show:
        while not ended.is_set() and time.monotonic() < until:
            show(_line(pacs, day))
            ended.wait(min(every, max(0.0, until - time.monotonic())))
    typer.echo(_line(pacs, day))


@contextmanager
def _show(console: Console) -> Iterator[Callable[[str], None]]:
    """One line that changes on a terminal, one below the other elsewhere."""
    if not console.is_terminal:
        yield typer.echo
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda line: live.update(Text(line), refresh=True)
