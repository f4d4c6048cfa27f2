"""
One row of the find matrix: pacs_module's own finding against a simulated PACS with habits, 36 hours on one
virtual clock.

Real DICOM over loopback, the real find loop, looks, pull preparation and SQLite store; the plugins take every
pull and report what the PACS has at that moment as received and nothing new.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import itertools
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hospital_sim.busy_day.day import BusyDay, BusyStudy
from hospital_sim.pacs import ManualClock, SimPacs
from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.pynetdicom_finder import PynetdicomFinder
from pacs_module.adapters.metrics import FindMetrics
from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.errors import PipelineError
from pacs_module.domain.find.schedule import FindSchedule
from pacs_module.domain.find.stability import StabilityPolicy
from pacs_module.domain.find.traits import PacsTraits
from pacs_module.domain.json_messages.messages import FILTERED_OUT, PullReport, PullRequest, SeriesReport
from pacs_module.domain.json_messages.notification import Notification
from pacs_module.domain.retry import RetryPolicy
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import Event, State
from pacs_module.domain.study.study import Study
from pacs_module.service.find_round import FindLoop
from pacs_module.use_cases.find.ask_window import AskWindow
from pacs_module.use_cases.find.check_growth import CheckGrowth
from pacs_module.use_cases.find.find_studies import STUDY_KEYS, FindStudies
from pacs_module.use_cases.find.follow_scan import FollowScan
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.find.pacs_knowledge import PacsKnowledge
from pacs_module.use_cases.find.resolve_uid import ResolveUid
from pacs_module.use_cases.pull.move_circuits import MoveCircuits
from pacs_module.use_cases.pull.prepare_pull import PreparePull
from pacs_module.use_cases.pull.pull_policy import PullPolicy
from pacs_module.use_cases.pull.pull_studies import PullStudies
from pacs_module.use_cases.pull.record_pull_end import RecordPullEnd
from pacs_module.use_cases.receive.accept_notification import AcceptNotification
from tests.fakes.world import FakePlugins

from .control import PACS, Missing, control

AFTER = dt.timedelta(hours=9)
"""So long the finds go on after the last study has arrived; looks are six hours apart at the most."""
FOLLOWED_S = 12
"""So many virtual seconds growing studies are followed after each find."""
MOST_LOOKS = 100
ASKED_DAYS_BACK = 2
"""As with crossday -2: a clock is off."""
SLOWER, SHORTEST_S, LONGEST_S = 20, 1.0, 5.0
"""So many times what a day's list takes here and now, a query may take before it is given up."""


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
    twice: tuple[str, ...]
    """Pulled again although nothing had changed."""
    strange: tuple[str, ...]
    """Documents made of answers that name no study, or are of a date that nobody asked for."""
    missing: Missing
    """What the naive control did not get."""
    queries: Mapping[str, int]
    seconds: float

    @property
    def good(self) -> bool:
        """Nothing lost, nothing behind, nothing twice, nothing made of answers outside the question."""
        return not self.lost and not self.behind and not self.twice and not self.strange


def run_row(
    day: BusyDay,
    habits: tuple[str, ...],
    step: dt.timedelta,
    *,
    orthanc: bool = False,
    follow: bool = False,
) -> Outcome:
    """
    Play the day with these habits; ``orthanc``: the control of text goes through a real one; ``follow``:
    growing studies are followed.
    """
    begin = time.monotonic()
    clock = ManualClock(day.begins_at)
    deadline_s = deadline_of(day)
    with (
        SimPacs(day, habits=habits, clock=clock) as pacs,
        tempfile.TemporaryDirectory(dir=_fast_folder()) as folder,
    ):
        run = _Run(pacs, _VirtualClock(clock), Path(folder), deadline_s, follow=follow)
        with contextlib.closing(run.store):
            while clock.now() < day.ends_at + AFTER:
                clock.advance(step)
                run.round()
                for _ in range(FOLLOWED_S if follow else 0):
                    clock.advance(1.0)
                    run.look()
            truth = _Truth(day, pacs)
            return Outcome(
                habits=habits,
                wanted=len(truth.wanted),
                found=sum(run.store.get(study.uid) is not None for study in truth.wanted),
                unpullable=sum(reported(run.store, study) for study in truth.wanted),
                lost=tuple(study.planned.label for study in truth.wanted if lost(run.store, study)),
                behind=tuple(study.planned.label for study in truth.wanted if run.behind(study, truth)),
                twice=run.pulled_twice(),
                strange=run.strange(day),
                queries={level: pacs.ledger.queries(level) for level in ("STUDY", "SERIES", "IMAGE")},
                missing=control(day, habits, deadline_s, orthanc=orthanc, every=not habits),
                seconds=time.monotonic() - begin,
            )


@functools.cache
def deadline_of(day: BusyDay) -> float:
    """Deadline of a query in seconds, from what the longest list takes on this machine now."""
    with SimPacs(day) as pacs:
        finder = PynetdicomFinder(Peer(pacs.host, pacs.port, pacs.ae_title, "AIPULL"), 120.0)
        begin = time.monotonic()
        finder.find(PACS, "STUDY", {"StudyDate": f"{day.date:%Y%m%d}"}, STUDY_KEYS)
        return min(max(SHORTEST_S, SLOWER * (time.monotonic() - begin)), LONGEST_S)


def _fast_folder() -> str | None:
    """A tmpfs, where fsync costs nothing."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


class _VirtualClock:
    """The PACS's clock as pacs_module's."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def now(self) -> int:
        """Epoch milliseconds, as if the hospital lay in UTC."""
        return int(self._clock.now().replace(tzinfo=dt.UTC).timestamp() * 1000)

    def today(self) -> dt.date:
        """The hospital's date."""
        return self._clock.now().date()

    def steady(self) -> int:
        """Nobody sets this clock."""
        return self.now()


class _Quiet:
    """Nothing is kept of what is said."""

    def line(self, text: str) -> None:
        """A contract line."""

    def event(self, key: str, words: str, level: str = "INFO", **values: object) -> None:
        """Anything else."""


class _Run:
    """pacs_module's finding and asking, on the virtual clock."""

    def __init__(
        self, pacs: SimPacs, clock: _VirtualClock, folder: Path, deadline_s: float, *, follow: bool
    ) -> None:
        self.pacs = pacs
        self.store = SqliteStore(folder / "study.db")
        self.plugins, log, switches = FakePlugins(), _Quiet(), Switches(find_pacs_use_series=True)
        retry = RetryPolicy(attempts=5, first=dt.timedelta(minutes=10))
        policy = StabilityPolicy(delay=dt.timedelta(hours=1))
        # trust_modalities as the engineer at the site sets it
        traits = {PACS: PacsTraits(trust_modalities="modalities-single" not in pacs.habits, follow=follow)}
        asking = PynetdicomFinder(Peer(pacs.host, pacs.port, pacs.ae_title, "AIPULL"), deadline_s)
        finder = MatchedFinder(asking, log, traits)
        ask = AskWindow(finder, log, switches.ct_modalities + switches.dx_modalities)
        find = FindStudies(
            self.store, ask, ResolveUid(finder, clock, log), clock, log, switches, policy, traits=traits
        )
        self.ends = RecordPullEnd(self.store, clock, log, retry, MoveCircuits(MemoryLeases(), clock, log))
        self.accept = AcceptNotification(self.store, clock, log)
        prepare = PreparePull(finder, self.plugins, clock, log, switches, traits)
        knowledge = PacsKnowledge(MemoryLeases(), switches)
        prepare.learn = knowledge.take_study
        self.follow = FollowScan(
            self.store,
            finder,
            find,
            clock,
            log,
            switches,
            traits,
            knowledge,
            queries_per_second=lambda pacs: 50.0,
        )
        find.notice = self.follow.notice
        pulls = PullPolicy({PACS: 1000}, retry, dt.timedelta(minutes=20), dt.timedelta(seconds=5))
        self.pull = PullStudies(
            self.store,
            self.plugins,
            prepare,
            self.ends,
            clock,
            log,
            pulls,
            "matrix",
            pick=lambda names: names[0],
        )
        self.pull.went_on = self.ends.went_on = self.follow.resume
        self.loop = FindLoop(
            pacs=PACS,
            find=find,
            days=lambda: [clock.today() - dt.timedelta(days=back) for back in range(ASKED_DAYS_BACK + 1)],
            now=lambda: pacs.now,
            schedule=FindSchedule(earlier_days=dt.timedelta(hours=2)),
            log=log,
            metrics=FindMetrics(),
            unreachable=set(),
            wake_pull=lambda: None,
            check_growth=CheckGrowth(self.store, finder, clock, log, switches, policy, traits, "matrix"),
            max_checks=10_000,
        )

    def round(self) -> None:
        """One find round, and every pull that it made due."""
        with contextlib.suppress(PipelineError):  # the next round comes
            self.loop()
        self._pull_what_is_due()

    def look(self) -> None:
        """All looks into growing studies that are due, and every pull that they made due."""
        for _ in range(MOST_LOOKS):
            before = self.pacs.ledger.queries("SERIES") + self.pacs.ledger.queries("STUDY")
            self.follow._free_at.clear()
            self.follow(PACS)
            if self.pacs.ledger.queries("SERIES") + self.pacs.ledger.queries("STUDY") == before:
                break
        self._pull_what_is_due()

    def _pull_what_is_due(self) -> None:
        while self.pull():
            for request in self.plugins.asked:
                report = self._report(request)
                self.accept(_told(report))
                self.ends.accept_report(report)
            self.plugins.asked.clear()

    def _report(self, request: PullRequest) -> PullReport:
        """All that was asked for and is in the PACS now has come."""
        counts = self._instances(request.study_uid, request.series_uids)
        series = tuple(SeriesReport(uid, False, "", "not asked here", count) for uid, count in counts.items())
        total = sum(counts.values())
        return PullReport(
            request.pull_id, request.pull_id, request.study_uid, "filtered", received=total, series=series
        )

    def _instances(self, study_uid: str, series_uids: Sequence[str]) -> dict[str, int]:
        """What the PACS has now of a study or of some of its series, from the archive, not over DICOM."""
        study, now = self.pacs.archive.study(study_uid), self.pacs.now
        series = study.series_at(now) if study is not None else []
        return {one.uid: one.visible(now) for one in series if not series_uids or one.uid in series_uids}

    def behind(self, truth: BusyStudy, there: _Truth) -> bool:
        """Whether a chest study that was found was not pulled with all that the PACS has of it now."""
        study = self.store.get(truth.uid)
        if study is None or not truth.chest:
            return False
        pulls = [*study.pulls, *([study.pull] if study.pull else [])]
        if not pulls:
            return True
        request = pulls[-1].request
        asked = not request.series_uids or set(truth.expected_series) <= set(request.series_uids)
        return not asked or pulls[-1].received != sum(
            self._instances(truth.uid, request.series_uids).values()
        )

    def strange(self, day: BusyDay) -> tuple[str, ...]:
        """
        Documents that no right answer can have made: UIDs that the PACS does not have, dates that were never
        asked for.
        """
        first = day.begins_at.date() - dt.timedelta(days=ASKED_DAYS_BACK)
        found = []
        for study in self.store.find({}):
            known = self.pacs.archive.study(study.study_uid) is not None
            unpullable = study.state is State.UNPULLABLE  # kept under a key of its own, with its reason
            if not known and not unpullable:
                found.append(f"{study.study_uid[:80]!r} is in no PACS")
            elif known and "" < study.study_date < f"{first:%Y-%m-%d}":
                found.append(f"{study.study_uid} of {study.study_date}")
        return tuple(found)

    def pulled_twice(self) -> tuple[str, ...]:
        """
        Studies that were pulled again, brought the same, and the PACS had not announced more in between.
        """
        return tuple(study.study_uid for study in self.store.find({}) if _again_for_nothing(study))


def _told(report: PullReport) -> dict[str, Any]:
    """
    The notification that nothing of it is computed: all that comes to a study here, which is about finding
    and pulling.
    """
    told = Notification(
        study_uid=report.study_uid,
        series_uid="",
        number_received=0,
        statecode=FILTERED_OUT,
        message="not asked here",
        last_update_time="20200618T120000",
        handover_id=uuid.uuid4().hex,
        pull_id=report.pull_id,
        completeness="COMPLETE",
        reports=report.series,
    )
    return told.to_message()


def _again_for_nothing(study: Study) -> bool:
    pulls = [pull for pull in (*study.pulls, study.pull) if pull is not None and pull.outcome == "filtered"]
    announced = [
        entry.at
        for entry in study.history
        if entry.event == Event.GREW.value and "when last pulled" in entry.why
    ]
    return any(
        (one.received, one.request.series_uids) == (next_one.received, next_one.request.series_uids)
        and not any(one.ended_at <= at <= next_one.asked_at for at in announced)
        and not next_one.request.forced  # nothing was ever handed over here: asked for anew once (K14)
        for one, next_one in itertools.pairwise(pulls)
    )


class _Truth:
    """The wanted studies that are in the PACS at the end, from the plan and the archive, not over DICOM."""

    def __init__(self, day: BusyDay, pacs: SimPacs) -> None:
        there = {study.uid for study in pacs.archive.visible(pacs.now)}
        self.wanted = [study for study in day.wanted if study.uid in there]


def lost(store: SqliteStore, study: BusyStudy) -> bool:
    """Neither known as wanted nor reported as unpullable."""
    known = store.get(study.uid)
    return (known is None or known.state is None) and not reported(store, study)


def reported(store: SqliteStore, study: BusyStudy) -> bool:
    """Kept as unpullable, with its reason."""
    kept: list[Study] = store.find({"state": "unpullable", "accessionNumber": study.planned.accession_number})
    return bool(kept) and all("no StudyInstanceUID" in one.why for one in kept)
