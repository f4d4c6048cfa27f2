"""
The two shapes of time: instants that people read are ISO 8601 UTC texts, those that are compared are epoch
milliseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def iso(at: int) -> str:
    """Epoch milliseconds as ISO 8601 UTC text with milliseconds."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def milliseconds(span: timedelta) -> int:
    """A duration in whole milliseconds."""
    return int(span.total_seconds() * 1000)
