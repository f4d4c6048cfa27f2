"""
The command line: help, ``pull`` and ``why`` against the application behind a real uvicorn, and what it says
when nobody answers.

Does not prove ``run`` (tests of the whole stack start it as a process).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import uvicorn
from typer.testing import CliRunner

from pacs_module import __version__
from pacs_module.cli import app, common, manual
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import Study
from pacs_module.service.service import Service
from pacs_module.use_cases.operate.manual_work import Who
from pacs_module.web.app import create_app
from stack.ports import free_ports
from tests.fakes.pipeline import THICK, UID, Pipeline, answer, series_answer
from tests.fakes.served import found, service_on, settings_file
from tests.fakes.world import FakePacs, FakePlugins
from tests.support.waiting import wait_for

CHEST = "胸部 [c3 90 c3 98 c2 b2 c2 bf]"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return settings_file(tmp_path, free_ports(1)[0])


@pytest.fixture
def served(settings: Path) -> Iterator[tuple[Service, FakePacs]]:
    """The application on its port, in a thread."""
    with service_on(settings) as (service, pacs):
        config = uvicorn.Config(
            create_app(service), port=service.settings.web.port, log_level="error", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_for(lambda: server.started or not thread.is_alive(), what="uvicorn to start")
        assert server.started
        yield service, pacs
        server.should_exit = True
        thread.join(60)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(monkeypatch, capsys)


class Said:
    """Runs ``pacs-module`` as its entry point does; keeps what it printed and how it ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        self._monkeypatch.setattr(sys, "argv", ["pacs-module", *arguments])
        with pytest.raises(SystemExit) as ended:
            app.main()
        self.out, self.err = self._capsys.readouterr()
        return int(ended.value.code or 0)


@pytest.mark.parametrize("command", ["run", "pull", "why", "redo", "cancel", "done", "priority", "forget"])
def test_the_help_of_each_command_has_an_example(command: str) -> None:
    told = CliRunner().invoke(app.app, [command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert told.exit_code == 0
    assert "Example" in told.output
    assert f"pacs-module {command}" in told.output


def test_version(said: Said) -> None:
    assert said("--version") == 0
    assert said.out.strip() == __version__


def test_why_tells_the_story_with_its_bytes(
    served: tuple[Service, FakePacs], settings: Path, said: Said
) -> None:
    message = Pipeline().message(None)
    message["seriesReports"][1]["because"] = f"BodyPartExamined {CHEST}"
    served[0].accept(message)
    assert said("why", UID, "-s", str(settings)) == 0
    flat = "".join(said.out.replace("│", " ").split())
    assert "statepull_data_endbecause80instances,COMPLETE" in flat
    assert "nextdeliverynumber1ispublishedtoRabbitMQ" in flat
    assert said("why", UID, "--json", "-s", str(settings)) == 0
    assert CHEST in said.out


def test_values_in_brackets_are_printed_as_they_are(
    served: tuple[Service, FakePacs], settings: Path, said: Said
) -> None:
    pushed = Pipeline().message(None)
    pushed["statecode"], pushed["message"] = 801, f"[/red] {CHEST}"
    served[0].accept(pushed)
    assert said("why", "A1", "-s", str(settings)) == 0
    assert f"because statecode 801 [/red] {CHEST}" in said.out


def test_why_by_patient_and_of_nobody(served: tuple[Service, FakePacs], settings: Path, said: Said) -> None:
    served[0].accept(Pipeline().message(None))
    assert said("why", "P1", "--patient", "-s", str(settings)) == 0
    assert UID in said.out
    assert said("why", "A9", "-s", str(settings)) == 1
    assert said.err.startswith("not known here")
    assert "A: has no such study" in said.err


def test_why_of_what_only_the_pacs_knows(
    served: tuple[Service, FakePacs], settings: Path, said: Said
) -> None:
    served[1].studies["A"] = [answer()]
    served[1].series["A"] = [series_answer(THICK, 20, SliceThickness="8")]
    assert said("why", "A1", "-s", str(settings)) == 1
    assert f"A has {UID} of 2020-06-18, 100 instances: nothing: every series would be filtered" in said.out
    assert "SliceThickness 8" in said.out
    served[1].asked.clear()
    assert said("why", "A1", "--no-ask-pacs", "-s", str(settings)) == 1
    assert served[1].asked == []


def test_pull_by_hand(served: tuple[Service, FakePacs], settings: Path, said: Said) -> None:
    served[1].studies["A"] = [answer()]
    assert said("pull", "A1", "--series", THICK, "--by", "Dr. Li", "--no-follow", "-s", str(settings)) == 0
    assert said.out.strip() == f"next to be pulled: {UID} of 2020-06-18, at A"
    study = served[0].store.get(UID)
    assert study is not None
    assert (study.named, study.history[-1].by) == ([THICK], "manual: Dr. Li")
    assert said("pull", "A9", "-s", str(settings)) == 1
    assert said.err.strip() == "no PACS has such a study"
    served[1].errors["A", "STUDY"] = RetriableError("find at A: ReadTimeout")
    assert said("pull", "A9", "-s", str(settings)) == 1
    assert said.err.splitlines() == ["A: find at A: ReadTimeout", "no PACS that answered has such a study"]
    assert said("pull", "-s", str(settings)) == 1
    assert "must be given" in said.err


@pytest.mark.parametrize("command", [("pull", "A1"), ("why", "A1")])
def test_nobody_there_is_one_line_and_exit_2(settings: Path, said: Said, command: tuple[str, ...]) -> None:
    assert said(*command, "-s", str(settings)) == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "does not answer" in said.err
    assert "pacs-module run" in said.err


def test_a_bad_setting_is_one_line_and_exit_2(tmp_path: Path, said: Said) -> None:
    assert said("why", "A1", "-s", str(tmp_path / "absent.toml")) == 2
    assert said.err.count("\n") == 1
    assert "absent.toml" in said.err


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("10136791", "AccessionNumber"),
        ("NA200618EVCT077", "AccessionNumber"),
        ("20.6.1", "AccessionNumber"),
        (UID, "StudyInstanceUID"),
        ("2.25.231719025281945103442715418459151376855", "StudyInstanceUID"),
        ("2.25.A", "AccessionNumber"),
    ],
)
def test_a_uid_is_told_from_an_accession_number(text: str, name: str) -> None:
    assert common.name_of(text) == name


def test_a_pull_is_followed_until_it_is_settled(
    served: tuple[Service, FakePacs], settings: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, pacs = served
    pacs.studies["A"] = [answer()]

    def meanwhile(seconds: float) -> None:
        service.work.cancel(UID, Who("manual: another", "a phantom"))

    monkeypatch.setattr(manual, "LOOK_S", 0.0)
    monkeypatch.setattr(time, "sleep", meanwhile)
    assert said("pull", "A1", "-s", str(settings)) == 3
    assert said.out.splitlines() == [
        f"next to be pulled: {UID} of 2020-06-18, at A",
        f"{UID}: meta_only; study; next pull number 1, priority 4",
        f"{UID}: cancelled; a phantom",
    ]


def test_work_by_hand_with_who_and_why(served: tuple[Service, FakePacs], settings: Path, said: Said) -> None:
    service, pacs = served
    pacs.studies["A"] = [answer()]
    assert said("pull", "A1", "--no-follow", "-s", str(settings)) == 0
    assert said("priority", UID, "2", "--why", "urgent", "--by", "Dr. Li", "-s", str(settings)) == 0
    assert said("cancel", UID, "--why", "a phantom", "--by", "Dr. Li", "-s", str(settings)) == 0
    assert said.out.strip() == f"{UID}: cancelled; a phantom"
    assert said("redo", UID, "--why", "no phantom", "--by", "Dr. Li", "--no-follow", "-s", str(settings)) == 0
    assert said("done", UID, "--why", "read without AI", "--by", "Dr. Li", "-s", str(settings)) == 0
    study = service.store.get(UID)
    assert study is not None
    by_li = [(entry.event, entry.to_state) for entry in study.history if entry.by == "manual: Dr. Li"]
    assert by_li == [
        ("priority", "meta_only"),
        ("cancelled by a person", "cancelled"),
        ("asked for by a person", "meta_only"),
        ("marked as done by a person", "done_by_hand"),
    ]
    assert said("cancel", "1.2.3.4", "--why", "x", "-s", str(settings)) == 1
    assert "no such study is known here" in said.err
    assert said("priority", UID, "3", "--why", "x", "-s", str(settings)) == 1
    assert "0, 1, 2, 4" in said.err


def test_forget_says_what_holds_asks_and_forgets(
    said: Said, settings: Path, served: tuple[Service, FakePacs], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, _ = served
    plugins = FakePlugins()
    service.forget.plugins = plugins
    service.store.insert(Study("1.2.777", patient_id="PID-7", state=State.PULL_DATA))
    words = (
        "forget",
        "--patient",
        "PID-7",
        "--why",
        "asked for erasure",
        "--by",
        "Anna",
        "-s",
        str(settings),
    )
    assert said(*words, "--yes") == 1
    assert "in flight: 1.2.777" in said.err
    study = service.store.get("1.2.777")
    assert study is not None
    study.state = State.COMPLETED
    service.store.replace(study)
    assert said(*words, "--dry-run") == 0
    assert service.store.get("1.2.777") is not None
    assert said(*words, "--yes") == 0
    assert "1 studies forgotten" in said.out
    assert service.store.get("1.2.777") is None
    assert plugins.forgot


WITHOUT_JSON = {
    "run": "the service itself",
    "top": "status, live: status has it",
    "restore": "done once, before anything runs",
    "audit-trail show": "prints nothing but JSON",
}
"""Commands with no answer for programs, and why."""


def commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    below = command.list_commands(None) if hasattr(command, "list_commands") else ()
    if not below:
        yield name, command
    for word in below:
        yield from commands(command.get_command(None, word), f"{name} {word}".strip())


def test_every_command_answers_programs_too() -> None:
    found = dict(commands(typer.main.get_command(app.app)))
    assert len(found) > 30
    without = {
        name
        for name, command in found.items()
        if not any("--json" in getattr(option, "opts", ()) for option in command.params)
    }
    assert without == set(WITHOUT_JSON)


def test_what_is_done_by_hand_is_told_as_json(
    served: tuple[Service, FakePacs], settings: Path, said: Said
) -> None:
    service, pacs = served
    found(service, pacs)
    assert said("cancel", UID, "--why", "a phantom", "--json", "-s", str(settings)) == 0
    told = json.loads(said.out)
    assert (told["studyUID"], told["state"]) == (UID, "cancelled")
