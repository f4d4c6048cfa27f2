"""
The department and ``send-folder`` against dcmtk's storescp, as processes.

Not proved here: that a PACS indexes what it stores; the end-to-end run does that.
"""

import datetime as dt
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from hospital_sim.day import plan_day
from hospital_sim.instances import Renderer
from hospital_sim.planned_study import Content
from hospital_sim.sending.department import send_day
from hospital_sim.sending.events import Event
from hospital_sim.sending.folder import send_folder
from hospital_sim.sending.scu import Pacs, PacsUnreachableError, StoreRefusedError
from stack.ports import free_ports
from tests.support.pacs.storescp import Scp, after_meta
from tests.support.waiting import wait_for

pytestmark = pytest.mark.server("dcmtk")
DATE = dt.date(2026, 11, 21)
PLAN = plan_day("small", DATE)


@pytest.fixture
def start_scp(tmp_path: Path) -> Iterator[Callable[..., Scp]]:
    started: list[Scp] = []

    def start(*options: str) -> Scp:
        started.append(Scp(tmp_path / f"scp{len(started)}", *options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def test_the_small_day_arrives_whole_and_is_told_in_events(start_scp: Callable[..., Scp]) -> None:
    scp = start_scp("+B", "+xa")
    events: list[Event] = []
    send_day(PLAN, scp.pacs, duration_s=0, on_event=events.append)
    assert scp.per_series() == {one.uid: one.instances for study in PLAN.studies for one in study.series}
    by_study = {study.uid: [one for one in events if one.study_uid == study.uid] for study in PLAN.studies}
    for study in PLAN.studies:
        told = by_study[study.uid]
        assert told[0].kind == "study_started"
        assert (told[-1].kind, told[-1].instances) == ("study_sent", study.instances)
        ends = {one.series_uid: one.instances for one in told if one.kind == "series_sent"}
        assert ends == {one.uid: one.instances for one in study.series}
    assert [one.at for one in events] == sorted(one.at for one in events)


def test_chinese_text_is_on_the_wire_as_planned(start_scp: Callable[..., Scp]) -> None:
    scp = start_scp("+B", "+xa")
    send_day(PLAN, scp.pacs, duration_s=0)
    raw = [one.read_bytes() for one in scp.files()]
    assert any(b"\xc3\x90\xc3\x98\xc2\xb2\xc2\xbf" in one and b"ISO_IR 192" in one for one in raw)
    assert any("胸部".encode("gb18030") in one and b"GB18030" in one for one in raw)


def test_a_pacs_that_takes_only_implicit_vr_gets_it(start_scp: Callable[..., Scp]) -> None:
    scp = start_scp("+xi")
    send_day(PLAN, scp.pacs, duration_s=0)
    assert len(scp.files()) == PLAN.instances
    assert dcmread(scp.files()[0]).file_meta.TransferSyntaxUID.is_implicit_VR


def test_pacing_spreads_the_day(start_scp: Callable[..., Scp]) -> None:
    scp = start_scp()
    begin = time.monotonic()
    send_day(PLAN, scp.pacs, duration_s=5)
    assert time.monotonic() - begin > 4.9


def test_nobody_listening_is_said_with_both_ends() -> None:
    (port,) = free_ports(1)
    with pytest.raises(PacsUnreachableError, match=rf"PACS at 127\.0\.0\.1:{port}: Connection refused"):
        send_day(PLAN, Pacs("127.0.0.1", port, "PACS"), duration_s=0)


def test_a_rejected_association_is_said(start_scp: Callable[..., Scp]) -> None:
    scp = start_scp("--refuse")
    with pytest.raises(PacsUnreachableError, match="rejected the association"):
        send_day(PLAN, scp.pacs, duration_s=0)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "hospital_sim", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def at(pacs: Pacs) -> list[str]:
    return ["--host", pacs.host, "--port", str(pacs.port), "--aet", pacs.ae_title]


def test_the_command_sends_and_writes_events(start_scp: Callable[..., Scp], tmp_path: Path) -> None:
    scp = start_scp()
    events = tmp_path / "events.jsonl"
    done = run(
        "send",
        *at(scp.pacs),
        "--day",
        "small",
        "--date",
        "2026-11-21",
        "--duration",
        "0",
        "--events",
        str(events),
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    assert {line["studyUID"] for line in lines if line["event"] == "study_sent"} == {
        one.uid for one in PLAN.studies
    }
    truth = json.loads(run("plan", "--day", "small", "--date", "2026-11-21", "--json").stdout)
    assert sum(study["instances"] for study in truth) == len(scp.files())


def test_the_command_says_what_is_wrong_without_a_traceback() -> None:
    (port,) = free_ports(1)
    done = run("send", "--port", str(port), "--day", "small", "--duration", "0")
    assert done.returncode == 1
    assert f"PACS at 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
    wrong = run("plan", "--day", "huge")
    assert wrong.returncode == 2
    assert "unknown day 'huge'" in wrong.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_at_once(
    start_scp: Callable[..., Scp], tmp_path: Path, number: int
) -> None:
    scp, events = start_scp(), tmp_path / "events.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "hospital_sim", "send", *at(scp.pacs), "--day", "small", "--duration", "60",
         "--events", str(events)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(
        lambda: (events.exists() and events.read_text()) or process.poll() is not None, what="the first event"
    )
    assert process.poll() is None
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in errors


@pytest.fixture
def own_files(tmp_path: Path) -> Path:
    """Some files of a user: two studies, other transfer syntaxes, and what is no DICOM."""
    folder = tmp_path / "own"
    (folder / "deep").mkdir(parents=True)
    renderer = Renderer()
    for study in (PLAN.studies[0], PLAN.studies[4]):
        series = next(one for one in study.series if one.content is Content.THICK)
        for index, image in enumerate(renderer.series(study, series)):
            if index % 2:
                image.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)  # RLE Lossless
            image.save_as(folder / "deep" / f"{study.seed}-{index}", enforce_file_format=True)
    (folder / "notes.txt").write_text("no DICOM")
    return folder


def test_own_files_are_sent_unchanged_and_summed_up(start_scp: Callable[..., Scp], own_files: Path) -> None:
    scp, skipped = start_scp("+B", "+xa"), []
    studies = send_folder(own_files, scp.pacs, on_skip=lambda path, reason: skipped.append(path.name))
    assert skipped == ["notes.txt"]
    assert {one.study_uid: one.instances for one in studies} == {
        PLAN.studies[0].uid: 10,
        PLAN.studies[4].uid: 10,
    }
    assert all(one.dates == ["20261121"] for one in studies)
    assert {one.description for one in studies} == {"Thorax Routine", "胸部平扫"}
    assert sorted(after_meta(one) for one in scp.files()) == sorted(
        after_meta(one) for one in (own_files / "deep").iterdir()
    )


def test_a_transfer_syntax_that_the_pacs_does_not_take_is_named(
    start_scp: Callable[..., Scp], own_files: Path
) -> None:
    scp = start_scp("+xi")
    with pytest.raises((StoreRefusedError, PacsUnreachableError), match=f"PACS at 127.0.0.1:{scp.pacs.port}"):
        send_folder(own_files, scp.pacs)


def test_the_command_sends_a_folder(start_scp: Callable[..., Scp], own_files: Path) -> None:
    scp = start_scp("+xa")
    done = run("send-folder", str(own_files), *at(scp.pacs), "--json")
    assert done.returncode == 0, done.stderr
    assert "skipped" in done.stderr
    assert "notes.txt" in done.stderr
    assert [study["instances"] for study in json.loads(done.stdout)] == [10, 10]
    empty = run("send-folder", str(own_files / "nothing"), *at(scp.pacs))
    assert empty.returncode == 1
    assert "is not a folder" in empty.stderr
