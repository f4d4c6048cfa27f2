"""
How far away a due time can be, by kind of work: the longest pause or lease that is ever made with these
settings.
"""

from __future__ import annotations

from datetime import timedelta

from ..domain.study.growth_checks import GrowthPolicy
from ..domain.study.study import ANONYMISE, GROWTH_CHECK, PUBLISH, PULL, RELEASE, WATCH
from ..settings import Settings
from ..use_cases.deliver import anonymise, publish, release
from ..use_cases.pull.pull_policy import CLAIM_LEASE
from ..use_cases.pull.record_pull_end import NOTIFICATION_WAIT


def longest_pauses(settings: Settings) -> dict[str, timedelta]:
    """For all kinds of work; the backlog's times are not among them."""
    pull, backend, looks = settings.pull, settings.backend, GrowthPolicy().pauses
    delivery, delay = settings.delivery_retry.longest, settings.stability.delay
    orders = timedelta(seconds=settings.ris.again_s) if settings.ris else timedelta(0)
    room = timedelta(seconds=pull.room_pause_s)
    return {
        PULL: max(CLAIM_LEASE, settings.pull_retry.longest, delivery, delay, orders, room),
        WATCH: max(NOTIFICATION_WAIT, timedelta(seconds=pull.watch_s)),
        PUBLISH: max(
            publish.CLAIM_LEASE,
            publish.CHECK,
            delivery,
            timedelta(seconds=max(backend.circuit_pause_s, 2 * backend.result_timeout_s)),
        ),
        RELEASE: max(release.ARCHIVE_LEASE, timedelta(seconds=backend.retention_s)),
        GROWTH_CHECK: delay + max(looks.first, looks.longest),
        ANONYMISE: anonymise.CLAIM_LEASE,
    }
