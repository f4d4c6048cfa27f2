"""
All rows, one table: ``make bench`` (under fifteen minutes on two cores) and ``make bench-quick`` (a smoke
run).

    python -m benchmarks.bench --rows 7,8
    python -m benchmarks.bench --write      docs/performance.md, docs/performance.svg, pacs_module/bench.json
"""

from __future__ import annotations

import json
import os
import shutil
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.bench import machine, rows, table
from benchmarks.bench.row import Done, Met, Row, Scale

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGE = REPOSITORY / "docs" / "performance.md"
PICTURE = REPOSITORY / "docs" / "performance.svg"
NUMBERS = REPOSITORY / "pacs_module" / "bench.json"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

app = typer.Typer(add_completion=False)


def all_rows() -> list[Row]:
    """The rows in the order of their numbers: each module of ``rows`` has one."""
    names = [found.name for found in iter_modules(rows.__path__)]
    found = [import_module(f"{rows.__name__}.{name}").ROW for name in names]
    return sorted(found, key=lambda row: row.number)


def run(row: Row, scale: Scale) -> Done:
    """Run one; a row that fails costs only itself."""
    done = Done(row, load=os.getloadavg()[0])
    missing = [needed for needed in row.needs if shutil.which(needed) is None]
    if missing:
        done.problem = f"not measured: {', '.join(missing)} not installed"
        return done
    before, begin = machine.cpu_by_process(), time.monotonic()
    try:
        done.lines = row.run(scale)
    except FileNotFoundError as error:
        done.problem = f"not measured: {error}; not installed"
    except Exception as error:  # the other rows are worth having
        done.problem = f"not measured: {type(error).__name__}: {error}"
        traceback.print_exc()
    done.seconds = time.monotonic() - begin
    done.others = machine.others(before)
    return done


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
    about, runs = machine.described(), []
    for row in chosen:
        done = run(row, Scale(quick))
        console.print(f"row {row.number} {row.name}: {done.seconds:.0f} s {done.problem}", highlight=False)
        runs.append(done)
    console.print(table.as_text(runs, about))
    numbers = json.dumps(table.as_json(runs, about, quick), indent=1) + "\n"
    if as_json is not None:
        as_json.write_text(numbers, encoding="utf-8")
    if write:
        _write(runs, about, numbers)
    raise typer.Exit(_status(runs))


def _write(runs: Sequence[Done], about: dict[str, str], numbers: str) -> None:
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
