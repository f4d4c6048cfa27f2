"""
Two records, one truth: the store, the plugins' journal, the hand-over folder, the queue and Orthanc's index,
compared (K14).

Each record keeps the id of the installation, so one that was lost and made anew is noticed. What follows from
that is decided here by content alone: what one record has and another lacks is a :class:`Difference` with its
remedy, whichever of them is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import NoneType
from typing import Any

from ..json_messages.documents import from_document

GIVEN, RELEASED, LOST = "given", "released", "lost"
_TEXTS = ("handover_id", "study_uid", "state", "folder", "pull_id", "pacs", "status")
_TYPES: dict[str, Any] = dict.fromkeys(_TEXTS, str)
_TYPES |= dict.fromkeys(("files", "instances", "at"), int)
_TYPES |= dict.fromkeys(("notification", "request"), (dict, NoneType))
"""Of the values of a row; one that has others is left out."""


@dataclass(frozen=True)
class JournalHandover:
    """
    A hand-over in the plugins' journal; ``files`` lie in its folder now; ``notification`` None: not kept
    (older plugins).
    """

    handover_id: str
    study_uid: str
    state: str = GIVEN
    files: int = 0
    instances: int = 0
    folder: str = ""
    at: int = 0
    notification: dict[str, Any] | None = None

    @property
    def files_lost(self) -> bool:
        """Whether files of a hand-over that is needed are gone, all of them or some."""
        return self.state == LOST or (self.state == GIVEN and self.files < max(self.instances, 1))


@dataclass(frozen=True)
class JournalPull:
    """A pull in the plugins' journal: ``status`` running or ended; ``request`` as it was asked."""

    pull_id: str
    study_uid: str
    pacs: str = ""
    status: str = "running"
    request: dict[str, Any] | None = None


@dataclass(frozen=True)
class PluginRecords:
    """
    What ``GET /aipull/audit`` tells; ``owed``: studies whose notification or report the plugins still have to
    send.
    """

    installation: str = ""
    journal_id: str = ""
    handovers: tuple[JournalHandover, ...] = ()
    pulls: tuple[JournalPull, ...] = ()
    owed: frozenset[str] = frozenset()
    stray_folders: tuple[str, ...] = ()
    index_unknown: tuple[str, ...] = ()
    orphan_files: int = 0


@dataclass(frozen=True)
class StoreHandover:
    """
    A hand-over in the store for which a result is still to come; ``queued``: its message should be in the
    queue.
    """

    handover_id: str
    study_uid: str
    queued: bool = False


@dataclass(frozen=True)
class StoreRecords:
    """
    What the store knows: its id, the hand-overs that wait for a result, the pulls that run.

    ``studies`` and ``handovers`` are those of the plugins' records that the store knows as well; ``done``: of
    these studies those that wait for no result, and have one.
    """

    installation: str
    waiting: tuple[StoreHandover, ...] = ()
    pulls: Mapping[str, str] = field(default_factory=dict)
    """StudyInstanceUID by the pull's id."""
    studies: frozenset[str] = frozenset()
    handovers: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()


@dataclass(frozen=True)
class QueueRecord:
    """The queue: ``depth`` messages wait, at most ``held`` are in workers' hands."""

    installation: str = ""
    depth: int = 0
    held: int = 0


class Lacking(StrEnum):
    """Which record lacks what."""

    STORE_HANDOVER = "the store lacks a hand-over that the journal has"
    STORE_PULL = "the store lacks a pull that runs"
    JOURNAL_HANDOVER = "the journal lacks a hand-over that waits for a result"
    JOURNAL_PULL = "the journal lacks a pull that was asked for"
    FILES = "the hand-over folder lacks the files of a hand-over that waits for a result"
    MESSAGES = "the queue lacks messages that wait for a worker"
    STRAY_FOLDER = "the hand-over folder has a folder that no record knows"
    STRAY_STUDY = "Orthanc has a study that the journal does not know"
    ORPHAN_FILES = "Orthanc's store has files that its index does not know"


class Remedy(StrEnum):
    """What is done about it."""

    ADOPT = "adopted from the journal"
    PULL = "pulled anew and handed over whatever was handed over before"
    ADOPT_PULL = "adopted: its report is waited for"
    RELEASE = "released: the study has been handed over anew and computed"
    ASK = "asked for again"
    PUBLISH = "published again"
    DELIVERY = "the delivery finds that, and has it pulled anew"
    PLUGINS = "taken up or removed by the plugins"
    KEPT = "kept: its files are there; they stay when it is done, until the plugins' next start"


@dataclass(frozen=True)
class Difference:
    """
    ``what`` is lacking, of which study or thing (``key``: a hand-over's or pull's id, a folder, a number),
    and the remedy.
    """

    what: Lacking
    remedy: Remedy
    study_uid: str = ""
    key: str = ""
    receiver: str = ""
    """Whose journal it is about, where there are several."""


@dataclass(frozen=True)
class Comparison:
    """
    The records side by side.

    ``installations``: by record, its id ("" : it has none, so it is new); a record that does not answer
    stands in ``away``.
    """

    installations: Mapping[str, str]
    counts: Mapping[str, Mapping[str, int]]
    differences: tuple[Difference, ...] = ()
    away: Mapping[str, str] = field(default_factory=dict)

    @property
    def new_records(self) -> tuple[str, ...]:
        """The records without the store's id: they, or the store, are not what they were."""
        ours = self.installations["store"]
        return tuple(name for name, installation in self.installations.items() if installation != ours)

    @property
    def equal(self) -> bool:
        """Whether every record answers, belongs to this installation and lacks nothing."""
        return not (self.differences or self.away or self.new_records)


def journal_of(receiver: str) -> str:
    """What the journal of a receiving Orthanc is called; empty: there is one."""
    return f"journal of {receiver}" if receiver else "journal"


def joined(journals: Mapping[str, Comparison], queue: Comparison) -> Comparison:
    """
    The comparisons with several journals, and with the queue, as one.

    Args:
        journals: By receiver; each compared with what the store has of that receiver.
        queue: Of the queue with all that the store has.
    """
    installations = {"store": queue.installations["store"]}
    counts = {"store": queue.counts["store"]}
    differences: list[Difference] = []
    for receiver, one in journals.items():
        if "journal" in one.installations:
            installations[journal_of(receiver)] = one.installations["journal"]
            counts[journal_of(receiver)] = one.counts["journal"]
        differences += [replace(difference, receiver=receiver) for difference in one.differences]
    installations |= queue.installations
    counts |= queue.counts
    return Comparison(installations, counts, (*differences, *queue.differences))


def compare(store: StoreRecords, plugins: PluginRecords | None, queue: QueueRecord | None) -> Comparison:
    """
    Compare the records; one that does not answer (None) is compared with nothing.

    Args:
        store: What the store knows.
        plugins: What the plugins know.
        queue: What the queue has.
    """
    installations = {"store": store.installation}
    counts = {"store": {"waiting": len(store.waiting), "pullsRunning": len(store.pulls)}}
    found: list[Difference] = []
    if plugins is not None:
        installations["journal"] = plugins.installation
        counts["journal"] = _counts(plugins)
        found += _store_lacks(store, plugins)
        found += _plugins_lack(store, plugins)
        found += _strays(plugins)
    if queue is not None:
        installations["queue"] = queue.installation
        counts["queue"] = {"messages": queue.depth}
        found += _queue_lacks(store, queue)
    return Comparison(installations, counts, tuple(found))


def _counts(plugins: PluginRecords) -> dict[str, int]:
    given = [one for one in plugins.handovers if one.state == GIVEN]
    running = [pull for pull in plugins.pulls if pull.status == "running"]
    return {
        "handovers": len(given),
        "handoversWithFiles": sum(one.files > 0 for one in given),
        "studies": len({one.study_uid for one in given} | {pull.study_uid for pull in running}),
        "pullsRunning": len(running),
        "messagesOwed": len(plugins.owed),
    }


def _store_lacks(store: StoreRecords, plugins: PluginRecords) -> Iterator[Difference]:
    """
    Hand-overs and pulls of which this store has never heard: it was made anew, or an older copy of it was put
    in its place.

    A hand-over that was released is over, or its study is found anew; what the plugins still owe comes by
    itself.
    """
    pulled: set[str] = set()
    for one in plugins.handovers:
        if one.handover_id in store.handovers or one.state == RELEASED or one.study_uid in plugins.owed:
            continue
        remedy = _remedy(one, store, pulled)
        if remedy is Remedy.PULL:
            pulled.add(one.study_uid)
        if remedy is not None:
            yield Difference(Lacking.STORE_HANDOVER, remedy, one.study_uid, one.handover_id)
    for pull in plugins.pulls:
        if pull.status == "running" and pull.study_uid not in store.studies and pull.study_uid not in pulled:
            remedy = Remedy.PULL if pull.request is None else Remedy.ADOPT_PULL
            yield Difference(Lacking.STORE_PULL, remedy, pull.study_uid, pull.pull_id)


def _remedy(one: JournalHandover, store: StoreRecords, pulled: set[str]) -> Remedy | None:
    """What is done with a hand-over that this store has never heard of; None: nothing."""
    if one.state == GIVEN and one.files and one.notification is not None:
        return Remedy.ADOPT
    if one.study_uid not in store.studies and one.study_uid not in pulled:
        return Remedy.PULL
    return Remedy.RELEASE if one.state == GIVEN and one.study_uid in store.done else None


def _plugins_lack(store: StoreRecords, plugins: PluginRecords) -> Iterator[Difference]:
    handovers = {one.handover_id: one for one in plugins.handovers}
    pulls = {pull.pull_id for pull in plugins.pulls}
    for one in store.waiting:
        there = handovers.get(one.handover_id)
        if there is None:
            yield Difference(Lacking.JOURNAL_HANDOVER, Remedy.KEPT, one.study_uid, one.handover_id)
        elif there.files_lost:
            yield Difference(Lacking.FILES, Remedy.DELIVERY, one.study_uid, one.handover_id)
    for pull_id, study_uid in store.pulls.items():
        if pull_id not in pulls and study_uid not in plugins.owed:
            yield Difference(Lacking.JOURNAL_PULL, Remedy.ASK, study_uid, pull_id)


def _strays(plugins: PluginRecords) -> Iterator[Difference]:
    for folder in plugins.stray_folders:
        yield Difference(Lacking.STRAY_FOLDER, Remedy.PLUGINS, key=folder)
    for study_uid in plugins.index_unknown:
        yield Difference(Lacking.STRAY_STUDY, Remedy.PLUGINS, study_uid)
    if plugins.orphan_files:
        yield Difference(Lacking.ORPHAN_FILES, Remedy.PLUGINS, key=str(plugins.orphan_files))


def _queue_lacks(store: StoreRecords, queue: QueueRecord) -> Iterator[Difference]:
    """
    A queue with fewer messages than wait has lost some; nobody can say which, and one that is there twice is
    dropped.
    """
    queued = [one for one in store.waiting if one.queued]
    is_new = queue.installation != store.installation
    if not queued or (len(queued) <= queue.depth + queue.held and not is_new):
        return
    for one in queued:
        yield Difference(Lacking.MESSAGES, Remedy.PUBLISH, one.study_uid, one.handover_id)


def read_plugin_records(answer: Mapping[str, Any]) -> PluginRecords:
    """
    The answer of ``GET /aipull/audit`` as values; a row that cannot be read is left out, an absent list is
    empty.

    Args:
        answer: The JSON object.
    """
    orthanc = answer.get("orthanc")
    index = orthanc if isinstance(orthanc, Mapping) else {}
    orphans = index.get("orphanFiles")
    return PluginRecords(
        installation=str(answer.get("installation") or ""),
        journal_id=str(answer.get("journalID") or ""),
        handovers=tuple(_rows(JournalHandover, answer.get("handovers"))),
        pulls=tuple(_rows(JournalPull, answer.get("pulls"))),
        owed=frozenset(str(row.get("studyUID")) for row in _objects(answer.get("outbox"))),
        stray_folders=tuple(map(str, _list(answer.get("strayFolders")))),
        index_unknown=tuple(map(str, _list(index.get("unknown")))),
        orphan_files=orphans if isinstance(orphans, int) else 0,
    )


def _rows(kind: Any, rows: Any) -> Iterator[Any]:
    for row in _objects(rows):
        try:
            read = from_document(kind, row)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        if all(isinstance(value, _TYPES.get(name, object)) for name, value in vars(read).items()):
            yield read


def _objects(rows: Any) -> list[Mapping[str, Any]]:
    return [row for row in _list(rows) if isinstance(row, Mapping)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
