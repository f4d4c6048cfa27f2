"""
``pacs-module pull | redo | cancel | done | priority | destinations | results | forget``: work by hand, each
with who and why.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from ..settings import Settings, load_settings
from .common import (
    AsJson,
    SettingsFile,
    call,
    console,
    errors,
    for_tables,
    name_of,
    print_json,
    print_table,
    say,
)

LOOK_S = 1.0
"""How often it is asked how it goes, in seconds."""

By = Annotated[str, typer.Option("--by", help="Who asks, for the study's history.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the study's history.")]
NeededWhy = Annotated[str, typer.Option("--why", help="The reason, for the study's history.", prompt=True)]
Follow = Annotated[bool, typer.Option(help="Say how it goes until nothing more happens by itself.")]
Uid = Annotated[str, typer.Argument(help="StudyInstanceUID.")]
ME = os.environ.get("USER", "")
HELD = 1
"""Exit status when something of a patient who is to be forgotten is in flight."""


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
    study: Uid,
    why: NeededWhy,
    by: By = ME,
    follow: Follow = True,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Pull and compute a study again, whatever was done before.

    Example: [bold]pacs-module redo 1.2.840.113619.2.55.3 --why "new model"[/bold]
    """
    _change(settings, "redo", {"StudyInstanceUID": study, "why": why, "by": by}, follow, as_json)


def cancel(
    study: Uid, why: NeededWhy, by: By = ME, settings: SettingsFile = None, as_json: AsJson = False
) -> None:
    """
    Neither pull nor compute a study; growth at the PACS or a person starts it again. A C-MOVE that runs is
    not interrupted.

    Example: [bold]pacs-module cancel 1.2.840.113619.2.55.3 --why "a phantom"[/bold]
    """
    _change(settings, "cancel", {"StudyInstanceUID": study, "why": why, "by": by}, False, as_json)


def done(
    study: Uid, why: NeededWhy, by: By = ME, settings: SettingsFile = None, as_json: AsJson = False
) -> None:
    """
    Mark a study as done by hand: nothing more happens with it by itself.

    Example: [bold]pacs-module done 1.2.840.113619.2.55.3 --why "read without AI"[/bold]
    """
    _change(settings, "done", {"StudyInstanceUID": study, "why": why, "by": by}, False, as_json)


def priority(
    study: Uid,
    number: Annotated[
        int,
        typer.Argument(help="0 routine, 1 green channel, 2 emergency, 4 manual (until its pull is done)."),
    ],
    why: NeededWhy,
    by: By = ME,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Give a study another priority.

    Example: [bold]pacs-module priority 1.2.840.113619.2.55.3 2 --why "from the emergency room"[/bold]
    """
    body = {"StudyInstanceUID": study, "priority": number, "why": why, "by": by}
    _change(settings, "priority", body, False, as_json)


def _change(
    settings: SettingsFile, what: str, body: Mapping[str, object], follow: bool, as_json: bool
) -> None:
    """``as_json``: the answer, and no following."""
    loaded = load_settings(settings)
    answer = call(loaded, "POST", f"/api/v1/dcm/{what}", body=_filled(body))
    if as_json:
        print_json(answer)
        return
    say(console, _line(answer))
    if follow:
        _follow(loaded, [answer["studyUID"]])


def _tell_found(answer: Mapping[str, Any]) -> None:
    for told in ("errors", "notMatching"):
        for pacs, words in answer[told].items():
            say(errors, f"{pacs}: {words}", "yellow")
    _tell_studies(answer)
    if not answer["studies"]:
        _nothing_found(answer)


def _tell_studies(answer: Mapping[str, Any]) -> None:
    """Those that nobody can pull, and those that are next."""
    for study in answer["unpullable"]:
        which = f"{study['accessionNumber']} of {study['studyDate']}"
        say(errors, f"cannot be pulled: {which}: {study['why']}", "yellow")
    for study in answer["studies"]:
        which = f"{study['studyUID']} of {study['studyDate']}"
        say(console, f"next to be pulled: {which}, at {', '.join(study['pacs'])}")


def _nothing_found(answer: Mapping[str, Any]) -> None:
    if not answer["unpullable"]:
        say(errors, f"no PACS {'that answered ' if answer['errors'] else ''}has such a study", "red")
    raise typer.Exit(1)


def _follow(settings: Settings, uids: list[str]) -> None:
    """
    A line at each change, until all are settled; status 3 when one was not computed. Ctrl-C ends the looking
    only.
    """
    try:
        computed = _until_settled(settings, uids)
    except KeyboardInterrupt:
        say(console, "it goes on; `pacs-module why` tells how")
        return
    if not computed:
        raise typer.Exit(3)


def _until_settled(settings: Settings, uids: list[str]) -> bool:
    """Whether all of them were computed."""
    last: dict[str, str] = {}
    open_ones, computed = list(uids), True
    while open_ones:
        for uid in list(open_ones):
            now = _look(settings, uid, last)
            if now["settled"]:
                open_ones.remove(uid)
                computed &= now["state"] == "completed"
        if open_ones:
            time.sleep(LOOK_S)
    return computed


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
    add_completion=False,
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
def retry(
    study: Uid,
    destination: Name,
    why: NeededWhy,
    by: By = ME,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Queue a study's upload again."""
    body = {"studyUID": study, "destination": destination, "why": why, "by": by}
    _act("retry", body, settings, as_json)


@destinations.command()
def drop(
    study: Uid,
    destination: Name,
    why: NeededWhy,
    by: By = ME,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """A study is not wanted there any more."""
    body = {"studyUID": study, "destination": destination, "why": why, "by": by}
    _act("drop", body, settings, as_json)


def _act(action: str, body: Mapping[str, str], settings: SettingsFile, as_json: bool) -> None:
    told = call(load_settings(settings), "POST", f"/api/v1/destinations/{action}", body)
    if as_json:
        print_json(told)
        return
    for one in told["uploads"]:
        console.print(f"{one['destination']}: {one['state']} {one['reason']}".rstrip(), markup=False)


def _print(told: dict[str, Any]) -> None:
    table = Table("destination", "kind", "circuit", "waiting", "today", "why")
    for one in told.get("destinations", ()):
        table.add_row(*_destination_row(one))
    for_tables().print(table)
    for one in told.get("givenUp", ()):
        words = f"waits for a person: {one['studyUID']} for {one['destination']}: {one['reason']}"
        console.print(words, markup=False, soft_wrap=True)


def _destination_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    today = ", ".join(f"{state} {number}" for state, number in one["today"].items())
    why = " ".join(filter(None, (one["closed"], one["why"] if one["circuit"] != "closed" else "")))
    return (one["name"], one["kind"], one["circuit"], str(one["waiting"]), today, why)


def forget(
    patient: Annotated[str, typer.Option("--patient", help="PatientID, letter by letter.")],
    why: Annotated[str, typer.Option("--why", help="The reason; without the patient's name.", prompt=True)],
    by: Annotated[str, typer.Option("--by", help="Who asks.")] = ME,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Remove what is kept of a patient: studies, headers, reports, archive, journal, and the lines of both logs.

    Nothing is removed while anything of him is in flight. The audit trail keeps a pseudonym. Exit status: 0
    done, 1 something is in flight, 2 nobody answers.

    Example: [bold]pacs-module forget --patient 10939048 --dry-run --why "asked for erasure"[/bold]
    """
    loaded = load_settings(settings)
    body = {"PatientID": patient, "by": by, "why": why, "dryRun": True}
    found = _ask_to_forget(loaded, body)
    if not dry_run and not found["inFlight"]:
        if not yes:
            typer.confirm(f"{found['studies']} studies, for ever: forget?", abort=True)
        found = _ask_to_forget(loaded, {**body, "dryRun": False})
    if as_json:
        print_json(found)
    else:
        _tell(found)
    raise typer.Exit(HELD if found["inFlight"] else 0)


def _ask_to_forget(loaded: Settings, body: dict[str, object]) -> dict[str, Any]:
    return call(loaded, "POST", "/api/v1/dcm/forget", body=body, accepted=(409,))


def _tell(found: dict[str, Any]) -> None:
    state = "forgotten" if found["done"] else "found, nothing was removed"
    say(console, f"{found['patient']}: {found['studies']} studies {state}")
    for what, number in found["did"].items():
        say(console, f"  {what}: {number}")
    for what, why in found["inFlight"].items():
        say(errors, f"in flight: {what}: {why}", "yellow")


# --- results of the backend ---

results = typer.Typer(
    help="DICOM objects that came back from the backend: where they stand, send again (retry), give up (drop).",
    invoke_without_command=True,
    add_completion=False,
)
results.command("retry")(retry)
results.command("drop")(drop)
_STUCK = "dead"


@results.callback()
def _results_by_default(
    context: typer.Context,
    study: Annotated[
        str, typer.Option("--study", help="StudyInstanceUID; not given: today's, and what waits.")
    ] = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Show what came back from the backend. Exit status 1: something waits for a person.

    Examples: [bold]pacs-module results[/bold] · [bold]pacs-module results retry STUDY pacs --why "PACS
    mended"[/bold]
    """
    if context.invoked_subcommand is not None:
        return
    params = {"studyUID": study} if study else {}
    told = call(load_settings(settings), "GET", "/api/v1/results", params=params)
    if as_json:
        print_json(told)
    else:
        _print_results(told)
    stuck = [up for one in told["results"] for up in one["uploads"] if up["state"] == _STUCK]
    raise typer.Exit(GIVEN_UP if stuck else 0)


def _print_results(told: dict[str, Any]) -> None:
    table = Table("study", "result", "objects", "came", "destination", "state", "why")
    for one in told["results"]:
        for row in _result_rows(one):
            table.add_row(*row)
    print_table(table)
    for one in told["refused"]:
        words = f"refused: {one['studyUID']} {one['at'][:19]} {one['sopUID']}: {one['why']}"
        console.print(words, markup=False, soft_wrap=True)


def _result_rows(one: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """A row for each destination of a set of results."""
    which = one["accessionNumber"] or one["studyUID"]
    came = f"{one['receivedAt'][:19]} {one['by']}"
    for up in one["uploads"] or [{"destination": "none", "state": "", "reason": ""}]:
        told = (up["destination"], up["state"], up["reason"])
        yield (which, one["modality"], str(one["objects"]), came, *told)
