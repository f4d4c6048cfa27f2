"""
The find matrix: every habit of a PACS, alone and combined, on a compressed day over two midnights.

A simulated PACS (real DICOM over loopback) plays 36 hours; pacs_module's own find loop, pull preparation and SQLite store run
against it on the same virtual clock, with plugins that say "nothing new" to every pull. At the end each wanted study that is
still in the PACS must have been found, and pulled with its last count, or stand there as unpullable with its reason; none twice.
A naive control (one C-FIND of the day, no more) is asked the same.

A PACS that gives no counts says nothing of a series that comes hours late: such a chest study counts as "untold", not as lost.

    python -m tests.matrix.find_matrix --help
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hospital_sim.busy_day import BusyDay, BusyStudy, plan_busy_day
from hospital_sim.pacs import ManualClock, SimPacs
from pacs_module.adapters.find_scu import Peer
from pacs_module.adapters.pynetdicom_finder import PynetdicomFinder
from pacs_module.adapters.sqlite_store import SqliteStore
from pacs_module.domain.errors import PipelineError
from pacs_module.domain.look_back import LookBack
from pacs_module.domain.messages import PullReport, PullRequest
from pacs_module.domain.retry import RetryPolicy
from pacs_module.domain.stability import StabilityPolicy
from pacs_module.domain.study import Study
from pacs_module.domain.switches import Switches
from pacs_module.find_loop import FindLoop
from pacs_module.metrics import FindMetrics
from pacs_module.use_cases.ask_window import AskWindow
from pacs_module.use_cases.find_studies import STUDY_KEYS, FindStudies
from pacs_module.use_cases.prepare_pull import PreparePull
from pacs_module.use_cases.pull_ends import PullEnds
from pacs_module.use_cases.pull_studies import PullPolicy, PullStudies
from pacs_module.use_cases.resolve_uid import ResolveUid

DATE = dt.date(2026, 11, 21)
PACS = "SIM"
DEADLINE_S = 0.4
"""Of one C-FIND: the simulated PACS answers in milliseconds, one that never answers must not cost minutes."""
AFTER = dt.timedelta(hours=8)
"""So long the finds go on after the last study has arrived."""

# Each row: what is switched on. A habit that shows itself only where a list must be split comes with a cap.
ALONE: tuple[tuple[str, ...], ...] = (
    (),
    ("cap=100",),
    ("cap-a700=100",),
    ("no-counts",),
    ("counts-as-text",),
    ("overloaded",),
    ("never-answers",),
    ("slow=0.05",),
    ("trickle=0.0002",),
    ("empty-uid",),
    ("empty-uid-everywhere",),
    ("dirty-uid",),
    ("duplicate-answers",),
    ("no-modalities-in-study",),
    ("modalities-single",),
    ("modalities-as-text",),
    ("modalities-as-text=comma",),
    ("modalities-equal", "cap=100", "time-range-ignored"),
    ("no-series-level",),
    ("series-needs-study-uid",),
    ("empty-image-level",),
    ("time-range-independent", "cap=100"),
    ("time-range-ignored", "cap=100"),
    ("wildcard-ignored", "cap=100", "time-range-ignored"),
    ("gbk-undeclared",),
    ("gbk-as-latin1",),
    ("gbk-declared",),
    ("utf8-undeclared",),
    ("utf8-as-latin1",),
    ("escapes",),
    ("escapes-second",),
    ("escapes-after-ir6",),
    ("gb2312-declared",),
    ("one-association",),
    ("refuse-associations=3",),
    ("late-series",),
)
COMBINABLE = (
    "cap=100", "no-counts", "counts-as-text", "overloaded", "empty-uid", "dirty-uid", "duplicate-answers",
    "no-modalities-in-study", "modalities-single", "no-series-level", "time-range-independent", "gbk-undeclared",
    "utf8-as-latin1", "one-association", "late-series",
)  # fmt: skip
EXCLUSIVE = (
    {"no-counts", "counts-as-text"},
    {"no-modalities-in-study", "modalities-single"},
    {"gbk-undeclared", "utf8-as-latin1"},
)
# Nothing about finding: the naive control does as well as without them. The charsets bite Orthanc's own finder instead
# (tests/integration/test_charsets.py), late-series by its time: the control asks at the day's end.
HARMLESS = frozenset(
    {
        "slow=0.05", "trickle=0.0002", "one-association", "series-needs-study-uid", "empty-image-level", "no-series-level",
        "gbk-declared", "escapes", "escapes-second", "escapes-after-ir6", "gb2312-declared", "modalities-as-text", "late-series",
    }
)  # fmt: skip


def combinations(seed: int, number: int = 10) -> list[tuple[str, ...]]:
    """Seeded random threes that do not exclude each other."""
    rng = random.Random(seed)
    threes: list[tuple[str, ...]] = []
    while len(threes) < number:
        three = tuple(sorted(rng.sample(COMBINABLE, 3)))
        if three not in threes and not any(pair <= set(three) for pair in EXCLUSIVE):
            threes.append(three)
    return threes


class VirtualClock:
    """The PACS's clock as pacs_module's."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def now(self) -> int:
        """Epoch milliseconds, as if the hospital lay in UTC."""
        return int(self._clock.now().replace(tzinfo=dt.UTC).timestamp() * 1000)

    def today(self) -> dt.date:
        """The hospital's date."""
        return self._clock.now().date()


@dataclass
class Events:
    """Counts what is said, keeps nothing."""

    said: Counter[str] = field(default_factory=Counter)

    def line(self, text: str) -> None:
        """A contract line."""
        self.said[text.split(" ", 1)[0]] += 1

    def event(self, what: str, level: str = "INFO", **values: object) -> None:
        """Anything else."""
        self.said[what] += 1


class Plugins:
    """Take every pull; what it is told that they are, they have."""

    def __init__(self) -> None:
        self.asked: list[PullRequest] = []

    def ask(self, request: PullRequest) -> None:
        """Take it."""
        self.asked.append(request)

    def report_of(self, pull_id: str) -> PullReport | str | None:
        """Not asked for here."""
        return "running"

    def write_verdicts(self, lines: Sequence[str]) -> None:
        """Nobody reads them here."""

    def release(self, handover_id: str) -> None:
        """Nothing is handed over here."""


@dataclass(frozen=True)
class Outcome:
    """One row of the matrix."""

    habits: tuple[str, ...]
    wanted: int
    found: int
    unpullable: int
    lost: tuple[str, ...]
    """Labels of wanted studies that were neither found nor reported."""
    behind: tuple[str, ...]
    """Found, but not pulled with all that the PACS has."""
    untold: int
    """As behind, at a PACS without counts."""
    twice: tuple[str, ...]
    """Pulled again although nothing had changed."""
    naive_missing: int
    queries: Mapping[str, int]
    seconds: float

    @property
    def good(self) -> bool:
        """Nothing lost, nothing behind, nothing twice."""
        return not self.lost and not self.behind and not self.twice

    def bites(self, baseline: int) -> bool:
        """Whether the naive control misses more than without any habit (damaged texts and corrections it misses anyway)."""
        return self.naive_missing > baseline


def run_row(day: BusyDay, habits: tuple[str, ...], step: dt.timedelta, deadline_s: float = DEADLINE_S) -> Outcome:
    """Play the day with these habits."""
    begin = time.monotonic()
    clock = ManualClock(day.begins_at)
    with SimPacs(day, habits=habits, clock=clock) as pacs, tempfile.TemporaryDirectory(dir=_fast_folder()) as folder:
        run = _Run(pacs, VirtualClock(clock), Path(folder), deadline_s)
        while clock.now() < day.ends_at + AFTER:
            clock.advance(step)
            run.round()
        queries = {level: pacs.ledger.queries(level) for level in ("STUDY", "SERIES", "IMAGE")}
        truth = _Truth(day, pacs)
        late = {study.uid: run.behind(study, truth.instances(study)) for study in truth.wanted}
        return Outcome(
            habits=habits,
            wanted=len(truth.wanted),
            found=sum(run.store.get(study.uid) is not None for study in truth.wanted),
            unpullable=sum(truth.reported(run.store, study) for study in truth.wanted),
            lost=tuple(study.planned.label for study in truth.wanted if truth.lost(run.store, study)),
            behind=tuple(study.planned.label for study in truth.wanted if late[study.uid] == "behind"),
            untold=sum(words == "untold" for words in late.values()),
            twice=run.pulled_twice(),
            naive_missing=control(day, habits),
            queries=queries,
            seconds=time.monotonic() - begin,
        )


def _fast_folder() -> str | None:
    """A tmpfs, where fsync costs nothing."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


class _Run:
    """pacs_module's finding and asking, on the virtual clock."""

    def __init__(self, pacs: SimPacs, clock: VirtualClock, folder: Path, deadline_s: float) -> None:
        self.finder = PynetdicomFinder(Peer(pacs.host, pacs.port, pacs.ae_title, "AIPULL"), deadline_s)
        self.store = SqliteStore(folder / "study.db")
        self.plugins, self.log, switches = Plugins(), Events(), Switches(find_pacs_use_series=True)
        retry = RetryPolicy(attempts=5, first=dt.timedelta(minutes=10))
        # Without counts nothing tells when a study is complete: the delay is longer than any device needs.
        policy = StabilityPolicy(delay=dt.timedelta(hours=1))
        modalities = switches.ct_modalities + switches.dx_modalities
        ask = AskWindow(self.finder, self.log, modalities)
        find = FindStudies(self.store, ask, ResolveUid(self.finder, clock, self.log), clock, self.log, switches, policy)
        find.distrusted = {PACS} if "modalities-single" in pacs.habits else ()  # as the engineer at the site sets it
        self.ends = PullEnds(self.store, clock, self.log, retry)
        prepare = PreparePull(self.finder, self.plugins, clock, self.log, switches, {PACS})
        pulls = PullPolicy({PACS: 1000}, retry, dt.timedelta(minutes=20), dt.timedelta(seconds=5))
        self.pull = PullStudies(
            self.store, self.plugins, prepare, self.ends, clock, self.log, pulls, "matrix", pick=lambda names: names[0]
        )
        look_back = LookBack(earlier_days=dt.timedelta(hours=1))
        days = lambda: [clock.today(), clock.today() - dt.timedelta(days=1)]  # noqa: E731
        now = lambda: pacs.now  # noqa: E731
        self.loop = FindLoop(PACS, find, days, now, look_back, self.log, FindMetrics(), set(), lambda: None)

    def round(self) -> None:
        """One find round, and every pull that it made due."""
        with contextlib.suppress(PipelineError):  # the next round comes
            self.loop()
        while self.pull():
            for request in self.plugins.asked:
                self.ends.accept_report(
                    PullReport(request.pull_id, request.pull_id, request.study_uid, "nothing_new", received=request.expected or 0)
                )

    def behind(self, truth: BusyStudy, instances: int) -> str:
        """``behind`` for a chest study that was not pulled with all that it has now, ``untold`` if the PACS could not tell."""
        study = self.store.get(truth.uid)
        if study is None or not truth.chest:
            return ""
        late = "untold" if study.count is None else "behind"
        pulls = [*study.pulls, *([study.pull] if study.pull else [])]
        if not pulls:
            return "behind"
        request = pulls[-1].request
        series = set(truth.expected_series) <= set(request.series_uids) or not request.series_uids
        counted = request.expected is None or not study.count or study.count == instances
        return "" if series and counted else late

    def pulled_twice(self) -> tuple[str, ...]:
        """Studies that were asked for again with the same count (the repeats after a failed one are not meant)."""
        twice = []
        for study in self.store.find({}):
            pulls = [*study.pulls, *([study.pull] if study.pull else [])]
            ended = [(pull.request.expected, pull.request.series_uids) for pull in pulls if pull.outcome == "nothing_new"]
            if len(ended) != len(set(ended)):
                twice.append(study.study_uid)
        return tuple(twice)


class _Truth:
    """What is in the PACS at the end, from the plan and the archive, not over DICOM."""

    def __init__(self, day: BusyDay, pacs: SimPacs) -> None:
        now = pacs.now
        self._there = {study.uid: study for study in pacs.archive.visible(now)}
        self._now = now
        self.wanted = [study for study in day.wanted if study.uid in self._there]

    def instances(self, study: BusyStudy) -> int:
        """How many images the PACS has of it."""
        return self._there[study.uid].instances_at(self._now)

    def lost(self, store: SqliteStore, study: BusyStudy) -> bool:
        """Neither known as wanted nor reported as unpullable."""
        known = store.get(study.uid)
        return (known is None or known.state is None) and not self.reported(store, study)

    @staticmethod
    def reported(store: SqliteStore, study: BusyStudy) -> bool:
        """Kept as unpullable, with its reason."""
        kept: list[Study] = store.find({"state": "unpullable", "accessionNumber": study.planned.accession_number})
        return bool(kept) and all("no StudyInstanceUID" in one.why for one in kept)


def control(day: BusyDay, habits: tuple[str, ...]) -> int:
    """The naive control at the day's end, at a PACS that nobody has asked yet: habits that come and go begin with the first."""
    with SimPacs(day, habits=habits) as pacs:
        finder = PynetdicomFinder(Peer(pacs.host, pacs.port, pacs.ae_title, "AIPULL"), DEADLINE_S)
        return naive(finder, _Truth(day, pacs))


def naive(finder: PynetdicomFinder, truth: _Truth) -> int:
    """How many of one day's wanted studies a plain C-FIND of that day does not give rightly: UID, modality, count and text."""
    wanted = {study.uid: study for study in truth.wanted if study.planned.started_at.date() == DATE}
    try:
        answers = finder.find(PACS, "STUDY", {"StudyDate": DATE.strftime("%Y%m%d")}, STUDY_KEYS)
    except PipelineError:
        return len(wanted)
    times = Counter(answer.get("StudyInstanceUID", "") for answer in answers)
    right = set()
    for answer in answers:
        study = wanted.get(answer.get("StudyInstanceUID", ""))
        if study is not None and times[study.uid] == 1 and _plainly_right(study, answer, truth.instances(study)):
            right.add(study.uid)
    return len(wanted) - len(right)


def _plainly_right(study: BusyStudy, answer: Mapping[str, str], instances: int) -> bool:
    modalities = set(answer.get("ModalitiesInStudy", "").split("\\"))
    count = answer.get("NumberOfStudyRelatedInstances", "")
    return (
        study.modalities <= modalities
        and count == str(instances)
        and answer.get("StudyDescription", "") == study.planned.description
    )


# ------------------------------------------------------------------------------------------------ the table

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: python -m tests.matrix.find_matrix --studies 300 --step 20")
def main(
    studies: Annotated[int, typer.Option(help="New studies of the day.")] = 300,
    step: Annotated[float, typer.Option(help="Virtual minutes between two find rounds.")] = 20.0,
    seed: Annotated[int, typer.Option(help="Of the day and of the combinations.")] = 1,
    only: Annotated[str, typer.Option(help="Only rows with this habit.")] = "",
) -> None:
    """Play every habit alone and ten random combinations of three; exit 1 when anything was lost, behind or asked twice."""
    day = plan_busy_day(DATE, studies, seed=seed, max_slices=20)
    rows = [row for row in (*ALONE, *combinations(seed)) if not only or only in " ".join(row)]
    console = Console()
    outcomes = []
    for number, row in enumerate(rows, 1):
        outcome = run_row(day, row, dt.timedelta(minutes=step))
        outcomes.append(outcome)
        words = "good" if outcome.good else f"lost {outcome.lost[:3]} behind {outcome.behind[:3]} twice {outcome.twice[:3]}"
        console.print(
            f"{number:3} of {len(rows)}  {' + '.join(row) or 'no habit':60} {outcome.seconds:5.1f} s  {words}", soft_wrap=True
        )
    print_table(outcomes, console)
    plain = [outcome.naive_missing for outcome in outcomes if not outcome.habits]
    toothless = [row.habits for row in outcomes if plain and set(row.habits) - HARMLESS and not row.bites(plain[0])]
    if toothless:
        console.print(f"[red]habits that do not bite: {toothless}[/red]")
    raise typer.Exit(0 if all(outcome.good for outcome in outcomes) and not toothless else 1)


def print_table(outcomes: Sequence[Outcome], console: Console) -> None:
    """One row a combination of habits."""
    table = Table(title="find matrix")
    for column in (
        "habits",
        "wanted",
        "found",
        "unpullable",
        "lost",
        "behind",
        "untold",
        "twice",
        "naive misses",
        "STUDY",
        "SERIES",
        "IMAGE",
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
            row.untold,
            len(row.twice),
            row.naive_missing,
        )
        queries = tuple(row.queries[level] for level in ("STUDY", "SERIES", "IMAGE"))
        table.add_row(" + ".join(row.habits) or "no habit", *map(str, (*numbers, *queries)), f"{row.seconds:.1f}")
    Console(file=console.file, width=max(console.width, 160)).print(table)


if __name__ == "__main__":
    app()
