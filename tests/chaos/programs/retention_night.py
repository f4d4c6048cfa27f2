"""
The nightly job of retention as a process of its own, a day after the age: ``python -m tests.chaos.programs.retention_night
SETTINGS DAYS``. ``AIPULL_FAULT`` says where it dies.
"""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

from pacs_module.adapters.machine import SystemClock
from pacs_module.service.bootstrap import build
from pacs_module.settings import load_settings
from pacs_module.use_cases.privacy.retain import Retain


def go_ahead(by: timedelta) -> None:
    """Every clock of this process is so far ahead."""
    now, today, local = SystemClock.now, SystemClock.today, SystemClock.local

    def later(clock: SystemClock) -> int:
        return now(clock) + by // timedelta(milliseconds=1)

    def day(clock: SystemClock) -> date:
        return today(clock) + by

    def hour(clock: SystemClock) -> datetime:
        return local(clock) + by

    for name, changed in (("now", later), ("today", day), ("local", hour)):
        setattr(SystemClock, name, changed)


def main(settings: Path, days: int) -> None:
    """One night; what was done, as JSON."""
    go_ahead(timedelta(days=days + 1))
    service = build(load_settings(settings))
    step = service.loops["retention"].step
    assert isinstance(step, Retain)
    print(json.dumps(step.run()))
    service.store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
