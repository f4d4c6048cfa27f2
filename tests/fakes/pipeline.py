"""
The use cases over one store, wired as in bootstrap, with the fakes of :mod:`tests.fakes.world` around them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from pacs_module.adapters.queue.memory import MemoryQueue
from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.domain.circuit import CircuitPolicy
from pacs_module.domain.find.stability import StabilityPolicy
from pacs_module.domain.find.traits import PacsTraits
from pacs_module.domain.find.windows import Window
from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.json_messages.messages import (
    FILTERED_OUT,
    IMAGES,
    PullReport,
    PullRequest,
    Result,
    SeriesFolder,
    SeriesReport,
)
from pacs_module.domain.json_messages.notification import Notification
from pacs_module.domain.pull.failure_blame import Us
from pacs_module.domain.retry import RetryPolicy
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.study import Study
from pacs_module.ports import Leases, StudyStore
from pacs_module.use_cases.deliver.anonymise import Anonymise
from pacs_module.use_cases.deliver.backend_circuit import BackendCircuit
from pacs_module.use_cases.deliver.deliver import Deliver
from pacs_module.use_cases.deliver.delivery_outcome import DeliveryPolicy
from pacs_module.use_cases.deliver.publish import Publish
from pacs_module.use_cases.deliver.record_result import RecordResult
from pacs_module.use_cases.deliver.release import Release
from pacs_module.use_cases.find.ask_window import AskWindow
from pacs_module.use_cases.find.check_growth import CheckGrowth
from pacs_module.use_cases.find.find_studies import FindStudies
from pacs_module.use_cases.find.follow_scan import FollowScan
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.find.pacs_knowledge import PacsKnowledge
from pacs_module.use_cases.find.resolve_uid import ResolveUid
from pacs_module.use_cases.operate.manual_pull import ManualPull
from pacs_module.use_cases.operate.manual_work import ManualWork
from pacs_module.use_cases.pull.move_circuits import MoveCircuits
from pacs_module.use_cases.pull.prepare_pull import PreparePull
from pacs_module.use_cases.pull.pull_policy import PullPolicy
from pacs_module.use_cases.pull.pull_studies import PullStudies
from pacs_module.use_cases.pull.record_pull_end import RecordPullEnd
from pacs_module.use_cases.receive.accept_notification import AcceptNotification
from tests.fakes.world import (
    DAY,
    FakeBackend,
    FakeClock,
    FakeCopies,
    FakeFiles,
    FakeLog,
    FakePacs,
    FakePlugins,
    SteppingConsumer,
)

UID = "1.2.840.113619.2.55.3.1"
THIN, THICK = UID + ".1", UID + ".2"
RETRY = RetryPolicy(attempts=3, first=timedelta(seconds=30), longest=timedelta(minutes=5))
RETENTION_S = 600.0


def answer(uid: str = UID, count: int | None = 100, **changed: str) -> dict[str, str]:
    """A STUDY level answer about a chest CT."""
    told = {
        "StudyInstanceUID": uid,
        "StudyDate": "20200618",
        "StudyTime": "080000",
        "AccessionNumber": "A1",
        "PatientID": "P1",
        "StudyDescription": "CHEST",
        "ModalitiesInStudy": "CT",
    }
    if count is not None:
        told["NumberOfStudyRelatedInstances"] = str(count)
    return {**told, **changed}


def series_answer(uid: str, count: int | None, study: str = UID, **changed: str) -> dict[str, str]:
    """A SERIES level answer about a thin axial chest series."""
    told = {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": uid,
        "Modality": "CT",
        "BodyPartExamined": "CHEST",
        "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
        "SliceThickness": "1.0",
    }
    if count is not None:
        told["NumberOfSeriesRelatedInstances"] = str(count)
    return {**told, **changed}


def handover_id(number: int) -> str:
    """As the plugins draw one, and yet known to the test."""
    return f"{number:032x}"


H1, H2 = handover_id(1), handover_id(2)


class Pipeline:
    """Everything of pacs_module but the loops, the web and the real world."""

    def __init__(
        self,
        store: StudyStore | None = None,
        pacs: Sequence[str] = ("A",),
        switches: Switches | None = None,
        stability: StabilityPolicy | None = None,
        limit: int = 4,
        with_series: Sequence[str] | None = None,
        copies: FakeCopies | None = None,
        leases: Leases | None = None,
    ) -> None:
        switches = switches or Switches()
        self.store: StudyStore = store or MemoryStore()
        self.clock, self.log = FakeClock(), FakeLog()
        self.pacs, self.plugins = FakePacs(*pacs), FakePlugins()
        self.queue, self.backend, self.files = MemoryQueue(), FakeBackend(), FakeFiles()
        self.unreachable: set[str] = set()
        self.stability = stability or StabilityPolicy()
        self.delivery = DeliveryPolicy(
            RETRY, timedelta(seconds=60), timedelta(seconds=15), timedelta(seconds=RETENTION_S)
        )
        store, clock, log = self.store, self.clock, self.log
        wanted = switches.ct_modalities + switches.dx_modalities
        answering = pacs if with_series is None else with_series
        self.traits = {name: PacsTraits(series_level=name in answering) for name in pacs}
        self.finder = MatchedFinder(self.pacs, log, self.traits)
        ask = AskWindow(self.finder, log, wanted)
        resolve = ResolveUid(self.finder, clock, log)
        self.finding = FindStudies(
            store, ask, resolve, clock, log, switches, self.stability, traits=self.traits
        )
        self.paths = MoveCircuits(
            leases or MemoryLeases(), clock, log, lambda: Us("AIPULL", "10.1.2.3", 4242)
        )
        self.knowledge = PacsKnowledge(leases or MemoryLeases(), switches)
        self.follow = FollowScan(
            store, self.finder, self.finding, clock, log, switches, self.traits, self.knowledge
        )
        self.ends = RecordPullEnd(store, clock, log, RETRY, self.paths)
        prepare = PreparePull(self.finder, self.plugins, clock, log, switches, self.traits)
        policy = PullPolicy(dict.fromkeys(pacs, limit), RETRY, timedelta(seconds=15), timedelta(seconds=5))
        self.pull = PullStudies(
            store,
            self.plugins,
            prepare,
            self.ends,
            clock,
            log,
            policy,
            "test",
            lambda: self.unreachable,
            lambda names: names[0],
        )
        self.copies = copies
        self.accept = AcceptNotification(store, clock, log, copies is not None)
        self.anonymise = Anonymise(store, copies, self.plugins, clock, log, self.delivery, "test")
        self.publish = Publish(store, self.queue, clock, log, "test")
        self.record = RecordResult(store, clock, log, self.delivery)
        self.release = Release(store, self.plugins, clock, "test", copies)
        self.look = CheckGrowth(store, self.finder, clock, log, switches, self.stability, self.traits, "test")
        self.manual = ManualPull(store, self.finder, clock, log, switches, tuple(pacs))
        self.manual.with_uid = self.finding.with_uid
        self.work = ManualWork(store, clock, log, self.delivery)
        self.consumer = SteppingConsumer(self.queue, clock)
        self.circuit = BackendCircuit(clock, log, CircuitPolicy())
        self.deliver = Deliver(
            store,
            self.consumer,
            self.backend,
            self.files,
            clock,
            log,
            self.delivery,
            self.circuit,
            worker="WORKER-1",
        )
        self.number = 0

    def find(self, pacs: str, day: date) -> int:
        """Find a whole day; returns how many studies became due."""
        return self.finding(pacs, Window(day)).stable

    def following(self) -> None:
        """Growing studies are followed at every PACS."""
        for name, traits in self.traits.items():
            self.traits[name] = replace(traits, follow=True)
        self.finding.notice = self.follow.notice
        self.pull.went_on = self.ends.went_on = self.follow.resume
        self.pull.prepare.learn = self.knowledge.take_study

    def study(self, uid: str = UID) -> Study:
        """The document as it is stored now."""
        found = self.store.get(uid)
        assert found is not None
        return found

    def events(self, uid: str = UID) -> list[str]:
        """What the history says happened."""
        return [entry.event for entry in self.study(uid).history]

    def handover_states(self) -> list[str]:
        """What became of the message of each hand-over."""
        return [item.message_state for item in self.study().handovers]

    def until_stable(self, count: int | None = 100, pacs: str = "A", **changed: str) -> None:
        """The PACS has the study; two finds see it."""
        self.pacs.studies[pacs] = [answer(count=count, **changed)]
        for _ in range(2):
            self.clock.pass_seconds(10)
            self.find(pacs, DAY)

    def until_asked(self, count: int | None = 100, **changed: str) -> PullRequest:
        """Found, stable, and asked for."""
        self.until_stable(count, **changed)
        assert self.pull() == 1
        return self.plugins.asked[-1]

    def message(self, request: PullRequest | None, instances: int = 80, **changed: Any) -> dict[str, Any]:
        """The notification of a hand-over of one series, as the plugins make it."""
        self.number += 1
        name = handover_id(self.number)
        series = SeriesReport(
            THIN, True, "body part", "BodyPartExamined CHEST", instances, instances, "CT", "THIN"
        )
        other = SeriesReport(THICK, False, "slice thickness", "SliceThickness 8", 20, 20, "CT", "THICK")
        made = Notification(
            study_uid=UID,
            series_uid=THIN,
            number_received=instances,
            filepath=f"/store_image/{name}",
            calling_ae_title="GEPACS",
            calling_address="192.168.1.150",
            series_count=1,
            statecode=IMAGES,
            received_seconds="3.2",
            priority=request.priority if request else 0,
            is_push=int(request is None),
            last_update_time="20200618T120000",
            handover_id=name,
            completeness="COMPLETE",
            pull_id=request.pull_id if request else "",
            series=(SeriesFolder(THIN, f"/store_image/{name}", instances),),
            reports=(series, other),
            identity={
                "AccessionNumber": "A1",
                "PatientID": "P1",
                "StudyDate": "20200618",
                "ModalitiesInStudy": "CT",
            },
        )
        message = {**made.to_message(), **changed}
        if "series" not in changed:  # they follow what was changed
            one = {"filepath": message["filepath"], "numberReceived": message["numberReceived"]}
            message["series"] = [{"seriesUID": message["seriesUID"], **one}] if message["filepath"] else []
        return message

    def filtered_message(self, request: PullRequest | None) -> dict[str, Any]:
        """The notification that everything was filtered out."""
        reports = to_document(
            (SeriesReport(THICK, False, "slice thickness", "SliceThickness 8", 20, 20, "CT", "THICK"),)
        )
        return self.message(
            request,
            0,
            statecode=FILTERED_OUT,
            filepath="",
            series=[],
            seriesReports=reports,
            message="all filtered",
        )

    def report(
        self, request: PullRequest, outcome: str, completeness: str = "", uid: str = UID, **more: Any
    ) -> bool:
        """The plugins report the end of a pull."""
        return self.ends.accept_report(
            PullReport(f"R-{request.pull_id}", request.pull_id, uid, outcome, completeness, **more)
        )

    def filtered(self, request: PullRequest, **more: Any) -> None:
        """The pull ends and brought nothing that is wanted."""
        series = to_document(more.get("series", ()))
        assert self.accept(
            {**self.filtered_message(request), "studyUID": request.study_uid, "seriesReports": series}
        )
        assert self.report(request, "filtered", uid=request.study_uid, **more)

    def until_handed_over(self, instances: int = 80, count: int = 100) -> str:
        """Pulled, received, notified and reported; the id of the hand-over."""
        request = self.until_asked(count)
        message = self.message(request, instances)
        assert self.accept(message)
        assert self.report(request, "received", "COMPLETE", received=count)
        assert message["statecode"] == IMAGES
        return str(message["handoverID"])

    def result(self, state: str, handover: str = "", message: str = "", series: str = THIN) -> str | None:
        """The backend posts a result."""
        return self.record(Result(UID, series, state, message, handover))

    def answers_while_waiting(self, state: str) -> None:
        """The backend's result comes while the worker waits for it."""

        def meanwhile() -> None:
            self.consumer.meanwhile = lambda: None
            assert self.result(state) == "recorded"

        self.consumer.meanwhile = meanwhile

    def published(self) -> Mapping[str, Any]:
        """Publish what is owed."""
        assert self.publish()
        return self.study().handovers[-1].message


def at_series_level() -> Pipeline:
    """The PACS has a thin and a thick series, and the series of another study, and is asked for them."""
    world = Pipeline(switches=Switches(find_pacs_use_series=True))
    world.pacs.series["A"] = [
        series_answer(THIN, 80),
        series_answer(THICK, 20, SliceThickness="8"),
        series_answer(UID + ".3", 1, study=UID + ".77"),
    ]
    return world
