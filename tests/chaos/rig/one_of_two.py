"""
Two pacs_module on one store, and one of them dies or stands still at a place: the other does the work.

``dies``: it is started again only when everything is settled. ``stands_still``: it is stopped for longer than
its leases, until the other has taken over what it had; then it goes on where it was and meets what has
happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

from pacs_module.adapters.stores.by_url import open_store
from pacs_module.adapters.stores.leases import leases_of
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.ports import Leases, StudyStore
from tests.chaos.audit.auditor import Wanted, read_documents, read_record, unfinished
from tests.chaos.rig.harness import FIRST, SECOND, Rig
from tests.chaos.rig.small_day import Day

_PAIR = (FIRST, SECOND)


def dies(rig: Rig, place: str, name: str) -> tuple[float, Day, Callable[[], None]]:
    """One dies; when it did, the day, and what is to be done when all of that is settled: start it again."""
    rig.arm(place, "kill")
    day = rig.send_day(name)
    rig.wait_reached(place)
    rig.wait(lambda: len(_living(rig)) == 1, f"one of two has killed itself at {place}")
    hit_at = time.monotonic()
    (victim,) = set(_PAIR) - _living(rig)

    def start_again() -> None:
        rig.servers[victim].kill()  # what it had started
        rig.servers[victim].start()

    return hit_at, day, start_again


def stands_still(rig: Rig, place: str, name: str) -> tuple[float, Day, Callable[[], None]]:
    """
    One stands still until the other has done its work; when it began to, the day, and nothing more to do
    then.
    """
    waits = rig.faults / f"{place}.waits"
    rig.arm(place, str(waits))
    day = rig.send_day(name)
    rig.wait(lambda: bool(_text(waits)), f"a process waits at {place}")
    pid = _text(waits)
    (victim,) = (one for one in _PAIR if str(rig.process(one).pid) == pid)
    hit_at = time.monotonic()
    with closing(open_store(rig.stack.pacs_module.settings()["store"]["url"])) as store:
        leases = leases_of(store)
        with _nobody_writes(store):
            rig.freeze(victim)
        waits.unlink()
        rig.lead_past(victim)
        try:
            rig.wait(lambda: not _is_present(leases, pid), "the other has taken over what it had claimed")
            rig.wait(
                lambda: DONE_BY_OTHER[place](rig, day.wanted), f"the other has done what it had at {place}"
            )
        finally:
            rig.thaw(victim)
            rig.lead_past()
        rig.wait(lambda: _is_present(leases, pid), "it is back")
    return hit_at, day, lambda: None


def _living(rig: Rig) -> set[str]:
    return {name for name in _PAIR if rig.process(name).is_alive()}


def _text(file: Path) -> str:
    return file.read_text(encoding="ascii") if file.exists() else ""


def _nobody_writes(store: StudyStore) -> AbstractContextManager[object]:
    """
    A process that is stopped while it holds SQLite's write lock keeps everybody from writing: nothing to be
    tested here.
    """
    return store.writing() if isinstance(store, SqliteStore) else nullcontext()


def _is_present(leases: Leases, pid: str) -> bool:
    """Whether the store says that this process lives."""
    return any(lease.name.startswith("process ") and f":{pid}:" in lease.name for lease in leases.all())


# --- what the other has to have done before the first one goes on ---


def _pulled(rig: Rig, wanted: Sequence[Wanted]) -> bool:
    """Every study of the day was asked for and has come."""
    documents = read_documents(rig.store)
    return all(documents.get(study.study_uid, {}).get("handovers") for study in wanted)


def _computed(rig: Rig, wanted: Sequence[Wanted]) -> bool:
    """What the backend has accepted is computed, and the result written down."""
    taken = {
        entry["studyUID"] for entry in read_record(rig.stack.backend.record) if entry["event"] == "accepted"
    }
    documents = read_documents(rig.store)
    of_the_day = [study.study_uid for study in wanted if study.study_uid in taken]
    return bool(of_the_day) and all(documents[uid].get("state") == "completed" for uid in of_the_day)


def _settled(rig: Rig, wanted: Sequence[Wanted]) -> bool:
    """Everything."""
    documents = read_documents(rig.store)
    return not any(unfinished(documents.get(study.study_uid)) for study in wanted)


DONE_BY_OTHER: Mapping[str, Callable[[Rig, Sequence[Wanted]], bool]] = {
    "claimed": _pulled,
    "pull_asked": _pulled,
    "posted": _computed,
    "consumed": _settled,
}
"""
By place. A message that it holds comes to the other when RabbitMQ has missed its heartbeats, after a minute
or two.
"""
