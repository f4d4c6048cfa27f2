"""
The simulated PACS over the network: whose images they say they are, who sends them, and what strangers push.

Not proved: what a receiver makes of it.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import HABITS, SimPacs
from hospital_sim.pacs.client import Client
from hospital_sim.pacs.clock import ManualClock
from hospital_sim.pacs.habits import Area
from hospital_sim.sending.scu import Originator, Pacs, PacsUnreachableError
from hospital_sim.sending.stranger import (
    STRANGER,
    EndlessPush,
    disguised,
    idle_associations,
    of_archive,
    of_datasets,
    push,
)
from tests.support.waiting import wait_for

DATE = dt.date(2026, 11, 21)
DAY = plan_busy_day(DATE, 60, max_slices=20, matrix=16)
CT = next(
    one
    for one in DAY.new_studies
    if one.chest and "CT" in one.modalities and not one.oddities and one.planned.instances > 50
)
CORRECTED = next(one for one in DAY.new_studies if one.corrections)
OWN = CT.planned.patient.patient_id


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[SimPacs]:
    with SimPacs(ae_title="SINK", folder=tmp_path / "received") as sink:
        yield sink


@pytest.fixture
def received(sink: SimPacs, tmp_path: Path) -> Callable[[], list[Dataset]]:
    """What lies in the receiver's folder."""
    return lambda: [dcmread(one) for one in sorted((tmp_path / "received").iterdir())]


def start(sink: SimPacs, *habits: str, clock: ManualClock | None = None) -> SimPacs:
    return SimPacs(DAY, habits=habits, destinations={"SINK": (sink.host, sink.port)}, clock=clock)


def client(pacs: SimPacs) -> Client:
    return Client(Pacs(pacs.host, pacs.port, pacs.ae_title))


def move(pacs: SimPacs, uid: str = CT.uid) -> int | None:
    with client(pacs) as scu:
        return scu.move("SINK", "STUDY", {"StudyInstanceUID": uid}).completed


def told(pacs: SimPacs, uid: str = CT.uid) -> str:
    with client(pacs) as scu:
        return scu.find("STUDY", {"StudyInstanceUID": uid, "PatientID": ""}).raw[0]["PatientID"].decode()


def patients(images: list[Dataset]) -> Counter[str]:
    return Counter(str(one.PatientID) for one in images)


Received = Callable[[], list[Dataset]]


# ---------------------------------------------------------------------------------------------- habits


def corrected_patient(sink: SimPacs, received: Received) -> None:
    with start(sink, "corrected-patient") as pacs:
        assert told(pacs) == f"OLD{OWN}".ljust(len(OWN) + 3 + (len(OWN) + 3) % 2)
        assert move(pacs) == CT.planned.instances
        first = received()
        assert patients(first) == {f"OLD{OWN}": len(first)}
        assert 0.4 * CT.planned.instances < len(first) < 0.7 * CT.planned.instances
        assert told(pacs).strip() == OWN
        assert move(pacs) == CT.planned.instances
    assert patients(received()) == {OWN: CT.planned.instances}


def patient_half(sink: SimPacs, received: Received) -> None:
    half = CT.planned.instances // 3
    for word, other in (("other", f"X{OWN}"), ("empty", ""), ("before", OWN), ("behind", OWN)):
        with start(sink, f"patient-half={word}") as pacs:
            assert told(pacs).strip() == OWN
            move(pacs)
        images = received()
        assert patients(images)[other] >= half
        assert len(images) == CT.planned.instances
        assert len({str(one.StudyInstanceUID) for one in images}) == 1
    folder = Path(sink._context.store._folder or "")
    for word, blanks in (("before", f"  {OWN}".encode()), ("behind", f"{OWN}   ".encode())):
        with start(sink, f"patient-half={word}") as pacs:
            move(pacs)
        padded = [path for path in folder.iterdir() if blanks in path.read_bytes()]  # pydicom strips them
        assert len(padded) >= half


def stale_headers(sink: SimPacs, received: Received) -> None:
    at = CORRECTED.corrections[0].at + dt.timedelta(days=1)
    old, new = CORRECTED.planned.patient.patient_id, dict(CORRECTED.corrections[0].attributes)["PatientID"]
    for habits, expected in (((), new), (("stale-headers",), old)):
        with start(sink, *habits, clock=ManualClock(at)) as pacs:
            assert told(pacs, CORRECTED.uid).strip() == new
            move(pacs, CORRECTED.uid)
        assert set(patients(received())) == {expected}


ABOUT_IDENTITY = {
    function.__name__.replace("_", "-"): function
    for function in (corrected_patient, patient_half, stale_headers)
}


@pytest.mark.parametrize("name", ABOUT_IDENTITY)
def test_a_habit_about_identity_bites(sink: SimPacs, received: Received, name: str) -> None:
    ABOUT_IDENTITY[name](sink, received)


def test_every_habit_about_identity_is_tested() -> None:
    assert set(ABOUT_IDENTITY) == {one.name for one in HABITS if one.area is Area.IDENTITY}


def test_without_a_habit_the_images_are_the_patients_that_is_told(sink: SimPacs, received: Received) -> None:
    with start(sink) as pacs:
        assert told(pacs).strip() == OWN
        move(pacs)
    assert patients(received()) == {OWN: CT.planned.instances}


# ---------------------------------------------------------------------------------------------- strangers


def test_a_stranger_pushes_under_the_uids_of_a_real_study(sink: SimPacs, received: Received) -> None:
    with start(sink) as pacs:
        images = of_archive(pacs.archive[CT.uid], pacs.now, CT.expected_series[0])
        pushed = disguised(images, patient_id="P0", new_instances=True)
        assert push(pushed, Pacs(sink.host, sink.port, "SINK"), originator=Originator("AIPULL", 7)) == len(
            images
        )
        assert {one.calling for one in sink.ledger.of("C-STORE")} == {STRANGER}
        assert {one.keys["MoveOriginator"] for one in sink.ledger.of("C-STORE")} == {"AIPULL"}
        move(pacs)
    found = received()
    assert patients(found) == {"P0": len(images), OWN: CT.planned.instances}
    assert {str(one.StudyInstanceUID) for one in found} == {CT.uid}
    assert len({str(one.SOPInstanceUID) for one in found}) == len(found)


def test_a_stranger_pushes_other_pixels_under_the_same_instances(sink: SimPacs, received: Received) -> None:
    with start(sink) as pacs:
        move(pacs)
        before = {str(one.SOPInstanceUID): one.PixelData for one in received() if "PixelData" in one}
        images = of_archive(pacs.archive[CT.uid], pacs.now, CT.expected_series[0])
        push(
            disguised(images, other_pixels=True),
            Pacs(sink.host, sink.port, "SINK"),
            "MODALITY",
            address="127.0.0.3",
        )
    after = {str(one.SOPInstanceUID): one.PixelData for one in received() if "PixelData" in one}
    assert after.keys() == before.keys()
    assert {uid for uid in after if after[uid] != before[uid]} == {one.sop_instance for one in images}
    assert {one.address for one in sink.ledger.of("C-STORE") if one.calling == "MODALITY"} == {"127.0.0.3"}


def test_datasets_can_be_pushed_too(sink: SimPacs, received: Received) -> None:
    with start(sink) as pacs:
        move(pacs)
    some = received()[:3]
    pushed = disguised(of_datasets(some), patient_id="", new_instances=True)
    assert push(pushed, Pacs(sink.host, sink.port, "SINK")) == 3
    assert patients(received())[""] == 3


def test_idle_associations_are_held_open(sink: SimPacs) -> None:
    sink.habits = ["one-association=3"]
    to = Pacs(sink.host, sink.port, "SINK")
    with idle_associations(to, 5) as opened:
        assert opened == 3
        with pytest.raises(PacsUnreachableError, match="rejected"), Client(to):
            pass
    with Client(to) as scu:
        assert scu.echo() == 0


def test_a_push_that_never_ends_is_never_an_image(sink: SimPacs) -> None:
    with start(sink) as pacs:
        image = of_archive(pacs.archive[CT.uid], pacs.now, CT.expected_series[0])[0]
    endless = EndlessPush(image, Pacs(sink.host, sink.port, "SINK"), pause_s=0.01)
    endless.start()
    wait_for(lambda: endless.sent > 3 * len(image.data), what="it has sent more than the image has bytes")
    assert endless.error is None
    assert not sink.ledger.of("C-STORE")
    with Client(Pacs(sink.host, sink.port, "SINK")) as scu:
        assert scu.echo() == 0  # another one is served meanwhile
    endless.end()
    assert not sink.ledger.of("C-STORE")
