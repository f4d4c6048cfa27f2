"""
``pacs-module audit``: store, plugins' journal, hand-over folder, queue and Orthanc's index side by side.
"""

from __future__ import annotations

import json
from contextlib import closing

import typer
from rich.table import Table

from ..adapters.http.plugins import OrthancPuller
from ..adapters.machine import SystemClock
from ..adapters.queue.rabbitmq import RabbitQueue
from ..adapters.stores.by_url import open_store
from ..domain.recover.records import Comparison
from ..domain.wire.documents import to_document
from ..settings import load_settings
from ..use_cases.recover.adopt import Adopt
from ..use_cases.recover.audit_records import AuditRecords
from .common import AsJson, SettingsFile, WarningsOnly, check_store, console, for_tables

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
    orthanc, log, clock = loaded.orthanc, WarningsOnly(), SystemClock(loaded.zone)
    puller = OrthancPuller(
        orthanc.url, orthanc.username, orthanc.password.get_secret_value(), orthanc.timeout_s
    )
    with (
        closing(open_store(loaded.store.url)) as store,
        closing(RabbitQueue(loaded.rabbitmq.url.get_secret_value())) as queue,
    ):
        adopt = Adopt(store, lambda message: False, clock, log)  # not used: nothing is changed
        found = AuditRecords(store, puller, queue, adopt, clock, log, loaded.backend.workers).look()
    if as_json:
        console.out(json.dumps(as_object(found), ensure_ascii=False, indent=1), highlight=False)
    else:
        _print(found)
    raise typer.Exit(0 if found.equal else DIFFERENT)


def as_object(found: Comparison) -> dict[str, object]:
    """A comparison as JSON: ``what`` and ``remedy`` as short keys, their words beside them."""
    differences = [
        {
            "what": one.what.name.lower(),
            "words": one.what.value,
            "studyUID": one.study_uid,
            "named": one.key,
            "remedy": one.remedy.name.lower(),
        }
        for one in found.differences
    ]
    shape = to_document(found)
    return {"equal": found.equal, **shape, "newRecords": list(found.new_records), "differences": differences}


def _print(found: Comparison) -> None:
    out = for_tables(WIDE)
    records = Table("record", "installation", "knows", title="Records")
    for name, installation in found.installations.items():
        counts = ", ".join(f"{what} {number}" for what, number in found.counts.get(name, {}).items())
        mark = "" if name not in found.new_records else "  (not this store's)"
        records.add_row(name, (installation or "none: new, or never compared") + mark, counts)
    for name, why in found.away.items():
        records.add_row(name, "does not answer", why)
    out.print(records)
    if found.differences:
        table = Table("lacking", "study", "of", "remedy", title="Differences")
        for one in found.differences:
            table.add_row(one.what.value, one.study_uid, one.key, one.remedy.value)
        out.print(table)
    out.print("equal" if found.equal else "not equal")
