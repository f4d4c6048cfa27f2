"""One hand-over on its way to one destination, as the study's document keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..instants import iso
from .upload_state import OPEN, STUCK, UPLOAD_STATES, UploadEvent, UploadState

MOST_TRIES = 20
MOST_FOLDERS = 200


@dataclass
class UploadTry:
    """
    One try: when, how it went (verified, failed, away, refused, lacking), in which words, by which worker.
    """

    at: str
    outcome: str
    words: str = ""
    by: str = ""


@dataclass
class Upload:
    """
    One hand-over, or one set of results (``handover_id`` is then its id), at one destination.

    ``because`` is the rule, attribute and value that chose the destination. ``reason`` says why it is not
    there yet, or never will be. ``next_at`` (epoch milliseconds) is when it is tried next. ``attempts``
    counts tries that failed by something that is the upload's own; a destination that is away costs none.
    """

    destination: str
    handover_id: str
    queued_at: str
    because: str = ""
    state: UploadState = UploadState.QUEUED
    next_at: int = 0
    attempts: int = 0
    begun: int = 0
    """Tries that a worker began and neither ended nor gave back: it died over them."""
    turn: int = 0
    """Counted up by each try: what an earlier one still says changes nothing."""
    files: int = 0
    size: int = 0
    """Bytes."""
    folders: list[str] = field(default_factory=list)
    """That the images' names there are in; none: of an earlier version, or too many."""
    reason: str = ""
    uploaded_at: str = ""
    verified_at: str = ""
    tries: list[UploadTry] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether the service still has something to do for it."""
        return self.state in OPEN

    @property
    def stuck(self) -> bool:
        """Whether only a person can move it on."""
        return self.state in STUCK

    def take(self, event: UploadEvent) -> None:
        """
        Move it on.

        Raises:
            InvalidTransition: The table has no such pair; nothing was changed.
        """
        self.state = UPLOAD_STATES.next(self.state, event)

    def tried(self, outcome: str, words: str, at: int, by: str = "") -> None:
        """Note how a try went; ``at``: epoch milliseconds."""
        self.tries = [*self.tries, UploadTry(iso(at), outcome, words[:500], by)][-MOST_TRIES:]
