"""The settings as the policies of the use cases."""

from __future__ import annotations

from datetime import timedelta

from ..domain.study.priority import Ageing
from ..settings import Settings
from ..use_cases.deliver.delivery_outcome import DeliveryPolicy
from ..use_cases.pull.pull_policy import PullPolicy


def pull_policy(settings: Settings) -> PullPolicy:
    """When pulls are repeated, asked after and held."""
    return PullPolicy(
        limits={pacs.name: settings.limits_of(pacs).parallel for pacs in settings.pacs},
        retry=settings.pull_retry,
        watch=timedelta(seconds=settings.pull.watch_s),
        room_pause=timedelta(seconds=settings.pull.room_pause_s),
        jobs=settings.orthanc.concurrent_jobs * len(settings.receivers),
        ageing=Ageing(timedelta(minutes=settings.pull.ageing_min)),
    )


def delivery_policy(settings: Settings) -> DeliveryPolicy:
    """When deliveries are repeated, and how long folders are kept."""
    return DeliveryPolicy(
        retry=settings.delivery_retry,
        result_timeout=timedelta(seconds=settings.backend.result_timeout_s),
        unreachable_pause=timedelta(seconds=settings.backend.circuit_pause_s),
        retention=timedelta(seconds=settings.backend.retention_s),
    )
