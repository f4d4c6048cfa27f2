"""
The simulated PACS over the network: C-STORE, C-MOVE, and that every habit about moving shows.

The receiver is a second simulated PACS, so that both directions are used; the dcmtk tests use a foreign one.
"""

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian

from hospital_sim.busy_day.day import Oddity
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.day import plan_day
from hospital_sim.pacs import HABITS, SimPacs
from hospital_sim.pacs.call import Memory
from hospital_sim.pacs.client import Client, Moved
from hospital_sim.pacs.clock import ManualClock
from hospital_sim.pacs.habits import Area
from hospital_sim.sending.department import send_day
from hospital_sim.sending.scu import Association, Pacs, PacsUnreachableError
from tests.support.waiting import wait_for

DATE = dt.date(2026, 11, 21)
DAY = plan_busy_day(DATE, 60, max_slices=20, matrix=16)
CT = next(
    one
    for one in DAY.new_studies
    if one.chest and "CT" in one.modalities and not one.oddities and one.planned.instances > 50
)
DX = next(one for one in DAY.new_studies if one.chest and "DX" in one.modalities and not one.oddities)
OF_CT = {"StudyInstanceUID": CT.uid}
SUCCESS, FAILURES = 0x0000, 0xB000


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[SimPacs, SimPacs]]:
    with (
        SimPacs(ae_title="SINK") as sink,
        SimPacs(DAY, destinations={"SINK": (sink.host, sink.port)}) as pacs,
    ):
        yield pacs, sink


@pytest.fixture
def pacs(both: tuple[SimPacs, SimPacs]) -> SimPacs:
    pacs, sink = both
    pacs.habits = []
    pacs.ledger.clear()
    pacs._context.memory = Memory()
    sink.ledger.clear()
    return pacs


@pytest.fixture
def sink(both: tuple[SimPacs, SimPacs]) -> SimPacs:
    return both[1]


def address(pacs: SimPacs) -> Pacs:
    return Pacs(pacs.host, pacs.port, pacs.ae_title)


def move(
    pacs: SimPacs,
    keys: Mapping[str, str] = OF_CT,
    level: str = "STUDY",
    destination: str = "SINK",
    **options: Any,
) -> Moved:
    with Client(address(pacs), timeout_s=options.pop("timeout_s", 10.0)) as scu:
        return scu.move(destination, level, keys, **options)


def arrived(sink: SimPacs) -> Counter[str]:
    return Counter(one.keys["SOPInstanceUID"] for one in sink.ledger.of("C-STORE"))


def held(pacs: SimPacs, uid: str = CT.uid, series: str | None = None) -> set[str]:
    all_of_it = pacs.archive[uid].sop_instance_uids(pacs.now)
    return {one for series_uid, uids in all_of_it.items() if series in (None, series_uid) for one in uids}


# ---------------------------------------------------------------------------------------------- no habit


def test_a_study_arrives_whole_and_is_told_image_by_image(pacs: SimPacs, sink: SimPacs) -> None:
    moved = move(pacs)
    total = CT.planned.instances
    assert (moved.status, moved.completed, moved.failed) == (SUCCESS, total, 0)
    assert set(arrived(sink)) == held(pacs)
    assert [one[:2] for one in moved.pending] == [(total - done, done) for done in range(1, total + 1)]
    (entry,) = pacs.ledger.moves
    assert (entry.level, entry.answers, entry.status) == ("STUDY", total, SUCCESS)
    assert {one.keys["MoveOriginator"] for one in sink.ledger.of("C-STORE")} == {"CLIENT"}
    assert {one.calling for one in sink.ledger.of("C-STORE")} == {"SIMPACS"}


def test_series_and_lists_of_images(pacs: SimPacs, sink: SimPacs) -> None:
    one, other = CT.planned.series[1:3]
    assert move(pacs, {**OF_CT, "SeriesInstanceUID": f"{one.uid}\\{other.uid}"}, "SERIES").status == SUCCESS
    assert set(arrived(sink)) == held(pacs, series=one.uid) | held(pacs, series=other.uid)
    sink.ledger.clear()
    some = sorted(held(pacs, series=other.uid))[:7]
    moved = move(pacs, {**OF_CT, "SeriesInstanceUID": other.uid, "SOPInstanceUID": "\\".join(some)}, "IMAGE")
    assert moved.completed == 7
    assert sorted(arrived(sink)) == some


def test_several_studies_and_a_whole_patient(pacs: SimPacs, sink: SimPacs) -> None:
    assert move(pacs, {"StudyInstanceUID": f"{CT.uid}\\{DX.uid}"}).status == SUCCESS
    assert set(arrived(sink)) == held(pacs) | held(pacs, DX.uid)
    sink.ledger.clear()
    move(pacs, {"PatientID": DX.planned.patient.patient_id}, "PATIENT", patient_root=True)
    assert set(arrived(sink)) >= held(pacs, DX.uid)


def test_what_cannot_be_moved(pacs: SimPacs, sink: SimPacs) -> None:
    assert move(pacs, destination="NOBODY").status == 0xA801
    assert move(pacs, {}).status == 0xA900
    nothing = move(pacs, {"StudyInstanceUID": "1.2.3"})
    assert (nothing.status, nothing.completed) == (SUCCESS, 0)
    assert not arrived(sink)


def test_a_receiver_that_is_down_makes_every_suboperation_fail(pacs: SimPacs) -> None:
    pacs.destinations["DOWN"] = ("127.0.0.1", 1)
    moved = move(pacs, destination="DOWN")
    assert (moved.status, moved.completed, moved.failed) == (FAILURES, 0, CT.planned.instances)
    assert set(moved.failed_uids) == held(pacs)


def test_only_what_has_arrived_is_moved(both: tuple[SimPacs, SimPacs]) -> None:
    _, sink = both
    sink.ledger.clear()
    late = next(one for one in DAY.new_studies if Oddity.LATE_SERIES in one.oddities)
    before = max(late.arrivals, key=lambda one: one.begins_at).begins_at - dt.timedelta(seconds=1)
    clock = ManualClock(before)
    with SimPacs(DAY, destinations={"SINK": (sink.host, sink.port)}, clock=clock) as own:
        first = move(own, {"StudyInstanceUID": late.uid}).completed
        clock.set(late.complete_at)
        assert first is not None
        assert move(own, {"StudyInstanceUID": late.uid}).completed == late.planned.instances > first
    assert len(arrived(sink)) == late.planned.instances


def test_text_habits_are_in_the_images_too(both: tuple[SimPacs, SimPacs], tmp_path: Path) -> None:
    chinese = next(one for one in DAY.new_studies if one.planned.character_set == "GB18030" and one.chest)
    with (
        SimPacs(ae_title="FILES", folder=tmp_path) as files,
        SimPacs(DAY, habits=["gbk-as-latin1"], destinations={"FILES": (files.host, files.port)}) as own,
    ):
        assert move(own, {"StudyInstanceUID": chinese.uid}, destination="FILES").status == SUCCESS
    raw = [one.read_bytes() for one in tmp_path.iterdir()]
    assert len(raw) == chinese.planned.instances
    assert all(b"ISO_IR 100" in one for one in raw)
    assert any("胸".encode("gbk") in one or "肺".encode("gbk") in one for one in raw)
    assert dcmread(next(tmp_path.iterdir())).StudyInstanceUID == chinese.uid


# ---------------------------------------------------------------------------------------------- C-STORE


def test_a_department_sends_its_day_and_finds_it_again() -> None:
    plan = plan_day("small", DATE)
    with SimPacs(ae_title="PACS") as own, SimPacs(ae_title="SINK") as sink:
        own.destinations["SINK"] = (sink.host, sink.port)
        send_day(plan, address(own), duration_s=0)
        assert len(own.ledger.of("C-STORE")) == plan.instances
        with Client(address(own)) as scu:
            found = scu.find("STUDY", {
                "StudyDate": "20261121", "StudyInstanceUID": "", "StudyDescription": "",
                "NumberOfStudyRelatedInstances": "",
                "ModalitiesInStudy": "", "PatientName": "",
            })  # fmt: skip
            for study in plan.studies:
                answer = next(one for one in found.answers if one["StudyInstanceUID"] == study.uid)
                assert answer["NumberOfStudyRelatedInstances"] == str(study.instances)
                assert answer["StudyDescription"] == study.description
                assert answer["PatientName"] == study.patient.name
                assert scu.move("SINK", "STUDY", {"StudyInstanceUID": study.uid}).completed == study.instances
        for study in plan.studies:
            assert sink.archive[study.uid].sop_instance_uids(sink.now) == own.archive[
                study.uid
            ].sop_instance_uids(own.now)


# ---------------------------------------------------------------------------------------------- habits


def success_all_failed(pacs: SimPacs, sink: SimPacs) -> None:
    moved = move(pacs)
    assert (moved.status, moved.completed, moved.failed) == (SUCCESS, 0, CT.planned.instances)
    assert not arrived(sink)
    assert move(pacs).completed == CT.planned.instances
    assert set(arrived(sink)) == held(pacs)


def b000(pacs: SimPacs, sink: SimPacs) -> None:
    moved = move(pacs)
    assert moved.status == FAILURES
    assert moved.failed is not None
    assert 1 <= moved.failed <= CT.planned.instances // 5
    assert set(moved.failed_uids) == held(pacs) - set(arrived(sink))
    assert move(pacs).status == SUCCESS
    assert set(arrived(sink)) == held(pacs)
    pacs.habits = ["move-b000=10x*"]
    assert [move(pacs).status for _ in range(3)] == [FAILURES] * 3


def zero(pacs: SimPacs, sink: SimPacs) -> None:
    moved = move(pacs)
    assert (moved.status, moved.completed, moved.failed, arrived(sink)) == (SUCCESS, 0, 0, {})
    assert move(pacs).completed == CT.planned.instances


def late_images(pacs: SimPacs, sink: SimPacs) -> None:
    pacs.habits = ["move-late-images=3"]  # longer than a busy machine keeps us from looking after the end
    moved = move(pacs)
    assert len(arrived(sink)) < CT.planned.instances
    assert (moved.status, moved.completed) == (SUCCESS, CT.planned.instances)
    wait_for(lambda: set(arrived(sink)) == held(pacs), what="the late ones")


def announces_more(pacs: SimPacs, sink: SimPacs) -> None:
    with Client(address(pacs)) as scu:
        study = scu.find(
            "STUDY", {**OF_CT, "NumberOfStudyRelatedInstances": "", "ModalitiesInStudy": ""}
        ).answers[0]
        series = scu.find("SERIES", {**OF_CT, "NumberOfSeriesRelatedInstances": ""})
    assert int(study["NumberOfStudyRelatedInstances"]) == CT.planned.instances + 2
    assert "KO" in study["ModalitiesInStudy"]
    assert sum(map(int, series.values("NumberOfSeriesRelatedInstances"))) == CT.planned.instances
    moved = move(pacs)
    assert (moved.status, moved.completed) == (SUCCESS, CT.planned.instances)
    assert moved.pending[-1][0] == 2


def drops_nth(pacs: SimPacs, sink: SimPacs) -> None:
    moved = move(pacs)
    missing = held(pacs) - set(arrived(sink))
    assert (moved.status, moved.completed, moved.failed) == (SUCCESS, CT.planned.instances, 0)
    assert CT.planned.instances // 8 <= len(missing) <= CT.planned.instances // 3
    move(pacs)
    assert set(arrived(sink)) == held(pacs)
    pacs.habits = ["move-drops-nth=1x2"]
    pacs._context.memory = Memory()
    sink.ledger.clear()
    assert [move(pacs, {"StudyInstanceUID": DX.uid}).status for _ in range(2)] == [SUCCESS] * 2
    assert not arrived(sink)
    move(pacs, {"StudyInstanceUID": DX.uid})
    assert set(arrived(sink)) == held(pacs, DX.uid)


def drops_series(pacs: SimPacs, sink: SimPacs) -> None:
    last = CT.planned.series[-1]
    moved = move(pacs)
    assert (moved.status, moved.completed) == (SUCCESS, CT.planned.instances)
    assert held(pacs) - set(arrived(sink)) == held(pacs, series=last.uid)
    move(pacs)
    assert set(arrived(sink)) == held(pacs)


def dies(pacs: SimPacs, sink: SimPacs) -> None:
    moved = move(pacs)
    assert moved.status is None
    assert 0 < len(arrived(sink)) < CT.planned.instances
    assert pacs.ledger.moves[-1].habits == ("move-dies",)
    assert move(pacs).status == SUCCESS


def silent(pacs: SimPacs, sink: SimPacs) -> None:
    pacs.habits = ["move-silent=0.6"]
    begin = time.monotonic()
    assert move(pacs, {"StudyInstanceUID": DX.uid}).status == SUCCESS
    assert time.monotonic() - begin >= 0.6
    assert set(arrived(sink)) == held(pacs, DX.uid)
    assert move(pacs, timeout_s=0.2).status is None
    wait_for(lambda: len(pacs.ledger.moves) == 2, what="the PACS notices that the caller has hung up")


def slow(pacs: SimPacs, sink: SimPacs) -> None:
    pacs.habits = ["move-slow=0.01"]
    begin = time.monotonic()
    move(pacs)
    assert time.monotonic() - begin >= 0.01 * CT.planned.instances


def no_pending(pacs: SimPacs, sink: SimPacs) -> None:
    moved = move(pacs)
    assert (moved.status, moved.pending, len(arrived(sink))) == (SUCCESS, [], CT.planned.instances)


def no_originator(pacs: SimPacs, sink: SimPacs) -> None:
    move(pacs)
    assert {one.keys.get("MoveOriginator") for one in sink.ledger.of("C-STORE")} == {None}


def refused(pacs: SimPacs, sink: SimPacs) -> None:
    assert move(pacs).status == 0xA702
    assert not arrived(sink)
    assert move(pacs).status == SUCCESS


def fails(pacs: SimPacs, sink: SimPacs) -> None:
    assert [move(pacs).status for _ in range(2)] == [0xA801] * 2
    for status in ("A702", "0122", "C000"):
        pacs.habits = [f"move-fails={status}x1"]
        pacs._context.memory = Memory()
        assert [move(pacs, {"StudyInstanceUID": DX.uid}).status for _ in range(2)] == [
            int(status, 16),
            SUCCESS,
        ]
    pacs.habits = ["move-fails=A801:600s"]
    assert move(pacs).status == 0xA801
    pacs._context.started -= 600
    assert move(pacs, {"StudyInstanceUID": DX.uid}).status == SUCCESS
    pacs.habits = ["move-fails=abort"]
    assert move(pacs).status is None
    pacs.habits = ["move-fails=reject"]
    with pytest.raises(PacsUnreachableError, match="rejected"):
        move(pacs)
    assert not set(arrived(sink)) & held(pacs)
    find_only = Association(
        address(pacs), "FINDER", [("1.2.840.10008.5.1.4.1.2.2.1", (ImplicitVRLittleEndian,))]
    )
    with find_only:
        assert find_only.accepted("1.2.840.10008.5.1.4.1.2.2.1")


def ends_early(pacs: SimPacs, sink: SimPacs) -> None:
    moved = move(pacs)
    assert moved.status == 0xC000
    assert moved.completed == len(arrived(sink)) == (CT.planned.instances + 1) // 2
    assert move(pacs).status == SUCCESS
    assert set(arrived(sink)) == held(pacs)
    pacs.habits = ["move-ends-early=abort"]
    assert [move(pacs).status for _ in range(2)] == [None, None]


def other_title(pacs: SimPacs, sink: SimPacs) -> None:
    move(pacs)
    assert {one.calling for one in sink.ledger.of("C-STORE")} == {"NODE2"}


def other_address(pacs: SimPacs, sink: SimPacs) -> None:
    move(pacs)
    assert {one.address for one in sink.ledger.of("C-STORE")} == {"127.0.0.2"}
    pacs.habits = []
    sink.ledger.clear()
    move(pacs)
    assert {one.address for one in sink.ledger.of("C-STORE")} == {"127.0.0.1"}


ABOUT_MOVING = {
    "move-" + function.__name__.replace("_", "-"): function
    for function in (
        success_all_failed, b000, zero, late_images, announces_more, drops_nth, dies, silent, slow,
        no_pending, no_originator,
        refused, drops_series, fails, ends_early, other_title, other_address,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", ABOUT_MOVING)
def test_a_habit_about_moving_bites(pacs: SimPacs, sink: SimPacs, name: str) -> None:
    pacs.habits = [name]
    ABOUT_MOVING[name](pacs, sink)


def test_every_habit_about_moving_is_tested() -> None:
    assert set(ABOUT_MOVING) == {one.name for one in HABITS if one.area is Area.MOVE}


def test_habits_that_combine(pacs: SimPacs, sink: SimPacs) -> None:
    pacs.habits = ["move-drops-nth=5", "move-b000=7", "move-no-pending", "move-no-originator", "move-zero"]
    statuses = [move(pacs).status for _ in range(4)]
    assert statuses[0] == SUCCESS
    assert statuses[1] == FAILURES
    assert statuses[3] == SUCCESS
    assert set(arrived(sink)) == held(pacs)


def test_the_series_to_be_computed_comes_late(both: tuple[SimPacs, SimPacs]) -> None:
    with (
        SimPacs(DAY, habits=["late-series=30"], clock=ManualClock(CT.complete_at)) as own,
        Client(address(own)) as scu,
    ):
        keys = {**OF_CT, "SeriesInstanceUID": "", "SeriesDate": "", "SeriesTime": ""}
        early = scu.find("SERIES", keys)
        assert not set(CT.expected_series) & set(early.values("SeriesInstanceUID"))
        own.advance(dt.timedelta(hours=30))
        late = scu.find("SERIES", keys)
    assert set(CT.expected_series) < set(late.values("SeriesInstanceUID"))
    assert len(set(late.values("SeriesDate"))) == 2


def test_no_association_or_thread_is_left(pacs: SimPacs, sink: SimPacs) -> None:
    for _ in range(3):
        move(pacs, {"StudyInstanceUID": DX.uid})
    wait_for(
        lambda: not any("AcceptorThread" in one.name for one in threading.enumerate()),
        what="the end of all associations",
    )
    moments = [one.at for one in sink.ledger.entries]
    assert all(one <= other for one, other in pairwise(moments))
