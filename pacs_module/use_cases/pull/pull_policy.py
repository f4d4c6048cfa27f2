"""How it is pulled: limits, repeats and pauses, as the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ...domain.retry import RetryPolicy
from ...domain.study.priority import Ageing

CLAIM_LEASE = timedelta(minutes=5)
"""Longer than a SERIES level find at a slow PACS; a process that died with a claim lets it go after this."""


@dataclass(frozen=True)
class PullPolicy:
    """
    How it is pulled.

    ``watch``: how often a running pull is asked after; ``room_pause``: wait for room; ``jobs``: C-MOVEs that
    Orthanc runs at once, the others wait in its queue; ``room_hold``: how long nothing overtakes a study that
    waits for room.
    """

    limits: Mapping[str, int]
    """Pulls at once by PACS."""
    retry: RetryPolicy
    watch: timedelta
    room_pause: timedelta
    ageing: Ageing = field(default_factory=Ageing)
    jobs: int = 4
    room_hold: timedelta = timedelta(minutes=10)
