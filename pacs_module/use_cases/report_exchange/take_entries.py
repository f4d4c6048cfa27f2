"""What comes in is kept before it is acknowledged; the same again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...domain.errors import RetriableError
from ...domain.report_exchange.entry import Content, EntryKind, Taken, take, wanted_again
from ...ports import Clock, EventLog, Ledger

TRIES = 20
"""Somebody else wrote the same entry in between so often: then the sender tries again."""


@dataclass
class TakeEntries:
    """
    Keeps contents by kind and key.

    ``on_taken`` is called when there is something new to send.
    """

    ledger: Ledger
    clock: Clock
    log: EventLog
    on_taken: Callable[[], None] = lambda: None

    def __call__(self, content: Content) -> Taken:
        """
        Take one in.

        Raises:
            RetriableError: The store does not answer, or others write the same entry all the time.
        """
        for _ in range(TRIES):
            how, entry = take(self.ledger.get(content.kind, content.key), content, self.clock.now())
            if entry is None or self.ledger.put(entry):
                self._tell(content, how)
                return how
        raise RetriableError(f"{content.kind} {content.key} is being written by others")

    def again(self, kind: EntryKind, key: str, who: str) -> bool:
        """
        Have an entry sent once more; False: there is none.

        Args:
            kind: Of the entry.
            key: Of the entry.
            who: Who wants it, and why.
        """
        while (entry := self.ledger.get(kind, key)) is not None:
            if self.ledger.put(wanted_again(entry, f"sent again by {who}", self.clock.now())):
                self.log.event("entry_again", "an entry is sent once more", entry=key, by=who)
                self.on_taken()
                return True
        return False

    def _tell(self, content: Content, how: Taken) -> None:
        if how is Taken.CONFLICT:
            words = f"{content.kind} with other content under a version that is known: not taken"
            self.log.event("entry_conflict", words, "WARNING", entry=content.key, source=content.source)
        if how.keeps:
            words = f"{content.kind} taken: {how}"
            self.log.event("entry_taken", words, entry=content.key, source=content.source)
            self.on_taken()
