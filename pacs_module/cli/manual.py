"""
``pacs-module pull | redo | cancel | done | priority | destinations``: work by hand, each with who and why.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from ..settings import Settings, load_settings
from .common import AsJson, SettingsFile, call, console, errors, for_tables, name_of, print_json, say

LOOK_S = 1.0
"""How often it is asked how it goes, in seconds."""

By = Annotated[str, typer.Option("--by", help="Who asks, for the study's history.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the study's history.")]
NeededWhy = Annotated[str, typer.Option("--why", help="The reason, for the study's history.", prompt=True)]
Follow = Annotated[bool, typer.Option(help="Say how it goes until nothing more happens by itself.")]
Uid = Annotated[str, typer.Argument(help="StudyInstanceUID.")]
ME = os.environ.get("USER", "")


def pull(
    accession: Annotated[str, typer.Argument(help="AccessionNumber or StudyInstanceUID.")] = "",
    patient: Annotated[str, typer.Option("--patient", help="PatientID.")] = "",
    series: Annotated[
        str, typer.Option("--series", help="SeriesInstanceUID; that series skips the filter.")
    ] = "",
    by: By = ME,
    why: Why = "",
    follow: Follow = True,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Pull a study by hand, ahead of all automatic work; says what was found, and then how it goes.

    Examples: [bold]pacs-module pull 10136791[/bold] · [bold]pacs-module pull 1.2.840.113619.2.55.3
    --no-follow[/bold] · [bold]pacs-module pull --patient 10939048[/bold]
    """
    asked = {"PatientID": patient, "SeriesInstanceUID": series, "by": by, "why": why}
    if accession:
        asked[name_of(accession)] = accession
    loaded = load_settings(settings)
    answer = call(loaded, "POST", "/api/v1/dcm/pull", body=_filled(asked))
    if as_json:
        console.print_json(json.dumps(answer))
        return
    _tell_found(answer)
    if follow:
        _follow(loaded, [study["studyUID"] for study in answer["studies"]])


def _filled(asked: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in asked.items() if value != ""}


def redo(
    study: Uid, why: NeededWhy, by: By = ME, follow: Follow = True, settings: SettingsFile = None
) -> None:
    """
    Pull and compute a study again, whatever was done before.

    Example: [bold]pacs-module redo 1.2.840.113619.2.55.3 --why "new model"[/bold]
    """
    _change(settings, "redo", {"StudyInstanceUID": study, "why": why, "by": by}, follow)


def cancel(study: Uid, why: NeededWhy, by: By = ME, settings: SettingsFile = None) -> None:
    """
    Neither pull nor compute a study; growth at the PACS or a person starts it again. A C-MOVE that runs is
    not interrupted.

    Example: [bold]pacs-module cancel 1.2.840.113619.2.55.3 --why "a phantom"[/bold]
    """
    _change(settings, "cancel", {"StudyInstanceUID": study, "why": why, "by": by}, follow=False)


def done(study: Uid, why: NeededWhy, by: By = ME, settings: SettingsFile = None) -> None:
    """
    Mark a study as done by hand: nothing more happens with it by itself.

    Example: [bold]pacs-module done 1.2.840.113619.2.55.3 --why "read without AI"[/bold]
    """
    _change(settings, "done", {"StudyInstanceUID": study, "why": why, "by": by}, follow=False)


def priority(
    study: Uid,
    number: Annotated[
        int,
        typer.Argument(help="0 routine, 1 green channel, 2 emergency, 4 manual (until its pull is done)."),
    ],
    why: NeededWhy,
    by: By = ME,
    settings: SettingsFile = None,
) -> None:
    """
    Give a study another priority.

    Example: [bold]pacs-module priority 1.2.840.113619.2.55.3 2 --why "from the emergency room"[/bold]
    """
    body = {"StudyInstanceUID": study, "priority": number, "why": why, "by": by}
    _change(settings, "priority", body, follow=False)


def _change(settings: SettingsFile, what: str, body: Mapping[str, object], follow: bool) -> None:
    loaded = load_settings(settings)
    answer = call(loaded, "POST", f"/api/v1/dcm/{what}", body=_filled(body))
    say(console, _line(answer))
    if follow:
        _follow(loaded, [answer["studyUID"]])


def _tell_found(answer: Mapping[str, Any]) -> None:
    for told in ("errors", "notMatching"):
        for pacs, words in answer[told].items():
            say(errors, f"{pacs}: {words}", "yellow")
    for study in answer["unpullable"]:
        which = f"{study['accessionNumber']} of {study['studyDate']}"
        say(errors, f"cannot be pulled: {which}: {study['why']}", "yellow")
    for study in answer["studies"]:
        which = f"{study['studyUID']} of {study['studyDate']}"
        say(console, f"next to be pulled: {which}, at {', '.join(study['pacs'])}")
    if not answer["studies"]:
        _nothing_found(answer)


def _nothing_found(answer: Mapping[str, Any]) -> None:
    if not answer["unpullable"]:
        say(errors, f"no PACS {'that answered ' if answer['errors'] else ''}has such a study", "red")
    raise typer.Exit(1)


def _follow(settings: Settings, uids: list[str]) -> None:
    """
    A line at each change, until all are settled; status 3 when one was not computed. Ctrl-C ends the looking
    only.
    """
    last: dict[str, str] = {}
    open_ones, computed = list(uids), True
    try:
        while open_ones:
            for uid in list(open_ones):
                now = _look(settings, uid, last)
                if now["settled"]:
                    open_ones.remove(uid)
                    computed &= now["state"] == "completed"
            if open_ones:
                time.sleep(LOOK_S)
    except KeyboardInterrupt:
        say(console, "it goes on; `pacs-module why` tells how")
        return
    if not computed:
        raise typer.Exit(3)


def _look(settings: Settings, uid: str, last: dict[str, str]) -> dict[str, Any]:
    """How a study stands; said when it differs from its last line."""
    now = call(settings, "GET", "/api/v1/dcm/pull", params={"StudyInstanceUID": uid})
    line = _line(now)
    if last.get(uid) != line:
        last[uid] = line
        say(console, line)
    return now


def _line(study: Mapping[str, Any]) -> str:
    words = [f"{study['studyUID']}: {study['state'] or 'not wanted'}", study["why"]]
    if not study["settled"]:
        words.append(f"next {study['next']['what']}")
    return "; ".join(word for word in words if word)


# --- destinations beside the backend ---

GIVEN_UP = 1
"""Exit status when something waits for a person."""
Name = Annotated[str, typer.Argument(help="Name of the destination.")]

destinations = typer.Typer(
    help="Destinations beside the backend: their queues (show), send again (retry), give up (drop).",
    invoke_without_command=True,
)


@destinations.callback()
def _shown_by_default(context: typer.Context, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    Show the queues of all destinations. Exit status 1: something waits for a person.

    Example: [bold]pacs-module destinations[/bold]
    """
    if context.invoked_subcommand is None:
        show(settings, as_json)


@destinations.command()
def show(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Show the queues of all destinations. Exit status 1: something waits for a person."""
    told = call(load_settings(settings), "GET", "/api/v1/destinations")
    if as_json:
        print_json(told)
    else:
        _print(told)
    raise typer.Exit(GIVEN_UP if told.get("numberGivenUp") else 0)


@destinations.command()
def retry(study: Uid, destination: Name, why: NeededWhy, by: By = ME, settings: SettingsFile = None) -> None:
    """Queue a study's upload again."""
    _act("retry", study, destination, why, by, settings)


@destinations.command()
def drop(study: Uid, destination: Name, why: NeededWhy, by: By = ME, settings: SettingsFile = None) -> None:
    """A study is not wanted there any more."""
    _act("drop", study, destination, why, by, settings)


def _act(action: str, study: str, destination: str, why: str, by: str, settings: SettingsFile) -> None:
    body = {"studyUID": study, "destination": destination, "why": why, "by": by}
    told = call(load_settings(settings), "POST", f"/api/v1/destinations/{action}", body)
    for one in told["uploads"]:
        console.print(f"{one['destination']}: {one['state']} {one['reason']}".rstrip(), markup=False)


def _print(told: dict[str, Any]) -> None:
    table = Table("destination", "kind", "circuit", "waiting", "today", "why")
    for one in told.get("destinations", ()):
        today = ", ".join(f"{state} {number}" for state, number in one["today"].items())
        why = " ".join(
            part for part in (one["closed"], one["why"] if one["circuit"] != "closed" else "") if part
        )
        table.add_row(one["name"], one["kind"], one["circuit"], str(one["waiting"]), today, why)
    for_tables(160).print(table)
    for one in told.get("givenUp", ()):
        words = f"waits for a person: {one['studyUID']} for {one['destination']}: {one['reason']}"
        console.print(words, markup=False, soft_wrap=True)
