"""Wiring of what watches our own SCP and clock. No logic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from ...adapters.dicom.own_scp import asked
from ...adapters.http.date_header import clock_of
from ...adapters.http.plugins import OrthancPuller
from ...adapters.machine import SystemClock
from ...domain.errors import PipelineError
from ...ports import EventLog
from ...settings import Settings
from ...use_cases.operate.watch_myself import WatchClock, WatchOwnScp

OWN_SCP, CLOCK = "own scp", "clock"
WATCH_S = 60.0
"""How often our own SCP and clock are looked at, in seconds."""


@dataclass(frozen=True)
class Watches:
    """Both."""

    scp: WatchOwnScp
    clock: WatchClock


def watches_of(
    settings: Settings, puller_of: Callable[[str], OrthancPuller], clock: SystemClock, log: EventLog
) -> Watches:
    """Each receiving Orthanc by its own AE title and port; the clock beside the platform's servers."""
    echo = {
        one.name: asked(urlsplit(one.url).hostname or "", partial(_known, puller_of(one.name)))
        for one in settings.receivers
    }
    ends = {
        one.name: puller_of(one.name).shut_down for one in settings.receivers if one.restart_silent_scp
    }
    return Watches(WatchOwnScp(echo, log, ends), WatchClock(clock, _others(settings), log))


def _known(puller: OrthancPuller) -> tuple[str, int]:
    try:
        told = puller.system()
    except PipelineError:
        return "", 0
    port = told.get("DicomPort")
    return str(told.get("DicomAet") or ""), port if isinstance(port, int) else 0


def _others(settings: Settings) -> dict[str, Callable[[], int | None]]:
    found: dict[str, Callable[[], int | None]] = {}
    for one in settings.destination:
        url = getattr(one, "url", None) or getattr(one, "endpoint", None)
        if url:
            found[one.name] = clock_of(one.name, str(url), str(getattr(one, "ca_file", "") or ""))
    return found
