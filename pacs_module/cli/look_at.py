"""
``pacs-module status``, ``top``, ``logs`` and ``log-level``: how the service stands, one study's lines, how
much is logged.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..adapters.files.study_log import lines_with
from ..domain.explain.log_stage import Stage, stage_of
from ..settings import Settings, load_settings
from .common import AsJson, SettingsFile, call, console, errors, for_tables, name_of, print_json, say

WIDE = 140


def status(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    Say how the service stands: studies by state, PACS, backend, RAM disk, who is waited for.

    Exit status: 0 all is well, 1 not, 2 it does not answer.

    Example: [bold]pacs-module status[/bold], [bold]pacs-module status --json[/bold]
    """
    health = _health(load_settings(settings))
    if as_json:
        console.out(json.dumps(health, ensure_ascii=False, indent=1), highlight=False)
    else:
        for_tables(WIDE).print(_page(health))
    raise typer.Exit(0 if health.get("status") == "ok" else 1)


def top(
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.5)] = 2.0,
    rounds: Annotated[int, typer.Option(help="Looks before it ends; 0: until Ctrl-C.", min=0)] = 0,
    settings: SettingsFile = None,
) -> None:
    """
    The same, live.

    Example: [bold]pacs-module top[/bold]
    """
    loaded = load_settings(settings)
    number = 0
    with Live(_page(_health(loaded)), console=for_tables(WIDE), screen=console.is_terminal) as live:
        while rounds == 0 or number < rounds:
            try:
                time.sleep(every)
            except KeyboardInterrupt:
                return
            live.update(_page(_health(loaded)))
            number += 1


def _health(loaded: Settings) -> dict[str, Any]:
    return call(loaded, "GET", "/health")


def _page(health: Mapping[str, Any]) -> Group:
    well = health.get("status") == "ok"
    head = f"{health.get('status')}  version {health.get('version')}  {datetime.now().astimezone():%H:%M:%S}"
    style = "green" if well else "bold red"
    return Group(Text(head, style), *_troubles(health), _studies(health), _pacs(health), _rest(health))


def _troubles(health: Mapping[str, Any]) -> list[Text]:
    found = []
    for one in health.get("waitsFor", ()):
        found.append(Text(f"waits for {one['what']} since {one['since']}: {one['because']}", "yellow"))
    for name, one in health.get("loops", {}).items():
        if one["stuck"] or not one["alive"]:
            found.append(Text(f"{name}: {'stuck' if one['stuck'] else 'dead'}", "red"))
    return found


def _studies(health: Mapping[str, Any]) -> Table:
    table = Table("state", "studies", title="studies", title_justify="left")
    for state, number in sorted(health.get("studies", {}).items(), key=lambda one: -one[1]):
        if number:
            table.add_row(Text(state), str(number))
    return table


def _pacs(health: Mapping[str, Any]) -> Table:
    table = Table("PACS", "finds", "moves", "images came last", "", title="PACS", title_justify="left")
    for name, one in health.get("pacs", {}).items():
        table.add_row(Text(name), *map(Text, _paths(one)))
    return table


def _paths(one: Mapping[str, Any]) -> tuple[str, ...]:
    """How finds and moves of one PACS stand."""
    moves = one.get("moves", {})
    words = one.get("spared") or moves.get("why") or ""
    came = moves.get("lastCameAt") or "never"
    return str(one.get("circuit")), str(moves.get("circuit")), str(came), str(words)


def _rest(health: Mapping[str, Any]) -> Table:
    table = Table("what", "how it stands", title="machine", title_justify="left")
    disk = health.get("ramDisk") or {}
    if disk.get("totalBytes"):
        table.add_row("RAM disk", _used(disk))
    backend = health.get("backend") or {}
    table.add_row("backend", Text(str(backend.get("circuit") or backend.get("state") or backend)))
    table.add_row("store", Text(str(health.get("store"))))
    return table


def _used(disk: Mapping[str, Any]) -> Text:
    used = 100 * (1 - disk.get("freeBytes", 0) / disk["totalBytes"])
    return Text(f"{used:.0f} % used", "red" if disk.get("alarm") else "")


# --- one study's lines ---

_COLOURS = {
    Stage.FIND: "cyan",
    Stage.PULL: "blue",
    Stage.RECEIVE: "magenta",
    Stage.FILTER: "yellow",
    Stage.DELIVER: "green",
    Stage.OTHER: "",
}
_BAD = {"WARNING": "bold yellow", "ERROR": "bold red", "CRITICAL": "bold red"}
_TOLD_APART = frozenset({"at", "level", "line", "event", "text"})


def logs(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID or AccessionNumber.")],
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Print every line of both logs that is about a study, in order of time, coloured by stage.

    Its ids (series, pulls, hand-overs) are asked of the running service; without it only the lines that name
    the study itself are found. With --json one line as it was written a line.

    Exit status: 0 lines were found, 1 none.

    Example: [bold]pacs-module logs 1.2.840.113619.2.55.3[/bold]
    """
    loaded = load_settings(settings)
    words = frozenset({study, *_ids(loaded, study)})
    found = sorted(lines_with(loaded.log_folder, words), key=lambda one: str(one[1].get("at", "")))
    for name, line in found:
        _print_line(name, line, loaded.zone, as_json)
    if not found:
        say(errors, f"no line of {study} in {loaded.log_folder}", "red")
        raise typer.Exit(1)


def _print_line(name: str, line: Mapping[str, Any], zone: ZoneInfo, as_json: bool) -> None:
    if as_json:
        console.out(json.dumps({"file": name, **line}, ensure_ascii=False), highlight=False)
    else:
        console.print(_shown(name, line, zone), soft_wrap=True)


def _ids(loaded: Any, study: str) -> set[str]:
    """Of the study's document: all that a line about it may name."""
    params = {name_of(study): study, "askPACS": "false"}
    try:
        answer = call(loaded, "GET", "/api/v1/dcm/debug", params=params, accepted=(404,))
    except typer.Exit:
        say(errors, "the service does not answer: only lines that name the study itself are found", "yellow")
        return set()
    found: set[str] = set()
    for one in answer.get("studies", ()):
        found |= {one["studyUID"], *one.get("series", {}), *_handovers(one)}
    return found


def _handovers(study: Mapping[str, Any]) -> set[str]:
    ids = (item.get("handoverID") for item in study.get("handovers", ()))
    return {str(each) for each in ids if each}


def _shown(name: str, line: Mapping[str, Any], zone: ZoneInfo) -> Text:
    stage = stage_of(line)
    words = str(line.get("line") or line.get("text") or line.get("event") or "")
    style = _BAD.get(str(line.get("level", "")), _COLOURS[stage])
    text = Text.assemble(
        (f"{_local(str(line.get('at', '')), zone)} ", "dim"),
        (f"{stage.value:8} ", _COLOURS[stage]),
        (f"{name:14} ", "dim"),
        (words, style),
    )
    values = [f"{key}={value}" for key, value in line.items() if key not in _TOLD_APART]
    if values:
        text.append("  " + " ".join(values), "dim")
    return text


def _local(at: str, zone: ZoneInfo) -> str:
    try:
        return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M:%S.%f}"[:-3]
    except ValueError:
        return at


_LOG_LEVEL = "/api/v1/dcm/log_level"


def log_level(
    level: Annotated[str, typer.Argument(help="DEBUG, INFO, WARNING or ERROR; nothing: show it.")] = "",
    minutes: Annotated[int, typer.Option(help="How long; then INFO again.")] = 30,
    by: Annotated[str, typer.Option("--by", help="Who; for the log.")] = os.environ.get("USER", ""),
    why: Annotated[str, typer.Option("--why", help="Why; for the log.")] = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Show or set what pacs_module and the plugins write to their logs; back to INFO by itself.

    The lines of the contract are always written. Exit status 0: both do so; 1: the plugins do not answer; 2:
    pacs_module does not.

    Example: [bold]pacs-module log-level DEBUG --minutes 10 --why "a study hangs"[/bold]
    """
    loaded = load_settings(settings)
    if level:
        body = {"level": level.upper(), "seconds": 60 * minutes, "by": by, "why": why}
        told = call(loaded, "POST", _LOG_LEVEL, body=body)
    else:
        told = call(loaded, "GET", _LOG_LEVEL)
    if as_json:
        print_json(told)
    else:
        for name, one in told.items():
            left = f", for {one['seconds']} s more" if one.get("seconds") else ""
            say(
                console,
                f"{name:11}  {one.get('error') or one['level'] + left}",
                "yellow" if "error" in one else "",
            )
    raise typer.Exit(1 if "error" in told["plugins"] else 0)
