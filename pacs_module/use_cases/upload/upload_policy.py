"""A destination as the use cases know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ...domain.instants import milliseconds
from ...domain.pull.throttle import Hours
from ...domain.retry import RetryPolicy
from ...domain.upload.destination import DestinationRule
from ...domain.upload.storage_path import DEFAULT, StoragePath


class UploadOrder(StrEnum):
    """What goes first of what waits."""

    OLDEST = "oldest"
    NEWEST = "newest"


@dataclass(frozen=True)
class DestinationPlan:
    """
    One destination.

    Args:
        name: Its name in the settings.
        kind: http, s3, sftp, ftp, stow, cstore: for people.
        rule: What goes there.
        hospital: The hospital's code.
        names: What images are called there.
        batch: So many images are handed to the adapter at once.
        retry: Attempts and pauses.
        away: Pause while nobody answers there.
        hours: Hours in which nothing is sent.
        order: What goes first.
        for_results: It gets what the backend sends back, and no hand-overs.
        wants_more: It gets series beside those to compute,
        passed_only: of them only those that pass the filter.
        lease: How long a worker may go without a sign before another takes its upload over.
    """

    name: str
    kind: str = "http"
    rule: DestinationRule = field(default_factory=DestinationRule)
    hospital: str = ""
    names: StoragePath = field(default_factory=lambda: StoragePath(DEFAULT))
    batch: int = 50
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(20))
    away: timedelta = timedelta(seconds=15)
    hours: Sequence[Hours] = ()
    order: UploadOrder = UploadOrder.OLDEST
    for_results: bool = False
    wants_more: bool = False
    passed_only: bool = False
    lease: timedelta = timedelta(minutes=10)

    def first_due(self, now: int) -> int:
        """
        When a new upload is due, epoch milliseconds: now, or, where the newest goes first, a time that is the
        earlier the later it is now. What waits longest by its due time is claimed first.
        """
        return now if self.order is UploadOrder.OLDEST else -now

    def closed(self, local: datetime) -> str:
        """Why nothing is sent at this time of the hospital's day, in words; empty: it is."""
        hours = next((one for one in self.hours if one.hold_at(local)), None)
        return "" if hours is None else f"nothing is sent from {hours.begin:%H:%M} to {hours.end:%H:%M}"

    def pause(self, attempts: int) -> int:
        """In milliseconds, after so many attempts."""
        return milliseconds(self.retry.pause_after(attempts))
