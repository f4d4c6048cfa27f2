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
from ..domain.explain.log_station import Station, station_of
from ..settings import Settings, load_settings
from .common import (
    AsJson,
    SettingsFile,
    call,
    console,
    errors,
    for_tables,
    local_times,
    name_of,
    print_json,
    say,
)

MOST_NEEDS = 10
"""Of what needs a person so much is shown."""
MINUTES_FROM_S = 90.0
MOST_ROWS = 4
"""Of one line of a log on a terminal."""


def status(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    Say how the service stands: what needs a person, studies by state, how long today's took, PACS, backend,
    RAM disk, who is waited for.

    Exit status: 0 all is well, 1 not, 2 it does not answer.

    Example: [bold]pacs-module status[/bold], [bold]pacs-module status --json[/bold]
    """
    loaded = load_settings(settings)
    health = _health(loaded)
    if as_json:
        print_json(health)
    else:
        for_tables().print(_page(health, loaded.zone))
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
    first = _page(_health(loaded), loaded.zone)
    with Live(first, console=for_tables(), screen=console.is_terminal) as live:
        while rounds == 0 or number < rounds:
            try:
                time.sleep(every)
            except KeyboardInterrupt:
                return
            live.update(_page(_health(loaded), loaded.zone))
            number += 1


def _health(loaded: Settings) -> dict[str, Any]:
    """What ``/health`` tells, with ``needs``, ``latency`` and the queues of the page Today."""
    today = call(loaded, "GET", "/", params={"format": "json"})
    queues = {key: today["machine"].get(key) for key in ("queue", "deadLetters")}
    told = {"needs": today["needs"], "latency": today["latency"], **queues}
    return {**call(loaded, "GET", "/health"), **told}


def _page(health: Mapping[str, Any], zone: ZoneInfo) -> Group:
    well = health.get("status") == "ok"
    head = f"{health.get('status')}  version {health.get('version')}  {datetime.now(zone):%F %T}"
    style = "green" if well else "bold red"
    troubles = [*_troubles(health, zone), *_needs(health)]
    return Group(
        Text(head, style),
        *troubles,
        _studies(health),
        _latency(health),
        _pacs(health, zone),
        _rest(health, zone),
    )


def _needs(health: Mapping[str, Any]) -> list[Text]:
    """What needs a person, as the page Today has it."""
    found = [_need(one) for one in health["needs"][:MOST_NEEDS]]
    more = len(health["needs"]) - MOST_NEEDS
    return [*found, Text(f"and {more} more: see the page Today", "yellow")] if more > 0 else found


def _need(one: Mapping[str, Any]) -> Text:
    what = (one.get("study") or {}).get("accessionNumber") or one["what"]
    return Text(f"needs a person: {one['kind']} {what}: {one['because']}", "yellow")


def _latency(health: Mapping[str, Any]) -> Table:
    table = Table("until", "studies", "median", "90 %", "longest", title="today", title_justify="left")
    for one in health["latency"]:
        took = [_span(one.get(name)) for name in ("median", "p90", "longest")]
        table.add_row(Text(one["stage"]), str(one["studies"]), *took)
    return table


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.1f} s" if seconds < MINUTES_FROM_S else f"{seconds / 60:.1f} min"


def _troubles(health: Mapping[str, Any], zone: ZoneInfo) -> list[Text]:
    found = []
    for one in health.get("waitsFor", ()):
        words = f"waits for {one['what']} since {one['since']}: {one['because']}"
        found.append(Text(local_times(words, zone), "yellow"))
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


def _pacs(health: Mapping[str, Any], zone: ZoneInfo) -> Table:
    table = Table("PACS", "finds", "pulls", "images came last", "remark", title="PACS", title_justify="left")
    for name, one in health.get("pacs", {}).items():
        table.add_row(Text(name), *(Text(local_times(words, zone)) for words in _paths(one)))
    return table


_CIRCUITS = {"closed": "works", "open": "does not work", "half-open": "is tried again"}
"""A closed circuit is one that works, which not everybody reads in it."""


def _circuit(told: Mapping[str, Any]) -> str:
    state = str(told.get("circuit"))
    return _CIRCUITS.get(state, state)


def _paths(one: Mapping[str, Any]) -> tuple[str, ...]:
    """How finds and moves of one PACS stand."""
    moves = one.get("moves", {})
    words = one.get("spared") or moves.get("why") or ""
    came = moves.get("lastCameAt") or "never"
    return _circuit(one), _circuit(moves), str(came), str(words)


def _rest(health: Mapping[str, Any], zone: ZoneInfo) -> Table:
    table = Table("what", "how it stands", title="machine", title_justify="left")
    disk = health.get("ramDisk") or {}
    if disk.get("totalBytes"):
        table.add_row("RAM disk", _used(disk))
    table.add_row("backend", Text(local_times(_backend_words(health.get("backend") or {}), zone)))
    table.add_row("store", Text(str(health.get("store"))))
    table.add_row("messages", Text(_queues(health)))
    table.add_row("removed by age", Text(local_times(_retention(health.get("retention") or {}), zone)))
    return table


def _backend_words(told: Mapping[str, Any]) -> str:
    because = f": {told['why']}" if told.get("why") and told.get("circuit") != "closed" else ""
    again = f"; tried again {told['retryAt']}" if told.get("retryAt") else ""
    return f"{_circuit(told)}{because}{again}"


def _queues(health: Mapping[str, Any]) -> str:
    """What waits in RabbitMQ; it may be away."""
    waiting, dead = health.get("queue"), health.get("deadLetters")
    if waiting is None or dead is None:
        return "not known"
    return f"{waiting} wait for the backend, {dead} dead letters"


def _retention(told: Mapping[str, Any]) -> str:
    if not told.get("at"):
        return "not yet" if told.get("on") else "off: kept for ever"
    counts = ", ".join(f"{what} {number}" for what, number in told.get("did", {}).items() if number)
    failed = "; ".join(f"{what} failed: {why}" for what, why in told.get("failed", {}).items())
    return f"{told['at']}: {counts or 'nothing'}{' ' + failed if failed else ''}"


def _used(disk: Mapping[str, Any]) -> Text:
    used = 100 * (1 - disk.get("freeBytes", 0) / disk["totalBytes"])
    return Text(f"{used:.0f} % used", "red" if disk.get("alarm") else "")


# --- one study's lines ---

_COLOURS = {
    Station.FIND: "cyan",
    Station.PULL: "blue",
    Station.RECEIVE: "magenta",
    Station.FILTER: "yellow",
    Station.DELIVER: "green",
    Station.OTHER: "",
}
_BAD = {"WARNING": "bold yellow", "ERROR": "bold red", "CRITICAL": "bold red"}
_TOLD_APART = frozenset({"at", "level", "line", "event", "text"})


def logs(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID or AccessionNumber.")],
    whole: Annotated[bool, typer.Option("--whole", help="On a terminal, too: no long line is cut.")] = False,
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
    words = _with_pseudonyms(loaded, {study, *_ids(loaded, study)})
    found = sorted(lines_with(loaded.log_folder, words), key=lambda one: str(one[1].get("at", "")))
    for name, line in found:
        _print_line(name, line, loaded.zone, as_json, whole)
    if not found:
        say(errors, f"no line of {study} in {loaded.log_folder}", "red")
        raise typer.Exit(1)


def _with_pseudonyms(loaded: Settings, words: set[str]) -> frozenset[str]:
    """A log without identifiers names the study by its pseudonym."""
    masking = loaded.privacy.masking
    hidden = {masking.pseudonyms.of(word) for word in words} if masking is not None else set()
    return frozenset(words | hidden)


def _print_line(name: str, line: Mapping[str, Any], zone: ZoneInfo, as_json: bool, whole: bool) -> None:
    if as_json:
        console.out(json.dumps({"file": name, **line}, ensure_ascii=False), highlight=False)
    else:
        console.print(_shortened(_shown(name, line, zone), whole), soft_wrap=True)


def _shortened(text: Text, whole: bool) -> Text:
    """
    On a terminal a line of at most some rows, cut at a blank: a notification has thousands of characters.
    """
    most = MOST_ROWS * console.width
    if whole or not console.is_terminal or len(text) <= most:
        return text
    end = text.plain.rfind(" ", 0, most)
    return text[:end] + Text(f" … {len(text) - end} more (--whole)", "dim")


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
    stage = station_of(line)
    style = _BAD.get(str(line.get("level", "")), _COLOURS[stage])
    text = Text.assemble(
        (f"{_local(str(line.get('at', '')), zone)} ", "dim"),
        (f"{stage.value:8} ", _COLOURS[stage]),
        (f"{name:14} ", "dim"),
        (_words_of(line), style),
    )
    values = [f"{key}={value}" for key, value in line.items() if key not in _TOLD_APART]
    if values:
        text.append("  " + " ".join(values), "dim")
    return text


def _words_of(line: Mapping[str, Any]) -> str:
    return str(line.get("line") or line.get("text") or line.get("event") or "")


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
            _say_level(name, one)
    raise typer.Exit(1 if "error" in told["plugins"] else 0)


def _say_level(name: str, one: Mapping[str, Any]) -> None:
    left = f", for {one['seconds']} s more" if one.get("seconds") else ""
    words = one.get("error") or one["level"] + left
    say(console, f"{name:11}  {words}", "yellow" if "error" in one else "")
