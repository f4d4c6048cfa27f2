"""
``pacs-module find`` at a simulated PACS. Does not prove the way through Orthanc; the finder's contract suite
does.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hospital_sim.busy_day.day import BusyDay
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import SimPacs
from pacs_module.cli.app import app
from pacs_module.domain.errors import MessageError
from tests.fakes.sim_settings import sim_settings

DATE = dt.date(2026, 11, 21)


@pytest.fixture(scope="module")
def day() -> BusyDay:
    return plan_busy_day(DATE, 40, max_slices=12)


@pytest.fixture(scope="module")
def settings(day: BusyDay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with SimPacs(day) as pacs:
        yield sim_settings(tmp_path_factory.mktemp("find"), pacs)


def ask(settings: Path, *arguments: str) -> list[dict[str, str]]:
    result = CliRunner().invoke(app, ["find", "SIM", *arguments, "--json", "--settings", str(settings)])
    assert result.exit_code == 0, result.output
    answers: list[dict[str, str]] = json.loads(result.output)
    return answers


def test_studies_of_a_day_and_the_images_of_a_series(settings: Path, day: BusyDay) -> None:
    study = next(
        one for one in day.wanted if one.planned.started_at.date() == DATE and one.vanishes_at is None
    )
    assert study.uid in {answer["StudyInstanceUID"] for answer in ask(settings, "StudyDate=20261121")}
    series = study.planned.series[0]
    keys = (f"StudyInstanceUID={study.uid}", f"SeriesInstanceUID={series.uid}", "--level", "image")
    assert len({answer["SOPInstanceUID"] for answer in ask(settings, *keys)}) == series.instances


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["StudyDate"], "KEYWORD=VALUE"),
        (["StudyDate=20261121", "--level", "slice"], "PATIENT, STUDY, SERIES, IMAGE"),
    ],
)
def test_what_cannot_be_asked_is_told(settings: Path, arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["find", "SIM", *arguments, "--settings", str(settings)])
    assert isinstance(result.exception, MessageError)
    assert words in str(result.exception)


def test_a_table_for_people(settings: Path) -> None:
    result = CliRunner().invoke(
        app, ["find", "SIM", "StudyDate=20261121", "--return", "AccessionNumber", "--settings", str(settings)]
    )
    assert result.exit_code == 0
    assert "answers" in result.output
    assert "AccessionNumber" in result.output
