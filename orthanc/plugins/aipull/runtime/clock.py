"""Time for the plugins: epoch milliseconds in the journal, the hospital's time in what people read."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def hospital_time(zone: ZoneInfo) -> str:
    """Now as YYYYMMDDTHHMMSS in the hospital's time zone."""
    return datetime.now(UTC).astimezone(zone).strftime("%Y%m%dT%H%M%S")
