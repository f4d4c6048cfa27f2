"""
``pacs-module reconcile``: what it prints and writes, and its exit status.

Does not prove the comparison (tests/unit/domain/reconcile/test_report_lines.py) nor a real PACS
(tests/long/reconcile/test_reconcile_day.py).
"""

from __future__ import annotations

import csv
import json
import re
import sys
import zipfile
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from io import BytesIO, StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pacs_module.cli import app, reconcile
from pacs_module.domain.errors import MessageError, RetriableError
from pacs_module.domain.study.study import PULL, Study
from pacs_module.service.reconciliation import reconciler
from pacs_module.use_cases.find.match_answers import MatchedFinder
from tests.fakes.pipeline import UID, answer, series_answer
from tests.fakes.served import found, service_on, settings_file
from tests.fakes.world import FakePacs

DAY = "2020-06-18"
GE = {
    "Manufacturer": "GE MEDICAL SYSTEMS",
    "ManufacturerModelName": "Revolution EVO",
    "StationName": "CT99GE02",
}


class Command:
    """Runs the command against a store on disk and a PACS that is a list."""

    def __init__(
        self, settings: Path, pacs: FakePacs, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.settings, self.pacs, self._capsys, self._patch = settings, pacs, capsys, patch
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        self._patch.setattr(sys, "argv", ["pacs-module", "reconcile", "-s", str(self.settings), *arguments])
        with pytest.raises(SystemExit) as ended:
            app.main()
        self.out, self.err = self._capsys.readouterr()
        return int(ended.value.code or 0)

    def study(self, uid: str) -> Study | None:
        with service_on(self.settings) as (service, _):
            return service.store.get(uid)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """One study is found and waits, a second one no find has brought."""
    settings, pacs = settings_file(tmp_path), FakePacs("A")
    with service_on(settings) as (service, seen):
        found(service, seen)
    late = {"AccessionNumber": "=A2", "StudyDescription": "胸部 [b]1[/b]", "StudyTime": "090000"}
    pacs.studies["A"] = [answer(), answer(UID + ".7", 60, **late)]
    pacs.series["A"] = [series_answer(UID + ".7.1", 60, UID + ".7", **GE)]
    monkeypatch.setattr(reconcile, "opened_finder", lambda _, log: nullcontext(MatchedFinder(pacs, log)))
    monkeypatch.setattr(
        reconcile, "reconciler", lambda world: replace(reconciler(world), sleep=lambda _: None)
    )
    return Command(settings, pacs, capsys, monkeypatch)


def test_the_table_names_cause_and_device(command: Command) -> None:
    assert command("--date", DAY) == 1
    assert f"{DAY}: 2 of 2 studies missing" in command.out
    flat = "".join(re.sub(r"[│┃]", " ", command.out).split())
    assert "notfound=A2" in flat
    assert "GEMEDICALSYSTEMS/RevolutionEVO/CT99GE02notfound1" in flat
    assert "waitingA1P1" in flat


def test_nothing_missing_is_exit_0(command: Command) -> None:
    command.pacs.studies["A"] = [answer(UID + ".8", StudyDate="20200619", ModalitiesInStudy="MR")]
    assert command("--date", "2020-06-19") == 0
    assert "0 of 1 studies missing" in command.out


def test_a_pacs_that_does_not_answer_is_exit_2_and_told(command: Command) -> None:
    command.pacs.errors["A", "STUDY"] = RetriableError("A does not answer")
    assert command("--date", DAY) == 2
    assert f"could not compare all: A, {DAY}: A does not answer" in command.out
    assert "no list" in command.err


def test_json_is_the_whole_report(command: Command) -> None:
    assert command("--date", DAY, "--format", "json") == 1
    told = json.loads(command.out)
    assert (told["missing"], told["byCause"], told["exitStatus"]) == (2, {"not found": 1, "waiting": 1}, 1)
    assert [line["studyUID"] for line in told["lines"]] == [UID, UID + ".7"]
    assert told["lines"][1]["devices"] == [
        dict(manufacturer=GE["Manufacturer"], model="Revolution EVO", station="CT99GE02")
    ]


def test_csv_has_a_row_a_study_and_no_formula(command: Command, tmp_path: Path) -> None:
    assert command("--date", DAY, "-o", str(tmp_path / "day.csv")) == 1
    text = (tmp_path / "day.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(StringIO(text)))
    assert [row["cause"] for row in rows] == ["waiting", "not found"]
    assert (rows[1]["AccessionNumber"], rows[1]["description"]) == ("'=A2", "胸部 [b]1[/b]")
    assert rows[1]["instances in PACS"] == "60"
    assert (tmp_path / "day.csv").stat().st_mode & 0o007 == 0


def test_xlsx_has_its_sheets_and_numbers_as_numbers(command: Command, tmp_path: Path) -> None:
    assert command("--date", DAY, "-o", str(tmp_path / "new" / "day.xlsx")) == 1
    sheets = read_xlsx((tmp_path / "new" / "day.xlsx").read_bytes())
    assert list(sheets) == ["summary", "studies", "devices", "duplicates", "destinations", "PACS"]
    assert ["missing", 2.0] in sheets["summary"]
    late = dict(zip(sheets["studies"][0], sheets["studies"][2], strict=False))
    assert (late["cause"], late["AccessionNumber"], late["instances in PACS"]) == ("not found", "=A2", 60.0)
    assert sheets["devices"][1] == ["GE MEDICAL SYSTEMS / Revolution EVO / CT99GE02", "not found", 1.0]


def read_xlsx(content: bytes) -> dict[str, list[list[str | float]]]:
    """Sheets of a workbook as rows of texts and numbers; empty cells left out."""
    with zipfile.ZipFile(BytesIO(content)) as book:
        texts = [
            "".join(item.itertext()) for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        ]
        workbook = ElementTree.fromstring(book.read("xl/workbook.xml"))
        names = [item.get("name", "") for item in workbook.iter() if item.tag.endswith("}sheet")]
        files = [book.read(f"xl/worksheets/sheet{number}.xml") for number in range(1, len(names) + 1)]
    return {name: _rows(file, texts) for name, file in zip(names, files, strict=True)}


def _rows(file: bytes, texts: list[str]) -> list[list[str | float]]:
    rows = []
    for row in (item for item in ElementTree.fromstring(file).iter() if item.tag.endswith("}row")):
        cells = [(cell.get("t"), "".join(cell.itertext())) for cell in row]
        rows.append([texts[int(value)] if kind == "s" else float(value) for kind, value in cells if value])
    return rows


def test_a_repair_is_noted_in_the_study_and_in_the_report(command: Command) -> None:
    assert command("--date", DAY, "--repair", "--by", "Dr. Li") == 1
    assert "to be pulled" in command.out
    study = command.study(UID + ".7")
    assert study is not None
    assert PULL in study.due
    assert study.history[-1].by == "reconcile: Dr. Li"


def test_a_store_that_is_not_there_is_said_and_not_made(command: Command, tmp_path: Path) -> None:
    (tmp_path / "study.db").rename(tmp_path / "elsewhere.db")
    assert command("--date", DAY) == 2
    assert "store.url" in command.err
    assert not (tmp_path / "study.db").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--date", "18.06.2020"), "YYYY-MM-DD"),
        (("--date", "2020-06-18..2020-06-17"), "the first day, then the last"),
        (("--date", "2018-06-18..2020-06-17"), "at most 366 days"),
        (("-o", "day.pdf"), ".xlsx"),
        (("--format", "xlsx"), "text, json, csv"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_2(
    command: Command, arguments: tuple[str, ...], words: str
) -> None:
    assert command(*arguments) == 2
    assert words in command.err
    assert command.err.count("\n") == 1
    assert command.pacs.asked == []


def test_days() -> None:
    today = date(2026, 11, 26)
    assert reconcile._days("", today) == [date(2026, 11, 25)]
    assert reconcile._days("2026-11-24..2026-11-26", today) == [date(2026, 11, day) for day in (24, 25, 26)]
    with pytest.raises(MessageError):
        reconcile._days("..2026-11-24", today)
