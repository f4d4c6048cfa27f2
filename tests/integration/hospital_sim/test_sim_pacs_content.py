"""
The simulated PACS over the network: habits about what it holds, received by dcmtk's storescp.

Not proved: what a receiver makes of it; poison kills those that this test does not start.
"""

import datetime as dt
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from hospital_sim.busy_day.day import BusyStudy
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import HABITS, SimPacs
from hospital_sim.pacs.client import Client, Moved
from hospital_sim.pacs.clock import ManualClock
from hospital_sim.pacs.content.enhanced import ENHANCED_CT
from hospital_sim.pacs.content.odd_images import BOMB_BYTES, DEFLATED, DEPTH
from hospital_sim.pacs.habits import Area
from hospital_sim.sending.scu import Pacs
from tests.support.pacs.storescp import Scp, after_meta

pytestmark = pytest.mark.server("dcmtk")
DATE = dt.date(2026, 11, 21)
DAY = plan_busy_day(DATE, 60, max_slices=20, matrix=16)
CHESTS = [one for one in DAY.wanted if one.chest]
CT = next(one for one in CHESTS if "CT" in one.modalities and not one.oddities)
(CHOSEN,) = [one for one in CT.planned.series if one.uid in CT.expected_series]


@pytest.fixture
def scp(tmp_path: Path) -> Iterator[Scp]:
    scp = Scp(tmp_path / "received", "+B", "+xa")
    yield scp
    scp.stop()


def move(scp: Scp, habit: str, study: BusyStudy = CT, series_uid: str = CHOSEN.uid) -> Moved:
    keys = {"StudyInstanceUID": study.uid, "SeriesInstanceUID": series_uid}
    with (
        SimPacs(DAY, habits=[habit], destinations={"SCP": (scp.pacs.host, scp.pacs.port)}) as pacs,
        Client(Pacs(pacs.host, pacs.port, "SIMPACS"), timeout_s=60) as scu,
    ):
        found = scu.find("SERIES", {**keys, "NumberOfSeriesRelatedInstances": ""})
        moved = scu.move("SCP", "SERIES", keys)
        images = scu.find("IMAGE", {**keys, "SOPInstanceUID": "", "InstanceNumber": "", "SOPClassUID": ""})
    assert moved.status == 0
    assert (
        found.values("NumberOfSeriesRelatedInstances") == [str(moved.completed)] == [str(len(images.answers))]
    )
    return moved


def received(scp: Scp) -> list[Dataset]:
    """In the order of InstanceNumber."""
    return sorted((dcmread(path) for path in scp.folder.iterdir()), key=lambda one: int(one.InstanceNumber))


def kinds(images: list[Dataset]) -> list[str]:
    return [str(one.ImageType[2]) for one in images]


def scout_inside(scp: Scp) -> None:
    assert move(scp, "scout-inside").completed == CHOSEN.instances + 1
    images = received(scp)
    assert kinds(images) == ["LOCALIZER", *[kinds(images)[1]] * CHOSEN.instances]
    assert "SliceThickness" not in images[0]
    assert {str(one.SeriesInstanceUID) for one in images} == {CHOSEN.uid}
    assert len({str(one.SOPInstanceUID) for one in images}) == len(images)
    move(scp, "scout-inside=last")
    assert kinds(received(scp))[-1] == "LOCALIZER"


def dose_page_inside(scp: Scp) -> None:
    assert move(scp, "dose-page-inside").completed == CHOSEN.instances + 1
    images = received(scp)
    assert Counter(str(one.SOPClassUID.name) for one in images) == {
        "CT Image Storage": CHOSEN.instances,
        "Secondary Capture Image Storage": 1,
    }
    assert kinds(images)[-1] == "OTHER"


def thickness_inside(scp: Scp) -> None:
    move(scp, "thickness-inside=4")
    odd = [one for one in received(scp) if float(one.SliceThickness) == 10.0]
    assert len(odd) == CHOSEN.instances // 4


def enhanced_ct(scp: Scp) -> None:
    moved = move(scp, "enhanced-ct=1")
    images = received(scp)
    assert len(images) == moved.completed == 8
    assert {str(one.SOPClassUID) for one in images} == {ENHANCED_CT}
    assert sum(int(one.NumberOfFrames) for one in images) == CHOSEN.instances
    for one in images:
        assert "SliceThickness" not in one
        assert one.ImageType[2] == "VOLUME"
        shared = one.SharedFunctionalGroupsSequence[0]
        assert float(shared.PixelMeasuresSequence[0].SliceThickness) == CHOSEN.thickness_mm
        assert len(one.PerFrameFunctionalGroupsSequence) == int(one.NumberOfFrames)
        assert one.pixel_array.shape == (int(one.NumberOfFrames), 16, 16)


def other_study_date(scp: Scp) -> None:
    with (
        SimPacs(DAY, habits=["other-study-date"]) as pacs,
        Client(Pacs(pacs.host, pacs.port, "SIMPACS")) as scu,
    ):
        found = scu.find("STUDY", {"StudyInstanceUID": CT.uid, "StudyDate": ""}).answers[0]
        assert not scu.find("STUDY", {"StudyInstanceUID": CT.uid, "StudyDate": "20261121"}).answers
    own = CT.planned.started_at.date()
    assert found["StudyDate"] == f"{own - dt.timedelta(days=1):%Y%m%d}"
    move(scp, "other-study-date")
    assert {str(one.StudyDate) for one in received(scp)} == {f"{own:%Y%m%d}"}


def moved_uid(scp: Scp) -> None:
    study = CHESTS[4]
    clock = ManualClock(study.complete_at)
    destinations = {"SCP": (scp.pacs.host, scp.pacs.port)}
    by_number = {"AccessionNumber": study.planned.accession_number}
    keys = {**by_number, "StudyInstanceUID": "", "NumberOfStudyRelatedInstances": ""}
    with (
        SimPacs(DAY, habits=["moved-uid"], clock=clock, destinations=destinations) as pacs,
        Client(Pacs(pacs.host, pacs.port, "SIMPACS"), timeout_s=60) as scu,
    ):
        before = scu.find("STUDY", keys).answers
        clock.advance(dt.timedelta(minutes=31))
        (after,) = scu.find("STUDY", keys).answers
        moved = scu.move("SCP", "STUDY", {"StudyInstanceUID": after["StudyInstanceUID"]})
    assert [one["StudyInstanceUID"] for one in before] == [study.uid]
    assert after["StudyInstanceUID"] != study.uid
    assert moved.completed == study.planned.instances == int(after["NumberOfStudyRelatedInstances"])
    images = received(scp)
    assert {str(one.StudyInstanceUID) for one in images} == {after["StudyInstanceUID"]}
    assert {str(one.SeriesInstanceUID) for one in images} == {one.uid for one in study.planned.series}


def poison_deep(scp: Scp) -> None:
    study = CHESTS[4]
    series_uid = study.expected_series[-1]
    move(scp, "poison-deep", study, series_uid)
    raw = max((path.read_bytes() for path in scp.folder.iterdir()), key=len)
    assert raw.count(b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff") == DEPTH
    assert raw.count(b"\xfe\xff\xdd\xe0\0\0\0\0") == DEPTH


def poison_bomb(scp: Scp) -> None:
    study = CHESTS[4]
    move(scp, "poison-bomb", study, study.expected_series[-1])
    bombs = [path for path in scp.folder.iterdir() if DEFLATED.encode() in path.read_bytes()[:400]]
    assert len(bombs) == 1
    squeezed = after_meta(bombs[0])
    assert len(squeezed) < BOMB_BYTES // 100
    inflate, size = zlib.decompressobj(-15), 0
    data = inflate.decompress(squeezed, 1 << 20)
    while data:
        size += len(data)
        data = inflate.decompress(inflate.unconsumed_tail, 1 << 24)
    assert size > BOMB_BYTES


def poison_private(scp: Scp) -> None:
    study = CHESTS[4]
    move(scp, "poison-private", study, study.expected_series[-1])
    for one in received(scp):
        assert one[0x0099, 0x0010].value == "SIMVENDOR"
        assert b"no number" in one.get_item((0x0099, 0x1001)).value
        with pytest.raises(Exception, match="multiple of bytes"):
            _ = one[0x0099, 0x1002].value


ABOUT_CONTENT: dict[str, Callable[[Scp], None]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        scout_inside, dose_page_inside, thickness_inside, enhanced_ct, other_study_date, poison_deep,
        poison_bomb,
        poison_private, moved_uid,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", ABOUT_CONTENT)
def test_a_habit_about_content_bites(scp: Scp, name: str) -> None:
    ABOUT_CONTENT[name](scp)


def test_every_habit_about_content_is_tested() -> None:
    elsewhere = {"late-series"}  # test_sim_pacs_move.py
    assert set(ABOUT_CONTENT) == {one.name for one in HABITS if one.area is Area.CONTENT} - elsewhere
