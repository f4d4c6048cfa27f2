"""
The number of the change log is journaled rarely while images come: after a crash some are read again.

What it does not prove: a crash of the real process (tests/long/receive/test_reception_kills.py does).
"""

from __future__ import annotations

from typing import Any

import pytest

from aipull.journal.receptions import ReceptionRows
from aipull.server import change_log
from pacs_module.domain.receive.reception_state import ReceptionEvent
from tests.fakes.reception_desk import Desk


@pytest.fixture(autouse=True)
def never_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """While images come the number is journaled once, at the first of them."""
    monkeypatch.setattr(change_log, "_JOURNALED_EVERY_S", 1e12)


def journaled(desk: Desk) -> int:
    return int(desk.tables.journal.meta("seq", "0"))


def test_it_is_not_journaled_for_each_step_and_is_once_nothing_comes(desk: Desk) -> None:
    desk.ask("1.2", expected=9)
    for first in (1, 3, 5):
        desk.store.add("1.2", "1.2.1", 2, first=first)
        desk.step(0.1)
    assert journaled(desk) < 6
    desk.step(0.1)
    assert journaled(desk) == 6


def test_what_is_read_again_after_a_crash_is_nothing_new(desk: Desk) -> None:
    request = desk.ask("1.2", expected=6)
    for first in (1, 3):
        desk.store.add("1.2", "1.2.1", 2, first=first)
        desk.step(0.1)
    lines = desk.lines()
    again = desk.restarted()
    again.step(0.1)
    assert again.lines() == lines
    again.store.add("1.2", "1.2.1", 2, first=5)
    again.step(0.1)
    again.end(request)
    assert [one["numberReceived"] for one in again.told("notify")] == [6]


@pytest.mark.parametrize("expected", [4, 5], ids=["whole", "short"])
def test_it_is_journaled_before_a_study_is_not_open_any_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, expected: int
) -> None:
    behind: list[bool] = []
    delete, move = ReceptionRows.delete, ReceptionRows.move

    def note(reception: Any) -> None:
        behind.append(reception.study_uid == "1.2" and journaled(desk) >= 4)

    def noted_delete(rows: ReceptionRows, reception: Any, *rest: Any) -> Any:
        note(reception)
        return delete(rows, reception, *rest)

    def noted_move(rows: ReceptionRows, reception: Any, event: Any, *rest: Any) -> Any:
        if event is ReceptionEvent.FALL_SHORT:
            note(reception)
        return move(rows, reception, event, *rest)

    monkeypatch.setattr(ReceptionRows, "delete", noted_delete)
    monkeypatch.setattr(ReceptionRows, "move", noted_move)
    request = desk.ask("1.2", expected=expected)
    desk.ask("1.3", expected=100)
    desk.store.add("1.2", "1.2.1", 4)
    desk.store.add("1.3", "1.3.1")
    desk.step(0.1)
    desk.end(request)
    for number in range(2, 12):  # the other study keeps the log from standing still
        desk.store.add("1.3", "1.3.1", first=number)
        desk.step(0.9)
    assert behind == [True]
