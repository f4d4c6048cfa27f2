"""
Orthanc's change log, read by its durable sequence number, and the epoch of the index that the number belongs
to.

Events in memory (OnChange) are only a hint to read it. StableStudy is not believed at all: it is lost for
ever when Orthanc restarts before StableAge.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from ..journal.journal import Journal
from .orthanc_client import OrthancClient

_EPOCH_PROPERTY = 4711
"""Number of Orthanc's global property; those from 1024 on are free for plugins."""
_BATCH = 2000
_JOURNALED_EVERY_S = 1.0
"""
While images come: each time would wait for the disk. After a crash what was read since is read again, which
changes nothing as long as its studies are open.
"""


@dataclass(frozen=True)
class Batch:
    """
    Images that are new since the journaled number, and the number to journal together with what they caused.
    """

    instances: tuple[str, ...]
    last: int
    done: bool


class Changes:
    """
    Reads on from the journal's number.

    Args:
        rest: Orthanc.
        journal: Keeps ``seq``.
    """

    def __init__(self, rest: OrthancClient, journal: Journal) -> None:
        self._rest = rest
        self._journal = journal
        self._since = self._journaled = -1  # not known before the first read
        self._journaled_at = 0.0

    def read(self) -> Batch:
        """The next changes."""
        if self._since < 0:
            self._since = self._journaled = int(self._journal.meta("seq", "0"))
        answer = self._rest.get(f"/changes?since={self._since}&limit={_BATCH}")
        new = [change["ID"] for change in answer["Changes"] if change["ChangeType"] == "NewInstance"]
        return Batch(tuple(dict.fromkeys(new)), int(answer["Last"]), bool(answer["Done"]))

    def taken(self, batch: Batch) -> None:
        """Read on behind a batch, once what it caused is journaled."""
        self._since = batch.last
        if not batch.instances or time.monotonic() - self._journaled_at >= _JOURNALED_EVERY_S:
            self.journal()

    def journal(self) -> None:
        """
        Journal the number. To be done before a study is not open any more: its images would be taken for new
        ones after a crash.
        """
        if self._since != self._journaled:
            self._journal.set_meta("seq", str(self._since))
            self._journaled, self._journaled_at = self._since, time.monotonic()


def same_epoch(journal: Journal, get_property: Callable[[int, str], str]) -> bool:
    """
    Whether Orthanc's index is the one that the journal speaks of, and not a new one after the RAM disk was
    emptied.
    """
    known = journal.meta("epoch")
    return bool(known) and get_property(_EPOCH_PROPERTY, "") == known


def begin_epoch(
    journal: Journal, set_property: Callable[[int, str], None], forget: Callable[[], None]
) -> str:
    """
    Begin a new epoch: read the change log from its start.

    The journal is written first: a crash between the two leaves them different, and this is done again.

    Args:
        journal: Gets epoch and number.
        set_property: Orthanc's.
        forget: Changes in the same transaction what the journal said of the old index.
    """
    epoch = uuid.uuid4().hex
    with journal.transaction():
        forget()
        journal.set_meta("epoch", epoch)
        journal.set_meta("seq", "0")
    set_property(_EPOCH_PROPERTY, epoch)
    return epoch
