"""
The simulated PACS as Orthanc 1.10.1 sees it: queries, pulls, and the text habits that cost Orthanc a whole
query.
"""

import datetime as dt
import json
import os
import subprocess
from collections.abc import Iterator

import pytest
import requests

from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import SimPacs
from hospital_sim.pacs.wire.text import HABITUAL
from stack.ports import free_ports
from tests.support.waiting import wait_for

pytestmark = pytest.mark.server("orthanc")
DAY = plan_busy_day(dt.date(2026, 11, 21), 60, max_slices=20, matrix=16)
CT = next(
    one for one in DAY.new_studies if one.chest and "CT" in one.modalities and one.planned.instances > 50
)
CHINESE = next(one for one in DAY.new_studies if one.planned.description == "胸部CT平扫")


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, SimPacs]]:
    """An Orthanc that decodes as Chinese by default, with the PACS as modality SIM."""
    folder = tmp_path_factory.mktemp("orthanc")
    http, dicom = free_ports(2)
    with SimPacs(DAY, destinations={"ORTHANC": ("127.0.0.1", dicom)}) as pacs:
        configuration = {
            "StorageDirectory": str(folder), "IndexDirectory": str(folder), "HttpPort": http,
            "DicomPort": dicom,
            "DicomAet": "ORTHANC",
            "RemoteAccessAllowed": False, "DefaultEncoding": "Chinese", "Plugins": [],
            "HttpServerEnabled": True,
            "DicomModalities": {"SIM": ["SIMPACS", "127.0.0.1", pacs.port]}, "DicomAlwaysAllowStore": True,
        }  # fmt: skip
        (folder / "orthanc.json").write_text(json.dumps(configuration))
        process = subprocess.Popen(
            ["/usr/sbin/Orthanc", str(folder / "orthanc.json")], env={**os.environ, "TCP_NODELAY": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        url = f"http://127.0.0.1:{http}"
        wait_for(lambda: answers(url) or process.poll() is not None, what="Orthanc to answer")
        assert process.poll() is None
        yield url, pacs
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/system", timeout=5).ok
    except requests.RequestException:
        return False


def query(url: str, level: str, keys: dict[str, str]) -> requests.Response:
    return requests.post(
        f"{url}/modalities/SIM/query", json={"Level": level, "Query": keys, "Normalize": False}, timeout=30
    )


def simplified(url: str, made: requests.Response) -> list[dict[str, str]]:
    got = requests.get(f"{url}/queries/{made.json()['ID']}/answers?expand&simplify", timeout=30)
    assert got.ok
    return list(got.json())


def test_orthanc_finds_the_day_and_pulls_a_study(orthanc: tuple[str, SimPacs]) -> None:
    url, pacs = orthanc
    pacs.habits = []
    made = query(
        url, "Study", {"StudyDate": "20261121", "StudyInstanceUID": "", "NumberOfStudyRelatedInstances": ""}
    )
    of_today = {
        one.uid: one
        for one in DAY.studies
        if f"{one.planned.started_at:%Y%m%d}" == "20261121" and not one.vanishes_at
    }
    found = {
        one["StudyInstanceUID"]: int(one["NumberOfStudyRelatedInstances"]) for one in simplified(url, made)
    }
    assert found == {uid: one.planned.instances for uid, one in of_today.items()}
    made = query(url, "Study", {"StudyInstanceUID": CT.uid})
    requests.post(
        f"{url}/queries/{made.json()['ID']}/retrieve", data="ORTHANC", timeout=60
    ).raise_for_status()
    (study,) = requests.post(
        f"{url}/tools/find", json={"Level": "Study", "Query": {"StudyInstanceUID": CT.uid}}, timeout=10
    ).json()
    assert (
        requests.get(f"{url}/studies/{study}/statistics", timeout=10).json()["CountInstances"]
        == CT.planned.instances
    )


@pytest.mark.parametrize("name", HABITUAL)
def test_text_habits_are_what_the_field_notes_say(orthanc: tuple[str, SimPacs], name: str) -> None:
    url, pacs = orthanc
    pacs.habits = [name]
    made = query(url, "Study", {"StudyInstanceUID": CHINESE.uid, "StudyDescription": ""})
    if name in ("escapes-second", "escapes-after-ir6", "gb2312-declared"):
        got = (
            requests.get(f"{url}/queries/{made.json()['ID']}/answers?expand&simplify", timeout=10)
            if made.ok
            else made
        )
        assert got.status_code == 400
        return
    (answer,) = simplified(url, made)
    right = {"gbk-undeclared", "gbk-declared-empty", "gbk-declared", "gb18030", "utf8"}
    assert (answer["StudyDescription"] == "胸部CT平扫") == (name in right)
