"""
All rows, one table: ``make bench`` (under fifteen minutes on two cores) and ``make bench-quick`` (a smoke
run).

    python -m benchmarks.bench --rows 7,8
    python -m benchmarks.bench --write      docs/performance.md, docs/performance.svg, pacs_module/bench.json
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.bench import machine, rows, table
from benchmarks.bench.row import Done, Met, Row, Scale

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGE = REPOSITORY / "docs" / "performance.md"
PICTURE = REPOSITORY / "docs" / "performance.svg"
NUMBERS = REPOSITORY / "pacs_module" / "bench.json"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

AGAIN_S = 120
"""A row that catches the first word, or whose servers do not stop, is told again after so many seconds."""

app = typer.Typer(add_completion=False)


def all_rows() -> list[Row]:
    """The rows in the order of their numbers: each module of ``rows`` has one."""
    names = [found.name for found in iter_modules(rows.__path__)]
    found = [import_module(f"{rows.__name__}.{name}").ROW for name in names]
    return sorted(found, key=lambda row: row.number)


def run(row: Row, scale: Scale) -> Done:
    """Run one; a row that fails, or takes too long, costs only itself."""
    done = Done(row, load=os.getloadavg()[0], at=f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M}")
    missing = [needed for needed in row.needs if shutil.which(needed) is None]
    if missing:
        done.problem = f"not measured: {', '.join(missing)} not installed"
        return done
    before, begin = machine.cpu_by_process(), time.monotonic()
    try:
        with _within(row.limit_s):
            done.lines = [line for line in row.run(scale) if line.ours]
    except FileNotFoundError as error:
        done.problem = f"not measured: {error}; not installed"
    except Exception as error:  # the other rows are worth having
        done.problem = f"not measured: {type(error).__name__}: {error}"
        traceback.print_exc()
    done.seconds = time.monotonic() - begin
    done.others = machine.others(before)
    return done


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    """TimeoutError when what is inside takes longer; for the main thread."""

    def over(number: int, frame: object) -> None:
        raise TimeoutError(f"broken off after {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def with_table(page: str, made: str) -> str:
    """The page with this between its two markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no place between {BEGIN} and {END}")
    return f"{before}{begin}\n{made}{end}{after}"


@app.command()
def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Does every row run? Its numbers say nothing.")
    ] = False,
    only: Annotated[str, typer.Option("--rows", help="Numbers of rows, with commas; empty: all.")] = "",
    write: Annotated[bool, typer.Option("--write", help="Write docs/performance.md and bench.json.")] = False,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")] = None,
) -> None:
    """Measure, print, write. The exit status is 1 where a row could not be measured."""
    console = Console(width=max(160, Console().width))
    wanted = {int(number) for number in only.split(",") if number}
    chosen = [row for row in all_rows() if (not wanted or row.number in wanted) and (row.quick or not quick)]
    about: dict[str, str] = machine.described()
    runs: list[Done] = []
    for row in chosen:
        done = run(row, Scale(quick))
        console.print(f"row {row.number} {row.name}: {done.seconds:.0f} s {done.problem}", highlight=False)
        runs.append(done)
        _keep(runs, about, quick, as_json, write)
    console.print(table.as_text(runs, about))
    raise typer.Exit(_status(runs))


def _keep(runs: Sequence[Done], about: dict[str, str], quick: bool, file: Path | None, write: bool) -> None:
    """After each row, so that a run that is broken off leaves what it has."""
    told = table.as_json(runs, about, quick)
    if file is not None:
        file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if write:
        _write(runs, about, told)


def carried(told: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """
    The numbers of a run, and for rows that it has no line of those of an earlier one, each with its commit:
    the constants of ``pacs-module size`` are not lost with a row that failed.
    """
    measured = {row["row"] for row in told["rows"] if row["lines"]}
    commit = before.get("machine", {}).get("commit", "")
    earlier = [
        {**row, "commit": row.get("commit") or commit}
        for row in before.get("rows", ())
        if row["row"] not in measured and row["lines"]
    ]
    kept = {row["row"] for row in earlier}
    rows = [row for row in told["rows"] if row["row"] not in kept]
    return {**told, "rows": sorted([*rows, *earlier], key=lambda row: int(row["row"]))}


def _write(runs: Sequence[Done], about: dict[str, str], told: dict[str, Any]) -> None:
    before = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    numbers = json.dumps(carried(told, before), indent=1) + "\n"
    NUMBERS.write_text(numbers, encoding="utf-8")
    PICTURE.write_text(table.as_picture(runs), encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_table(page, table.as_markdown(runs, about, PICTURE.name)), encoding="utf-8")


def _status(runs: Sequence[Done]) -> int:
    missed = sum(line.met is Met.NO for done in runs for line in done.lines)
    measured = sum(len(done.lines) for done in runs)
    print(f"{measured} lines, {missed} targets missed")
    return 1 if any(done.problem and not done.problem.endswith("not installed") for done in runs) else 0


if __name__ == "__main__":
    app()
