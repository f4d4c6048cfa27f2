"""
The probe against Debian's Orthanc, dcmtk's dcmqrscp and pynetdicom's qrscp with the same images in all of
them.

What it says of each is checked against what is known of these programs. Not proved here: caps, which none of
the three has at this size, and bad habits (test_probe_habits).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pacs_module.adapters.dicom.probe import DicomProbe, OrthancReceiver
from pacs_module.cli import app
from pacs_module.domain.probe import Verdict
from pacs_module.use_cases.probe.probe_pacs import ProbePacs
from pacs_module.use_cases.probe.questions.client import MoveTest
from stack.ports import free_ports
from stack.run_folder import RunFolder
from tests.support.images.dicom_maker import CHEST_CT, CHEST_DX, Study, store
from tests.support.pacs.real_pacs import KINDS, AskingOrthanc, RealPacs, start

pytestmark = pytest.mark.server("orthanc", "dcmtk")

DAY, BEFORE = "20200618", "20200617"
STUDIES = 36


def content() -> list[Study]:
    """
    Forty-two studies on two days; each third one has CT and PR, names are Chinese and declared as what they
    are.
    """
    studies = []
    for number in range(STUDIES + 6):
        day, time = DAY if number < STUDIES else BEFORE, f"{number * 37 % 24:02d}{number:02d}00"
        study = Study(f"{number % 7}{number:03d}", day, time=time)
        template = CHEST_DX if number % 4 == 1 else CHEST_CT
        study.add_series(2 + number % 3, template, PatientName="张三", SeriesDescription="胸部平扫")
        if number % 3 == 0:
            study.add_series(1, CHEST_CT, Modality="PR")
        studies.append(study)
    return studies


@dataclass
class Hospital:
    """The three, what lies in each, and what the probe said of them: the JSON and the profile."""

    studies: list[Study]
    answers: dict[str, dict[str, Any]]
    profiles: dict[str, str]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    folder = tmp_path_factory.mktemp("probe")
    hospital = Hospital(content(), {}, {})
    images = [image for study in hospital.studies for image in study.images]
    (port,) = free_ports(1)
    with RunFolder(folder / "run") as run:
        for kind in KINDS:
            pacs = start(kind, run, port)
            store(pacs.address, images)
            hospital.answers[kind] = probe(pacs, folder / f"{kind}.toml", port)
            hospital.profiles[kind] = (folder / f"{kind}.toml").read_text(encoding="utf-8")
        yield hospital


def probe(pacs: RealPacs, profile: Path, listen: int) -> dict[str, Any]:
    """The command's JSON."""
    peer = pacs.peer
    asked = [
        "--host",
        peer.host,
        "--port",
        str(peer.port),
        "--aet",
        peer.ae_title,
        "--calling-aet",
        peer.calling_ae_title,
    ]
    asked += ["--date", "2020-06-18", "--pause", "0", "--timeout", "10", "--profile", str(profile), "--json"]
    asked += ["--move", "--listen", str(listen)]
    result = CliRunner().invoke(app.app, ["probe", *asked], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def finding(answer: dict[str, Any], key: str) -> tuple[str, Any]:
    found = next(each for each in answer["findings"] if each["key"] == key)
    return found["verdict"], found["value"]


def recommended(answer: dict[str, Any]) -> dict[str, Any]:
    return {each["setting"]: each["value"] for each in answer["recommendations"]}


SAME = (
    "level.study",
    "level.series",
    "level.image",
    "level.patient",
    "level.series_alone",
    "match.time_range",
    "match.AccessionNumber*",
)


@pytest.mark.parametrize("kind", KINDS)
def test_what_all_three_can_do(hospital: Hospital, kind: str) -> None:
    answer = hospital.answers[kind]
    assert {key: finding(answer, key)[0] for key in SAME} == dict.fromkeys(SAME, "yes")
    assert finding(answer, "match.date_time") == ("no", "independent")
    assert finding(answer, "reliable") == ("yes", 0)
    assert finding(answer, "uid.dirty") == ("no", 0)
    assert finding(answer, "parallel") == ("yes", 4)
    assert answer["queries"] <= answer["mostQueries"] == 60
    assert answer["queries"] <= 30


def test_orthanc(hospital: Hospital) -> None:
    answer = hospital.answers["orthanc"]
    assert finding(answer, "count.study") == ("yes", "number")
    assert finding(answer, "count.series") == ("yes", "number")
    assert finding(answer, "modalities") == ("yes", "list")
    assert finding(answer, "match.modality") == ("yes", "contains")
    assert finding(answer, "match.uid_list")[0] == "yes"
    assert finding(answer, "duplicates") == ("no", 0)
    assert finding(answer, "cap") == ("not told", STUDIES + 6)
    assert finding(answer, "text.declared") == ("yes", "ISO_IR 192")
    assert finding(answer, "text.agrees") == ("yes", True)
    for keyword in (
        "SeriesDescription",
        "SliceThickness",
        "ImageType",
        "ConvolutionKernel",
        "BodyPartExamined",
        "ProtocolName",
    ):
        assert finding(answer, f"key.{keyword}") == ("yes", "filled")
    settings = recommended(answer)
    assert (settings["use_series"], settings["stability_rule"], settings["finder"]) == (
        True,
        "unchanged_count",
        "orthanc",
    )


def test_dcmqrscp_gives_neither_counts_nor_descriptions(hospital: Hospital) -> None:
    answer = hospital.answers["dcmqrscp"]
    assert finding(answer, "count.study") == ("no", "absent")
    assert finding(answer, "count.series") == ("no", "absent")
    assert finding(answer, "modalities") == ("no", "absent")
    assert finding(answer, "match.modality") == ("no", "ignored")
    assert finding(answer, "key.SeriesDescription") == ("no", "absent")
    assert finding(answer, "match.uid_list")[0] == "yes"
    assert finding(answer, "duplicates") == ("no", 0)
    settings = recommended(answer)
    assert (settings["use_series"], settings["series_level"], settings["stability_rule"]) == (
        False,
        True,
        "fixed_delay",
    )


def test_qrscp_gives_an_answer_an_image(hospital: Hospital) -> None:
    answer = hospital.answers["qrscp"]
    assert finding(answer, "count.study") == ("no", "absent")
    assert finding(answer, "modalities") == ("no", "absent")
    assert finding(answer, "duplicates")[0] == "yes"
    assert finding(answer, "match.uid_list")[0] == "no"
    assert "refused (status C320)" in json.dumps(answer)
    assert finding(answer, "key.SeriesDescription") == ("no", "absent")
    assert finding(answer, "text.sent")[0] == "not told"
    assert recommended(answer)["use_series"] is False


@pytest.mark.parametrize("kind", KINDS)
def test_a_move_brings_one_small_series(hospital: Hospital, kind: str) -> None:
    assert finding(hospital.answers[kind], "move") == ("yes", 2)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_patient_is_in_output_or_profile(hospital: Hospital, kind: str) -> None:
    printed = json.dumps(hospital.answers[kind], ensure_ascii=False)
    for study in hospital.studies:
        for value in (f"ACC{study.name}", f"PID{study.name}", study.uid, "张三", "胸部"):
            assert value not in printed
            assert value not in hospital.profiles[kind]
    assert "[settings]" in hospital.profiles[kind]


def test_without_a_port_the_receiving_orthanc_counts_what_came(run_folder: RunFolder) -> None:
    receiving = AskingOrthanc(run_folder, {})
    receiving.start()
    orthanc = start("orthanc", run_folder, receiving.ports.dicom)
    store(orthanc.address, [image for study in content()[:4] for image in study.images])
    receiver = OrthancReceiver(receiving.url, receiving.user, receiving.password, 10)
    asking = ProbePacs(DicomProbe(orthanc.peer, 10), lambda: None, time.monotonic)
    probed = asking(
        date(2020, 6, 18), date(2020, 6, 18), MoveTest(orthanc.peer.calling_ae_title, receiver.received)
    )
    assert (probed.findings["move"].verdict, probed.findings["move"].value) == (Verdict.YES, 2)
