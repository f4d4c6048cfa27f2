"""``pacs-module logs``: one study's lines of both processes, in order of time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from ..adapters.files.study_log import lines_with
from ..domain.explain.log_stage import Stage, stage_of
from ..settings import load_settings
from .common import AsJson, SettingsFile, call, console, errors, name_of, say

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
        if as_json:
            console.out(json.dumps({"file": name, **line}, ensure_ascii=False), highlight=False)
        else:
            console.print(_shown(name, line, loaded.zone), soft_wrap=True)
    if not found:
        say(errors, f"no line of {study} in {loaded.log_folder}", "red")
        raise typer.Exit(1)


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
        found |= {one["studyUID"], *one.get("series", {})}
        found |= {str(item.get("handoverID")) for item in one.get("handovers", ()) if item.get("handoverID")}
    return found


def _shown(name: str, line: Mapping[str, Any], zone: ZoneInfo) -> Text:
    stage = stage_of(line)
    level = str(line.get("level", ""))
    text = Text()
    text.append(f"{_local(str(line.get('at', '')), zone)} ", "dim")
    text.append(f"{stage.value:8} ", _COLOURS[stage])
    text.append(f"{name:14} ", "dim")
    text.append(
        str(line.get("line") or line.get("text") or line.get("event") or ""), _BAD.get(level, _COLOURS[stage])
    )
    values = {key: value for key, value in line.items() if key not in _TOLD_APART}
    if values:
        text.append("  " + " ".join(f"{key}={value}" for key, value in values.items()), "dim")
    return text


def _local(at: str, zone: ZoneInfo) -> str:
    try:
        return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M:%S.%f}"[:-3]
    except ValueError:
        return at
