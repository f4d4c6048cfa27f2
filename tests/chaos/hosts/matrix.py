"""
``python -m tests.chaos.hosts.matrix``: each of three machines cut off, dead and paused in turn, and split brain.

Each cell gets a small day. It is struck while a C-MOVE to that machine runs, or at a place in whichever pacs_module
gets there first. While the machine is away a second day comes, which the two others have to settle by
themselves; then it is back, and everything has to be settled.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.audit.auditor import Audit
from tests.chaos.hosts.rig import NAMES, Host, ThreeHosts

CUT_OFF, DEAD, PAUSED = "cut off", "dead", "paused"
SPLIT, ALONE = "split", "each alone"
WHOEVER = "whoever gets there"
MOVING = "moving"
AWAY_S = 150.0
"""So long the two others may take for the second day."""
SPLIT_S = 25.0
"""How long the three do not see each other: RabbitMQ and leases have noticed."""
GETS_A_PULL_S = 60.0


@dataclass(frozen=True)
class Cell:
    """What befalls which machine, where on a study's way."""

    disaster: str
    victim: str
    place: str = MOVING

    def __str__(self) -> str:
        return f"{self.victim} {self.disaster} at {self.place}"


CELLS = (
    *(Cell(disaster, name) for disaster in (CUT_OFF, DEAD, PAUSED) for name in NAMES),
    Cell(DEAD, WHOEVER, "consumed"),
    Cell(CUT_OFF, WHOEVER, "published"),
    Cell(PAUSED, WHOEVER, "posted"),
    Cell(DEAD, WHOEVER, "claimed"),
    *(Cell(SPLIT, name) for name in NAMES),
    Cell(ALONE, "one"),
)
QUICK = (Cell(DEAD, "two"),)
BREAK: dict[str, Callable[[Host], None]] = {
    CUT_OFF: Host.cut_off, DEAD: Host.power_off, PAUSED: Host.pause,
}  # fmt: skip
MEND: dict[str, Callable[[Host], None]] = {
    CUT_OFF: Host.plug_in, DEAD: Host.power_on, PAUSED: Host.go_on,
}  # fmt: skip


@dataclass
class HostsOutcome:
    """
    One cell's end.

    Attributes:
        away_s: From the disaster until the second day was settled without the machine; 0 with split brain.
        back_s: From its return until all was settled.
    """

    cell: Cell
    away_s: float = 0.0
    back_s: float = 0.0
    audit: Audit = field(default_factory=Audit)
    error: str = ""

    @property
    def bad(self) -> bool:
        """Whether something must be mended."""
        return bool(self.error or self.audit.faults)

    @property
    def words(self) -> tuple[str, ...]:
        """A row of the table."""
        audit = self.audit
        twice = len(audit.twice_same_key) + len(audit.twice_other_key)
        numbers = (f"{audit.computed}/{audit.wanted}", len(audit.lost), len(audit.stuck), twice)
        return (str(self.cell), *map(str, numbers), f"{self.away_s:.0f}", f"{self.back_s:.0f}", self.error)


def run_cell(hosts: ThreeHosts, cell: Cell, number: int) -> HostsOutcome:
    """One disaster."""
    outcome = HostsOutcome(cell)
    try:
        hosts.until_whole()
        (_split if cell.disaster in (SPLIT, ALONE) else _strike)(hosts, outcome, number)
    except Exception as error:  # whatever it is, this cell is shown and the run goes on with fresh machines
        outcome.error = f"{type(error).__name__}: {error}"
    return outcome


def _strike(hosts: ThreeHosts, outcome: HostsOutcome, number: int) -> None:
    disaster = outcome.cell.disaster
    first = len(hosts.wanted)
    waits, victim = _held(hosts, outcome.cell, number)
    begin = time.monotonic()
    BREAK[disaster](victim)
    waits.unlink()
    try:
        second = hosts.send_day(f"{number}away")
        found = hosts.until_settled(second.wanted, AWAY_S)
        outcome.away_s = time.monotonic() - begin
        outcome.error = "" if found.settled else f"not done by the others: {found.stuck + found.lost}"
    finally:
        MEND[disaster](victim)
    _until_all_settled(hosts, outcome, first)


def _split(hosts: ThreeHosts, outcome: HostsOutcome, number: int) -> None:
    first = len(hosts.wanted)
    waits, victim = _held(hosts, outcome.cell, number)
    with _sides(hosts, outcome.cell, victim):
        waits.unlink()
        hosts.send_day(f"{number}split")
        time.sleep(SPLIT_S)  # so long it lasts: that is the disaster
    _until_all_settled(hosts, outcome, first)


@contextmanager
def _sides(hosts: ThreeHosts, cell: Cell, victim: Host) -> Iterator[None]:
    machines = hosts.network.machines
    others = [machine for machine in machines if machine is not victim.machine]
    sides = [[machine] for machine in machines] if cell.disaster == ALONE else [[victim.machine], others]
    with hosts.network.split(*sides):
        yield


def _until_all_settled(hosts: ThreeHosts, outcome: HostsOutcome, first: int) -> None:
    begin = time.monotonic()
    outcome.audit = hosts.until_settled(hosts.wanted[first:])
    outcome.back_s = time.monotonic() - begin


def _held(hosts: ThreeHosts, cell: Cell, number: int) -> tuple[Path, Host]:
    """A day is on its way, and a process of the victim waits at the place; days are added until it does."""
    named = next((host for host in hosts.hosts if host.name == cell.victim), None)
    waits = hosts.hold(cell.place, named)
    for turn in range(4):
        hosts.send_day(f"{number}t{turn}", cts=3)
        victim = _waiting(hosts, waits)
        if victim is not None:
            return waits, victim
    raise TimeoutError(f"no process of {cell.victim} has come to {cell.place}")


def _waiting(hosts: ThreeHosts, waits: Path) -> Host | None:
    deadline = time.monotonic() + GETS_A_PULL_S
    while time.monotonic() < deadline:
        victim = hosts.who_waits(waits)
        if victim is not None:
            return victim
        time.sleep(0.05)
    return None


def run(cells: Sequence[Cell], folder: Path, tell: Callable[[HostsOutcome], None]) -> list[HostsOutcome]:
    """All cells on the same machines; after one that is bad on fresh ones."""
    outcomes: list[HostsOutcome] = []
    while len(outcomes) < len(cells):
        with ThreeHosts(folder / f"from-{len(outcomes) + 1}") as hosts:
            for cell in cells[len(outcomes) :]:
                outcomes.append(run_cell(hosts, cell, len(outcomes) + 1))
                tell(outcomes[-1])
                if outcomes[-1].bad:
                    break
            else:
                outcomes.append(_at_rest(hosts))
                tell(outcomes[-1])
                break
    return outcomes


def _at_rest(hosts: ThreeHosts) -> HostsOutcome:
    """At the end nothing may be left: folders, rows, messages, studies on any machine."""
    begin = time.monotonic()
    outcome = HostsOutcome(Cell("at rest", "all", "the end"), audit=hosts.until_clean())
    outcome.back_s = time.monotonic() - begin
    left = outcome.audit.half_written + outcome.audit.leftovers
    outcome.error = f"left over: {'; '.join(left)}" if left else ""
    return outcome


def table(outcomes: Sequence[HostsOutcome]) -> Table:
    """A row a cell."""
    drawn = Table(title="three machines: computed, lost, stuck, twice, seconds without it, seconds after it")
    for heading in ("cell", "computed", "lost", "stuck", "twice", "away s", "back s", ""):
        drawn.add_column(heading)
    for one in outcomes:
        drawn.add_row(*one.words)
    return drawn


def main() -> int:
    """Run and print; 1 when anything was lost, stuck or left over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one cell")
    parser.add_argument("--only", default="", help="cells with one of these in their names, a comma list")
    parser.add_argument("--keep", type=Path, help="keep the run folder here")
    options = parser.parse_args()
    console = Console(width=150)
    words = options.only.split(",")
    cells = [cell for cell in (QUICK if options.quick else CELLS) if any(word in str(cell) for word in words)]
    folder = options.keep or Path(tempfile.mkdtemp(prefix="aipull-hosts-"))
    begin = time.monotonic()
    outcomes = run(cells, folder, lambda one: _tell(console, one))
    console.print(table(outcomes))
    bad = [one for one in outcomes if one.bad]
    minutes = (time.monotonic() - begin) / 60
    console.print(f"{len(cells)} cells in {minutes:.1f} minutes: {len(bad)} bad")
    if not options.keep and not bad:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad or not cells else 0


def _tell(console: Console, outcome: HostsOutcome) -> None:
    console.print("  ".join(outcome.words), markup=False, highlight=False, soft_wrap=True)
    for line in [*outcome.audit.faults, *outcome.audit.twice_other_key]:
        console.print(f"      {line}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
