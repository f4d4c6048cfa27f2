"""A study's story for people: its document, and what happens next and when (M24)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..find.vanished import gone_from, present_at
from ..instants import iso
from ..json_messages.documents import to_document
from ..study.lifecycle import State
from ..study.message_state import MessageState
from ..study.study import GROWTH_CHECK, PULL, WATCH, Study
from .series_story import series_story, text_for_people
from .timeline import STAGES, since, stages, timeline

REST = {
    State.COMPLETED: "nothing: the result is in; growth at the PACS or a person starts it again",
    State.UNSUPPORTED_SERIES: "nothing: no usable series; growth at the PACS or a person starts it again",
    State.PULL_FAILED: (
        "nothing: every attempt to pull failed; growth at the PACS or a person starts it again"
    ),
    State.DEAD_LETTER: (
        "nothing: delivery was given up, its message lies in the dead-letter queue; a person starts it again"
    ),
    State.CANCELLED: "nothing: a person cancelled it; growth at the PACS or a person starts it again",
    State.DONE_BY_HAND: "nothing: a person marked it as done; growth at the PACS or a person starts it again",
    State.UNPULLABLE: "nothing: without a StudyInstanceUID it cannot be pulled; to be mended at the PACS",
}


def story(
    study: Study, now: int, away: Mapping[str, str] | None = None, spared: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """
    Everything known of a study.

    Args:
        study: The study.
        now: Epoch milliseconds.
        away: Who does not answer now (``backend``, or the name of a PACS), with what is known of it.
        spared: Why less is pulled from a PACS now than at other times, by its name (hours, rates).

    Returns:
        The document, with ``next``: what happens next, ``at`` when (None: when something else happens), in
        how many seconds and who is waited for; ``receiver``: which of several receiving Orthancs has it;
        ``since`` when it is in its state; ``timeline``: all that
        happened in one list; ``stages`` of its way; ``series`` with what became of each and the reason;
        ``description`` repaired, with the raw text where it was damaged.
    """
    waits_for = [*_waits_for(study, away or {}), *_held(study, now, spared or {})]
    return {
        **study.to_document(),
        "state": study.state.value if study.state else None,
        "since": since(study),
        "description": text_for_people(study.study_description),
        "series": {uid: series_story(record) for uid, record in study.series.items()},
        "filtered": _filtered(study),
        "next": _step(study, now, waits_for),
        "receiver": _receiver(study),
        "stages": {"all": list(STAGES), **stages(study)},
        "timeline": to_document(timeline(study)),
    }


def _filtered(study: Study) -> list[str]:
    """The series that are not taken, in the words of the log."""
    dropped = (record for record in study.series.values() if not record.taken)
    return [f"{record.series_uid} filter because {record.why_not}" for record in dropped]


def _receiver(study: Study) -> str | None:
    """The receiving Orthanc that has it or pulls it; None: there is one only, or none has it."""
    last = study.last_handover
    if study.pull is not None and study.pull.running:
        return study.pull.request.receiver or None
    return (last.receiver or None) if last is not None else None


def _step(study: Study, now: int, waits_for: list[str]) -> dict[str, Any]:
    what, at = next_step(study)
    return {
        "what": what,
        "at": iso(at) if at else None,
        "inSeconds": round(max(0, at - now) / 1000, 1) if at else None,
        "waitsFor": waits_for,
    }


def _waits_for(study: Study, away: Mapping[str, str]) -> list[str]:
    if study.state is State.PULL_DATA_END:
        return [away["backend"]] if "backend" in away else []
    if study.state in (State.META_ONLY, State.PULL_DATA):
        return [away[name] for name in study.pacs if name in away]
    return []


def _held(study: Study, now: int, spared: Mapping[str, str]) -> list[str]:
    """The PACS that are spared while its pull is due; those that it is gone from are not asked anyway."""
    if not study.waits_for_pull or study.due[PULL] > now:
        return []
    return [f"{name} is {_spared(spared[name])}" for name in present_at(study) if spared.get(name)]


def _spared(why: str) -> str:
    return why if why.startswith("spared") else f"spared: {why}"


def next_step(study: Study) -> tuple[str, int | None]:
    """What happens next with a study, and when (epoch milliseconds; None: it waits for somebody else)."""
    if study.state is None:
        return "nothing: not wanted; every find looks at it again", None
    if study.state is State.META_ONLY:
        return _next_pull(study)
    if study.state is State.PULL_DATA:
        return "the plugins report the end of the running pull; asked after then", study.due.get(WATCH)
    if study.state is State.PULL_DATA_END:
        return _next_delivery(study)
    return _rest(study, REST[study.state] + _gone(study))


def _next_pull(study: Study) -> tuple[str, int | None]:
    if study.waits_for_pull:
        what = f"pull number {study.attempts + 1}, priority {study.priority}"
        return what + _gone(study), study.due[PULL]
    what = "the next find counts its instances: pulled when the count has not changed, at the latest then"
    return what + _gone(study), study.due.get(PULL)


def _gone(study: Study) -> str:
    """What is to be known of PACS that have it no more."""
    gone = gone_from(study)
    if not gone:
        return ""
    told = "; gone from " + ", ".join(f"{name} since {since}" for name, since in gone.items())
    if study.moved_to:
        told += f", there as {study.moved_to} now"
    if study.state is not State.META_ONLY:
        return told
    if present_at(study):
        return f"{told}: not tried there"
    return f"{told}: no PACS has it; tried all the same, and anew when it is back"


def _rest(study: Study, what: str) -> tuple[str, int | None]:
    if study.look is None or GROWTH_CHECK not in study.due:
        return what, None
    return f"{what}; {study.look.pacs} tells no counts and is asked then whether it grew", study.due[
        GROWTH_CHECK
    ]


def _next_delivery(study: Study) -> tuple[str, int | None]:
    last = study.last_handover
    if last is None:
        return "the plugins hand over", None
    if last.message_state is MessageState.HELD:
        return "it is copied without names, then published to RabbitMQ", last.next_at or None
    if last.message_state is MessageState.OWED:
        return f"delivery number {last.attempts + 1} is published to RabbitMQ", last.next_at or None
    if last.message_state is MessageState.QUEUED:
        return "a delivery worker takes it from RabbitMQ; looked for there then", last.next_at or None
    return "the backend posts its result", None
