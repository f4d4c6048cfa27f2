"""
Which alarms are known and who has been told of them: each once when it is raised and once when it is
resolved.

What comes and goes within ``hold`` is told to nobody. In quiet hours only critical ones are told; the others
when the hours are over, if they still last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import Unreadable
from ..json_messages.documents import to_document
from ..json_messages.kept_json import read_kept
from .alarm import Alarm, Change, Message, Severity

MOST_ALARMS = 200
"""Known at once."""


@dataclass(frozen=True)
class Entry:
    """
    An alarm that lasts, or has ended and is still to be told as resolved.

    ``since`` and ``gone_since`` are epoch milliseconds; ``told``: the channels that know that it is raised.
    """

    alarm: Alarm
    since: int
    gone_since: int | None = None
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class AlarmBook:
    """The entries by the key of their alarm."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    def observe(self, alarms: Iterable[Alarm], now: int) -> AlarmBook:
        """
        The book after a look: ``alarms`` are all that there are at ``now``.

        What ended before anybody was told is forgotten.
        """
        current = {alarm.key: alarm for alarm in alarms}
        entries: dict[str, Entry] = {}
        for key, entry in self.entries.items():
            if key in current:
                entries[key] = replace(entry, alarm=current[key], gone_since=None)
            elif entry.told:
                entries[key] = entry if entry.gone_since is not None else replace(entry, gone_since=now)
        for key, alarm in current.items():
            if key not in entries and len(entries) < MOST_ALARMS:
                entries[key] = Entry(alarm, now)
        return AlarmBook(entries)

    def owed(self, channels: Sequence[str], now: int, hold: int, quiet: bool) -> list[Message]:
        """
        The messages that are to be sent now, the oldest alarm first.

        Args:
            channels: By which alarms are told.
            now: Epoch milliseconds.
            hold: So long an alarm has to last, or to be gone, before it is told; milliseconds.
            quiet: Whether these are quiet hours.
        """
        owed: list[Message] = []
        for entry in sorted(self.entries.values(), key=lambda one: (one.since, one.alarm.key)):
            if quiet and entry.alarm.severity is not Severity.CRITICAL:
                continue
            to, change, from_when = _next(entry, channels)
            if now - from_when >= hold:
                owed += [Message(channel, change, entry.alarm, entry.since, now) for channel in to]
        return owed

    def sent(self, message: Message) -> AlarmBook:
        """The book after a message has been taken by its channel."""
        key = message.alarm.key
        entry = self.entries.get(key)
        if entry is None:
            return self
        entries = dict(self.entries)
        told = _told_after(entry, message)
        if told:
            entries[key] = replace(entry, told=told)
        else:
            del entries[key]
        return AlarmBook(entries)

    def without_channels(self, channels: Sequence[str]) -> AlarmBook:
        """Only what these channels were told: one that was taken out of the settings is owed nothing."""
        entries = {
            key: replace(entry, told=tuple(channel for channel in entry.told if channel in channels))
            for key, entry in self.entries.items()
        }
        return AlarmBook(entries)

    def lasting(self) -> list[Entry]:
        """What is wrong now, for the page; the oldest first."""
        entries = [entry for entry in self.entries.values() if entry.gone_since is None]
        return sorted(entries, key=lambda entry: (entry.since, entry.alarm.key))

    def document(self) -> dict[str, Any]:
        """As it is written down."""
        return {"alarms": [to_document(entry) for entry in self.entries.values()]}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> AlarmBook:
        """As it was written down, without what cannot be read; an empty one where nothing was."""
        told = document.get("alarms")
        found = [_read(one) for one in told] if isinstance(told, list | tuple) else []
        return cls({entry.alarm.key: entry for entry in found if entry is not None})


def _read(told: object) -> Entry | None:
    """None: it is damaged; an alarm that still holds is raised, and told, once more."""
    try:
        return read_kept(Entry, told)
    except Unreadable:
        return None


def _without(channels: Sequence[str], told: Sequence[str]) -> tuple[str, ...]:
    return tuple(channel for channel in channels if channel not in told)


def _next(entry: Entry, channels: Sequence[str]) -> tuple[Sequence[str], Change, int]:
    """Who is to be told next, what, and since when it is so."""
    if entry.gone_since is None:
        return _without(channels, entry.told), Change.RAISED, entry.since
    return entry.told, Change.RESOLVED, entry.gone_since


def _told_after(entry: Entry, message: Message) -> tuple[str, ...]:
    """The channels that have told an alarm and not yet its end; nobody: it is over."""
    if message.change is Change.RAISED:
        return (*entry.told, message.channel)
    return tuple(channel for channel in entry.told if channel != message.channel)
