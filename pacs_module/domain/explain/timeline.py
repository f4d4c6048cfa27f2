"""
A study's document as one list of what happened, oldest first: finds, verdicts, pulls, hand-overs, deliveries,
results.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..json_messages.messages import PullRequest
from ..study.handover import HandOver
from ..study.history import HistoryEntry, Note
from ..study.lifecycle import UNDER_WAY, Event
from ..study.study import Pull, Study

FIND, STATE, PULL, HAND_OVER, DELIVERY, RESULT, NOTE = (
    "find",
    "state",
    "pull",
    "hand-over",
    "delivery",
    "result",
    "note",
)


@dataclass(frozen=True)
class Happened:
    """One thing that happened: when (ISO 8601, UTC), of which kind, what, by whom, and with which values."""

    at: str
    kind: str
    what: str
    detail: str = ""
    by: str = ""
    event: str = ""
    """
    Of a change or note of the history: its event or note; ``from_state`` and ``to_state`` where it moved.
    """
    from_state: str = ""
    to_state: str = ""


def timeline(study: Study) -> list[Happened]:
    """
    Everything that the document tells, oldest first; what happened in one millisecond stays in the order of
    the way.
    """
    found = [*_finds(study), *_changes(study), *_pulls(study), *_handovers(study)]
    return sorted((one for one in found if one.at), key=lambda one: one.at)


def _finds(study: Study) -> Iterator[Happened]:
    before: dict[str, int | None] = {}
    for seen in study.counts:
        told = "without a count" if seen.count is None else f"{seen.count} instances"
        was = before.get(seen.pacs)
        yield Happened(
            seen.at, FIND, f"{seen.pacs}: {told}", "" if was is None else f"{was} before", seen.pacs
        )
        before[seen.pacs] = seen.count


_TOLD_BETTER = (Event.PULL_ASKED, Note.PULL_ENDED, Note.DELIVERED, Note.DELIVERY_FAILED)
"""Notes of the history that the pulls and the tries tell with their values."""


def _changes(study: Study) -> Iterator[Happened]:
    for entry in study.history:
        moved = entry.from_state != entry.to_state
        if not moved and entry.tells(*_TOLD_BETTER):
            continue
        states = (entry.from_state, entry.to_state) if moved else ("", "")
        what = STATE if moved else NOTE
        yield Happened(entry.at, what, _change_words(entry), entry.why, entry.by, entry.event, *states)


def _change_words(entry: HistoryEntry) -> str:
    if entry.from_state == entry.to_state:
        return entry.event
    return f"{entry.event}: {entry.from_state or 'none'} → {entry.to_state or 'none'}"


def _pulls(study: Study) -> Iterator[Happened]:
    for pull in study.every_pull:
        what = f"C-MOVE from {pull.request.pacs}, attempt {pull.attempt}"
        yield Happened(pull.asked_at, PULL, what, _asked_words(pull.request))
        if pull.ended_at:
            yield Happened(pull.ended_at, PULL, f"pull ended: {pull.outcome}", _end_of(pull), "plugins")


def _asked_words(request: PullRequest) -> str:
    series = f", {len(request.series_uids)} series" if request.series_uids else ""
    expected = "no count told" if request.expected is None else f"{request.expected} instances expected"
    return f"{request.level} level{series}, priority {request.priority}, {expected}"


def _end_of(pull: Pull) -> str:
    took = "" if pull.move_seconds is None else f"C-MOVE took {pull.move_seconds:.2f} s"
    received = "" if pull.received is None else f"{pull.received} received"
    job = f"job {pull.job_id}" if pull.job_id else ""
    return ", ".join(part for part in (received, pull.completeness, took, job) if part)


def _handovers(study: Study) -> Iterator[Happened]:
    for item in study.handovers:
        what = f"hand-over {item.handover_id}: {item.number_received} instances"
        why = f"{item.completeness} {item.filepath}".strip()
        yield Happened(item.received_at, HAND_OVER, what, why, "plugins")
        if item.published_at:
            what = "message confirmed by RabbitMQ"
            yield Happened(item.published_at, DELIVERY, what, f"message {item.message_id}")
        yield from _tries(item)
        yield from _result_of(item)


def _tries(item: HandOver) -> Iterator[Happened]:
    for one in item.tries:
        yield Happened(one.at, DELIVERY, f"delivery: {one.outcome}", one.words, one.by)


def _result_of(item: HandOver) -> Iterator[Happened]:
    if item.result_at and item.result:
        values = ", ".join(f"{name} {value}" for name, value in item.result_values.items())
        words = "; ".join(part for part in (item.result_message, values) if part)
        yield Happened(item.result_at, RESULT, f"result: {item.result}", words, "backend")
    if item.released_at:
        yield Happened(item.released_at, HAND_OVER, "folder released", item.filepath)


def since(study: Study) -> str:
    """When the study entered the state that it is in; empty when the history does not go back so far."""
    changes = [entry.at for entry in study.history if entry.from_state != entry.to_state]
    return changes[-1] if changes else study.first_seen_at


STAGES = ("found", "stable", "pulled", "received", "handed over", "delivered", "result")


def stages(study: Study) -> dict[str, Any]:
    """
    The way of a study and how far it is, for a picture.

    Returns:
        ``done``: the stages passed, in order; ``now``: the one that it waits for, None when there is none.
    """
    passed = _passed(study)
    done = [stage for stage in STAGES if passed[stage]]
    ahead = [stage for stage in STAGES if not passed[stage]]
    return {"done": done, "now": ahead[0] if ahead and study.state in UNDER_WAY else None}


def _passed(study: Study) -> dict[str, bool]:
    pull, last = study.pull, study.last_handover
    handed_over = last is not None
    return {
        "found": True,
        "stable": handed_over or pull is not None or study.waits_for_pull,
        "pulled": handed_over or pull is not None,
        "received": handed_over or (pull is not None and not pull.running),
        "handed over": handed_over,
        "delivered": last is not None and bool(last.accepted_at or last.result),
        "result": last is not None and bool(last.result),
    }
