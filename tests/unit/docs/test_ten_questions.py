"""
The ten questions of a new operator, as docs/operations.md lists them: on a store that production's code has
written, the page and the command give the right answer; and every page has its line.

The PACS, the plugins and the backend are fakes; what the pages of a whole stack tell:
tests/long/whole/test_pages_of_a_stack.py.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import uvicorn

from pacs_module.adapters.files.report_folder import ReportFolder
from pacs_module.cli import reconcile
from pacs_module.cli.app import main
from pacs_module.cli.common import console
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.json_messages.messages import SeriesReport
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import Study, read_study
from pacs_module.service.measuring import MEASURE, Measuring
from pacs_module.service.reconciliation import World, reconciler
from pacs_module.service.service import Service
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.operate.manual_work import Who
from pacs_module.use_cases.operate.measure_studies import MeasureStudies
from pacs_module.web.app import create_app
from pacs_module.web.page_support.site import NAVIGATION
from stack.ports import free_ports
from tests.fakes.pipeline import THIN, UID, Pipeline, answer
from tests.fakes.served import TestClient, service_on, settings_file
from tests.fakes.world import DAY, NOON, FakeClock, FakePacs, FakePlugins
from tests.support.waiting import wait_for

DOC = Path(__file__).resolve().parents[3] / "docs" / "operations.md"
TEXT = DOC.read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^\| ([^|]+\?) \| `([^`]+)` \| `([^`]+)` \|$", TEXT, re.M)


def test_there_are_ten() -> None:
    assert len(QUESTIONS) == 10


OTHER, CANCELLED, DROPPED = "1.2.840.10008.77.1", "1.2.840.10008.77.2", "1.2.840.10008.77.3"
DEVICE = {"Manufacturer": "GE", "StationName": "CT-3"}
TWO_HOURS_MS = 2 * 3600 * 1000


class HospitalClock(FakeClock):
    """Two hours after the studies came."""

    def local(self) -> datetime:
        return datetime.fromtimestamp(self.at / 1000, ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)


def accepted() -> Pipeline:
    """
    Found, pulled in five seconds, handed over, taken by the backend; no result within the time that it has.
    """
    world = Pipeline()
    request = world.until_asked(100)
    world.clock.pass_seconds(5)
    message = world.message(request)
    message["seriesReports"][0] |= {"outcome": "handed_over", "outcomeWhy": "the only one"}
    world.accept(message)
    world.report(request, "received", "COMPLETE", received=100, job_id="J1", move_seconds=4.5)
    world.publish()
    world.deliver(0)
    return world


def renamed(study: Study, uid: str, accession: str) -> Study:
    """The same study of another patient."""
    text = json.dumps(study.to_document(), ensure_ascii=False).replace(UID, uid)
    return replace(read_study(json.loads(text)), accession_number=accession)


def filtered(service: Service) -> None:
    """Dropped for its body part, and what was judged is recorded."""
    facts = SeriesFacts(f"{DROPPED}.1", {"Modality": "CT", "BodyPartExamined": "STND", **DEVICE}, 300)
    verdict = judge_series(facts, Switches())
    report = SeriesReport(
        f"{DROPPED}.1", False, verdict.rule, verdict.because, 300, 300, "CT", verdict=verdict,
        outcome="filtered",
        attributes=dict(facts.attributes), instances=300,
    )  # fmt: skip
    study = Study(DROPPED, DAY.isoformat(), state=State.UNSUPPORTED_SERIES)
    study.remember_series([report], NOON)
    service.store.insert(study)
    service.headers.reported(study, [report])


@pytest.fixture(scope="module")
def situation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, TestClient]]:
    """Settings, and the pages over a day in the department."""
    folder = tmp_path_factory.mktemp("questions")
    file, clock = settings_file(folder, free_ports(1)[0]), HospitalClock(NOON + TWO_HOURS_MS)
    site = folder / "site_config.py"
    site.write_text("# ours\n", encoding="utf-8")
    file.write_text(f'site_config = "{site}"\n{file.read_text(encoding="utf-8")}', encoding="utf-8")
    with service_on(file) as (service, pacs):
        service.clock = clock  # type: ignore[assignment]
        slow = accepted()
        service.store.insert(slow.study())
        slow.clock.pass_seconds(90)
        assert slow.result("completed") == "recorded"
        service.store.insert(renamed(slow.study(), OTHER, "A2"))
        service.store.insert(renamed(slow.study(), CANCELLED, "A3"))
        service.work.cancel(CANCELLED, Who("manual: Dr. Li", "a phantom"))
        filtered(service)
        pacs.studies["A"] = [answer(UID), answer(f"{UID}.9", 60, AccessionNumber="A9")]
        world = World(
            service.settings, lambda: service.switches, service.store, service.finder, clock, service.log
        )
        report = replace(reconciler(world), sleep=lambda _: None)([DAY])
        ReportFolder(service.settings.reconcile_folder, 30).keep(report)
        service.ram_disk.puller = FakePlugins()
        service.ram_disk()
        measuring = service.loops[MEASURE].step
        assert isinstance(measuring, Measuring)
        MeasureStudies(service.store, FakeClock(NOON - 1), measuring.metrics.take)()
        config = uvicorn.Config(
            create_app(service), port=service.settings.web.port, log_level="error", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_for(lambda: server.started, what="the pages")
        yield file, TestClient(create_app(service), client=("127.0.0.1", 1))
        server.should_exit = True
        thread.join(30)


ANSWERS: dict[str, tuple[str, list[str], list[str], list[str]]] = {
    "Why has this study no result?": (
        f"/studies/{UID}",
        ["no result within 0:01:00", "published to RabbitMQ"],
        ["why", UID],
        ["state pull_data_end because no result within 0:01:00", "published to RabbitMQ"],
    ),
    "Which series was sent?": (
        f"/studies/{UID}",
        [THIN, "handed over", "SliceThickness"],
        ["why", UID, "--json"],
        [f'"seriesUID": "{THIN}"', '"standing": "handed over"'],
    ),
    "Which device writes odd body parts?": (
        f"/filters?from={DAY}&to={DAY}",
        ["STND", "GE / CT-3"],
        ["rehearse", "--set", "KEYWORDS+=STND", "--days", "1", "--last", f"{DAY}"],
        ["BodyPartExamined STND", "GE / CT-3"],
    ),
    "Is the backend slow?": (
        "/",
        ["2.5 min"],
        ["status"],
        ["result", "2.5 min"],
    ),
    "What is stuck?": (
        "/",
        ["The result is late", "A1"],
        ["status"],
        ["needs a person: late_result A1: the backend has accepted it"],
    ),
    "Did we get everything yesterday?": (
        f"/reconciliation?date={DAY}",
        ["A9", "not found", "2 missing"],
        ["reconcile", "--date", f"{DAY}"],
        [f"{DAY}: 2 of 5 studies missing", "A9"],
    ),
    "What would this keyword do?": (
        f"/rehearsal?set=KEYWORDS%2B%3DSTND&from={DAY}&to={DAY}",
        ["newly taken", "STND", DROPPED],
        ["rehearse", "--set", "KEYWORDS+=STND", "--days", "1", "--last", f"{DAY}"],
        ["newly computed", "BodyPartExamined STND"],
    ),
    "Who cancelled this?": (
        "/audit",
        ["manual: Dr. Li", "a phantom", CANCELLED],
        ["why", CANCELLED],
        ["manual: Dr. Li", "a phantom"],
    ),
    "Is the PACS slow?": (
        "/",
        ["pulled"],
        ["status"],
        ["pulled", "until", "longest"],
    ),
    "How full is the RAM disk?": (
        "/",
        ["40 B / 100 B (40 %)"],
        ["status"],
        ["RAM disk", "40 % used"],
    ),
}
"""The page with what it has to say, and the command with what that has to say."""


def test_every_question_has_its_answer_here() -> None:
    assert set(ANSWERS) == {question for question, _, _ in QUESTIONS}


@pytest.mark.parametrize(("question", "page", "command"), QUESTIONS, ids=[one[0] for one in QUESTIONS])
def test_the_page_answers(situation: tuple[Path, TestClient], question: str, page: str, command: str) -> None:
    address, told, _, _ = ANSWERS[question]
    assert address.partition("?")[0].startswith(page), "the page that the documentation names"
    answered = situation[1].get(address, headers={"accept": "text/html", "accept-language": "en"})
    assert answered.status_code == 200
    assert [words for words in told if words not in answered.text] == []


@pytest.mark.parametrize(("question", "page", "command"), QUESTIONS, ids=[one[0] for one in QUESTIONS])
def test_the_command_answers(
    situation: tuple[Path, TestClient],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    question: str,
    page: str,
    command: str,
) -> None:
    (file, _), (_, _, (first, *rest), told) = situation, ANSWERS[question]
    named = command.removeprefix("pacs-module ").split()
    assert [first, *rest][: len(named)] == named, "the command that the documentation names"
    asked = (first, *rest, "--settings", str(file))
    said = run(monkeypatch, capsys, *asked)
    assert [words for words in told if words not in said] == []


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints, in one line."""
    pacs = FakePacs("A")
    pacs.studies["A"] = [answer(UID), answer(f"{UID}.9", 60, AccessionNumber="A9")]
    monkeypatch.setattr(reconcile, "opened_finder", lambda _, log: nullcontext(MatchedFinder(pacs, log)))
    monkeypatch.setattr(
        reconcile, "reconciler", lambda world: replace(reconciler(world), sleep=lambda _: None)
    )
    monkeypatch.setattr(sys, "argv", ["pacs-module", *arguments])
    monkeypatch.setattr(console, "_width", 400)  # made at import, with the width of that moment
    with pytest.raises(SystemExit):
        main()
    return " ".join(capsys.readouterr().out.split())


def test_every_page_is_described() -> None:
    assert [address for address, _ in NAVIGATION if f"| `{address}` " not in TEXT] == []
