"""
Each kind of alarm that the operators asked for, through a whole service: told once when it is raised, once when
it is resolved, with a page that is there.

How the channels send is tests/integration/operate/test_alarm_channels.py; what exactly is an alarm, tests/unit/domain/alarm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path

import pytest

from pacs_module.adapters.queue.rabbitmq import RabbitQueue
from pacs_module.domain.alarm.alarm import Message
from pacs_module.domain.explain.outages import ServerFault
from pacs_module.domain.instants import iso
from pacs_module.domain.pull.throttle import Hours
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.message_state import MessageState
from pacs_module.domain.study.study import PacsCopy, Study
from pacs_module.service.alarming import tell_alarms
from pacs_module.service.service import Service
from pacs_module.use_cases.operate.tell_alarms import TellAlarms
from pacs_module.web.app import create_app
from tests.fakes.served import KEY, TestClient, service_on, settings_file
from tests.fakes.world import DAY, NOON, FakeClock

MINUTE_MS, WEEK_MS = 60_000, 7 * 24 * 3600 * 1000
ALL_LOOKS = 10
"""Looks that read many studies are made every so many steps."""


class HospitalClock(FakeClock):
    """On the hospital's time, with its zone."""

    def local(self) -> datetime:
        return datetime.fromtimestamp(self.at / 1000).astimezone()


@dataclass
class Hospital:
    """A service, what is told by its alarms, and the number of dead letters."""

    service: Service
    clock: HospitalClock
    step: TellAlarms
    told: list[Message]
    dead: list[int]

    def look(self) -> list[tuple[str, str]]:
        """Everything that is looked at, twice; the changes that were told so far."""
        for _ in range(2 * ALL_LOOKS):
            self.step()
        return [(one.change.value, one.alarm.key) for one in self.told]

    def study(self, number: int, at: int = NOON, **values: object) -> Study:
        """A study that was first seen at an instant."""
        day = datetime.fromtimestamp(at / 1000, self.service.settings.zone).date().isoformat()
        study = Study(f"1.2.{number}", day, modality=["CT"], first_seen_at=iso(at), pacs={"A": PacsCopy(1)})
        for name, value in values.items():
            setattr(study, name, value)
        assert self.service.store.insert(study)
        return study


@pytest.fixture
def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hospital]:
    file, dead, told = settings_file(tmp_path), [0], list[Message]()
    limits = "[alarms]\nhold_s = 0\naway_min = 1\nbacklog = 3\nresult_min = 30\ncomplete_percent = 50\n"
    file.write_text(file.read_text(encoding="utf-8") + limits, encoding="utf-8")
    monkeypatch.setattr(RabbitQueue, "dead_depth", lambda _: dead[0])
    with service_on(file) as (service, _):
        clock = HospitalClock(NOON)
        service.clock = clock  # type: ignore[assignment]
        step = tell_alarms(service)
        step.channels = {"here": told.append}
        yield Hospital(service, clock, step, told, dead)


def handed_over(completeness: str, accepted_at: str = "") -> list[HandOver]:
    item = HandOver("H", "1.2.3.4", 1, "/f", {}, "", completeness)
    item.accepted_at, item.message_state = accepted_at, MessageState.ACCEPTED
    return [item]


def a_device_is_silent(at: Hospital) -> None:
    for week in (1, 2, 3):
        at.study(week, NOON - week * WEEK_MS - MINUTE_MS)


def it_sends_again(at: Hospital) -> None:
    at.study(9, NOON - MINUTE_MS)


def the_backlog_grows(at: Hospital) -> None:
    at.study(1, state=State.META_ONLY)
    at.step()
    at.clock.pass_seconds(31 * 60)
    for number in (2, 3, 4):
        at.study(number, state=State.META_ONLY)


def it_is_pulled(at: Hospital) -> None:
    for number in (1, 2, 3, 4):
        study = at.service.store.get(f"1.2.{number}")
        assert study is not None
        study.state = State.UNSUPPORTED_SERIES
        assert at.service.store.replace(study)


def much_comes_short(at: Hospital) -> None:
    for number in range(10):
        at.study(number, handovers=handed_over("SHORT 1 of 2"))


def the_rest_comes_whole(at: Hospital) -> None:
    for number in range(10, 21):
        at.study(number, handovers=handed_over("COMPLETE"))


def a_result_is_late(at: Hospital) -> None:
    at.study(1, handovers=handed_over("COMPLETE", iso(NOON - 31 * MINUTE_MS)))


def the_result_comes(at: Hospital) -> None:
    study = at.service.store.get("1.2.1")
    assert study is not None
    study.handovers[0].message_state = MessageState.DONE
    assert at.service.store.replace(study)


def the_ram_disk_fills(at: Hospital) -> None:
    at.service.ram_disk.take("", {"alarm": True})


def it_has_room(at: Hospital) -> None:
    at.service.ram_disk.take("", {"alarm": False})


def a_delivery_is_given_up(at: Hospital) -> None:
    at.dead[0] = 1


def a_person_sent_it_again(at: Hospital) -> None:
    at.dead[0] = 0


def the_pacs_is_away(at: Hospital) -> None:
    at.service.find_loops["A"].fault = ServerFault("PACS A", "Connection refused", NOON - 2 * MINUTE_MS)


def the_pacs_is_back(at: Hospital) -> None:
    at.service.find_loops["A"].fault = None


def reconciled(missing: int) -> Callable[[Hospital], None]:
    def keep(at: Hospital) -> None:
        folder = at.service.settings.reconcile_folder
        folder.mkdir(parents=True, exist_ok=True)
        counted = {"missing": missing, "studiesInPacs": 9, "compared": True, "byCause": {}, "repaired": {}}
        told = json.dumps({**counted, "madeAt": iso(NOON), "answered": [], "lines": []})
        (folder / f"reconcile-{DAY}.json").write_text(told, encoding="utf-8")

    return keep


KINDS: dict[str, tuple[Callable[[Hospital], None], Callable[[Hospital], None]]] = {
    "silent CT of A": (a_device_is_silent, it_sends_again),
    "backlog": (the_backlog_grows, it_is_pulled),
    "completeness": (much_comes_short, the_rest_comes_whole),
    "late_results": (a_result_is_late, the_result_comes),
    "ram_disk": (the_ram_disk_fills, it_has_room),
    "dead_letters": (a_delivery_is_given_up, a_person_sent_it_again),
    "away PACS A": (the_pacs_is_away, the_pacs_is_back),
    f"reconciliation {DAY}": (reconciled(2), reconciled(0)),
}
CRITICAL = {"away PACS A"}


@pytest.mark.parametrize("key", KINDS)
def test_it_is_told_once_and_again_when_it_is_resolved(hospital: Hospital, key: str) -> None:
    begin, end = KINDS[key]
    assert hospital.look() == []
    begin(hospital)
    assert hospital.look() == [("raised", key)], "once, however often it is looked"
    page = hospital.told[0].alarm.page
    client = TestClient(create_app(hospital.service), headers={"X-API-Key": KEY, "Accept": "text/html"})
    expected = 503 if page == "/dead-letters" else 200  # they lie in RabbitMQ, which is not here
    assert client.get(page).status_code == expected
    end(hospital)
    assert hospital.look() == [("raised", key), ("resolved", key)]


@pytest.mark.parametrize("key", KINDS)
def test_in_quiet_hours_only_what_is_critical_is_told(hospital: Hospital, key: str) -> None:
    hospital.step.quiet = (Hours(time(0), time(23, 59, 59)),)
    KINDS[key][0](hospital)
    assert hospital.look() == ([("raised", key)] if key in CRITICAL else [])
    hospital.step.quiet = ()
    assert hospital.look() == [("raised", key)], "when the hours are over, if it still lasts"
