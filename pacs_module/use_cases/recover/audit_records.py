"""
Audit: the store, the plugins' journal and the queue are compared; what one has lost is taken from the others
(K14).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from ...domain.errors import PermanentError, PipelineError, RetriableError, Unreadable
from ...domain.recover.consistency import (
    GIVEN,
    Comparison,
    Difference,
    JournalHandover,
    JournalPull,
    PluginRecords,
    QueueRecord,
    Remedy,
    StoreHandover,
    StoreRecords,
    compare,
    joined,
    journal_of,
)
from ...domain.study.handover import HandOver
from ...domain.study.message_state import MessageState
from ...domain.study.study import Study
from ...ports import Clock, EventLog, Puller, Queue, StudyStore
from .adopt import Adopt
from .foreign_messages import ForeignMessages

T = TypeVar("T")

MOST_TOLD = 20
"""So many studies are named in the log for each kind of difference; all of them are counted."""
_PLUGINS, _QUEUE = "plugins", "queue"


@dataclass
class AuditRecords:
    """
    Compares, mends, tells; every step may be done twice, so a kill in the middle costs nothing.

    ``workers``: so many messages may be in the hands of workers without anything in the store that says so.
    ``receivers``: the plugins of each receiving Orthanc, where there are several: one that is away is
    compared when it is back, and what it has is taken up then.
    """

    store: StudyStore
    puller: Puller
    queue: Queue
    adopt: Adopt
    clock: Clock
    log: EventLog
    workers: int
    receivers: Mapping[str, Puller] = field(default_factory=dict)
    last: Comparison | None = None
    """The newest comparison, as it was before anything was mended."""
    last_at: int = 0
    """When it was made, in epoch milliseconds."""
    _away: dict[str, str] = field(default_factory=dict)

    def __call__(self) -> Comparison:
        """
        Compare, mend what can be, and give the records the id of this installation.

        Raises:
            RetriableError: The store is away.
        """
        plugins, queue = self._plugins(), self._queue()
        found = self._compare(plugins, queue)
        self.last, self.last_at = found, self.clock.now()
        self._tell(found)
        for difference in found.differences:
            self._mend(difference, plugins)
        self._mark(found)
        return found

    def look(self) -> Comparison:
        """
        Compare only; nothing is changed.

        Raises:
            RetriableError: The store is away.
        """
        return self._compare(self._plugins(), self._queue())

    def known_to_journal(self, handover_id: str) -> JournalHandover | None:
        """A hand-over as the plugins have it; None when they do not, or do not answer."""
        told = [plugins for plugins in self._plugins().values() if plugins is not None]
        rows = (one for plugins in told for one in plugins.handovers)
        return next((one for one in rows if one.handover_id == handover_id), None)

    @cached_property
    def foreign(self) -> ForeignMessages:
        """Whether a message of the queue is another installation's; all workers share it: told once."""
        return ForeignMessages(self.store, self.known_to_journal, self.log)

    def _compare(self, plugins: Mapping[str, PluginRecords | None], queue: QueueRecord | None) -> Comparison:
        journals = {name: self._with_journal(name, told) for name, told in plugins.items()}
        everything = compare(self._store_records(None), None, queue)
        return replace(joined(journals, everything), away=dict(self._away))

    def _with_journal(self, receiver: str, plugins: PluginRecords | None) -> Comparison:
        """The journal of one receiver with what the store has of it."""
        store = self._store_records(plugins, receiver)
        if plugins is not None and plugins.installation == store.installation:
            plugins = replace(
                plugins, handovers=tuple(one for one in plugins.handovers if _concerns(one, store))
            )
        return compare(store, plugins, None)

    def _store_records(self, plugins: PluginRecords | None, receiver: str | None = None) -> StoreRecords:
        """What the store knows; of one receiver only, or (None) of all."""
        rows = _not_released(plugins)
        studies = self._known({*(one.study_uid for one in rows), *_pulled_now(plugins)})
        unreadable = self.store.unreadable()  # they are there: nothing is to be adopted in their place
        return StoreRecords(
            installation=self.store.identity().installation,
            waiting=self._all_waiting(receiver),
            pulls=self._running(receiver),
            studies=frozenset({*studies, *unreadable}),
            done=frozenset(uid for uid, study in studies.items() if _is_done(study)),
            handovers=frozenset(_taken_handovers(rows, studies.values(), unreadable)),
        )

    def _all_waiting(self, receiver: str | None) -> tuple[StoreHandover, ...]:
        waiting: list[StoreHandover] = []
        for study in self.store.handing_over():
            here = [item for item in study.handovers if item.open and self._at(item.receiver, receiver)]
            waiting.extend(_as_waiting(study, item) for item in here)
        return tuple(waiting)

    def _at(self, named: str, receiver: str | None) -> bool:
        """Whether what a document names is at this receiver; from before there were several: at the first."""
        if receiver is None or not self.receivers:
            return True
        return (named if named in self.receivers else next(iter(self.receivers))) == receiver

    def _known(self, study_uids: Iterable[str]) -> dict[str, Study]:
        """Those of the studies that the store has and can read."""
        found = {uid: self._get(uid) for uid in study_uids}
        return {uid: study for uid, study in found.items() if study is not None}

    def _running(self, receiver: str | None) -> dict[str, str]:
        """StudyInstanceUID of each pull that the store takes for running."""
        pulls = [study.pull.request for study in self.store.pulling() if study.pull is not None]
        return {one.pull_id: one.study_uid for one in pulls if self._at(one.receiver, receiver)}

    def _get(self, study_uid: str) -> Study | None:
        try:
            return self.store.get(study_uid)
        except Unreadable:
            return None

    def _plugins(self) -> dict[str, PluginRecords | None]:
        """What each receiver's plugins have, by its name; None: they do not answer."""
        if not self.receivers:
            return {"": self._ask(_PLUGINS, self.puller.audit)}
        return {name: self._ask(f"{_PLUGINS} of {name}", one.audit) for name, one in self.receivers.items()}

    def _queue(self) -> QueueRecord | None:
        return self._ask(
            _QUEUE, lambda: QueueRecord(self.queue.installation(), self.queue.depth(), self.workers)
        )

    def _ask(self, name: str, question: Callable[[], T]) -> T | None:
        """The answer, or None and the reason kept: a record that is away is compared when it is back."""
        try:
            answer = question()
        except (RetriableError, PermanentError) as error:
            self._away[name] = error.public
            return None
        self._away.pop(name, None)
        return answer

    def _mend(self, difference: Difference, plugins: Mapping[str, PluginRecords | None]) -> None:
        try:
            self._apply(difference, plugins.get(difference.receiver))
        except PermanentError as error:
            self.log.event(
                "record_not_mended", f"{difference.what}: it could not be {difference.remedy}", "ERROR",
                studyUID=difference.study_uid, named=difference.key, error=str(error),
            )  # fmt: skip

    def _apply(self, difference: Difference, plugins: PluginRecords | None) -> None:
        study_uid, key = difference.study_uid, difference.key
        match difference.remedy:
            case Remedy.ADOPT:
                self.adopt.handover(_handover_of(plugins, key).notification or {})
            case Remedy.PULL:
                self.adopt.by_pulling(study_uid, _pacs_of(plugins, study_uid))
            case Remedy.ADOPT_PULL:
                self.adopt.pull(_pull_of(plugins, key).request or {})
            case Remedy.RELEASE:
                self.puller.release(key, difference.receiver)
            case Remedy.ASK:
                self.adopt.ask_again(study_uid, key)
            case Remedy.PUBLISH:
                self.adopt.publish_again(study_uid, key)

    def _mark(self, found: Comparison) -> None:
        """The other records belong to this installation from now on, so that the next loss of one is seen."""
        each = self.receivers or {"": self.puller}
        marks = {journal_of(name): one.set_installation for name, one in each.items()}
        marks["queue"] = self.queue.set_installation
        for name in found.new_records:
            try:
                marks[name](found.installations["store"])
            except PipelineError as error:
                words = f"the {name} could not be given its installation"
                self.log.event("record_not_marked", words, "WARNING", error=str(error))

    def _tell(self, found: Comparison) -> None:
        for name in found.new_records:
            self._tell_new(name, found)
        for what in dict.fromkeys(one.what for one in found.differences):
            self._tell_differences([one for one in found.differences if one.what is what])
        if found.equal:
            words = "store, journal and queue are of one installation and know the same"
            self.log.event("records_equal", words)

    def _tell_differences(self, same: Sequence[Difference]) -> None:
        """Differences of one kind in one event."""
        what, number = same[0].what, len(same)
        remedies = sorted({str(one.remedy) for one in same})
        studies = sorted({one.study_uid for one in same} - {""})
        named = sorted(one.key for one in same if one.key)
        self.log.event(
            "records_differ",
            f"{what}: {number}; {', '.join(remedies)}",
            "WARNING",
            kind=what.name.lower(),
            number=number,
            studyUIDs=studies[:MOST_TOLD],
            named=named[:MOST_TOLD],
        )

    def _tell_new(self, name: str, found: Comparison) -> None:
        """One of the two is new: which one, the ids say as far as they can."""
        there = found.installations[name]
        if there:
            words, level = _other_store_words(found), "ERROR"
        else:
            words, level = f"the {name} is new, or was never compared before", "WARNING"
        told = {"record": name, "installation": there, "store": found.installations["store"]}
        self.log.event("record_is_new", words, level, **told)


def _concerns(one: JournalHandover, store: StoreRecords) -> bool:
    """In one installation a hand-over that was lost and is known is history."""
    return (
        one.state == GIVEN
        or one.handover_id not in store.handovers
        or any(waiting.handover_id == one.handover_id for waiting in store.waiting)
    )


def _is_done(study: Study) -> bool:
    """Whether it waits for no result, and has one."""
    states = {item.message_state for item in study.handovers}
    return MessageState.DONE in states and not any(item.open for item in study.handovers)


def _not_released(plugins: PluginRecords | None) -> list[JournalHandover]:
    """Hand-overs of the journal whose files are still needed, or were lost."""
    return [one for one in plugins.handovers if one.state != "released"] if plugins is not None else []


def _pulled_now(plugins: PluginRecords | None) -> list[str]:
    """StudyInstanceUIDs of the pulls that run in the journal."""
    return [one.study_uid for one in plugins.pulls if one.status == "running"] if plugins is not None else []


def _handover_of(plugins: PluginRecords | None, handover_id: str) -> JournalHandover:
    """The journal's hand-over that a difference names."""
    rows = plugins.handovers if plugins is not None else ()
    return {one.handover_id: one for one in rows}[handover_id]


def _pull_of(plugins: PluginRecords | None, pull_id: str) -> JournalPull:
    """The journal's pull that a difference names."""
    pulls = plugins.pulls if plugins is not None else ()
    return {one.pull_id: one for one in pulls}[pull_id]


def _pacs_of(plugins: PluginRecords | None, study_uid: str) -> str:
    """Where the journal pulled a study from last; empty: it did not say."""
    pulls = plugins.pulls if plugins is not None else ()
    told = [pull.pacs for pull in pulls if pull.study_uid == study_uid and pull.pacs]
    return told[-1] if told else ""


def _as_waiting(study: Study, item: HandOver) -> StoreHandover:
    return StoreHandover(item.handover_id, study.study_uid, item.message_state is MessageState.QUEUED)


def _other_store_words(found: Comparison) -> str:
    studies = found.counts.get("journal", {}).get("studies", 0)
    messages = found.counts.get("queue", {}).get("messages", 0)
    return (
        "this store is new, or another one than before: the plugins' journal knows "
        f"{studies} studies that are not done, the queue {messages} messages"
    )


def _taken_handovers(
    rows: Iterable[JournalHandover], studies: Iterable[Study], unreadable: Collection[str]
) -> Iterator[str]:
    """Ids of the hand-overs that the documents have, or may have where they cannot be read."""
    yield from (one.handover_id for one in rows if one.study_uid in unreadable)
    for study in studies:
        yield from study.notified
