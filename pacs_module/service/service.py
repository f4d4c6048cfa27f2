"""Everything that runs in one pacs_module process, as ``bootstrap`` makes it and the web shows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from ..adapters.audit_trail.trail_file import TrailFile
from ..adapters.machine import SystemClock
from ..adapters.metrics import DeliveryMetrics, FindMetrics
from ..adapters.queue.rabbitmq import RabbitQueue
from ..domain.circuit import CLOSED
from ..domain.pull.throttle import spared_from_queries
from ..domain.rules.switches import Switches
from ..ports import ReceivedImages, StudyStore
from ..settings import Settings
from ..shared.logs import ContractLog
from ..shared.rules_in_force import RulesInForce
from ..use_cases.deliver.anonymise import Anonymise
from ..use_cases.deliver.backend_circuit import BackendCircuit
from ..use_cases.deliver.publish import Publish
from ..use_cases.deliver.record_result import RecordResult
from ..use_cases.deliver.release import Release
from ..use_cases.find.check_growth import CheckGrowth
from ..use_cases.find.find_studies import FindStudies
from ..use_cases.find.follow_scan import FollowScan
from ..use_cases.find.match_answers import MatchedFinder
from ..use_cases.image_validation.quarantine import ManageQuarantine
from ..use_cases.operate.look_up_at_pacs import LookUp
from ..use_cases.operate.manage_keys import ManageKeys
from ..use_cases.operate.manual_pull import ManualPull
from ..use_cases.operate.manual_work import ManualWork
from ..use_cases.operate.set_log_level import SetLogLevel
from ..use_cases.platform_parameters.fetch import FetchParameters
from ..use_cases.privacy.forget import ForgetPatient
from ..use_cases.pull.move_circuits import MoveCircuits
from ..use_cases.pull.pull_studies import PullStudies
from ..use_cases.pull.record_pull_end import RecordPullEnd
from ..use_cases.pull.watch_ram_disk import WatchRamDisk
from ..use_cases.receive.accept_notification import AcceptNotification
from ..use_cases.receive.ask_expected import AskExpected
from ..use_cases.recover.audit_records import AuditRecords
from ..use_cases.recover.free_claims import FreeClaims
from ..use_cases.recover.lease_holder import LeaseHolder
from ..use_cases.recover.watch_records import WatchRecords
from ..use_cases.rehearse.manage_rules import ManageRules
from ..use_cases.rehearse.pull_newly_taken import PullNewlyTaken
from ..use_cases.rehearse.record_headers import RecordHeaders
from ..use_cases.rehearse.rehearse import Rehearse
from .find_round import FindLoop
from .loop import Loop, Role
from .report_exchange.wiring import Exchange
from .results.wiring import Results
from .self_watch.wiring import Watches
from .upload.destinations import Destinations


@dataclass
class Service:
    """Everything that runs in one pacs_module process."""

    settings: Settings
    in_force: RulesInForce
    log: ContractLog
    store: StudyStore
    queue: RabbitQueue
    clock: SystemClock
    finder: MatchedFinder
    find: FindStudies
    follow: FollowScan
    pull: PullStudies
    ends: RecordPullEnd
    accept: AcceptNotification
    audit: AuditRecords
    records: WatchRecords
    announce: AskExpected
    publish: Publish
    record: RecordResult
    release: Release
    anonymise: Anonymise
    manual: ManualPull
    look_up: LookUp
    look: CheckGrowth
    work: ManualWork
    leases: LeaseHolder
    free_claims: FreeClaims
    unreachable: set[str]
    circuit: BackendCircuit
    metrics: FindMetrics
    delivery_metrics: DeliveryMetrics
    ram_disk: WatchRamDisk
    paths: MoveCircuits
    images: ReceivedImages
    headers: RecordHeaders
    rehearse: Rehearse
    pull_newly_taken: PullNewlyTaken
    rules: ManageRules
    keys: ManageKeys
    log_level: SetLogLevel
    exchange: Exchange
    forget: ForgetPatient
    quarantine: ManageQuarantine
    watches: Watches | None = None
    """Of our own SCP and clock; None: not joined yet."""
    trail: TrailFile | None = None
    """Who saw and did what; None: it is switched off."""
    parameters: FetchParameters | None = None
    """None: no platform sets parameters."""
    destinations: Destinations | None = None
    results: Results | None = None
    """None: nothing goes anywhere but to the backend."""
    find_loops: dict[str, FindLoop] = field(default_factory=dict)
    loops: dict[str, Loop] = field(default_factory=dict)

    @property
    def switches(self) -> Switches:
        """The rules in force."""
        return self.in_force.current

    def look_for_rules(self) -> bool:
        """
        Take over rules that were applied.

        A decision takes its rules once: whoever is in the middle of one ends it by those that it began with.
        """
        switches = self.in_force.look()
        if switches is None:
            return False
        self._take_over(switches)
        self.wake(Role.FIND)
        return True

    def _take_over(self, switches: Switches) -> None:
        prepare = replace(self.pull.prepare, switches=switches)  # one that runs goes on with the former ones
        self.pull.prepare = self.announce.prepare = prepare
        self.find.take_rules(switches)
        self.follow.switches = self.follow.knowledge.switches = switches
        self.look.switches = self.manual.switches = self.look_up.switches = switches
        if self.pull.choose.orders is not None:
            self.pull.choose.orders.switches = switches

    def purge_headers(self) -> bool:
        """Drop recorded headers that are older than the settings say."""
        self.headers.purge()
        return False

    def wake(self, *roles: Role) -> None:
        """There may be work for the loops with these roles."""
        for loop in self.loops.values():
            if loop.role in roles:
                loop.wake()

    def met_again(self, server: str) -> None:
        """
        A server that was away is back, as one loop has found out: the others that wait for it need not wait
        any longer.
        """
        for loop in self.loops.values():
            if loop.fault is not None and loop.fault.server == server:
                loop.wake()

    def not_followed(self, pacs: str) -> str:
        """Why no growing study is followed at a PACS now; empty: they are."""
        loop, limits = self.find_loops.get(pacs), self.pull.locks.limits[pacs]
        if loop is not None and loop.circuit is not CLOSED:
            return f"its circuit is {loop.circuit}"
        if loop is not None and not loop.finds_here:
            return f"{loop.found_by} finds there"
        return spared_from_queries(limits, self.clock.local()) or self.pull.locks.held_back.get(pacs, "")

    def find_days(self) -> list[date]:
        """The dates to find."""
        return find_days(self.settings, self.clock.today())


def find_days(settings: Settings, today: date) -> list[date]:
    """
    The dates to find: fixed ones, or today and the days that ``crossday`` adds, none before ``start_date``.
    """
    if settings.find_dates:
        return list(settings.find_dates)
    days = [today - timedelta(days=back) for back in range(-settings.crossday, -1, -1)]
    return [day for day in days if settings.start_date is None or day >= settings.start_date]
