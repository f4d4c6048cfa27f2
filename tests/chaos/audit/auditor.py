"""
The independent auditor: what was wanted, what was computed, what is lost, doubled, stuck or left over.

It reads the PACS by HTTP, the backend's own record, the study store and the plugins' journal as plain SQLite
and JSON (a MongoDB by its driver), the hand-over folder and RabbitMQ's depths, and imports nothing of the
pipeline: a mistake in the pipeline's decisions is not repeated here. (A test holds that.)
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pika
import pymongo
import requests

from tests.chaos.audit.identity import (
    UNVERIFIED,
    AtPlatform,
    Poisoned,
    Truth,
    living_poison,
    other_pixels,
    wrong_at_platform,
    wrong_complete,
    wrong_images,
)

QUEUES = ("aipull.delivery", "aipull.dead")
SETTLED_HANDOVERS = ("done", "dead", "lost", "cancelled")
HTTP_S = 30.0
AT_ONCE_S = 1.0
"""For a question that keeps a disaster waiting."""


@dataclass(frozen=True)
class Wanted:
    """
    A study that must be computed, with the series that must: from who made the day, not from the pipeline.
    """

    study_uid: str
    label: str
    series_uids: tuple[str, ...]
    truth: Truth = field(default_factory=Truth)
    """Of its images."""


@dataclass(frozen=True)
class Poison:
    """Poisoned studies, and how often each process has died by itself."""

    studies: Sequence[Poisoned] = ()
    deaths: Mapping[str, int] = field(default_factory=dict)


NO_POISON = Poison()


@dataclass(frozen=True)
class Sources:
    """Where to look. ``rabbitmq_url`` empty: RabbitMQ is not asked."""

    pacs: tuple[str, str, str]
    """URL, user and password of the PACS's REST API."""
    receiver: tuple[str, str, str]
    record: Path
    store: Path | str
    """SQLite's file, or a ``mongodb://`` URL with the database."""
    journal: Path
    handover_folder: Path
    rabbitmq_url: str = ""
    queues: Sequence[str] = QUEUES
    """Of RabbitMQ, that must run empty."""
    platform: AtPlatform | None = None
    """What a destination beside the backend shows; None: there is none."""
    elsewhere: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """SOPInstanceUIDs by SeriesInstanceUID of what is in a PACS that has no REST API."""


@dataclass
class Audit:
    """
    The findings, as lines that name the study. ``lost``: in the PACS, wanted, and the pipeline has done with
    it without having it computed whole, as the last of its results. ``stuck``: the pipeline has not done with
    it. Wanted is what the PACS has of a study when it is judged: one that grew and was computed before and
    after is no double, its first images were ``in_part``.
    """

    wanted: int = 0
    computed: int = 0
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    twice_same_key: list[str] = field(default_factory=list)
    twice_other_key: list[str] = field(default_factory=list)
    unnoticed: list[str] = field(default_factory=list)
    """Computations that no hand-over of the study's document speaks of."""
    in_part: list[str] = field(default_factory=list)
    """Computed before they were whole as well: right for a study that grew, and no fault by itself."""
    unwanted: list[str] = field(default_factory=list)
    wrong_patient: list[str] = field(default_factory=list)
    """Computed images that are not the PACS's: another PatientID, other pixels, or in no PACS."""
    wrong_complete: list[str] = field(default_factory=list)
    """Last hand-overs that are called COMPLETE and are not what the PACS has."""
    uncertain: list[str] = field(default_factory=list)
    """Other pixels in a hand-over that says that its images are not certain; no fault, and counted."""
    poison_alive: list[str] = field(default_factory=list)
    half_written: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Whether every wanted study is computed and the pipeline knows it."""
        return not self.lost and not self.stuck

    @property
    def faults(self) -> list[str]:
        """What must never be, apart from leftovers, which take a while to go."""
        counted = self.lost + self.stuck + self.twice_same_key + self.unnoticed + self.unwanted
        return counted + self.wrong_patient + self.wrong_complete + self.poison_alive

    @property
    def at_rest(self) -> bool:
        """Whether nothing will change any more: what is wrong now stays so."""
        return self.settled and not self.leftovers and not self.half_written

    @property
    def clean(self) -> bool:
        """Whether nothing at all is left to be done or put away."""
        return not self.faults and not self.leftovers and not self.half_written


def audit(
    sources: Sources, wanted: Sequence[Wanted], others: Collection[str] = (), poison: Poison = NO_POISON
) -> Audit:
    """All findings but leftovers; ``others`` are studies that were wanted too and are not judged now."""
    found = Audit(wanted=len(wanted))
    images = {**pacs_images(sources.pacs), **sources.elsewhere}
    record = read_record(sources.record)
    documents = read_documents(sources.store)
    for study in wanted:
        entries = [
            entry for entry in record if entry["studyUID"] == study.study_uid and entry["event"] == "computed"
        ]
        _judge(found, study, images, entries, documents.get(study.study_uid))
        _judge_identity(found, study, images, entries, documents.get(study.study_uid))
        if sources.platform is not None:
            _judge_platform(found, study, images, sources.platform)
    doing = {one.study_uid: unfinished(documents.get(one.study_uid)) for one in poison.studies}
    found.poison_alive = living_poison(poison.studies, poison.deaths, doing)
    known = (
        {study.study_uid for study in wanted} | set(others) | {study.study_uid for study in poison.studies}
    )
    strangers = {entry["studyUID"] for entry in record if entry["event"] == "accepted"} - known
    found.unwanted += [f"{uid}: reached the backend, and nobody wanted it" for uid in sorted(strangers)]
    return found


def audit_all(sources: Sources, wanted: Sequence[Wanted], poison: Poison = NO_POISON) -> Audit:
    """
    All findings, with what is left over in folders, queues, journal and Orthanc: for when everything should
    be at rest.
    """
    found = audit(sources, wanted, poison=poison)
    add_left_over(found, sources)
    if sources.rabbitmq_url:
        found.leftovers += [
            f"{number} messages in {queue}"
            for queue, number in depths(sources.rabbitmq_url, sources.queues).items()
            if number
        ]
    return found


def add_left_over(found: Audit, sources: Sources) -> None:
    """What is left in folders, journal and index of a receiving Orthanc."""
    folders = [path.name for path in folders_in(sources.handover_folder)]
    found.half_written += [name for name in folders if name.startswith(".")]
    found.leftovers += [f"hand-over folder {name}" for name in folders]
    found.leftovers += open_rows(sources.journal)
    found.leftovers += [f"study {row} in the receiving Orthanc" for row in ask(sources.receiver, "studies")]


def _judge(
    found: Audit,
    study: Wanted,
    images: Mapping[str, frozenset[str]],
    computed: Sequence[Mapping[str, Any]],
    document: Mapping[str, Any] | None,
) -> None:
    expected = frozenset[str]().union(*(images.get(uid, frozenset()) for uid in study.series_uids))
    whole = [entry for entry in computed if frozenset(entry["sopInstanceUIDs"]) == expected]
    if expected and whole:
        found.computed += 1
    open_work = unfinished(document)
    name = f"{study.label} ({study.study_uid})"
    if not expected:
        found.stuck.append(f"{name}: not in the PACS")
    elif open_work:
        found.stuck.append(f"{name}: {open_work}")
    elif not whole:
        brought = [len(entry["sopInstanceUIDs"]) for entry in computed] or "nothing"
        found.lost.append(
            f"{name}: {len(expected)} images wanted, {brought} computed, state {_state(document)}"
        )
    elif _state(document) != "completed":
        found.lost.append(f"{name}: computed, and its state is {_state(document)}")
    elif (last := _last_result(document)) not in {entry["idempotencyKey"] for entry in whole}:
        found.lost.append(f"{name}: computed whole, but its last result is that of {last}")
    parts = sorted(
        {
            len(entry["sopInstanceUIDs"])
            for entry in computed
            if frozenset(entry["sopInstanceUIDs"]) != expected
        }
    )
    found.in_part += [f"{name}: {parts} of {len(expected)} images computed"] if parts else []
    _doubles(found, name, computed, document)


def _judge_identity(
    found: Audit,
    study: Wanted,
    images: Mapping[str, frozenset[str]],
    computed: Sequence[Mapping[str, Any]],
    document: Mapping[str, Any] | None,
) -> None:
    """Every computation by its images' PatientID and pixels, and the last one by what it is called."""
    name = f"{study.label} ({study.study_uid})"
    handovers = (document or {}).get("handovers", ())
    called = {str(item["handoverID"]): str(item.get("completeness", "")) for item in handovers}
    wrong: dict[str, list[str]] = {}
    for one in computed:
        key = str(one["idempotencyKey"])
        wrong[key] = wrong_images(study.truth, one, called.get(key, ""))
        others = other_pixels(study.truth, one) if called.get(key) == UNVERIFIED else []
        found.uncertain += (
            [f"{name}: {key}: {UNVERIFIED}, {len(others)} images of other pixels"] if others else []
        )
    found.wrong_patient += [f"{name}: {key}: {words}" for key, lines in wrong.items() for words in lines]
    done = [item for item in handovers if item["messageState"] == "done"]
    if done:
        last = str(done[-1]["handoverID"])
        entry = next((one for one in reversed(computed) if str(one["idempotencyKey"]) == last), None)
        expected = frozenset[str]().union(*(images.get(uid, frozenset()) for uid in study.series_uids))
        words = wrong_complete(done[-1], expected, entry, wrong.get(last, []))
        found.wrong_complete += [f"{name}: {last}: {words}"] if words else []


def _judge_platform(
    found: Audit, study: Wanted, images: Mapping[str, frozenset[str]], platform: AtPlatform
) -> None:
    """Equal on both sides, image by image, as soon as the pipeline has done with the study."""
    name = f"{study.label} ({study.study_uid})"
    expected = frozenset[str]().union(*(images.get(uid, frozenset()) for uid in study.series_uids))
    shown = platform.images.get(study.study_uid, {})
    wrong = wrong_at_platform(study.truth, expected, shown)
    found.wrong_patient += [f"{name}: at the platform: {words}" for words in wrong]
    lacking = len(expected - set(shown))
    if lacking and not any(line.startswith(name) for line in found.stuck):
        found.lost.append(f"{name}: {lacking} of {len(expected)} images are not at the platform")
    halves = [one for one in platform.half_seen if study.study_uid in one]
    found.wrong_complete += [f"{name}: {one} was seen half at the platform" for one in halves]


def _doubles(
    found: Audit, name: str, computed: Sequence[Mapping[str, Any]], document: Mapping[str, Any] | None
) -> None:
    keys = [str(entry["idempotencyKey"]) for entry in computed]
    found.twice_same_key += [
        f"{name}: {key} computed {keys.count(key)} times" for key in sorted(set(keys)) if keys.count(key) > 1
    ]
    by_images: dict[frozenset[str], list[str]] = {}
    for key, entry in zip(keys, computed, strict=True):
        by_images.setdefault(frozenset(entry["sopInstanceUIDs"]), []).append(key)
    same = [list(dict.fromkeys(of_these)) for of_these in by_images.values()]
    found.twice_other_key += [
        f"{name}: the same images computed as {', '.join(some)}" for some in same if len(some) > 1
    ]
    known = {item["handoverID"] for item in (document or {}).get("handovers", ())}
    found.unnoticed += [
        f"{name}: computed as {key}, unknown to the pipeline" for key in sorted(set(keys) - known)
    ]


def _last_result(document: Mapping[str, Any] | None) -> str:
    """Which hand-over the backend's newest result is of."""
    done = [
        item["handoverID"] for item in (document or {}).get("handovers", ()) if item["messageState"] == "done"
    ]
    return str(done[-1]) if done else "none"


def _state(document: Mapping[str, Any] | None) -> str:
    return "unknown" if document is None else str(document.get("state") or "none")


def unfinished(document: Mapping[str, Any] | None) -> str:
    """
    What a study's document still waits for, in words; empty when nothing. One that is not there was not found
    yet.
    """
    if document is None:
        return "not found by the pipeline"
    state = _state(document)
    if state in ("meta_only", "pull_data", "pull_data_end"):
        return f"state {state}, {document.get('why', '')}"
    waiting = [
        item["handoverID"]
        for item in document.get("handovers", ())
        if item["messageState"] not in SETTLED_HANDOVERS
    ]
    if waiting:
        return f"state {state}, no result of hand-over {', '.join(waiting)}"
    if (document.get("pull") or {}).get("status") == "asked":
        return f"state {state}, a pull has no end"
    due = sorted(set(document.get("due", {})) - {"release", "look"})  # a later look for growth owes nothing
    return f"state {state}, due for {', '.join(due)}" if due else ""


def running_moves(sources: Sources) -> set[str]:
    """Studies whose C-MOVE runs at this moment, as the plugins' journal has it."""
    return {
        study
        for (study,) in rows(sources.journal, "SELECT study_uid FROM pulls WHERE job_state = 'submitted'")
    }


def move_seconds(journal: Path, studies: Collection[str]) -> list[float]:
    """Of every pull of these studies whose C-MOVE has ended, by Orthanc's clock."""
    ended = rows(journal, "SELECT study_uid, move_seconds FROM pulls WHERE move_seconds IS NOT NULL")
    return sorted(seconds for study, seconds in ended if study in studies)


# --- the sources ---


def ask(server: tuple[str, str, str], what: str, within_s: float = HTTP_S) -> Any:
    """What Orthanc's REST API answers."""
    url, user, password = server
    answer = requests.get(
        f"{url}/{what}", auth=(user, password), headers={"Accept-Encoding": "identity"}, timeout=within_s
    )
    answer.raise_for_status()
    return answer.json()


def pacs_images(pacs: tuple[str, str, str]) -> dict[str, frozenset[str]]:
    """SOPInstanceUIDs by SeriesInstanceUID, of everything in the PACS."""
    series = {row["ID"]: row["MainDicomTags"]["SeriesInstanceUID"] for row in ask(pacs, "series?expand")}
    images: dict[str, set[str]] = {}
    for row in ask(pacs, "instances?expand"):
        if row["ParentSeries"] in series:  # one that came since the first question is seen the next time
            images.setdefault(series[row["ParentSeries"]], set()).add(row["MainDicomTags"]["SOPInstanceUID"])
    return {uid: frozenset(found) for uid, found in images.items()}


def read_record(path: Path) -> list[dict[str, Any]]:
    """The backend's record, oldest first, without the last line of a killed process."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def read_documents(store: Path | str) -> dict[str, dict[str, Any]]:
    """The study documents by StudyInstanceUID."""
    if isinstance(store, str):
        with pymongo.MongoClient[dict[str, Any]](store) as client:
            return {
                document["studyUID"]: document
                for document in client.get_default_database()["study_info_list"].find()
            }
    return {
        uid: json.loads(text) for uid, text in rows(store, "SELECT studyUID, document FROM study_info_list")
    }


def open_rows(journal: Path) -> list[str]:
    """What the plugins' journal still owes."""
    found = [
        f"{kind} of {study} not yet told"
        for study, kind in rows(journal, "SELECT study_uid, kind FROM outbox")
    ]
    found += [
        f"pull {pull} not reported"
        for (pull,) in rows(journal, "SELECT pull_id FROM pulls WHERE report IS NULL")
    ]
    states = rows(
        journal, "SELECT study_uid, state FROM receptions WHERE state NOT IN ('closed', 'retained')"
    )
    return found + [f"reception of {study} is {state}" for study, state in states]


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query; reading only, and waiting while somebody writes."""
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
        return connection.execute(query).fetchall()


def folders_in(folder: Path) -> Iterable[Path]:
    """What lies in the hand-over folder."""
    return sorted(folder.iterdir()) if folder.exists() else ()


def depths(url: str, queues: Sequence[str] = QUEUES) -> dict[str, int]:
    """Messages that wait in each queue."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        return {
            queue: int(channel.queue_declare(queue, passive=True).method.message_count) for queue in queues
        }
