"""Who was refused at a DICOM port stands in the audit trail, once."""

from __future__ import annotations

from typing import Any

import pytest

from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.domain.audit_trail.entry import Act, Deed
from pacs_module.domain.errors import RetriableError
from pacs_module.use_cases.privacy.note_refused_senders import NoteRefusedSenders
from tests.fakes.world import FakeLog


class Trail:
    """Keeps what is written; away while ``away``."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.away = False

    def append(self, act: Act) -> None:
        if self.away:
            raise RetriableError("the disk is full")
        self.acts.append(act)


def shown(process: str, *titles: str, first: int = 1) -> dict[str, Any]:
    senders = [
        {"number": number, "aeTitle": title, "address": "10.1.2.3", "why": "not listed"}
        for number, title in enumerate(titles, start=first)
    ]
    return {"process": process, "senders": senders}


@pytest.fixture
def trail() -> Trail:
    return Trail()


def test_each_is_written_once_with_who_where_and_why(trail: Trail) -> None:
    note = NoteRefusedSenders(trail.append, MemoryLeases(), FakeLog())
    for told in (shown("p", "A"), shown("p", "A"), shown("p", "A", "B"), shown("p", "B", "C", first=2)):
        note("two", told)
    assert [act.by for act in trail.acts] == ["A", "B", "C"]
    act = trail.acts[0]
    assert (act.deed, act.way, act.address, act.status) == (Deed.SENDER_REFUSED, "DICOM", "10.1.2.3", 403)
    assert (act.action, act.note, act.failed) == ("association at two", "not listed", True)


def test_after_a_restart_and_at_another_pacs_module_none_is_written_again(trail: Trail) -> None:
    leases = MemoryLeases()
    NoteRefusedSenders(trail.append, leases, FakeLog())("", shown("p", "A", "B"))
    again = NoteRefusedSenders(trail.append, leases, FakeLog())
    again("", shown("p", "A", "B"))
    assert [act.by for act in trail.acts] == ["A", "B"]
    again("", shown("q", "A"))  # Orthanc was started again, and somebody knocked again
    again("other", shown("r", "D"))
    assert [act.by for act in trail.acts] == ["A", "B", "A", "D"]


def test_what_cannot_be_written_is_told_and_written_later(trail: Trail) -> None:
    log = FakeLog()
    note = NoteRefusedSenders(trail.append, MemoryLeases(), log)
    trail.away = True
    note("", shown("p", "A"))
    assert (trail.acts, len(log.events)) == ([], 1)
    trail.away = False
    note("", shown("p", "A"))
    assert [act.by for act in trail.acts] == ["A"]


@pytest.mark.parametrize(
    "odd",
    [None, 5, {}, {"process": 7}, {"process": "p"}, {"process": "p", "senders": 3},
     {"process": "p", "senders": [None, {"number": "1"}, {"aeTitle": "X"}]}],
)  # fmt: skip
def test_plugins_of_another_version_show_nothing_or_something_odd(trail: Trail, odd: object) -> None:
    NoteRefusedSenders(trail.append, MemoryLeases(), FakeLog())("", odd)
    assert trail.acts == []
