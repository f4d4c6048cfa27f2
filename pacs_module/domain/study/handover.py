"""
What was handed over to the backend and what became of it: the part of a study's document that is about
delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..instants import iso
from .message_state import MESSAGE_STATES, OPEN, PUBLISHABLE, MessageEvent, MessageState

MOST_TRIES = 20


@dataclass
class DeliveryTry:
    """
    One try to deliver: when, by which worker, how it went, and in whose words.

    ``outcome``: accepted, refused (for good), failed (5xx, time-out), away (nobody there, or "not now": not
    counted as an attempt), no result (accepted, and silent since), gone (accepted, and nobody listens there
    any more) or failed there (the backend's own word).
    """

    at: str
    outcome: str
    words: str = ""
    by: str = ""


@dataclass
class HandOver:
    """
    One hand-over of one or more series to the backend, and what became of it.

    ``message`` is the notification as it goes on through RabbitMQ, and ``message_state`` where it stands.
    ``next_at`` (epoch milliseconds) is when it is published, again if nothing has been heard of it by then;
    once it is settled, when its folder is released. ``publication`` is counted up whenever the message is
    owed again: a message of an earlier one is out of date.
    """

    handover_id: str
    series_uid: str
    number_received: int
    filepath: str
    message: dict[str, Any]
    received_at: str
    completeness: str = ""
    message_state: MessageState = MessageState.OWED
    publication: int = 1
    attempts: int = 0
    begun: int = 0
    """
    Deliveries that a worker began and neither ended nor gave back: it died, or failed in a way that nobody
    foresaw.
    """
    next_at: int = 0
    last_error: str = ""
    published_at: str = ""
    accepted_at: str = ""
    result: str = ""
    result_message: str = ""
    result_at: str = ""
    result_values: dict[str, Any] = field(default_factory=dict)
    released_at: str = ""
    archived_at: str = ""
    routed_at: str | None = None
    """When it was decided which destinations get it; None: not yet, or there are none."""
    cached_at: str | None = None
    """When its files were copied into the offline cache for the destinations."""
    rendered_at: str | None = None
    """When its result was made DICOM objects; None: not yet, or it is not wanted."""
    tries: list[DeliveryTry] = field(default_factory=list)
    receiver: str = ""
    """The receiving Orthanc whose RAM disk has its folder; empty: the only one."""
    pull_id: str = ""
    """Of the pull that brought it; empty: none did. The message of a copy without names does not tell it."""
    series_uids: list[str] = field(default_factory=list)
    """Its series as they were received; empty: an earlier version did not keep them."""
    destinations: list[str] = field(default_factory=list)
    """Only these get it, and no backend does: series beside those to compute. Empty: it is the backend's."""

    @property
    def patient_id(self) -> str | None:
        """PatientID of its images; None: not known, the message of a copy without names does not tell it."""
        identity = self.message.get("identity")
        told = identity.get("PatientID") if isinstance(identity, Mapping) else None
        return told if isinstance(told, str) else None

    @property
    def message_id(self) -> str:
        """Of the message as it is owed now; the same however often it is published."""
        return f"{self.handover_id}:{self.publication}"

    def outdates(self, message_id: str) -> bool:
        """Whether a message was published before this hand-over was owed again."""
        _, colon, publication = message_id.rpartition(":")
        return bool(colon) and publication.isdigit() and int(publication) < self.publication

    def tried(self, outcome: str, words: str, at: int, by: str = "") -> None:
        """Note how a try to deliver went."""
        self.tries = [*self.tries, DeliveryTry(iso(at), outcome, words, by)][-MOST_TRIES:]

    @property
    def open(self) -> bool:
        """Whether a result is still to come."""
        return self.message_state in OPEN

    @property
    def publishable(self) -> bool:
        """Whether its message may be in RabbitMQ."""
        return self.message_state in PUBLISHABLE

    def take(self, event: MessageEvent) -> None:
        """
        Move its message on.

        Raises:
            InvalidTransition: The table has no such pair; nothing was changed.
        """
        self.message_state = MESSAGE_STATES.next(self.message_state, event)

    def settle(self, event: MessageEvent, release_at: int) -> None:
        """No more is to come; its folder is kept until ``release_at``."""
        self.take(event)
        self.next_at = release_at
