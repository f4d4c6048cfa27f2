"""
A simulated day with known faults: the report names each of them, by cause and by device (issue 5, Must show
6).

A simulated PACS (real DICOM), the receiving Orthanc with the plugins, and pacs_module's own use cases; what
is expected is read from the day's plan and from the faults that are made here, never from our store. The
backend and RabbitMQ are stand-ins.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest

from hospital_sim.busy_day.day import BusyDay, BusyStudy, Oddity, StudyCorrection
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import ManualClock, SimPacs
from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.orthanc_finder import OrthancFinder
from pacs_module.adapters.dicom.pynetdicom_finder import PynetdicomFinder
from pacs_module.adapters.http.plugins import OrthancPuller
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.dicom.device import Device
from pacs_module.domain.errors import PermanentError
from pacs_module.domain.find.traits import PacsTraits
from pacs_module.domain.json_messages.messages import Result, read_pull_report
from pacs_module.domain.reconcile.report import NOT_COMPARED, RECONSTRUCTED, SOMETHING_MISSING, Report
from pacs_module.domain.reconcile.report_line import Cause, ReportLine
from pacs_module.domain.retry import RetryPolicy
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.study import PULL, Study
from pacs_module.ports import AtMost, PacsFinder
from pacs_module.use_cases.find.ask_window import AskWindow
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.reconcile.ask_devices import AskDevices
from pacs_module.use_cases.reconcile.reconcile import Reconcile, ReconcilePolicy
from pacs_module.use_cases.reconcile.repair import Repair
from stack.ports import free_ports
from stack.servers.orthanc import OrthancPorts, ReceivingLinks, ReceivingOrthanc
from tests.fakes.pipeline import Pipeline
from tests.fakes.plugin_stack import API_KEY, PACS, PluginStack, until

pytestmark = [pytest.mark.server("orthanc", "orthanc-python"), pytest.mark.timeout(900)]

DATE = dt.date(2026, 11, 21)
LAST_FIND = dt.datetime(2026, 11, 21, 20, 0)
BY_HAND = dt.datetime(2026, 11, 21, 20, 15)
RECONCILED = dt.datetime(2026, 11, 22, 6, 0)
WITHOUT_UID = "empty-uid-everywhere=17"
LONG_MS = 10**9
RETRY = RetryPolicy(attempts=2, first=dt.timedelta(seconds=30))
CT, DX = "CT", ("DX", "DR", "CR")


@dataclass
class Faults:
    """The day, and what is made to go wrong with which study: a CT or DX each that is otherwise ordinary."""

    day: BusyDay
    short: str = ""
    failed: str = ""
    dead: str = ""
    waiting: str = ""
    awaited: str = ""
    unusable: str = ""
    gone: str = ""
    corrected: str = ""
    delayed: str = ""
    missed: str = ""
    without_uid: set[str] = field(default_factory=set, kw_only=True)

    @property
    def studies(self) -> dict[str, BusyStudy]:
        """Those of the date, by UID."""
        return {one.uid: one for one in self.day.studies}

    def expected(self, uid: str) -> Cause:
        """What the report must say of a study."""
        study, chest = self.studies[uid], self.studies[uid].chest
        own = {
            self.short: Cause.SHORT, self.failed: Cause.FAILED, self.dead: Cause.DEAD_LETTER,
            self.waiting: Cause.WAITING,
            self.awaited: Cause.WAITING, self.unusable: Cause.FILTERED, self.gone: Cause.GONE,
            self.missed: Cause.COMPUTED,
        }  # fmt: skip
        if uid in own:
            return own[uid]
        if not study.modalities & {CT, *DX}:
            return Cause.NOT_WANTED
        if uid in self.without_uid:
            return Cause.UNPULLABLE
        if study.arrives_at > LAST_FIND:
            return Cause.NOT_FOUND
        if Oddity.NEXT_DAY_SERIES in study.oddities:
            return Cause.SHORT  # it has grown since
        if Oddity.DUPLICATE in study.oddities:
            return Cause.ELSEWHERE
        return Cause.COMPUTED if chest else Cause.FILTERED


def a_day() -> Faults:
    """Some 55 studies of one date, out of which the victims are taken in the order of their arrival."""
    plan = plan_busy_day(DATE, 70, max_slices=20, matrix=16)
    of_date = [one for one in plan.studies if one.planned.started_at.date() == DATE]
    odd = {Oddity.NEXT_DAY_SERIES, Oddity.DUPLICATE, Oddity.CORRECTED, Oddity.CLOCK}
    copied = {one.planned.accession_number for one in of_date if Oddity.DUPLICATE in one.oddities}
    without_uid = {one.uid for number, one in enumerate(of_date) if number % 17 == 16}
    plain = [
        one for one in of_date
        if one.chest and not one.oddities & odd and one.uid not in without_uid and one.planned.accession_number not in copied
    ]  # fmt: skip
    early = [one for one in plain if one.complete_at < LAST_FIND]
    cts, dxs = ([one.uid for one in early if (CT in one.modalities) is ct] for ct in (True, False))
    late = next(one.uid for one in plain if one.arrives_at > LAST_FIND and one.complete_at < BY_HAND)
    faults = Faults(plan, *(*cts[:5], *dxs[:4], late), without_uid=without_uid)
    wrong = StudyCorrection(LAST_FIND + dt.timedelta(hours=1), (("PatientID", "P-CORRECTED"),))
    changed: dict[str, dict[str, Any]] = {
        faults.gone: {"vanishes_at": LAST_FIND + dt.timedelta(hours=1)},
        faults.corrected: {"corrections": (wrong,)},
    }
    faults.day = replace(plan, studies=tuple(replace(one, **changed.get(one.uid, {})) for one in of_date))
    return faults


class Site(PluginStack):
    """
    The receiving Orthanc with the simulated PACS behind it, and the use cases on top; a day is played when it
    opens.
    """

    def __init__(self, folder: Path, faults: Faults) -> None:
        super().__init__(folder, "STABLE_AGE = 3.0\nFIND_PACS_USE_SERIES = True\n")
        self.faults = faults
        self.clock = ManualClock(LAST_FIND)
        self.store = SqliteStore(self.ram_disk / "study.db")
        self.fed = 0
        self.finder: OrthancFinder | None = None

    def __enter__(self) -> Self:
        self.run.open()
        http, dicom = free_ports(2)
        self.sim = SimPacs(
            self.faults.day,
            habits=[WITHOUT_UID],
            clock=self.clock,
            destinations={"AIPULL": ("127.0.0.1", dicom)},
        )
        self.sim.start()
        links = ReceivingLinks(
            hospital_port=self.sim.port, pacs_module_url=self.recorder.url, api_key=API_KEY,
            log_folder=self.logs,
            time_zone="Asia/Shanghai", site_config=self.site,
            environment={"HOSPITAL_PACS_AET": self.sim.ae_title},
        )  # fmt: skip
        self.receiver = ReceivingOrthanc(self.run, OrthancPorts(http, dicom), self.ram_disk, links)
        try:
            self.receiver.start()
            self._wire()
            self._play()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.finder is not None:
            self.finder.close()
        self.receiver.kill()
        self.sim.stop()
        self.run.close()
        self._http.close()
        self.recorder.close()
        self.store.close()
        shutil.rmtree(self.ram_disk, ignore_errors=True)

    def _wire(self) -> None:
        user, password = self.receiver.user, self.receiver.password
        self.finder = OrthancFinder(self.receiver.url, user, password, 60)
        puller = OrthancPuller(self.receiver.url, user, password, 60)
        switches = Switches(find_pacs_use_series=True)
        self.ours = ours = Pipeline(self.store, (PACS,), switches, limit=1)
        ours.finder.finder = self.finder
        ours.ends.retry, ours.pull.policy = RETRY, replace(ours.pull.policy, retry=RETRY)
        ours.pull.prepare.finder, ours.pull.prepare.puller = self.finder, puller
        ours.pull.puller = ours.pull.ask.puller = puller

    def _play(self) -> None:
        """
        The day: two finds, the pulls, the deliveries; one study is asked for by hand, and then nobody looks
        any more.
        """
        faults, ours = self.faults, self.ours
        for _ in range(2):
            ours.clock.pass_seconds(60)
            ours.find(PACS, DATE)
        ours.manual({"StudyInstanceUID": faults.delayed}, "manual: Dr. Wang")
        held = (faults.short, faults.failed, faults.waiting)
        for uid in held:
            self._pull_at(uid, ours.clock.now() + LONG_MS)
        self._pull_all()
        self._with_habit("move-drops-nth=4x*", faults.short)
        self._with_habit("move-refused=*", faults.failed)
        self.clock.set(BY_HAND)
        ours.manual({"StudyInstanceUID": faults.missed}, "manual: Dr. Wang")
        self._pull_all()
        self._deliver_all()
        self.clock.set(RECONCILED)

    def _with_habit(self, habit: str, uid: str) -> None:
        """Pull one study to its last attempt while the PACS has a bad day."""
        self.sim.habits = [WITHOUT_UID, habit]
        self._pull_at(uid, 0)
        for _ in range(RETRY.attempts):
            self._pull_all()
            # Others of the day come through meanwhile: the fault is the study's, not that of the path from
            # its PACS.
            self.ours.paths.came_through(PACS, self.faults.missed)
            self.ours.clock.pass_seconds(600)
        self.sim.habits = [WITHOUT_UID]

    def _pull_at(self, uid: str, at: int) -> None:
        study = self.study(uid)
        study.schedule(PULL, at)
        assert self.store.replace(study)

    def _pull_all(self) -> None:
        """One after the other, until nothing is due: some are dropped at find, and never asked for."""
        while self.store.find({"due.pull": AtMost(self.ours.clock.now())}, limit=1):
            self.ours.pull()
            for running in self.store.find({"pull.status": "asked"}):
                assert running.pull is not None
                self._wait_for(running.pull.request.pull_id)

    def _wait_for(self, pull_id: str) -> None:
        until(lambda: self._reports(pull_id), 240, f"report of pull {pull_id}", self)
        messages = self.recorder.messages[self.fed :]
        self.fed += len(messages)
        for path, body in messages:
            if "notify" in path:
                self.ours.accept(body)
            else:
                self.ours.ends.accept_report(read_pull_report(body))

    def _deliver_all(self) -> None:
        """
        The backend refuses one for good, can use none of another, and never gets a third; all others it
        computes.
        """
        faults, ours = self.faults, self.ours
        while self.ours.publish():
            (message,) = self._take()
            uid = str(message["studyUID"])
            if uid == faults.awaited:
                continue
            ours.backend.error = (
                PermanentError("the backend refused with status 400: too old") if uid == faults.dead else None
            )
            state = "unsupported_series" if uid == faults.unusable else "completed"
            ours.backend.then = partial(self._result, state=state)
            ours.queue.publish(message, str(message["handoverID"]), 0)
            assert ours.deliver(0)

    def _take(self) -> list[Mapping[str, Any]]:
        """What was just published, out of the queue."""
        delivery = self.ours.consumer.take(0)
        assert delivery is not None
        self.ours.consumer.done(delivery)
        return [delivery.message]

    def _result(self, message: Mapping[str, Any], state: str) -> None:
        """A result that is faster than our own bookkeeping."""
        read = {
            "study_uid": message["studyUID"],
            "series_uid": message["seriesUID"],
            "handover_id": message["handoverID"],
        }
        words = "no lung in it" if state != "completed" else ""
        assert self.ours.record(Result(**read, state=state, message=words)) == "recorded"

    def study(self, uid: str) -> Study:
        """Our document."""
        found = self.store.get(uid)
        assert found is not None
        return found

    def reconcile(self, finder: PacsFinder | None = None, *names: str) -> Report:
        """A reconciliation of the date at the real PACS (or by another finder, of several)."""
        switches, finder = Switches(find_pacs_use_series=True), finder or self.finder
        assert finder is not None
        pacs, log = names or (PACS,), self.ours.log
        ask = AskWindow(MatchedFinder(finder, log), log, switches.ct_modalities + switches.dx_modalities)
        policy = ReconcilePolicy(tries=2)
        devices = AskDevices(finder, log, {name: PacsTraits() for name in pacs})
        reconcile = Reconcile(
            self.store, ask, devices, self.ours.clock, log, switches, pacs, policy, sleep=lambda _: None
        )
        return reconcile([DATE])


@pytest.fixture(scope="module")
def faults() -> Faults:
    return a_day()


@pytest.fixture(scope="module")
def site(faults: Faults, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("reconcile"), faults) as running:
        yield running


@pytest.fixture(scope="module")
def report(site: Site) -> Report:
    """Of a PACS that cuts its lists on top of all."""
    site.sim.habits = [WITHOUT_UID, "cap=50"]
    made = site.reconcile()
    site.sim.habits = [WITHOUT_UID]
    return made


def line_of(report: Report, study: BusyStudy) -> ReportLine:
    """The one line about a study; one without a UID is told by its AccessionNumber."""
    planned = study.planned
    lines = [
        line for line in report.lines
        if line.study_uid == study.uid or (line.accession_number, line.study_time) == (
            planned.accession_number, f"{planned.started_at:%H%M%S}"
        )
    ]  # fmt: skip
    assert len(lines) == 1, f"{planned.label}: {lines}"
    return lines[0]


def test_every_study_of_the_day_has_its_line_and_its_cause(report: Report, faults: Faults) -> None:
    told = {uid: line_of(report, one).cause for uid, one in faults.studies.items()}
    assert told == {uid: faults.expected(uid) for uid in faults.studies}
    assert len(report.lines) == len(faults.studies)
    # A study without a verdict is what the loss of a record leaves; nothing is lost on this day.
    assert set(told.values()) == set(Cause) - {Cause.NO_VERDICT}, "each other cause is in the day"


def test_each_missing_one_has_its_device(report: Report, faults: Faults) -> None:
    for one in faults.studies.values():
        line = line_of(report, one)
        if line.cause is Cause.UNPULLABLE:
            assert line.devices == (Device(),)
        elif line.missing or line.cause is Cause.FILTERED:
            device = one.planned.device
            assert line.devices == (Device(device.manufacturer, device.model, device.station),), (
                one.planned.label
            )
        else:
            assert line.devices == ()


def test_each_fault_is_told_with_its_reason(report: Report, faults: Faults) -> None:
    def words(uid: str) -> str:
        return line_of(report, faults.studies[uid]).why

    assert words(faults.short).startswith("short ")
    assert "attempt 2 was the last" in words(faults.failed)
    assert "status 400: too old" in words(faults.dead)
    assert "next: pull number 1" in words(faults.waiting)
    assert "a delivery worker takes it from RabbitMQ" in words(faults.awaited)
    assert words(faults.unusable) == "the backend: no lung in it"
    assert words(faults.gone) == "seen there before, in no list now; completed here"
    grown = next(uid for uid, one in faults.studies.items() if Oddity.NEXT_DAY_SERIES in one.oddities)
    assert "instances," in words(grown)
    assert "when last pulled" in words(grown)
    head = next(uid for uid, one in faults.studies.items() if one.planned.label.startswith("head CT"))
    assert words(head).startswith("BodyPartExamined")
    assert "HEAD" in words(head)
    corrected = line_of(report, faults.studies[faults.corrected])
    assert corrected.notes == (
        (
            f"PatientID differs: P-CORRECTED {PACS}, "
            f"{faults.studies[faults.corrected].planned.patient.patient_id} here"
        ),
    )


def test_counts_are_those_of_the_images(report: Report, faults: Faults) -> None:
    """
    Of what was computed, as many images as the plan has in the wanted series; of the short one fewer than
    were asked for.
    """
    for uid, one in faults.studies.items():
        line = line_of(report, one)
        if line.cause is Cause.COMPUTED:
            assert line.counts.verdict == "equal"
            assert line.counts.received == line.counts.asked
            assert line.counts.in_pacs == one.planned.instances
        elif uid == faults.short:
            assert line.counts.received is not None
            assert line.counts.asked is not None
            assert line.counts.received < line.counts.asked
    assert report.instances["lacking"] == 2  # the short one and the grown one


def test_the_reconstruction_is_told_apart_from_its_plain_chest(report: Report, faults: Faults) -> None:
    (copy,) = [one for one in faults.studies.values() if Oddity.DUPLICATE in one.oddities]
    (same,) = report.duplicates
    assert (same.accession_number, same.kind) == (copy.planned.accession_number, RECONSTRUCTED)
    assert set(same.causes) == {"computed", "computed elsewhere"}


def test_manual_pulls_are_a_miss_and_a_delay(report: Report, faults: Faults) -> None:
    told = {line.study_uid: line.manual for line in report.lines if line.manual}
    assert told == {faults.missed: "miss", faults.delayed: "delay"}


def test_a_capped_list_that_could_be_split_is_compared(report: Report, faults: Faults) -> None:
    assert len(faults.studies) > 50
    assert (report.compared, report.exit_status) == (True, SOMETHING_MISSING)
    assert report.answered[0].queries > 1


def test_a_list_that_cannot_be_split_is_told(site: Site) -> None:
    finder = PynetdicomFinder(Peer(site.sim.host, site.sim.port, site.sim.ae_title, "AIPULL"), 30)
    site.sim.habits = ["cap-a700=30", "time-range-ignored", "wildcard-ignored", "no-modalities-in-study"]
    made = site.reconcile(finder)
    site.sim.habits = [WITHOUT_UID]
    assert (made.compared, made.exit_status) == (False, NOT_COMPARED)
    assert not any(line.cause is Cause.GONE for line in made.lines)
    assert made.answered[0].complete is False


def test_a_mirror_that_does_not_answer_leaves_the_other_compared(site: Site, faults: Faults) -> None:
    class Both:
        """The PACS, and a mirror whose association is refused."""

        def find(self, pacs: str, *query: Any) -> Any:
            peer = Peer(
                site.sim.host,
                site.sim.port if pacs == PACS else free_ports(1)[0],
                site.sim.ae_title,
                "AIPULL",
            )
            return PynetdicomFinder(peer, 30).find(pacs, *query)

    made = site.reconcile(Both(), PACS, "MIRROR")
    assert made.exit_status == NOT_COMPARED
    assert [(one.pacs, bool(one.error)) for one in made.answered] == [(PACS, False), ("MIRROR", True)]
    told = {uid: line_of(made, one).cause for uid, one in faults.studies.items()}
    assert told == {uid: faults.expected(uid) for uid in faults.studies}


def test_a_repair_pulls_what_was_missing(site: Site, faults: Faults) -> None:
    """
    Last, because it changes the day: what was not found, short, failed or dead is put to be pulled, and one
    of them is.
    """
    switches = Switches(find_pacs_use_series=True)
    made = Repair(site.store, site.ours.clock, site.ours.log, switches)(site.reconcile(), "cron")
    causes = {Cause.NOT_FOUND, Cause.SHORT, Cause.FAILED, Cause.DEAD_LETTER}
    assert made.repaired.keys() == {uid for uid in faults.studies if faults.expected(uid) in causes}
    site._pull_all()
    site._deliver_all()
    again = site.reconcile()
    assert faults.short not in {line.study_uid for line in again.missing}
    left = {line.study_uid for line in again.missing if line.cause is not Cause.UNPULLABLE}
    assert left == {faults.waiting, faults.awaited, faults.dead}  # it still refuses that one
    assert line_of(again, faults.studies[faults.failed]).cause is Cause.COMPUTED
