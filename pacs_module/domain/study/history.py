"""
The history of a study: what happened as a kind for programs, beside the words for people that nothing reads
back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .lifecycle import Event


class Note(StrEnum):
    """What is noted without an event of the life cycle; the words that people read."""

    PULL_ENDED = "pull ended"
    IMAGES = "images"
    """Something about whose images these are, as the plugins tell it."""
    TO_BE_PULLED = "to be pulled"
    STABLE = "stable"
    STANDS_STILL = "series stands still"
    """It is pulled ahead of the rest of its study."""
    BACKLOG = "backlog"
    ORDER = "order"
    PRIORITY = "priority"
    CORRECTED = "corrected at the PACS"
    TOLD_IN_TURN = "told in turn"
    """The PACS tells now one value and now another."""
    GONE = "gone from the PACS"
    BACK = "back at the PACS"
    MOVED = "moved under another UID"
    ANONYMISED = "anonymised"
    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery failed"
    EARLIER_COMPLETED = "result completed, of an earlier hand-over"
    EARLIER_UNSUPPORTED = "result unsupported_series, of an earlier hand-over"
    ARCHIVED = "archived"
    ROUTED = "routed to destinations"
    OTHER_SERIES = "other series for a destination"
    """Beside those to compute."""
    UPLOADED = "uploaded and verified"
    UPLOAD_FAILED = "upload failed"
    UPLOAD_GIVEN_UP = "upload given up"
    UPLOAD_DROPPED = "upload dropped"
    UPLOAD_AGAIN = "upload queued again"
    RESULTS_TAKEN = "results taken"
    RESULTS_REFUSED = "results refused"
    TAKEN_OVER = "taken over"
    IMPOSSIBLE = "impossible"
    """An event that the life cycle has no row for."""
    QUARANTINE = "quarantine decided"
    ADOPTED = "adopted"
    """Taken over from another record, because this one had lost it."""


What = Event | Note

NO_ROOM = "no_room"
"""
A pull was put off for want of room on the RAM disk: a kind of its own under the event "pull to be repeated".
"""

PATH_BLAMED = "path_blamed"
"""
A pull failed for the path to its PACS and back: a kind of its own under the event "pull to be repeated".
"""

RECEIVER_AWAY = "receiver_away"
"""
A pull goes to another receiving Orthanc: a kind of its own under the event "pull to be repeated".
"""

_KINDS = {what.value: what.name.lower() for what in (*Event, *Note)}


@dataclass
class HistoryEntry:
    """
    One change: when, what, from which state to which, by whom and why with its values.

    ``event`` are the words of an :class:`Event` or a :class:`Note`; ``kind`` is its name in lower case, or a
    closer one. An entry of an earlier version has no kind: it is the one that belongs to its words.
    """

    at: str
    event: str
    why: str
    from_state: str = ""
    to_state: str = ""
    by: str = "pacs_module"
    kind: str = ""

    def __post_init__(self) -> None:
        """Give the kind that belongs to the words, where none was given."""
        self.kind = self.kind or _KINDS.get(self.event, "")

    def tells(self, *what: What) -> bool:
        """Whether it is one of these."""
        return self.kind in {one.name.lower() for one in what}
