"""Wiring of the audit trail and of its way to a receiver. No logic."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ...adapters.audit_trail.syslog_tls import SyslogAddress, SyslogTls
from ...adapters.audit_trail.trail_file import TrailFile
from ...domain.audit_trail.atna import Source, syslog_message
from ...domain.audit_trail.entry import Chain
from ...domain.privacy.pseudonym import Pseudonyms
from ...ports import EventLog
from ...ports.leases import Leases
from ...settings import Settings
from ...settings.optional import AtnaSettings
from ...use_cases.privacy.keep_audit_trail import KeepTrail

TRAIL = "audit trail"
TRAIL_S = 5.0
"""How often the end of the trail is noted, and what is new is sent, in seconds."""


def open_trail(settings: Settings, pseudonyms: Pseudonyms) -> TrailFile | None:
    """The trail of this process's log folder; None: it is switched off."""
    return TrailFile(settings.trail_file, Chain(pseudonyms)) if settings.privacy.audit_trail else None


def keep_trail(settings: Settings, trail: TrailFile, leases: Leases, log: EventLog) -> KeepTrail:
    """The step of its loop."""
    told = settings.privacy.atna
    sent = trail.path.with_suffix(".sent")
    spool = told.spool if told is not None else 0
    return KeepTrail(trail, leases, log, sent, spool, _sender(told) if told is not None else None)


def _sender(told: AtnaSettings) -> Callable[[Sequence[dict[str, Any]]], None]:
    files = [str(file or "") for file in (told.ca_file, told.certificate, told.key)]
    link = SyslogTls(SyslogAddress(told.host, told.port, files[0], files[1], files[2], told.timeout_s))
    source = Source("pacs_module", told.site, socket.gethostname(), str(os.getpid()))
    return partial(_send, link, source)


def _send(link: SyslogTls, source: Source, entries: Sequence[dict[str, Any]]) -> None:
    link([syslog_message(entry, source) for entry in entries])
