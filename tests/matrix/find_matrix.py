"""
The find matrix: every habit of a PACS, alone and combined, on a compressed day over two midnights.

At the end of each row every wanted study that is still in the PACS must have been found, and pulled with all
its images, or stand there as unpullable with its reason; none twice. A naive control is asked the same and
must fail (see control.py).

    python -m tests.matrix.find_matrix --help
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hospital_sim.busy_day.plan import plan_busy_day

from .control import Missing, bites, control
from .play import Outcome, deadline_of, run_row
from .rows import ALONE, NOT_ABOUT_FINDING, combinations, must_bite

DATE = dt.date(2026, 11, 21)

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: python -m tests.matrix.find_matrix --studies 300 --step 60")
def main(
    studies: Annotated[int, typer.Option(help="New studies of the day.")] = 300,
    step: Annotated[float, typer.Option(help="Virtual minutes between two find rounds.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Of the day and of the combinations.")] = 1,
    only: Annotated[str, typer.Option(help="Only rows with this habit.")] = "",
    part: Annotated[str, typer.Option(help="Only so many rows: 1-12.")] = "",
    orthanc: Annotated[
        bool, typer.Option(help="The control of text also goes through a real Orthanc.")
    ] = True,
    follow: Annotated[bool, typer.Option(help="Growing studies are followed.")] = False,
) -> None:
    """
    Play every habit alone and ten random combinations of three; exit 1 on anything lost, behind, asked twice
    or strange.
    """
    day = plan_busy_day(DATE, studies, seed=seed, max_slices=20)
    every = [row for row in (*ALONE, *combinations(seed)) if only in " ".join(row)]
    first, last = (int(number) for number in part.split("-")) if part else (1, len(every))
    console = Console()
    baseline = control(day, (), deadline_of(day), orthanc=orthanc, every=True)
    outcomes: list[Outcome] = []
    for number, row in enumerate(every[first - 1 : last], first):
        outcome = run_row(day, row, dt.timedelta(minutes=step), orthanc=orthanc, follow=follow)
        outcomes.append(outcome)
        words = (
            "good"
            if outcome.good
            else (
                f"lost {outcome.lost[:3]} behind {outcome.behind[:3]} twice {outcome.twice[:3]} strange "
                f"{outcome.strange[:3]}"
            )
        )
        words += "" if _bit(outcome, baseline) else ", DOES NOT BITE"
        name = " + ".join(row) or "no habit"
        console.print(
            f"{number:3} of {len(every)}  {name:60} {outcome.seconds:5.1f} s  {words}", soft_wrap=True
        )
    print_table(outcomes, console)
    console.print(
        "not about finding: " + "; ".join(f"{name}: {why}" for name, why in NOT_ABOUT_FINDING.items()),
        soft_wrap=True,
    )
    toothless = [row.habits for row in outcomes if not _bit(row, baseline)]
    raise typer.Exit(0 if all(outcome.good for outcome in outcomes) and not toothless else 1)


def _bit(outcome: Outcome, baseline: Missing) -> bool:
    return not must_bite(outcome.habits) or bites(outcome.missing, baseline)


def print_table(outcomes: Sequence[Outcome], console: Console) -> None:
    """One row a combination of habits."""
    table = Table(title="find matrix")
    levels = ("STUDY", "SERIES", "IMAGE")
    for column in (
        "habits",
        "wanted",
        "found",
        "unpullable",
        "lost",
        "behind",
        "twice",
        "strange",
        "naive control misses",
        *levels,
        "s",
    ):
        table.add_column(column, justify="left" if column == "habits" else "right")
    for row in outcomes:
        numbers = (
            row.wanted,
            row.found,
            row.unpullable,
            len(row.lost),
            len(row.behind),
            len(row.twice),
            len(row.strange),
        )
        missed = ", ".join(f"{number} {name.lower()}" for name, number in row.missing.items())
        queries = tuple(row.queries[level] for level in levels)
        cells = (*map(str, numbers), missed, *map(str, queries), f"{row.seconds:.1f}")
        table.add_row(" + ".join(row.habits) or "no habit", *cells)
    Console(file=console.file, width=max(console.width, 170)).print(table)


if __name__ == "__main__":
    app()
