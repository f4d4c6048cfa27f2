"""
``make bench``: what a line's numbers say of its target, the table in its three forms, and a smoke run of every quick row.

Not proved: that the numbers are right, or any target is met. No timing is asserted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.bench.__main__ import BEGIN, END, PAGE, all_rows, carried, run, with_table
from benchmarks.bench.row import Done, Line, Met, Row, Scale, Target, p95
from benchmarks.bench.table import as_json, as_markdown, as_picture

MACHINE = {"cores": "2", "orthanc": "Orthanc 1.10.1"}


@pytest.mark.parametrize(
    ("target", "ours", "reference", "met"),
    [
        (None, (1.0,), (), Met.NONE),
        (Target(2.0), (1.0, 2.0, 9.0), (), Met.YES),
        (Target(2.0, p95=True), (1.0, 2.0, 9.0), (), Met.NO),
        (Target(2.0, least=True), (1.0,), (), Met.NO),
        (Target(1.1, ratio=True), (11.0,), (10.0,), Met.YES),
        (Target(1.1, ratio=True), (12.0,), (10.0,), Met.NO),
        (Target(0.95, least=True, ratio=True), (9.6,), (10.0,), Met.YES),
        (Target(1.1, ratio=True), (12.0,), (), Met.NONE),
    ],
)
def test_a_target_is_met_or_missed(
    target: Target | None, ours: tuple[float, ...], reference: tuple[float, ...], met: Met
) -> None:
    assert Line("it", "s", ours, reference=reference, target=target).met is met


def test_p95_of_few_values_is_the_largest() -> None:
    assert p95([1.0, 3.0, 2.0]) == 3.0
    assert p95([float(one) for one in range(101)]) == 95.0


def done(number: int = 1, **line: object) -> Done:
    row = Row(number, "row", "what | it measures", lambda scale: ())
    return Done(row, [Line("a <line>", "ms", (1.0, 2.0, 4.0), **line)], seconds=3.0, others=["other 5 s"])  # type: ignore[arg-type]


def test_the_table_in_its_three_forms() -> None:
    runs = [done(against="them", reference=(4.0,), target=Target(1.0), reason="a wall"), done(2)]
    runs.append(Done(runs[0].row, problem="not measured: x not installed"))
    page = as_markdown(runs, MACHINE, "p.svg")
    assert "| 1 row | a <line> | 2 ms (1-4) | them: 4 ms | 0.5 x | <= 1 ms | missed | a wall |" in page
    assert "not measured: x not installed" in page
    assert "beside it other 5 s" in page
    numbers = json.loads(json.dumps(as_json(runs, MACHINE, quick=True)))
    assert numbers["rows"][0]["lines"][0]["median"] == 2.0
    assert numbers["quick"] is True
    ET.fromstring(as_picture(runs))


def test_only_what_is_between_the_markers_is_written_anew() -> None:
    page = with_table(f"above\n{BEGIN}\nold\n{END}\nbelow\n", "new\n")
    assert page == f"above\n{BEGIN}\nnew\n{END}\nbelow\n"
    with pytest.raises(ValueError, match="no place"):
        with_table("nothing", "new\n")
    assert with_table(PAGE.read_text(encoding="utf-8"), "new\n").count("new\n") == 1


def test_every_row_of_the_issue_is_there_once() -> None:
    assert [row.number for row in all_rows()] == list(range(1, 14))


def test_a_row_that_hangs_is_broken_off() -> None:
    hangs = Row(3, "hangs", "", lambda scale: threading.Event().wait(60), limit_s=1)  # type: ignore[arg-type, return-value]
    found = run(hangs, Scale(True))
    assert (found.lines, found.problem) == ((), "not measured: TimeoutError: broken off after 1 s")


def test_a_row_that_was_not_measured_keeps_the_numbers_of_an_earlier_run_with_their_commit() -> None:
    before = as_json([done(2), done(3)], {"commit": "old"}, quick=False)
    failed = Done(done(3).row, problem="not measured: it broke")
    told = carried(as_json([done(2), failed], {"commit": "new"}, quick=False), before)
    assert [(row["row"], row.get("commit", ""), len(row["lines"])) for row in told["rows"]] == [
        (2, "", 1),
        (3, "old", 1),
    ]
    again = carried(as_json([], {"commit": "newer"}, quick=False), {**told, "machine": {"commit": "new"}})
    assert [row["commit"] for row in again["rows"]] == ["new", "old"]


def test_a_row_that_fails_costs_only_itself() -> None:
    def fail(scale: Scale) -> tuple[Line, ...]:
        raise RuntimeError("no")

    assert run(Row(1, "row", "what", fail), Scale(quick=True)).problem == "not measured: RuntimeError: no"
    empty = Row(1, "row", "what", lambda scale: [Line("nothing came", "s", ()), Line("it", "s", (1.0,))])
    assert [line.what for line in run(empty, Scale(quick=True)).lines] == ["it"], "the table can be made"
    missing = run(Row(1, "row", "what", fail, needs=("no-such-programme",)), Scale(quick=True))
    assert missing.problem == "not measured: no-such-programme not installed"


@pytest.mark.parametrize("rows", ["7,8,9"])
def test_a_smoke_run(rows: str, tmp_path: Path) -> None:
    """Without servers; ``make bench-quick`` has the rows that need Orthanc, dcmtk and RabbitMQ."""
    file = tmp_path / "bench.json"
    command = [sys.executable, "-m", "benchmarks.bench", "--quick", "--rows", rows, "--json", str(file)]
    subprocess.run(command, check=True, timeout=240, capture_output=True)
    told = json.loads(file.read_text(encoding="utf-8"))
    assert [row["row"] for row in told["rows"]] == [int(one) for one in rows.split(",")]
    assert all(row["lines"] and not row["problem"] for row in told["rows"])
