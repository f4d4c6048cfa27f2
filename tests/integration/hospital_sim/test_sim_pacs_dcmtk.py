"""
The simulated PACS against dcmtk's tools, which share no line with it, and the command line as a process.
"""

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.day import plan_day
from hospital_sim.instances import Renderer
from hospital_sim.pacs import SimPacs
from hospital_sim.pacs.wire.text import HABITUAL
from hospital_sim.planned_study import Content
from hospital_sim.sending.folder import send_folder
from hospital_sim.sending.scu import Pacs
from stack.ports import free_ports
from tests.support.pacs.storescp import Scp, after_meta

pytestmark = pytest.mark.server("dcmtk")
DATE = dt.date(2026, 11, 21)
DAY = plan_busy_day(DATE, 60, max_slices=20, matrix=16)
CHINESE = next(
    one
    for one in DAY.new_studies
    if one.planned.character_set == "GB18030" and "胸" in one.planned.description
)
CT = next(
    one for one in DAY.new_studies if one.chest and "CT" in one.modalities and one.planned.instances > 50
)
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


def dcmtk(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, timeout=30, check=False, env=ENVIRONMENT)


def query(pacs: SimPacs, program: str, *keys: str, options: tuple[str, ...] = ()) -> bytes:
    named = [word for key in keys for word in ("-k", key)]
    done = dcmtk(program, "-v", *options, "-aec", pacs.ae_title, pacs.host, str(pacs.port), *named)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def running() -> Iterator[SimPacs]:
    with SimPacs(DAY) as pacs:
        yield pacs


@pytest.fixture
def pacs(running: SimPacs) -> SimPacs:
    running.habits = []
    running.ledger.clear()
    return running


@pytest.fixture
def storescp(tmp_path: Path) -> Iterator[Scp]:
    scp = Scp(tmp_path / "received", "+B", "+xa")
    yield scp
    scp.stop()


def test_echoscu(pacs: SimPacs) -> None:
    assert dcmtk("/usr/bin/echoscu", "-aec", "SIMPACS", pacs.host, str(pacs.port)).returncode == 0


@pytest.mark.parametrize("model", ["-S", "-P"])
def test_findscu_gets_every_study_of_the_day(pacs: SimPacs, model: str) -> None:
    output = query(
        pacs,
        "/usr/bin/findscu",
        "QueryRetrieveLevel=STUDY",
        "StudyDate=20261121",
        "StudyInstanceUID",
        options=(model,),
    )
    uids = set(re.findall(rb"\(0020,000d\) UI \[([0-9.]+)", output))
    expected = {
        one.uid for one in DAY.studies if one.planned.started_at.date() == DATE and one.vanishes_at is None
    }
    assert {one.decode() for one in uids} == expected
    assert pacs.ledger.answers("STUDY") == len(expected)


@pytest.mark.parametrize("name", HABITUAL)
def test_findscu_sees_the_bytes_and_the_declaration_of_each_text_habit(pacs: SimPacs, name: str) -> None:
    pacs.habits = [name]
    output = query(
        pacs,
        "/usr/bin/findscu",
        "QueryRetrieveLevel=STUDY",
        f"StudyInstanceUID={CHINESE.uid}",
        "StudyDescription",
        options=("-S",),
    )
    answer = output[output.index(b"# Dicom-Data-Set", output.index(b"Find Response: 1")) :]
    coding = HABITUAL[name]
    assert b"[" + coding.encode(CHINESE.planned.description) in answer
    line = next((one for one in answer.splitlines() if b"SpecificCharacterSet" in one), b"")
    if coding.declared is None:
        assert not line
    else:
        assert (f"[{coding.declared}".encode() if coding.declared else b"no value available") in line


def test_findscu_sees_a_uid_with_spaces(pacs: SimPacs) -> None:
    pacs.habits = ["dirty-uid=1"]
    output = query(
        pacs,
        "/usr/bin/findscu",
        "QueryRetrieveLevel=STUDY",
        "StudyDate=20261121",
        "StudyInstanceUID",
        options=("-S",),
    )
    assert re.search(rb"\(0020,000d\) UI \[2\.25\. \d+ +\]", output)


def test_movescu_to_storescp(pacs: SimPacs, storescp: Scp) -> None:
    pacs.destinations["DEST"] = (storescp.pacs.host, storescp.pacs.port)
    output = query(
        pacs, "/usr/bin/movescu", "QueryRetrieveLevel=STUDY", f"StudyInstanceUID={CT.uid}",
        options=("-S", "-aem", "DEST", "--no-port"),
    )  # fmt: skip
    assert b"Received Final Move Response (Success)" in output
    read = [dcmread(one) for one in storescp.files()]
    expected = pacs.archive[CT.uid].sop_instance_uids(pacs.now)
    assert sorted(str(one.SOPInstanceUID) for one in read) == sorted(
        uid for uids in expected.values() for uid in uids
    )
    for one in read:
        assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID
        assert one.StudyInstanceUID == CT.uid
        if "PixelData" in one:
            assert one.pixel_array.shape == (one.Rows, one.Columns)


def test_what_was_stored_comes_back_byte_for_byte_compressed_or_not(tmp_path: Path, storescp: Scp) -> None:
    study = plan_day("small", DATE).studies[0]
    series = next(one for one in study.series if one.content is Content.THICK)
    sent = tmp_path / "sent"
    sent.mkdir()
    for number, image in enumerate(Renderer().series(study, series)):
        if number % 2:
            image.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)  # RLE Lossless
        image.save_as(sent / f"{number}.dcm", enforce_file_format=True)
    with SimPacs(ae_title="OWN", destinations={"DEST": (storescp.pacs.host, storescp.pacs.port)}) as own:
        send_folder(sent, Pacs(own.host, own.port, "OWN"))
        assert len(own.archive[study.uid].sop_instance_uids(own.now)[series.uid]) == series.instances
        query(
            own, "/usr/bin/movescu", "QueryRetrieveLevel=STUDY", f"StudyInstanceUID={study.uid}",
            options=("-S", "-aem", "DEST", "--no-port"),
        )  # fmt: skip
    assert sorted(map(after_meta, storescp.files())) == sorted(map(after_meta, sent.iterdir()))


def test_storescu_fills_the_pacs(tmp_path: Path) -> None:
    study = plan_day("small", DATE).studies[2]
    for number, image in enumerate(
        one for series in study.series for one in Renderer().series(study, series)
    ):
        image.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    with SimPacs(ae_title="OWN") as own:
        done = dcmtk("/usr/bin/storescu", "-aec", "OWN", own.host, str(own.port), "+sd", str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert own.archive[study.uid].instances_at(own.now) == study.instances


# ---------------------------------------------------------------------------------------------- the command


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "hospital_sim", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_and_ends_at_once_with_what_it_was_asked(tmp_path: Path, number: int) -> None:
    (port,) = free_ports(1)
    truth = tmp_path / "truth.json"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "hospital_sim", "run", "--studies", "60", "--date",
         "2026-11-21",
         "--port", str(port), "--aet", "WEST", "--habit", "cap=10", "--habit", "no-counts",
         "--start", "2026-11-22T06:00", "--truth", str(truth)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert re.search(rf"WEST at 127\.0\.0\.1:{port}, .* habits: cap, no-counts", process.stdout.readline())
    done = dcmtk(
        "/usr/bin/findscu",
        "-S",
        "-v",
        "-aec",
        "WEST",
        "127.0.0.1",
        str(port),
        "-k",
        "QueryRetrieveLevel=STUDY",
        "-k",
        "StudyDate=20261121",
    )
    assert done.stderr.count(b"Find Response: ") + done.stdout.count(b"Find Response: ") == 10
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert re.search(r"C-FIND\W+STUDY\W+1\W+10\W", output)
    assert "cap 1 x" in output
    assert len([one for one in json.loads(truth.read_text()) if "prior" not in str(one["oddities"])]) == 60


def test_the_command_lists_the_habits_and_says_what_is_wrong() -> None:
    listed = run("habits").stdout
    assert "gbk-undeclared" in listed
    assert all(one["name"] in listed for one in json.loads(run("habits", "--json").stdout))
    for arguments, words in (
        (("--habit", "lazy"), "unknown habit 'lazy'"),
        (("--habit", "cap=many"), "cap=many: a whole number"),
        (("--habit", "no-counts=3"), "takes no value"),
        (("--habit", "utf8", "--habit", "gb18030"), "one way only"),
        (("--move-destination", "ORTHANC"), "AET=host:port"),
    ):
        done = run("run", "--seconds", "0.1", "--port", "0", *arguments)
        assert done.returncode == 2, arguments
        assert words in " ".join(done.stderr.replace("│", " ").split()), done.stderr
        assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said(pacs: SimPacs) -> None:
    done = run("run", "--studies", "0", "--port", str(pacs.port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{pacs.port}: Address already in use" in done.stderr
