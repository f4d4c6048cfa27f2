"""
One report or quality record on its way to the other side, with its versions and its state.

The key is the sender's own (a report's serial number): the same content under the same key is known already,
other content is a new version and is sent again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ..instants import iso
from ..retry import RetryPolicy
from ..state_table import Rows, StateTable

MAX_FORMER = 50
"""Versions of which it is remembered when they came."""


class EntryKind(StrEnum):
    """What it is, and with that where it goes."""

    REPORT = "report"
    """A report of this hospital: to the platform."""
    QUALITY = "quality"
    """A quality record: to the platform."""
    CENTRE_REPORT = "centre_report"
    """A report that the centre wrote for this hospital: to the RIS."""


class EntryState(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"


class EntryEvent(StrEnum):
    """What moves it on."""

    CHANGED = "changed"
    """It came with other content."""
    ACCEPTED = "accepted"
    """The other side named it among those that it took."""
    REFUSED = "refused"
    """The other side named it among those that it will never take."""
    WANTED_AGAIN = "wanted_again"
    """A comparison found it missing there, or a person sends it again."""


_ROWS: Rows[EntryState, EntryEvent] = {
    EntryState.WAITING: {
        EntryEvent.CHANGED: EntryState.WAITING,
        EntryEvent.ACCEPTED: EntryState.SENT,
        EntryEvent.REFUSED: EntryState.REFUSED,
        EntryEvent.WANTED_AGAIN: EntryState.WAITING,
    },
    EntryState.SENT: {
        EntryEvent.CHANGED: EntryState.WAITING,
        EntryEvent.WANTED_AGAIN: EntryState.WAITING,
    },
    EntryState.REFUSED: {
        EntryEvent.CHANGED: EntryState.WAITING,
        EntryEvent.WANTED_AGAIN: EntryState.WAITING,
    },
}

ENTRY_STATES = StateTable(
    states=EntryState,
    rows=_ROWS,
    refusal="an entry that is {state} cannot be {event}",
    module=__name__,
    partitions={
        "who acts next": {
            "we send it": (EntryState.WAITING,),
            "nobody": (EntryState.SENT,),
            "a person": (EntryState.REFUSED,),
        }
    },
)


@dataclass(frozen=True)
class Former:
    """A version that was replaced: its number, SHA-256 of its content, and when it came (ISO 8601 UTC)."""

    version: int
    digest: str
    taken_at: str


@dataclass(frozen=True)
class Content:
    """
    What comes in.

    Args:
        kind: What it is.
        key: The sender's own number of it.
        day: YYYY-MM-DD, the day that it is compared by.
        body: What is sent, plain JSON values.
        version: The sender's count; 0: it does not count, other content is the next version.
        source: Who brought it: ``api``, ``fhir``, ``hl7 10.0.0.7``, ``view``.
    """

    kind: EntryKind
    key: str
    day: str
    body: dict[str, Any]
    version: int = 0
    source: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the body in its canonical form, hexadecimal."""
        text = json.dumps(self.body, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """
    A content as it is kept.

    ``due`` is when it is to be sent, in epoch milliseconds, None when it is not; ``revision`` counts its
    writes, 0 before the first.
    """

    kind: EntryKind
    key: str
    day: str
    body: dict[str, Any]
    version: int
    digest: str
    taken_at: str
    source: str = ""
    state: EntryState = EntryState.WAITING
    due: int | None = None
    tries: int = 0
    reason: str = ""
    sent_at: str = ""
    former: tuple[Former, ...] = ()
    revision: int = 0


class Taken(StrEnum):
    """What became of a content that came in."""

    NEW = "new"
    KNOWN = "known already"
    CHANGED = "new version"
    OLDER = "older than what is known"
    CONFLICT = "other content under the same version"

    @property
    def keeps(self) -> bool:
        """Whether the ledger is written."""
        return self in (Taken.NEW, Taken.CHANGED)


def take(known: Entry | None, content: Content, now: int) -> tuple[Taken, Entry | None]:
    """
    Decide what a content is beside what is known under its key.

    Args:
        known: The entry with the same kind and key.
        content: What came.
        now: Epoch milliseconds.

    Returns:
        What it is, and the entry to write; None where nothing is written.
    """
    if known is None:
        return Taken.NEW, _entry(content, max(content.version, 1), now)
    if content.digest == known.digest and content.version in (0, known.version):
        return Taken.KNOWN, None
    if 0 < content.version < known.version:
        return Taken.OLDER, None
    if content.version == known.version:
        return Taken.CONFLICT, None
    former = (*known.former, Former(known.version, known.digest, known.taken_at))[-MAX_FORMER:]
    changed = _entry(content, content.version or known.version + 1, now)
    state = ENTRY_STATES.next(known.state, EntryEvent.CHANGED)
    return Taken.CHANGED, replace(changed, state=state, former=former, revision=known.revision)


def _entry(content: Content, version: int, now: int) -> Entry:
    return Entry(
        kind=content.kind,
        key=content.key,
        day=content.day,
        body=content.body,
        version=version,
        digest=content.digest,
        taken_at=iso(now),
        source=content.source,
        due=now,
    )


def accepted(entry: Entry, now: int) -> Entry:
    """The entry after the other side took it."""
    state = ENTRY_STATES.next(entry.state, EntryEvent.ACCEPTED)
    return replace(entry, state=state, due=None, reason="", sent_at=iso(now))


def refused(entry: Entry, reason: str) -> Entry:
    """The entry after the other side said that it will never take it."""
    return replace(entry, state=ENTRY_STATES.next(entry.state, EntryEvent.REFUSED), due=None, reason=reason)


def wanted_again(entry: Entry, reason: str, now: int) -> Entry:
    """The entry when it is to be sent once more."""
    state = ENTRY_STATES.next(entry.state, EntryEvent.WANTED_AGAIN)
    return replace(entry, state=state, due=now, tries=0, reason=reason)


def put_off(entry: Entry, reason: str, policy: RetryPolicy, now: int) -> Entry:
    """The entry after a try that failed: tried again after a pause that grows, without end."""
    tries = entry.tries + 1
    pause = round(1000 * policy.pause_after(tries).total_seconds())
    return replace(entry, tries=tries, due=now + pause, reason=reason)
