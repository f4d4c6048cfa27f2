"""
``pacs-module audit``: store, plugins' journal, hand-over folder, queue and Orthanc's index side by side; and
``pacs-module audit-trail verify | show``: who saw and did what, and whether nobody changed it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.table import Table

from ..adapters.audit_trail.trail_file import TrailFile
from ..adapters.machine import SystemClock
from ..adapters.queue.rabbitmq import RabbitQueue
from ..adapters.stores.by_url import open_store
from ..adapters.stores.leases import leases_of
from ..domain.audit_trail.entry import Chain
from ..domain.json_messages.documents import to_document
from ..domain.recover.consistency import Comparison, Difference
from ..ports.leases import Leases
from ..service.privacy.retention import pseudonyms_of
from ..settings import Settings, load_settings
from ..use_cases.privacy.keep_audit_trail import PREFIX
from ..use_cases.recover.adopt import Adopt
from ..use_cases.recover.audit_records import AuditRecords
from .common import (
    AsJson,
    SettingsFile,
    WarningsOnly,
    check_store,
    console,
    errors,
    for_tables,
    print_json,
    puller_of,
    say,
)

DIFFERENT = 1
"""Exit status when a record lacks something, is another installation's, or does not answer."""


def audit(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    Compare what the records know of each other; nothing is changed. The service mends the differences by
    itself every hour.

    Exit status 0: they are equal; 1: they are not, or one does not answer.

    Example: [bold]pacs-module audit[/bold], [bold]pacs-module audit --json[/bold]
    """
    loaded = load_settings(settings)
    check_store(loaded)
    found = _look(loaded)
    if as_json:
        print_json(as_object(found))
    else:
        _print(found)
    raise typer.Exit(0 if found.equal else DIFFERENT)


def _look(loaded: Settings) -> Comparison:
    log, clock, puller = WarningsOnly(), SystemClock(loaded.zone), puller_of(loaded.orthanc)
    with (
        closing(open_store(loaded.store.url)) as store,
        closing(RabbitQueue(loaded.rabbitmq.address)) as queue,
    ):
        adopt = Adopt(store, lambda message: False, clock, log)  # not used: nothing is changed
        several = {one.name: puller_of(one) for one in loaded.receivers} if loaded.receiver else {}
        workers = loaded.backend.workers
        return AuditRecords(store, puller, queue, adopt, clock, log, workers, several).look()


def as_object(found: Comparison) -> dict[str, object]:
    """A comparison as JSON: ``what`` and ``remedy`` as short keys, their words beside them."""
    return {
        "equal": found.equal,
        **to_document(found),
        "newRecords": list(found.new_records),
        "differences": [_difference(one) for one in found.differences],
    }


def _difference(one: Difference) -> dict[str, object]:
    return {
        "what": one.what.name.lower(),
        "words": one.what.value,
        "studyUID": one.study_uid,
        "named": one.key,
        "remedy": one.remedy.name.lower(),
    }


def _print(found: Comparison) -> None:
    out = for_tables()
    out.print(_records(found))
    if found.differences:
        table = Table("lacking", "study", "of", "remedy", title="Differences")
        for one in found.differences:
            table.add_row(one.what.value, one.study_uid, one.key, one.remedy.value)
        out.print(table)
    out.print("equal" if found.equal else "not equal")


def _verified(trail: TrailFile, leases: Leases, entries: list[dict[str, Any]]) -> dict[str, Any]:
    begin = trail.begin()
    head, wrong = trail.chain.verify(entries, begin.head)
    wrong += _against_store(leases.memo(f"{PREFIX}{begin.chain}"), head.number, entries)
    return {"wrong": wrong, "last": head.number}


def _records(found: Comparison) -> Table:
    records = Table("record", "installation", "knows", title="Records")
    for name, installation in found.installations.items():
        mark = "" if name not in found.new_records else "  (not this store's)"
        words = (installation or "none: new, or never compared") + mark
        records.add_row(name, words, _count_words(found.counts.get(name, {})))
    for name, why in found.away.items():
        records.add_row(name, "does not answer", why)
    return records


def _count_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what} {number}" for what, number in counts.items())


audit_trail = typer.Typer(
    help="Who saw and did what: verified, shown.", no_args_is_help=True, add_completion=False
)
CHANGED = 1
"""Exit status when an entry was changed, or is missing."""


@audit_trail.command()
def verify(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    Check that no entry was changed, taken out or put in, and that none is missing at the end.

    Exit status: 0 whole, 1 not.

    Example: [bold]pacs-module audit-trail verify[/bold]
    """
    loaded = load_settings(settings)
    check_store(loaded)
    with closing(open_store(loaded.store.url)) as store:
        told = verified(loaded, leases_of(store))
    if as_json:
        print_json(told)
    else:
        for words in told["wrong"]:
            say(errors, words, "red")
        say(console, f"{told['entries']} entries{'' if told['wrong'] else ', whole'}")
    raise typer.Exit(CHANGED if told["wrong"] else 0)


@audit_trail.command()
def show(
    last: Annotated[int, typer.Option(help="So many of the newest.", min=1)] = 100,
    settings: SettingsFile = None,
) -> None:
    """
    Print the newest entries as JSON, one a line.

    Example: [bold]pacs-module audit-trail show --last 20[/bold]
    """
    loaded = load_settings(settings)
    with closing(open_store(loaded.store.url)) as store:
        trail = _trail(loaded, leases_of(store))
        for entry in trail.entries(max(0, trail.head().number - last)):
            console.out(json.dumps(entry, ensure_ascii=False), highlight=False)


def verified(loaded: Settings, leases: Leases) -> dict[str, Any]:
    """``entries``: how many there are; ``wrong``: what, in words."""
    trail = _trail(loaded, leases)
    if not trail.path.exists():
        return {"entries": 0, "wrong": [f"{trail.path} is not there"]}
    entries = list(trail.entries())
    return {"entries": len(entries), **_verified(trail, leases, entries)}


def _against_store(noted: Mapping[str, object], last: int, entries: list[dict[str, Any]]) -> Iterator[str]:
    """The store knows how far the trail had come."""
    number = int(str(noted.get("number", 0)))
    if last < number:
        yield f"entries {last + 1} to {number} are missing at the end"
    elif any(one["number"] == number and one.get("hash") != noted.get("hash") for one in entries):
        yield f"entry {number} is another one than the store noted"


def _trail(loaded: Settings, leases: Leases) -> TrailFile:
    return TrailFile(loaded.trail_file, Chain(pseudonyms_of(loaded, leases)))
