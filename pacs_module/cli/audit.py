"""
``pacs-module audit``: store, plugins' journal, hand-over folder, queue and Orthanc's index side by side.
"""

from __future__ import annotations

from contextlib import closing

import typer
from rich.table import Table

from ..adapters.machine import SystemClock
from ..adapters.queue.rabbitmq import RabbitQueue
from ..adapters.stores.by_url import open_store
from ..domain.recover.records import Comparison, Difference
from ..domain.wire.documents import to_document
from ..settings import Settings, load_settings
from ..use_cases.recover.adopt import Adopt
from ..use_cases.recover.audit_records import AuditRecords
from .common import AsJson, SettingsFile, WarningsOnly, check_store, for_tables, print_json, puller_of

WIDE = 160
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
        return AuditRecords(store, puller, queue, adopt, clock, log, loaded.backend.workers).look()


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
    out = for_tables(WIDE)
    out.print(_records(found))
    if found.differences:
        table = Table("lacking", "study", "of", "remedy", title="Differences")
        for one in found.differences:
            table.add_row(one.what.value, one.study_uid, one.key, one.remedy.value)
        out.print(table)
    out.print("equal" if found.equal else "not equal")


def _records(found: Comparison) -> Table:
    records = Table("record", "installation", "knows", title="Records")
    for name, installation in found.installations.items():
        counts = ", ".join(f"{what} {number}" for what, number in found.counts.get(name, {}).items())
        mark = "" if name not in found.new_records else "  (not this store's)"
        records.add_row(name, (installation or "none: new, or never compared") + mark, counts)
    for name, why in found.away.items():
        records.add_row(name, "does not answer", why)
    return records
