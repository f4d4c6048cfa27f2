"""
The commands of people who tune and look: rehearse, rules, status, top, logs, doctor; in one process, with the
real store and files, the service behind a real uvicorn where one is asked.
"""

from __future__ import annotations

import io
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import uvicorn
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pacs_module.adapters.stores.judged_headers import records_of
from pacs_module.cli import app, common, look_at, rehearse
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.explain.checkup import (
    Health,
    judge_clock,
    judge_disk,
    judge_health,
    judge_result_timeout,
    judge_rules,
    judge_study_times,
    judge_versions,
)
from pacs_module.domain.explain.log_station import Station, station_of
from pacs_module.domain.rehearse.record import RECEPTION, JudgedStudy, encode, header
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import Study
from pacs_module.ports import StoredRecord
from pacs_module.service.service import Service
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.web.app import create_app
from stack.ports import free_ports
from tests.fakes.pipeline import answer, series_answer
from tests.fakes.served import service_on, settings_file
from tests.fakes.world import DAY, FakePacs
from tests.support.waiting import wait_for

UID = "1.2.840.113619.2.55.3.604688119.971.1449676001.417"
TODAY = datetime.now(UTC)


class Said:
    """Runs ``pacs-module`` as its entry point does."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
    ) -> None:
        self._monkeypatch, self._capsys, self._file = monkeypatch, capsys, file
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        self._monkeypatch.setattr(sys, "argv", ["pacs-module", *arguments, "--settings", str(self._file)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        self.out, self.err = self._capsys.readouterr()
        return int(ended.value.code or 0)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = settings_file(tmp_path, free_ports(1)[0])
    site = tmp_path / "site_config.py"
    site.write_text("# ours\n", encoding="utf-8")
    file.write_text(f'site_config = "{site}"\n{file.read_text(encoding="utf-8")}', encoding="utf-8")
    return file


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: Path) -> Said:
    return Said(monkeypatch, capsys, settings)


@pytest.fixture
def served(settings: Path) -> Iterator[Service]:
    with service_on(settings) as (service, _):
        config = uvicorn.Config(
            create_app(service), port=service.settings.web.port, log_level="error", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_for(lambda: server.started or not thread.is_alive(), what="uvicorn to start")
        yield service
        server.should_exit = True
        thread.join(60)


def record(service: Service, uid: str = UID) -> None:
    """A study that was filtered for want of a keyword, and what was judged of it."""
    facts = SeriesFacts(f"{uid}.1", {"Modality": "CT", "BodyPartExamined": "STND", "StationName": "CT3"}, 300)
    judged = JudgedStudy(uid, service.clock.today().isoformat(), "A").with_headers(
        [header(facts, judge_series(facts, Switches()), RECEPTION, "filtered")]
    )
    records_of(service.store).put(StoredRecord(uid, judged.day, encode(judged)), None)
    service.store.insert(Study(uid, state=State.UNSUPPORTED_SERIES))


# --- rehearse ---


def test_a_rehearsal_names_the_device_the_value_and_whole_uids(said: Said, served: Service) -> None:
    record(served)
    assert said("rehearse", "--set", "KEYWORDS+=STND") == 1
    assert "BodyPartExamined STND" in said.out
    assert "CT3" in said.out
    assert UID in said.out.replace("\n", "") or UID[:20] in said.out
    assert said("rehearse", "--set", "KEYWORDS+=STND", "--json") == 1
    told = json.loads(said.out)
    assert (told["studies"], told["kinds"]["newly_computed"]["images"]) == (1, 300)
    assert told["groups"][0]["examples"][0]["studyUID"] == UID


def test_nothing_different_and_what_cannot_be_used(said: Said, served: Service) -> None:
    record(served)
    assert said("rehearse", "--set", "KEYWORDS+=OTHER") == 0
    assert said("rehearse", "--set", "KEYWORD+=STND") == 2
    assert "did you mean KEYWORDS" in said.err


def test_a_change_is_applied_and_its_studies_are_pulled_within_the_budget(
    said: Said, served: Service
) -> None:
    for uid in (UID, f"{UID}.9"):
        record(served, uid)
    assert said("rules", "apply", "--set", "KEYWORDS+=STND", "--by", "hans", "--why", "CT-3") == 0
    wait_for(served.look_for_rules, what="the rules to be taken over")
    assert "STND" in served.switches.keywords
    assert said("rehearse", "--pull-budget", "1", "--why", "applied", "--yes", "--by", "hans") == 0
    assert "1 more are beyond the budget" in said.out
    waiting = [uid for uid in (UID, f"{UID}.9") if served.store.get(uid).waits_for_pull]  # type: ignore[union-attr]
    assert len(waiting) == 1
    assert said("rehearse", "--pull-budget", "5", "--why", "x", "--set", "KEYWORDS+=A") == 2
    assert said("rehearse", "--pull-budget", "5") == 2


def test_a_folder_of_files(said: Said, tmp_path: Path) -> None:
    folder = tmp_path / "files" / "deep"
    folder.mkdir(parents=True)
    series = generate_uid()
    for number in range(1, 13):
        _image(folder / f"{number}.dcm", series, number)
    (folder / "notes.txt").write_text("no DICOM")
    assert said("rehearse", "--folder", str(tmp_path / "files"), "--set", "KEYWORDS+=STND", "--json") == 1
    told = json.loads(said.out)
    assert told["kinds"]["newly_taken"] == {"series": 1, "studies": 1, "images": 12}
    assert said("rehearse", "--folder", str(tmp_path / "none"), "--set", "KEYWORDS+=STND") == 2


def _image(file: Path, series: str, number: int) -> None:
    image: Any = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = UID, series
    image.InstanceNumber = number
    image.Modality, image.BodyPartExamined, image.StudyDate = "CT", "STND", "20261101"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.SliceThickness = "1"
    image.save_as(file, enforce_file_format=True)


def test_a_day_of_a_pacs_that_nothing_was_received_from(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """One study cannot be asked for: it is told, and the others are rehearsed."""
    pacs = FakePacs("A")
    pacs.studies["A"] = [answer(UID), answer(f"{UID}.8", ModalitiesInStudy="MR"), answer(f"{UID}.9")]
    stnd = {"BodyPartExamined": "STND", "Manufacturer": "GE", "StationName": "CT-3"}
    pacs.series["A"] = [
        series_answer(f"{UID}.1", 80, study=UID, **stnd),
        series_answer(f"{UID}.9.1", 60, study=f"{UID}.9", **stnd),
    ]
    whole = pacs.find

    def find(name: str, level: str, query: dict[str, str], keys: tuple[str, ...] = ()) -> Any:
        if level == "SERIES" and query.get("StudyInstanceUID") == f"{UID}.9":
            raise RetriableError("A does not answer")
        return whole(name, level, query, keys)

    monkeypatch.setattr(pacs, "find", find)
    monkeypatch.setattr(rehearse, "opened_finder", lambda _, log: nullcontext(MatchedFinder(pacs, log)))
    asked = ("rehearse", "--pacs", "A", "--date", DAY.isoformat(), "--set", "KEYWORDS+=STND")
    assert said(*asked, "--json") == 1
    told = json.loads(said.out)
    assert (told["studies"], told["kinds"]["newly_computed"]) == (
        1, {"series": 1, "studies": 1, "images": 80},
    )  # fmt: skip
    assert (told["groups"][0]["device"], told["computedImagesADay"]) == ("GE / CT-3", 80.0)
    assert "a study could not be asked for" in said.err
    assert all(level != "IMAGE" for _, level, _ in pacs.asked), (
        "nothing but questions at STUDY and SERIES level"
    )


# --- what fits a terminal ---

LONG = f"{UID}.1234567890.99"


def shown(monkeypatch: pytest.MonkeyPatch, width: int, print_it: Callable[[], None]) -> str:
    """What a terminal of so many columns gets, without colours."""
    terminal = Console(force_terminal=True, no_color=True, width=width, file=io.StringIO(), highlight=False)
    for module in (common, look_at):
        monkeypatch.setattr(module, "console", terminal)
    print_it()
    assert isinstance(terminal.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;]*m", "", terminal.file.getvalue())


def a_table() -> Table:
    table = Table("study", "because", title="series")
    table.add_row(Text(LONG), "a reason that is longer than what is left of the line")
    return table


@pytest.mark.parametrize("width", [20, 80, 200])
def test_a_uid_of_a_table_is_copied_whole_from_any_terminal(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    told = shown(monkeypatch, width, lambda: common.print_table(a_table()))
    assert LONG in told, "in one line: a terminal that is too narrow wraps it by itself"


def test_a_uid_of_a_table_is_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    common.print_table(a_table())
    told = capsys.readouterr().out
    assert any(LONG in line and "left of the line" in line for line in told.splitlines()), "one row, one line"


@pytest.mark.parametrize("whole", [False, True])
def test_a_long_line_of_a_log_is_cut_at_a_blank_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    line = {"at": "2026-11-01T08:00:00+00:00", "line": " ".join([UID] * 40)}
    told = shown(monkeypatch, 80, lambda: look_at._print_line("dcm_end", line, ZoneInfo("UTC"), False, whole))
    assert ("more (--whole)" in told) is not whole
    words = told.partition(" … ")[0].split()[4:]
    assert set(words) == {UID}, "no UID is cut"
    assert (len(words) == 40) is whole


# --- rules ---


def test_rules_are_applied_shown_and_taken_back(said: Said) -> None:
    assert said("rules", "apply", "--set", "SLICE_THICKNESS_MAX=3", "--by", "hans", "--why", "thin") == 0
    assert said("rules", "show") == 1  # no Orthanc answers
    assert "SLICE_THICKNESS_MAX" in said.out
    assert said("rules", "undo", "--by", "eva", "--why", "too thin", "--json") == 0
    assert json.loads(said.out)["undoes"] == 1
    assert said("rules", "history", "--json") == 0
    assert [(one["number"], one["by"]) for one in json.loads(said.out)] == [(2, "eva"), (1, "hans")]
    assert said("rules", "apply", "--set", "SLICE_THICKNESS_MAX=3", "--by", "hans") == 2
    assert "why" in said.err


def test_rules_over_http(served: Service) -> None:
    from tests.fakes.served import KEY, TestClient

    client = TestClient(create_app(served), headers={"X-API-Key": KEY})
    record(served)
    told = client.get("/api/v1/dcm/rehearse", params={"set": "KEYWORDS+=STND"}).json()
    assert told["kinds"]["newly_taken"]["series"] == 1
    assert client.get("/api/v1/dcm/rehearse", params={"set": "KEYWORD=X"}).status_code == 400
    assert client.get("/api/v1/dcm/filtered").json()["groups"][0]["suggestion"] == "KEYWORDS+=STND"
    assert client.get("/api/v1/dcm/rehearse/days").json()["days"][0]["studies"] == 1
    body = {"changes": ["KEYWORDS+=STND"], "by": "hans", "why": "CT-3"}
    assert client.post("/api/v1/dcm/rules", json={**body, "why": ""}).status_code == 400
    applied = client.post("/api/v1/dcm/rules", json=body).json()
    assert client.get("/api/v1/dcm/rules").json()["version"] == applied["version"] == served.switches.version
    assert client.post(
        "/api/v1/dcm/rehearse/pull", json={"studies": [UID], "by": "hans", "why": "x"}
    ).json() == {"toBePulled": [UID]}
    assert client.post("/api/v1/dcm/rules/undo", json={"by": "hans", "why": "x"}).json()["undoes"] == 1
    assert [one["number"] for one in client.get("/api/v1/dcm/rules/history").json()["entries"]] == [2, 1]
    assert client.post("/api/v1/dcm/rules", json=body, headers={"X-API-Key": "no"}).status_code == 401


# --- status, top, logs ---


def test_status_and_top(said: Said, served: Service) -> None:
    record(served)
    assert said("status") == 1  # no loop runs
    assert "unsupported_series" in said.out
    assert said("status", "--json") == 1
    assert json.loads(said.out)["studies"]["unsupported_series"] == 1
    assert said("top", "--rounds", "1", "--every", "0.5") == 0
    assert "unsupported_series" in said.out


def test_status_of_a_service_that_does_not_answer(said: Said) -> None:
    assert said("status") == 2


def test_a_studys_lines_of_all_files_in_order_of_time(said: Said, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir(exist_ok=True)
    lines = {
        "dcm_end.jsonl.1": [
            {"at": "2026-11-01T08:00:00+00:00", "line": f"{UID} is stable: instances num: 3"}
        ],
        "dcm_end.jsonl": [
            {"at": "2026-11-01T08:00:03+00:00", "line": f"send {UID} to rabbitmq success"},
            {"at": "2026-11-01T08:00:09+00:00", "line": f"send {UID}7 to rabbitmq success"},
        ],
        "orthanc-python.jsonl": [{"at": "2026-11-01T08:00:02+00:00", "line": f"new study: {UID}"}],
    }
    for name, several in lines.items():
        text = "".join(f"{json.dumps(one)}\n" for one in several)
        (log / name).write_text(text + '{"at": "cut', encoding="utf-8")
    assert said("logs", UID, "--json") == 0
    found = [json.loads(line) for line in said.out.splitlines()]
    assert [(one["file"], one["line"].split()[0]) for one in found] == [
        ("dcm_end", UID),
        ("orthanc-python", "new"),
        ("dcm_end", "send"),
    ]
    assert said("logs", UID) == 0
    assert said.out.splitlines()[1].split()[2:5] == ["receive", "orthanc-python", "new"]
    assert UID in said.out.splitlines()[0]
    assert said("logs", "1.2.3.4.5") == 1


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        (f"move: {UID} from A takes: 29.67", Station.PULL),
        (f"A1 P1 {UID} 1.2 filter because SliceThickness 8", Station.FILTER),
        (f"inform pacs_module {UID}", Station.RECEIVE),
        (f"send_to_backend WORKER get message {UID}", Station.DELIVER),
        ("find 2020-06-18 study list", Station.FIND),
        ("something else", Station.OTHER),
    ],
)
def test_the_stage_of_a_line(words: str, stage: Station) -> None:
    assert station_of({"line": words}) is stage


# --- doctor ---


def test_the_doctor_of_an_installation_where_nothing_answers(said: Said) -> None:
    assert said("doctor", "--json") == 2
    found = {one["about"]: one for one in json.loads(said.out)}
    assert found["configuration"]["health"] == "ok"
    assert found["service"]["health"] == found["Orthanc"]["health"] == found["backend"]["health"] == "error"
    assert all(one["todo"] for one in found.values() if one["health"] == "error")
    assert said("doctor") == 2


def test_what_the_doctor_judges() -> None:
    now = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    assert judge_versions("1.0", "1.0", "1.0").health is Health.FINE
    assert judge_versions("1.0", "1.0", "0.9").health is Health.LOOK
    assert judge_rules("1-a", "2-b").health is Health.LOOK
    assert judge_disk("disk", 5, 100).health is Health.LOOK
    assert judge_result_timeout(timedelta(seconds=1500)).health is Health.FINE
    assert judge_result_timeout(timedelta(minutes=30)).health is Health.LOOK
    assert judge_clock("c", now, now.replace(hour=4)).health is Health.LOOK
    assert judge_study_times("A", ["200000.5", "", "x"], now).health is Health.LOOK  # eight hours ahead
    assert judge_study_times("A", ["115500"], now).health is Health.FINE
    assert judge_study_times("A", ["250000", "11:58"], now).health is Health.FINE


def test_what_the_services_own_word_means() -> None:
    told = {
        "loops": {"pull A": {"alive": True, "stuck": True}},
        "waitsFor": [{"what": "RabbitMQ", "since": "08:00", "because": "refused"}],
        "pacs": {
            "A": {
                "moves": {
                    "circuit": "open",
                    "cause": "us",
                    "why": "it does not know AIPULL",
                    "retryAt": "09:00",
                }
            },
            "B": {"moves": {"circuit": "closed", "lastCameAt": "08:00"}},
            "C": {"moves": {"circuit": "closed", "lastCameAt": None}},
        },
        "ramDisk": {"alarm": True, "freeBytes": 1e6, "totalBytes": 1e9},
    }
    found = {one.about: one.health for one in judge_health(told)}
    assert found == {
        "threads": Health.BROKEN,
        "RabbitMQ": Health.BROKEN,
        "moves from A": Health.BROKEN,
        "moves from B": Health.FINE,
        "moves from C": Health.LOOK,
        "RAM disk": Health.BROKEN,
    }


# --- log level ---


def test_the_log_level_of_the_running_process_is_set_and_shown(said: Said, served: Service) -> None:
    assert said("log-level", "debug", "--minutes", "10", "--why", "a study hangs") == 1, "no plugins here"
    assert "DEBUG, for 600 s more" in said.out
    assert "does not answer" in said.out
    assert served.log.level.writes("DEBUG")
    assert said("log-level", "--json") == 1
    assert json.loads(said.out)["pacs_module"]["level"] == "DEBUG"
    assert said("log-level", "loud") == 1
    assert "DEBUG, INFO, WARNING, ERROR" in said.err
