"""Looks what is wrong, and tells each alarm once when it is raised and once when it is resolved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ...domain.alarm.alarm import Alarm, Message
from ...domain.alarm.book import AlarmBook, Entry
from ...domain.errors import PipelineError
from ...domain.pull.throttle import Hours
from ...ports import Clock, EventLog
from ..recover.lease_holder import LeaseHolder

LEASE = "alarms"

Send = Callable[[Message], None]
"""Sends one message; raises PipelineError when it was not taken."""


@dataclass
class TellAlarms:
    """
    The step of its loop.

    One process over a store tells; what it has told is written down beside the lease, so that another one, or
    the same after a restart, tells nothing twice. While the store is away, which is an alarm itself, the one
    that told before goes on. A message that is not taken is sent again with the next step.
    """

    look: Callable[[], Iterable[Alarm]]
    """What is wrong now."""
    channels: Mapping[str, Send]
    leases: LeaseHolder
    clock: Clock
    local: Callable[[], datetime]
    log: EventLog
    hold_ms: int
    quiet: tuple[Hours, ...] = ()
    book: AlarmBook = field(default_factory=AlarmBook)
    _mine: bool = False

    def __call__(self) -> bool:
        """
        Look and tell.

        Returns:
            False: nothing more to do until the next look.
        """
        if not self._is_mine():
            self.book = AlarmBook()
            return False
        self.book = self._told(self.clock.now())
        with contextlib.suppress(PipelineError):  # known here, and written down with the next step
            self.leases.note(LEASE, self.book.document())
        return False

    def _told(self, now: int) -> AlarmBook:
        """The book after this look, with what could be sent of what it owes."""
        names = tuple(self.channels)
        book = self.book.without_channels(names).observe(self.look(), now)
        quiet = any(hours.hold_at(self.local()) for hours in self.quiet)
        for message in book.owed(names, now, self.hold_ms, quiet):
            if self._send(message):
                book = book.sent(message)
        return book

    def _is_mine(self) -> bool:
        """Whether this process tells; it begins with what another one has written down."""
        before = self._mine
        try:
            self._mine = self.leases.hold(LEASE)
        except PipelineError:
            return before
        if self._mine and not before:
            self.book = AlarmBook.read(self.leases.memo(LEASE))
        return self._mine

    def lasting(self) -> list[Entry]:
        """What is wrong now, as this process knows it; empty in one that does not tell."""
        return self.book.lasting()

    def _send(self, message: Message) -> bool:
        told = {"channel": message.channel, "alarm": message.alarm.key, "change": message.change.value}
        try:
            self.channels[message.channel](message)
        except PipelineError as error:
            self.log.event(
                "alarm_not_sent", "an alarm could not be sent", "WARNING", **told, error=error.public
            )
            return False
        self.log.event("alarm_sent", message.alarm.words, "INFO", **told)
        return True
