"""Reports and quality records for people."""

from __future__ import annotations

from typing import Any

from ...domain.json_messages.documents import to_document
from ...domain.report_exchange.entry import Entry, EntryKind
from ...domain.report_exchange.quality import record_of, scores
from ...domain.report_exchange.report import checked_day
from ...ports import Ledger


def quality_scores(ledger: Ledger, first: str, last: str, by: str) -> dict[str, Any]:
    """
    The scores of a span (YYYY-MM-DD, both included), by kind and group; ``rate`` is 0 to 1.

    Raises:
        MessageError: A day that is none.
    """
    checked_day("from", first)
    checked_day("to", last)
    bodies = ledger.bodies(EntryKind.QUALITY, first, last)
    found = scores(map(record_of, bodies), by)
    told = {
        kind.value: [{**to_document(score), "rate": score.rate} for score in of_kind]
        for kind, of_kind in found.items()
    }
    return {"from": first, "to": last, "by": by, "scores": told}


def without_body(entry: Entry) -> dict[str, Any]:
    """An entry for lists: without what it says."""
    told: dict[str, Any] = to_document(entry)
    return {name: value for name, value in told.items() if name not in ("body", "revision")}
