"""The command ``hospital-sim``."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hospital_sim.day import DayPlan, plan_day
from hospital_sim.day_catalogue import RECIPES
from hospital_sim.pacs.commands import register
from hospital_sim.planned_study import PlannedStudy
from hospital_sim.sending.department import send_day
from hospital_sim.sending.events import Event
from hospital_sim.sending.folder import EmptyFolderError, StudySummary, send_folder
from hospital_sim.sending.scu import Pacs, StoreError

app = typer.Typer(
    name="hospital-sim",
    help="A simulated hospital: a PACS with a day of studies and any bad habits (run), and a radiology "
    "department that sends "
    "its studies to a PACS (send).",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
register(app)

Host = Annotated[str, typer.Option(help="Host of the PACS.")]
Port = Annotated[int, typer.Option(help="DICOM port of the PACS.", min=1, max=65535)]
Aet = Annotated[str, typer.Option(help="AE title of the PACS.")]
Date = Annotated[str, typer.Option(help="StudyDate, YYYY-MM-DD; default: today on this machine.")]
Now = Annotated[str, typer.Option(help="Time of day at the hospital, HH:MM:SS; StudyTimes lie before it.")]
Day = Annotated[str, typer.Option(help=f"Which day: {' or '.join(RECIPES)}.")]
Seed = Annotated[int, typer.Option(help="Another seed, other UIDs and patients.", min=0)]
EventsFile = Annotated[Path | None, typer.Option(help="Append one JSON line for each event to this file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(
    epilog=(
        "Example: hospital-sim send --host 127.0.0.1 --port 4242 --aet HOSPITAL --day demo --events "
        "events.jsonl"
    )
)
def send(
    host: Host = "127.0.0.1",
    port: Port = 4242,
    aet: Aet = "PACS",
    date: Date = "",
    now: Now = "",
    day: Day = "demo",
    seed: Seed = 1,
    duration: Annotated[float, typer.Option(help="Spread the images over this many seconds.", min=0)] = 50.0,
    events: EventsFile = None,
) -> None:
    """Send a day of studies by C-STORE."""
    plan = _plan(day, date, now, seed)
    labels = {study.uid: study.label for study in plan.studies}
    with _event_writer(events, labels) as write, _errors_in_words():
        send_day(plan, Pacs(host, port, aet), duration_s=duration, on_event=write)


@app.command(epilog="Example: hospital-sim plan --day demo --date 2026-11-21 --json > truth.json")
def plan(date: Date = "", now: Now = "", day: Day = "demo", seed: Seed = 1, as_json: AsJson = False) -> None:
    """Show what a day consists of and what the AI backend should get."""
    planned = _plan(day, date, now, seed)
    if as_json:
        typer.echo(json.dumps(planned.as_json(), ensure_ascii=False, indent=1))
        return
    Console().print(_plan_table(planned))


@app.command(
    "send-folder", epilog="Example: hospital-sim send-folder ~/dicom --port 4242 --aet HOSPITAL --json"
)
def send_folder_command(
    folder: Annotated[Path, typer.Argument(help="Folder with DICOM files, searched recursively.")],
    host: Host = "127.0.0.1",
    port: Port = 4242,
    aet: Aet = "PACS",
    events: EventsFile = None,
    as_json: AsJson = False,
) -> None:
    """Send your own DICOM files unchanged."""
    with _event_writer(events, {}) as write, _errors_in_words():
        studies = send_folder(folder, Pacs(host, port, aet), on_event=write, on_skip=_say_skipped)
    if as_json:
        typer.echo(json.dumps([study.as_json() for study in studies], ensure_ascii=False, indent=1))
        return
    Console().print(_folder_table(studies))


def _plan(kind: str, date: str, now: str, seed: int) -> DayPlan:
    clock = dt.datetime.now().astimezone()
    try:
        on_day = dt.date.fromisoformat(date) if date else clock.date()
        at_time = dt.time.fromisoformat(now) if now else clock.time()
        return plan_day(kind, on_day, seed=seed, now=at_time)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@contextmanager
def _errors_in_words() -> Iterator[None]:
    """Foreseeable failures end with one line and status 1."""
    try:
        yield
    except (StoreError, EmptyFolderError) as error:
        typer.echo(f"hospital-sim: {error}", err=True)
        raise typer.Exit(1) from error


@contextmanager
def _event_writer(path: Path | None, labels: dict[str, str]) -> Iterator[Callable[[Event], None]]:
    """A writer that appends events to a file, flushed line by line, and tells of studies on stderr."""
    try:
        file = path.open("a", encoding="utf-8") if path else None
    except OSError as error:
        raise typer.BadParameter(f"cannot write {path}: {error.strerror}", param_hint="--events") from error

    def write(event: Event) -> None:
        if file:
            file.write(json.dumps(event.as_json()) + "\n")
            file.flush()
        if event.kind == "study_sent":
            typer.echo(
                f"sent {event.study_uid} {labels.get(event.study_uid, '')}: {event.instances} images",
                err=True,
            )

    try:
        yield write
    finally:
        if file:
            file.close()


def _say_skipped(path: Path, reason: str) -> None:
    typer.echo(f"skipped {path}: {reason}", err=True)


def _plan_table(planned: DayPlan) -> Table:
    wanted = sum(study.wanted for study in planned.studies)
    table = Table(
        title=f"{planned.kind} day of {planned.date}: {len(planned.studies)} studies ({wanted} wanted), "
        f"{planned.instances} images"
    )
    for heading in ("time", "study", "device", "series", "images", "wanted", "expected at the backend"):
        table.add_column(heading, justify="right" if heading == "images" else "left")
    for study in planned.studies:
        table.add_row(*_plan_row(study))
    return table


def _plan_row(study: PlannedStudy) -> tuple[str, ...]:
    expected = [one.description for one in study.series if one.uid in study.expected_series]
    return (
        f"{study.started_at:%H:%M:%S}",
        study.label,
        study.device.manufacturer,
        ", ".join(f"{one.content.value} {one.instances}" for one in study.series),
        str(study.instances),
        "yes" if study.wanted else "no",
        ", ".join(expected),
    )


def _folder_table(studies: list[StudySummary]) -> Table:
    table = Table(title=f"{len(studies)} studies, {sum(study.instances for study in studies)} images sent")
    for heading in ("date", "patient", "study", "series", "images"):
        table.add_column(heading, justify="right" if heading == "images" else "left")
    for study in studies:
        kinds = Counter(one.modality for one in study.series.values())
        for one in study.series.values():
            table.add_row(
                " ".join(study.dates), study.patient_id, f"{study.description} ({'+'.join(sorted(kinds))})",
                one.description, str(one.instances),
            )  # fmt: skip
    return table


def _end_at_once(number: int, frame: FrameType | None) -> None:
    """A signal ends the process without waiting for network threads; each event line is already on disk."""
    del frame
    sys.stderr.flush()
    os._exit(128 + number)


def main(arguments: list[str] | None = None) -> Any:
    """Entry point."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_at_once)
    return app(args=arguments)


if __name__ == "__main__":
    main()
