"""``pacs-module rehearse``: what other rules would have done, over recorded days, a folder or a PACS."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..adapters.dicom.folder_headers import read_folder
from ..adapters.machine import SystemClock
from ..adapters.stores.by_url import open_store
from ..adapters.stores.judged_headers import MemoryRecords, records_of
from ..adapters.stores.memory import MemoryStore
from ..domain.errors import MessageError
from ..domain.json_messages.documents import to_document
from ..domain.rehearse.record import JudgedStudy
from ..domain.rehearse.result import Group, Kind, Rehearsal
from ..service.finders import opened_finder
from ..settings import Settings, load_settings
from ..shared.switches_file import load_switches
from ..use_cases.rehearse.ask_day import ask_day
from ..use_cases.rehearse.pull_newly_taken import PullNewlyTaken, PullPlan
from ..use_cases.rehearse.rehearse import Rehearse
from .common import (
    AsJson,
    SettingsFile,
    WarningsOnly,
    call,
    check_store,
    console,
    errors,
    for_tables,
    print_table,
    say,
)

MAX_DAYS = 366
_USER = os.environ.get("USER", "")
_KINDS = {
    Kind.NEWLY_TAKEN: "series newly taken",
    Kind.NEWLY_DROPPED: "series newly dropped",
    Kind.NEWLY_COMPUTED: "studies newly computed",
    Kind.NO_LONGER_COMPUTED: "studies no longer computed",
    Kind.CHOSEN_DIFFERENTLY: "studies with another series chosen",
}


def rehearse(
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="KEYWORDS+=THX, NO_KEYWORDS-=PLUNG*, SLICE_THICKNESS_MAX=3; several for several."
        ),
    ] = None,
    days: Annotated[int, typer.Option(help="So many days up to the last one.", min=1, max=MAX_DAYS)] = 14,
    last: Annotated[
        str, typer.Option("--last", help="YYYY-MM-DD; default: today in the hospital's time zone.")
    ] = "",
    folder: Annotated[
        Path | None, typer.Option(help="DICOM files below this folder instead of recorded days.")
    ] = None,
    pacs: Annotated[str, typer.Option(help="Ask this PACS for --date instead (SERIES level).")] = "",
    day: Annotated[str, typer.Option("--date", help="YYYY-MM-DD, with --pacs.")] = "",
    budget: Annotated[
        int,
        typer.Option(
            "--pull-budget", help="Pull at most so many studies that the rules in force would take now."
        ),
    ] = 0,
    yes: Annotated[bool, typer.Option("--yes", help="Pull without asking.")] = False,
    by: Annotated[str, typer.Option("--by", help="Who pulls, for the studies' history.")] = _USER,
    why: Annotated[str, typer.Option("--why", help="Why, for the studies' history.")] = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Say what changed rules would have done: newly taken, newly dropped, chosen differently, by device and
    value.

    Nothing is changed. Without --set the rules in force are compared with what was decided at the time.

    Exit status: 0 nothing would be different, 1 something would, 2 it could not be rehearsed.

    Examples: [bold]pacs-module rehearse --set 'KEYWORDS+=THX' --days 14[/bold] ·
    [bold]pacs-module rehearse --pull-budget 50 --why 'THX applied'[/bold]
    """
    loaded = load_settings(settings)
    if budget:
        _pull(loaded, _span(loaded, days, last), budget, yes, by, why, changes or [])
        return
    if folder is not None or pacs:
        made = _elsewhere(loaded, folder, pacs, day, changes or [])
    else:
        with _rehearsing(loaded) as asked:
            made = asked.rehearse(changes or [], *_span(loaded, days, last))
    _show(made, as_json)
    raise typer.Exit(1 if made.groups else 0)


def _show(made: Rehearsal, as_json: bool) -> None:
    if as_json:
        console.out(json.dumps(to_document(made), ensure_ascii=False, indent=1), highlight=False)
    else:
        _print(made)


@dataclass(frozen=True)
class _Asked:
    rehearse: Rehearse
    pull: PullNewlyTaken


@contextmanager
def _rehearsing(loaded: Settings) -> Iterator[_Asked]:
    check_store(loaded)
    switches, clock, log = (
        load_switches(loaded.config, loaded.site_config),
        SystemClock(loaded.zone),
        WarningsOnly(),
    )
    with closing(open_store(loaded.store.url)) as store:
        rehearsing = Rehearse(records_of(store), store, lambda: switches, clock)
        yield _Asked(rehearsing, PullNewlyTaken(rehearsing, store, clock, log))


def _elsewhere(loaded: Settings, folder: Path | None, pacs: str, day: str, changes: list[str]) -> Rehearsal:
    """From files, or from a day of a PACS: for an engineer who has nothing recorded yet."""
    switches = load_switches(loaded.config, loaded.site_config)
    rehearsing = Rehearse(MemoryRecords(), MemoryStore(), lambda: switches, SystemClock(loaded.zone))
    if folder is not None:
        return _made(rehearsing, read_folder(folder, switches), changes)
    with opened_finder(loaded, WarningsOnly()) as finder:
        return _made(rehearsing, ask_day(finder, pacs, _day(day), switches, WarningsOnly()), changes)


def _made(rehearsing: Rehearse, studies: Iterable[JudgedStudy], changes: list[str]) -> Rehearsal:
    return rehearsing.compared(studies, changes).result(changes)


def _span(loaded: Settings, days: int, last: str) -> tuple[date, date]:
    end = _day(last) if last else SystemClock(loaded.zone).today()
    return end - timedelta(days=days - 1), end


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MessageError("date", text, "YYYY-MM-DD") from None


# --- pulling what the rules in force take ---


def _pull(
    loaded: Settings, span: tuple[date, date], budget: int, yes: bool, by: str, why: str, changes: list[str]
) -> None:
    _check_pull(changes, why)
    with _rehearsing(loaded) as asked:
        plan = asked.pull.plan(*span, budget)
    _print_plan(plan)
    if not plan.studies:
        raise typer.Exit(0)
    question = f"Pull these {len(plan.studies)} studies ({plan.images} images)?"
    if not yes and not typer.confirm(question, err=True):
        raise typer.Exit(1)
    body = {"studies": [one.study_uid for one in plan.studies], "by": by or "command line", "why": why}
    answer = call(loaded, "POST", "/api/v1/dcm/rehearse/pull", body)
    say(console, f"{len(answer['toBePulled'])} studies are to be pulled", "green")


def _check_pull(changes: list[str], why: str) -> None:
    if changes:
        raise MessageError("set", changes, "nothing with --pull-budget: apply the change first, then pull")
    if not why.strip():
        raise MessageError("why", why, "it must be said, for the studies' history")


def _print_plan(plan: PullPlan) -> None:
    table = Table("study", "images", title=f"studies that rules {plan.rules} take now", title_justify="left")
    for one in plan.studies:
        table.add_row(one.study_uid, str(one.images))
    print_table(table)
    say(console, f"{len(plan.studies)} studies, {plan.images} images; {plan.left} more are beyond the budget")


# --- tables ---


def _print(made: Rehearsal) -> None:
    out = for_tables()
    _say_what_was_compared(out, made)
    if not made.groups:
        say(out, "nothing would be different", "green")
        return
    out.print(_counts(made))
    passed, computed = f"{made.taken_images_a_day:+.0f}", f"{made.computed_images_a_day:+.0f}"
    say(out, f"images a day: {passed} pass the filter, {computed} computed")
    _print_groups(out, made)
    if made.more_groups:
        say(out, f"{made.more_groups} smaller groups are left out; --json has no more of them either")


def _print_groups(out: Console, made: Rehearsal) -> None:
    """A table for each kind of difference that there is."""
    for kind, words in _KINDS.items():
        groups = [one for one in made.groups if one.kind is kind]
        if groups:
            print_table(_table(words, groups))


def _say_what_was_compared(out: Console, made: Rehearsal) -> None:
    compared = made.rules_now or "what was decided at the time"
    say(out, f"{', '.join(made.changes) or 'the rules in force'} against {compared}", "bold")
    span = f"{made.first} to {made.last}, {made.days} days" if made.first else "no day"
    say(out, f"{span}: {made.studies} studies, {made.series} series in {made.seconds:.1f} s")
    if made.unreadable:
        say(errors, f"{made.unreadable} records could not be read", "yellow")


def _counts(made: Rehearsal) -> Table:
    counts = Table("what would be different", "series", "studies", "images", title_justify="left")
    for kind, words in _KINDS.items():
        count = made.kinds.get(kind.value)
        if count is not None and count.series:
            sign = "+" if kind is Kind.CHOSEN_DIFFERENTLY else ""
            counts.add_row(words, str(count.series), str(count.studies), f"{count.images:{sign}d}")
    return counts


def _table(title: str, groups: list[Group]) -> Table:
    table = Table(*_HEADS, title=title, title_justify="left")
    for one in groups:
        table.add_row(*_row(one))
    return table


def _row(one: Group) -> tuple[str | Text, ...]:
    said = ", ".join(f"{number} {result}" for result, number in one.results.items())
    example = one.examples[0].study_uid if one.examples else ""
    numbers = (str(one.series), str(one.studies), str(one.images))
    return (Text(one.device), Text(one.because), *numbers, Text(said), Text(example))


_HEADS = ("device", "because", "series", "studies", "images", "the AI said", "example")
