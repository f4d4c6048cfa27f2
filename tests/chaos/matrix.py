"""
``python -m tests.chaos.matrix``: kills each process at each stage of a study's way; the auditor says what
became of it.

One stack serves all cells of a kind (with one pacs_module, with two); each gets a small day of its own. A
cell that fails is told with the end of every log, and the next ones get a fresh stack.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.audit.auditor import Audit
from tests.chaos.cells import (
    ALL,
    COLUMNS,
    FULL,
    HOME,
    ONE_OF_TWO,
    OUTAGE,
    POWER_CUT,
    STANDS_STILL,
    USUAL,
    Cell,
    Kind,
    chosen,
)
from tests.chaos.rig.harness import Rig, full
from tests.chaos.rig.one_of_two import dies, stands_still
from tests.chaos.rig.small_day import Day

HOLD_S = 2.0
"""How long the store stays locked by a writer that is killed then, or the RAM disk full."""
NOBODY = "nobody"
"""Of the look at the end of a stack's cells."""


@dataclass
class StackOutcome:
    """One cell's end: ``seconds`` from the kill until everything was settled."""

    cell: Cell
    seconds: float = 0.0
    took: float = 0.0
    audit: Audit = field(default_factory=Audit)
    error: str = ""

    @property
    def bad(self) -> bool:
        """Whether something must be mended."""
        return bool(self.error or self.audit.faults)

    @property
    def words(self) -> str:
        """As it stands in the matrix: lost / twice / seconds."""
        if self.error:
            return "broken"
        lost, twice = (
            len(self.audit.lost) + len(self.audit.stuck),
            len(self.audit.twice_same_key) + len(self.audit.twice_other_key),
        )
        return f"{lost} / {twice} / {self.seconds:.0f}"


def run_cell(rig: Rig, cell: Cell, number: int) -> StackOutcome:
    """One day with one disaster."""
    outcome, begin = StackOutcome(cell), time.monotonic()
    try:
        hit_at, day, afterwards = _disaster(rig, cell, number)
        outcome.audit = rig.until_settled(day.wanted)
        outcome.seconds = time.monotonic() - hit_at
        afterwards()
    except Exception as error:  # whatever it is, the other cells are run and this one is shown
        outcome.error = f"{type(error).__name__}: {error}"
    finally:
        rig.disarm()
    outcome.took = time.monotonic() - begin
    return outcome


def _disaster(rig: Rig, cell: Cell, number: int) -> tuple[float, Day, Callable[[], None]]:
    """
    The disaster: from when on it is to be recovered from, the day that was hit, and what is to be done when
    all is settled.
    """
    if cell.victim == ONE_OF_TWO:
        return dies(rig, cell.stage, f"{number}")
    if cell.victim == STANDS_STILL:
        return stands_still(rig, cell.stage, f"{number}")
    return *(_outage if cell.stage == OUTAGE else _at_stage)(rig, cell, number), lambda: None


def _at_stage(rig: Rig, cell: Cell, number: int) -> tuple[float, Day]:
    home = HOME[cell.stage]
    if cell.victim == home:
        rig.arm(cell.stage, "kill")
        day = rig.send_day(f"{number}")
        rig.wait_reached(cell.stage)
        rig.wait_dead(rig.process(home))
        hit_at = time.monotonic()
        rig.servers[
            home
        ].kill()  # it is dead; nothing that it had started, and none of its ports, is left after this
        rig.servers[home].start()
        return hit_at, day
    waits = rig.faults / f"{cell.stage}.waits"
    rig.arm(cell.stage, str(waits))
    day = rig.send_day(f"{number}")
    rig.wait(waits.exists, f"a process waits at {cell.stage}")
    hit_at = time.monotonic()
    _strike(rig, cell, waits)
    return hit_at, day


def _strike(rig: Rig, cell: Cell, waits: Path) -> None:
    """Kill; let the one that waits go on and meet the dead; start again."""
    if cell.victim == POWER_CUT:
        rig.empty_ram_disk()
        waits.unlink(missing_ok=True)
        rig.stack.receiver.start()
    elif cell.victim == FULL:
        with full(rig.stack.ram_disk.path):
            waits.unlink()
            time.sleep(HOLD_S)  # no room for a while: that is the disaster
    else:
        rig.servers[cell.victim].kill()
        waits.unlink(missing_ok=True)
        if cell.victim == "store":
            time.sleep(HOLD_S)  # so that the one that waited meets it
        rig.servers[cell.victim].start()


def _outage(rig: Rig, cell: Cell, number: int) -> tuple[float, Day]:
    """Down for long, from the moment at which a study is stable."""
    victims = cell.victim.split("+")
    waits = rig.faults / "stable.waits"
    rig.arm("stable", str(waits))
    day = rig.send_day(f"{number}")
    rig.wait(waits.exists, "a study is stable")
    for name in victims:
        rig.servers[name].kill()
    waits.unlink()
    time.sleep(cell.outage_s)  # the outage is the test
    for name in victims:
        rig.servers[name].start()
    return time.monotonic(), day


def run_matrix(cells: Sequence[Cell], folder: Path, console: Console, store: str = "sqlite") -> list[StackOutcome]:
    """All cells, stack by stack."""
    outcomes: list[StackOutcome] = []
    for kind in Kind:
        of_kind = [cell for cell in cells if cell.kind is kind]
        for outcome in _run_kind(of_kind, kind, store, folder / kind, console):
            outcomes.append(outcome)
            if outcome.cell.victim != NOBODY:
                _tell(console, outcome, sum(one.cell.victim != NOBODY for one in outcomes), len(cells))
    return outcomes


def _run_kind(
    cells: Sequence[Cell], kind: Kind, store: str, folder: Path, console: Console
) -> Iterator[StackOutcome]:
    """Each cell on the stack of the one before unless that one failed; at last what is left over."""
    rig: Rig | None = None
    try:
        for number, cell in enumerate(cells, start=1):
            if rig is None:
                console.print("[dim]starting the stack[/dim]")
                made = Rig(
                    folder / f"stack-{number}",
                    {"store": store},
                    two=kind is Kind.TWO,
                    edge=kind is Kind.EDGE,
                )
                rig = made.__enter__()
            outcome = run_cell(rig, cell, number)
            yield outcome
            if outcome.bad:
                show_logs(console, rig)
                rig.__exit__(RuntimeError, None, None)
                rig = None
        if rig is not None:
            yield _rest(rig, console)
    finally:
        if rig is not None:
            rig.__exit__(None, None, None)


def _rest(rig: Rig, console: Console) -> StackOutcome:
    """When everything is over nothing may be left: folders, rows, messages, studies in Orthanc."""
    begin = time.monotonic()
    outcome = StackOutcome(Cell("at rest", NOBODY), audit=rig.until_clean())
    outcome.seconds = outcome.took = time.monotonic() - begin
    if not outcome.audit.clean:
        outcome.error = "left over: " + "; ".join(
            outcome.audit.half_written + outcome.audit.leftovers + outcome.audit.faults
        )
    console.print(
        f"at rest after {outcome.seconds:.0f} s: {outcome.audit.computed} of {outcome.audit.wanted} "
        f"computed {outcome.error}"
    )
    return outcome


def _tell(console: Console, outcome: StackOutcome, number: int, of: int) -> None:
    colour = "red" if outcome.bad else "green"
    text = (
        f"{number:3} of {of}  {outcome.cell!s:40} [{colour}]{outcome.words:14}[/] lost / twice / s, "
        f"took {outcome.took:.0f} s"
    )
    console.print(text, highlight=False, soft_wrap=True)
    audit = outcome.audit
    for line in [outcome.error, *audit.faults, *audit.twice_other_key]:
        if line:
            console.print(f"      {line}", markup=False, highlight=False, soft_wrap=True)


def show_logs(console: Console, rig: Rig) -> None:
    """The end of every log."""
    for file in sorted([*rig.stack.run.logs.glob("*.log"), *rig.stack.log_folder.glob("*")]):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        console.print(f"--- {file.name}", markup=False)
        for line in lines:
            console.print(line[:400], markup=False, highlight=False, soft_wrap=True)


def table(outcomes: Sequence[StackOutcome]) -> Table:
    """Stage by process: lost / computed twice / seconds until everything was settled."""
    shown = [one for one in outcomes if one.cell.victim != NOBODY]
    columns = [name for name in COLUMNS if any(one.cell.victim == name for one in shown)]
    stages = list(dict.fromkeys(one.cell.stage for one in shown if one.cell.stage != OUTAGE))
    order = [place for place in HOME if place in stages]
    drawn = Table(title="lost / computed twice / seconds to recover")
    for heading in ("stage", *columns):
        drawn.add_column(heading)
    by_place = {(one.cell.stage, one.cell.victim): one for one in shown}
    for stage in order:
        drawn.add_row(
            stage, *(by_place[stage, name].words if (stage, name) in by_place else "" for name in columns)
        )
    for one in shown:
        if one.cell.stage == OUTAGE:
            drawn.add_row(
                f"{one.cell.victim} away {one.cell.outage_s:.0f} s", one.words, *[""] * (len(columns) - 1)
            )
    return drawn


def main() -> int:
    """Run and print; 1 when anything was lost, stuck, doubled unnoticed or left over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="all cells")
    parser.add_argument("--only", default="", help="a comma list of stage:victim, stage or victim")
    parser.add_argument(
        "--store",
        choices=("sqlite", "mongodb"),
        default="sqlite",
        help="mongodb: a MongoDB-compatible server",
    )
    parser.add_argument("--keep", type=Path, help="keep the run folder here")
    options = parser.parse_args()
    console = Console(width=150)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="aipull-chaos-"))
    begin = time.monotonic()
    cells = chosen(options.only, ALL if options.long else USUAL) or chosen(options.only, ALL)
    outcomes = run_matrix(cells, folder, console, options.store)
    console.print(table(outcomes))
    bad = [one for one in outcomes if one.bad]
    twice = sum(len(one.audit.twice_other_key) for one in outcomes if one.cell.victim != NOBODY)
    console.print(
        f"{len(cells)} cells in {(time.monotonic() - begin) / 60:.1f} minutes: {len(bad)} bad; "
        f"{twice} studies computed again under another key, all of them known to the pipeline"
    )
    if not options.keep and not bad:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad or not cells else 0


if __name__ == "__main__":
    sys.exit(main())
