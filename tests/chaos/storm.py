"""
``python -m tests.chaos.storm --seed 1 --minutes 10``: random disasters while small days go on arriving; then
nothing may be lost.

The seed gives the sequence of disasters, not the instant at which each meets the pipeline: a storm that
failed is told with all that happened in it.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from stack.servers.orthanc import HOSPITAL_NAME
from stack.settings_file import merged
from stack.whole import CONNECTIONS, TO_STORE
from tests.chaos.audit.auditor import Audit, Poison, move_seconds, running_moves
from tests.chaos.disasters import Disaster, Storm
from tests.chaos.matrix import show_logs
from tests.chaos.rig.clocks import LIBRARY, Clocks, sweep
from tests.chaos.rig.department import Department
from tests.chaos.rig.harness import SECOND, SETTINGS, Rig
from tests.chaos.rig.keeper import Keeper
from tests.chaos.rig.liar import NAME as LIAR
from tests.chaos.rig.liar import Liar
from tests.chaos.rig.proxy import Mode, Proxy
from tests.chaos.rig.small_disk import small_disk

AT_ONCE = 3
CLOCKS = ("pacs_module", SECOND, "Orthanc", "RabbitMQ", "backend")
"""Each of these processes has a clock of its own that jumps."""
KEPT = ("Orthanc", "pacs_module", SECOND, "backend")
"""Started again when they die by themselves, which is told."""
CALM_S = (0.5, 6.0)
"""Between two disasters."""
SETTLE_S = 900.0
"""After the storm; some ten seconds are the rule, the longest lease or pause the exception."""
LINE_BYTES_PER_S = 4_000_000.0
"""From the PACS to the receiving Orthanc: a heavy study takes 5 to 15 s."""
RAM_DISK_BYTES = 512 * 1024**2
"""
Before a thousand CT images were seen the plugins reckon with 0.6 MB for each: the heaviest study must fit
then, too.
"""
STORMY: dict[str, Any] = {
    "pull": {"attempts": 500}, "backend": {"attempts": 500},
    "pacs": [{"name": HOSPITAL_NAME, "parallel_pulls": 3}],
}  # fmt: skip
"""
The number of attempts is for hours at a site; with pauses of seconds a storm would use it up. Three pulls at
once, so that heavy studies meet each other and keep no queue waiting.
"""


@dataclass(frozen=True)
class Lies:
    """
    What a storm has beside disasters, and how long it may take to recover.

    Attributes:
        told: Strangers' pushes, corrected PatientIDs, and a second PACS that lies in its answers.
        poisoned: So many studies of that PACS kill whoever reads them.
        settle_s: After the storm.
    """

    told: bool = False
    poisoned: int = 0
    settle_s: float = SETTLE_S


HONEST = Lies()


class Blow:
    """Disasters one after the other, some at once, never two on the same target."""

    def __init__(self, storm: Storm, department: Department, seed: int, console: Console) -> None:
        self._storm = storm
        self._department = department
        self._chance = random.Random(seed)
        self.seed, self.console = seed, console
        self._begin = time.monotonic()
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        """
        Those that came while the C-MOVE of a heavy study ran; by name where they touch it, the rest together.
        """
        self._running: list[Future[None]] = []

    def until(self, deadline: float) -> None:
        """Go on until then; returns when the last disaster is healed."""
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            while time.monotonic() < deadline:
                disaster = self._storm.choose(self._chance)
                if self._take(disaster.target):
                    self._running.append(pool.submit(self._one, disaster))
                time.sleep(self._chance.uniform(*CALM_S))
                self._running = [one for one in self._running if not one.done() or one.result() is not None]
        for one in self._running:
            one.result()

    @contextlib.contextmanager
    def alone(self, target: str) -> Iterator[bool]:
        """No disaster touches a target while the block runs; False: one has it now."""
        with self._lock:
            ours = target not in self._busy
            self._busy |= {target}
        try:
            yield ours
        finally:
            if ours:
                with self._lock:
                    self._busy.discard(target)

    def _take(self, target: str) -> bool:
        with self._lock:
            if target in self._busy or len(self._busy) >= AT_ONCE:
                return False
            self._busy.add(target)
            return True

    def _one(self, disaster: Disaster) -> None:
        moving = bool(running_moves(self._storm.rig.sources()) & self._department.heavy)
        self.say(
            f"{disaster.name}, {disaster.seconds:.1f} "
            f"s{', during the C-MOVE of a heavy study' if moving else ''}"
        )
        self.counts[disaster.name.split(" ")[0]] += 1
        self.met[disaster.name if disaster.target in self._storm.moves_need else "of others"] += moving
        try:
            disaster.work(disaster.seconds)
        finally:
            with self._lock:
                self._busy.discard(disaster.target)

    def say(self, words: str) -> None:
        """On the console, with the time."""
        self.console.print(f"{time.monotonic() - self._begin:6.1f} s  {words}", markup=False, highlight=False)


def run_storm(
    seed: int, minutes: float, folder: Path, console: Console, store: str = "sqlite", lies: Lies = HONEST
) -> bool:
    """The storm; whether all is well."""
    with contextlib.ExitStack() as stack:
        liar = stack.enter_context(Liar()) if lies.told else None
        disk = stack.enter_context(small_disk(folder / "disk"))
        proxies: dict[str, Proxy] = {}

        def detour(name: str, port: int) -> int:
            proxies[name] = Proxy(port)
            proxies[name].bytes_per_s = LINE_BYTES_PER_S if name == "PACS to Orthanc" else 0.0
            stack.callback(proxies[name].close)
            return proxies[name].port

        clocks = Clocks(folder, CLOCKS) if LIBRARY else None
        stack.callback(sweep)  # when everything that was started below is over
        theirs = {name: clocks.environment(name) for name in CLOCKS} if clocks else {}
        options = _options(disk, theirs, store, liar)
        rig = Rig(folder / "rig", options, detour=detour, two=True, second_environment=theirs.get(SECOND, {}))
        stack.enter_context(rig)
        if liar is not None:
            liar.sends_to(rig.stack.receiver.ports.dicom)
            rig.elsewhere = liar.images
        assert set(proxies) == {*CONNECTIONS, *([TO_STORE] if store == "mongodb" else [])}
        disks = (disk, rig.stack.ram_disk.path) if disk is not None and rig.stack.ram_disk.mounted else ()
        for what, there in (
            ("clock jumps (libfaketime is not installed)", clocks),
            ("full disks (no right to mount)", disks),
        ):
            if not there:
                console.print(f"no {what}", markup=False)
        storm = Storm(rig, proxies, clocks, disks)
        department = Department(rig, random.Random(seed + 1_000_000), liar=liar, poisoned=lies.poisoned)
        blow = Blow(storm, department, seed, console)
        if liar is None:
            return _blow(storm, blow, department, minutes, lies.settle_s)
        keeper = stack.enter_context(Keeper(rig, KEPT, blow.alone, blow.say))
        rig.poison = lambda: Poison(tuple(liar.poisoned), dict(keeper.deaths))
        return _blow(storm, blow, department, minutes, lies.settle_s)


def _blow(storm: Storm, blow: Blow, department: Department, minutes: float, settle_s: float) -> bool:
    rig, console, begin = storm.rig, blow.console, time.monotonic()
    department.start()
    blow.until(begin + minutes * 60)
    for proxy in storm.proxies.values():
        proxy.mode = Mode.PASS
    calm = time.monotonic()
    department.stop()
    sent, before = time.monotonic() - calm, rig.until_settled(rig.wanted, 0)
    found = rig.until_settled(rig.wanted, settle_s)
    settled = time.monotonic() - calm
    if found.settled:
        found = rig.until_clean(settle_s)
    console.print(
        (
            f"last images sent {sent:.0f} s after the last disaster; then not settled: "
            f"{before.stuck + before.lost}"
        ),
        markup=False,
    )
    _report(console, blow, found, settled, time.monotonic() - calm)
    _report_heavy(console, blow, move_seconds(rig.sources().journal, department.heavy), len(department.heavy))
    if not found.clean:
        show_logs(console, rig)
    return found.clean


def _report(console: Console, blow: Blow, found: Audit, settled: float, clean: float) -> None:
    happened = ", ".join(f"{number} x {name}" for name, number in sorted(blow.counts.items()))
    rows = {
        "seed": blow.seed,
        "disasters": f"{sum(blow.counts.values())}: {happened}",
        "wanted studies": found.wanted,
        "computed": found.computed,
        "lost": len(found.lost),
        "stuck": len(found.stuck),
        "twice, one key": len(found.twice_same_key),
        "twice, two keys": f"{len(found.twice_other_key)}, of which the pipeline knows all but {len(found.unnoticed)}",
        "in part, then whole": len(found.in_part),
        "unwanted at the backend": len(found.unwanted),
        "wrong patient": len(found.wrong_patient),
        "other pixels, UNVERIFIED": len(found.uncertain),
        "wrong COMPLETE": len(found.wrong_complete),
        "poison alive": len(found.poison_alive),
        "half-written folders": len(found.half_written),
        "left over": len(found.leftovers),
        "seconds to recover": f"{settled:.0f}, everything put away after {clean:.0f}",
    }
    for name, value in rows.items():
        console.print(f"{name:24} {value}", markup=False, highlight=False, soft_wrap=True)
    for line in [*found.faults, *found.leftovers]:
        console.print(f"    {line}", markup=False, highlight=False, soft_wrap=True)


def _report_heavy(console: Console, blow: Blow, seconds: list[float], studies: int) -> None:
    """The median, because Orthanc's clock jumps, too."""
    met = ", ".join(f"{number} x {name}" for name, number in sorted(blow.met.items()) if number)
    took = f", their C-MOVE {median(seconds):.0f} s in the median of {len(seconds)}" if seconds else ""
    rows = {"heavy studies": f"{studies}{took}", "disasters during these": f"{sum(blow.met.values())}: {met}"}
    for name, value in rows.items():
        console.print(f"{name:24} {value}", markup=False, highlight=False, soft_wrap=True)


def _options(
    disk: Path | None, clocks: Mapping[str, Mapping[str, str]], store: str, liar: Liar | None
) -> dict[str, Any]:
    settings = merged(dict(SETTINGS), STORMY)
    if liar is not None:
        settings = merged(settings, {"pacs": [*STORMY["pacs"], {"name": LIAR, "parallel_pulls": 2}]})
    orthanc = dict(clocks.get("Orthanc", {}))
    if disk is not None and store == "sqlite":
        settings = merged(settings, {"store": {"url": f"sqlite:///{disk / 'study.db'}"}})
    if disk is not None:
        orthanc["AIPULL_JOURNAL"] = str(disk / "journal.db")
    others = {
        f"{name.lower()}_environment": clocks.get(name, {}) for name in ("pacs_module", "RabbitMQ", "backend")
    }
    return {
        "ram_disk_bytes": RAM_DISK_BYTES,
        "settings": settings,
        "store": store,
        "orthanc_environment": orthanc,
        **others,
        **(liar.options() if liar else {}),
    }


def main() -> int:
    """Run; 1 when anything is lost, stuck, doubled unnoticed or left over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument(
        "--store",
        choices=("sqlite", "mongodb"),
        default="sqlite",
        help="mongodb: a MongoDB-compatible server",
    )
    parser.add_argument(
        "--lies", action="store_true", help="strangers' pushes, corrected PatientIDs, a second PACS that lies"
    )
    parser.add_argument(
        "--poison", type=int, default=0, help="so many studies that kill whoever reads them; with --lies"
    )
    parser.add_argument("--settle", type=float, default=SETTLE_S, help="seconds to recover in")
    parser.add_argument("--keep", type=Path, help="keep the run folder here")
    options = parser.parse_args()
    console = Console(width=150)
    console.print(f"storm with seed {options.seed} for {options.minutes:g} minutes")
    folder = options.keep or Path(tempfile.mkdtemp(prefix="aipull-storm-"))
    good = run_storm(
        options.seed,
        options.minutes,
        folder,
        console,
        options.store,
        Lies(options.lies or options.poison > 0, options.poison, options.settle),
    )
    if not options.keep and good:
        shutil.rmtree(folder, ignore_errors=True)  # some GB of heavy studies
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
