"""
How far away a due time can be, by kind of work: the longest pause or lease that is ever made with these
settings.
"""

from __future__ import annotations

from datetime import timedelta

from ..domain.study.growth_checks import GrowthPolicy
from ..domain.study.study import (
    ANONYMISE,
    GROWTH_CHECK,
    PUBLISH,
    PULL,
    RELEASE,
    RENDER,
    ROUTE,
    WATCH,
    upload_work,
)
from ..settings import Settings
from ..use_cases.deliver import anonymise, publish, release
from ..use_cases.pull.pull_policy import CLAIM_LEASE
from ..use_cases.pull.record_pull_end import NOTIFICATION_WAIT
from ..use_cases.results import render
from ..use_cases.upload import route
from ..use_cases.upload.upload_policy import DestinationPlan


def longest_pauses(settings: Settings) -> dict[str, timedelta]:
    """For all kinds of work; the backlog's times are not among them."""
    looks, delay = GrowthPolicy().pauses, settings.stability.delay
    return {
        PULL: _longest_of_pull(settings),
        WATCH: max(NOTIFICATION_WAIT, timedelta(seconds=settings.pull.watch_s)),
        PUBLISH: _longest_of_publish(settings),
        RELEASE: max(release.ARCHIVE_LEASE, timedelta(seconds=settings.backend.retention_s)),
        GROWTH_CHECK: delay + max(looks.first, looks.longest),
        ANONYMISE: anonymise.CLAIM_LEASE,
        **_of_destinations(settings),
        **({RENDER: render.CLAIM_LEASE} if settings.results is not None else {}),
    }


def _longest_of_pull(settings: Settings) -> timedelta:
    orders = timedelta(seconds=settings.ris.again_s) if settings.ris else timedelta(0)
    room = timedelta(seconds=settings.pull.room_pause_s)
    retries = max(settings.pull_retry.longest, settings.delivery_retry.longest)
    return max(CLAIM_LEASE, retries, settings.stability.delay, orders, room)


def _longest_of_publish(settings: Settings) -> timedelta:
    backend = settings.backend
    at_backend = timedelta(seconds=max(backend.circuit_pause_s, 2 * backend.result_timeout_s))
    return max(publish.CLAIM_LEASE, publish.CHECK, settings.delivery_retry.longest, at_backend)


def _of_destinations(settings: Settings) -> dict[str, timedelta]:
    """None where there are no destinations."""
    if not settings.destination:
        return {}
    lease = DestinationPlan("any").lease
    pauses = {
        one.name: max(lease, one.retry.longest, DestinationPlan("any").away) for one in settings.destination
    }
    return {
        ROUTE: route.CLAIM_LEASE,
        **{upload_work(name): pause for name, pause in pauses.items()},
    }
