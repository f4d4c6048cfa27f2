"""What `pacs-module doctor` judges: each look with what to do about what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..dicom.attributes import plain_time

LEAST_FREE = 0.1
"""Of a disk; less is called full soon."""
MOST_SKEW = timedelta(seconds=60)
CONSUMER_TIMEOUT = timedelta(minutes=30)
"""
RabbitMQ closes the channel of a worker that has held a delivery for so long: RabbitMQ's default, and
docker/rabbitmq.
"""
AHEAD = timedelta(minutes=5)
"""A study that seems to come from so far in the future has a clock that is wrong."""


class Health(StrEnum):
    """How bad what was looked at is."""

    FINE = "ok"
    LOOK = "warning"
    BROKEN = "error"


@dataclass(frozen=True)
class CheckResult:
    """
    ``about`` names what was looked at, ``found`` what is there, ``todo`` what helps; empty: nothing needs to
    be done.
    """

    health: Health
    about: str
    found: str
    todo: str = ""


def fine(about: str, found: str) -> CheckResult:
    """Nothing is wrong."""
    return CheckResult(Health.FINE, about, found)


def broken(about: str, found: str, todo: str) -> CheckResult:
    """It does not work."""
    return CheckResult(Health.BROKEN, about, found, todo)


def judge_versions(ours: str, service: str, plugins: str) -> CheckResult:
    """The command, the service and the plugins are one version."""
    found = f"command {ours}, service {service or 'no answer'}, plugins {plugins or 'no answer'}"
    if {service, plugins} <= {ours}:
        return fine("versions", found)
    return CheckResult(
        Health.LOOK, "versions", found, "install one version everywhere and restart what differs"
    )


def judge_rules(here: str, plugins: str) -> CheckResult:
    """Both processes judge by the rules of the same file."""
    found = f"file {here}, plugins {plugins or 'no answer'}"
    if here == plugins:
        return fine("rules", found)
    todo = "an edit by hand takes effect at a restart of both; else SITE_CONFIG of Orthanc is another file"
    return CheckResult(Health.LOOK, "rules", found, todo)


def judge_health(told: Mapping[str, Any]) -> list[CheckResult]:
    """Threads, servers that are waited for, paths of moves, RAM disk, out of the service's own word."""
    found = [_judge_threads(told.get("loops", {}))]
    found += [_away(entry) for entry in told.get("waitsFor", ())]
    found += [_judge_path(name, one.get("moves", {})) for name, one in told.get("pacs", {}).items()]
    found += _full_disk(told.get("ramDisk") or {})
    return found


def _full_disk(disk: Mapping[str, Any]) -> list[CheckResult]:
    """None while it has room."""
    if not disk.get("alarm"):
        return []
    free, total = _megabytes(disk.get("freeBytes")), _megabytes(disk.get("totalBytes"))
    todo = "is the backend slow or away? ram-disk.md says what holds images"
    return [broken("RAM disk", f"{free} MB free of {total}", todo)]


def _judge_threads(loops: Mapping[str, Any]) -> CheckResult:
    bad = sorted(name for name, loop in loops.items() if not loop.get("alive") or loop.get("stuck"))
    if not bad:
        return fine("threads", f"{len(loops)} run")
    todo = "restart pacs_module; the log says where it stands"
    return broken("threads", f"dead or stuck: {', '.join(bad)}", todo)


def _away(entry: Mapping[str, Any]) -> CheckResult:
    why = f"away since {entry.get('since')}: {entry.get('because')}"
    todo = "start it, or look at address, port and password in the settings"
    return broken(str(entry.get("what")), why, todo)


def _judge_path(name: str, moves: Mapping[str, Any]) -> CheckResult:
    """Whether images come from a PACS: it knows our AE title, and where we listen."""
    about = f"moves from {name}"
    if moves.get("circuit") not in (None, "closed"):
        todo = f"{moves.get('why') or 'look at the log'}; retried at {moves.get('retryAt')}"
        return broken(about, str(moves.get("cause") or "fail"), todo)
    if moves.get("lastCameAt"):
        return fine(about, f"images came last at {moves['lastCameAt']}: it knows our AE title and address")
    return CheckResult(
        Health.LOOK, about, "none has come yet", "pull one study by hand: only a move shows that it knows us"
    )


def judge_destination(aet: str, port: object, expected_host: str) -> CheckResult:
    """What every PACS has to have in its table."""
    where = f"{expected_host or 'the address of this host'}:{port}"
    return fine("move destination", f"each PACS must know AE title {aet} at {where}")


def judge_disk(about: str, free: int, total: int) -> CheckResult:
    """Bytes free of a disk."""
    found = f"{_megabytes(free)} MB free of {_megabytes(total)}"
    if total and free < LEAST_FREE * total:
        return CheckResult(Health.LOOK, about, found, "make room before the logs and the store stand still")
    return fine(about, found)


def judge_retention(days: int, told: Mapping[str, Any]) -> CheckResult:
    """
    Whether patients' data have an age.

    Args:
        days: ``[privacy] keep_days``.
        told: ``retention`` of /health.
    """
    if not days:
        found, todo = "what names patients is kept for ever", "set keep_days under [privacy]"
        return CheckResult(Health.FINE, "retention", found, todo)
    failed = told.get("failed") or {}
    if failed:
        words = "; ".join(f"{what}: {why}" for what, why in failed.items())
        return CheckResult(Health.LOOK, "retention", words, "it is tried again after an hour")
    return fine("retention", f"{days} days; last run {told.get('at') or 'not yet'}")


def judge_result_timeout(result_timeout: timedelta) -> CheckResult:
    """
    Whether RabbitMQ may close a worker's channel while it waits for a result.

    RabbitMQ does not tell its ``consumer_timeout`` over AMQP, so this knows only the one that is shipped.
    """
    about, theirs = "result timeout", int(CONSUMER_TIMEOUT.total_seconds())
    found = f"{int(result_timeout.total_seconds())} s; RabbitMQ's consumer_timeout is {theirs} s as shipped"
    if result_timeout < CONSUMER_TIMEOUT:
        return fine(about, found)
    todo = (
        "set consumer_timeout (in milliseconds, rabbitmq.conf) above it, or long computations are sent again"
    )
    return CheckResult(Health.LOOK, about, found, todo)


def judge_clock(about: str, theirs: datetime, ours: datetime) -> CheckResult:
    """Two machines have one time."""
    skew = abs(theirs - ours)
    found = f"{skew.total_seconds():.0f} s apart"
    if skew > MOST_SKEW:
        return CheckResult(Health.LOOK, about, found, "have both set their clocks by NTP")
    return fine(about, found)


def judge_study_times(pacs: str, times: Iterable[str], now: datetime) -> CheckResult:
    """
    The devices' clocks by the newest StudyTime of today.

    Args:
        pacs: Name of the PACS.
        times: StudyTime of each study, however it is written.
        now: In the hospital's time zone.
    """
    about = f"clocks of the devices at {pacs}"
    read = list(filter(None, (_moment(plain_time(text), now) for text in times)))
    if not read:
        return fine(about, "no study with a time today")
    newest = max(read)
    if newest <= now + AHEAD:
        return fine(about, f"the newest study of {len(read)} is from {newest:%H:%M:%S}")
    words = f"the newest study is from {newest:%H:%M:%S}, now is {now:%H:%M:%S}"
    return CheckResult(Health.LOOK, about, words, _CLOCK_AHEAD)


_CLOCK_AHEAD = (
    "a device's clock is ahead, or time_zone is wrong; crossday = -1 finds what is filed under another day"
)


def _moment(time: str, now: datetime) -> datetime | None:
    """HHMMSS of today; None for what no clock shows."""
    try:
        hours, minutes, seconds = (int(time[place : place + 2]) for place in (0, 2, 4))
        return now.replace(hour=hours, minute=minutes, second=seconds, microsecond=0)
    except ValueError:
        return None


def worst(results: Sequence[CheckResult]) -> Health:
    """Of all of them."""
    order = (Health.BROKEN, Health.LOOK)
    return next((one for one in order if any(result.health is one for result in results)), Health.FINE)


def _megabytes(size: object) -> str:
    return f"{size / 1e6:,.0f}" if isinstance(size, int | float) else "?"
