"""Wiring: settings in, use cases and their loops out. No logic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import TextIO

from ..adapters.files.site_rules import SiteRulesFile
from ..adapters.http.images import OrthancImages
from ..adapters.http.plugins import MoveDestination, OrthancPuller
from ..adapters.machine import SystemClock, process_is_gone, this_process
from ..adapters.metrics import DeliveryMetrics, FindMetrics, StudyMetrics, UploadMetrics
from ..adapters.queue.rabbitmq import RabbitQueue
from ..adapters.ris_sql import RisColumns, RisSql
from ..adapters.stores.by_url import open_store
from ..adapters.stores.leases import leases_of
from ..adapters.stores.records import records_of
from ..domain.dicom.attributes import SeriesFacts
from ..domain.errors import ConfigurationError
from ..domain.find.traits import traits_of
from ..domain.rules.switches import Switches
from ..ports import StudyStore
from ..settings import Settings
from ..settings.profiles import tell_profiles
from ..settings.servers import OrthancSettings
from ..shared.logs import ContractLog
from ..shared.rules_in_force import RulesInForce
from ..shared.switches_file import load_switches
from ..use_cases.deliver.anonymise import Anonymise
from ..use_cases.deliver.backend_circuit import BackendCircuit
from ..use_cases.deliver.publish import Publish
from ..use_cases.deliver.record_result import RecordResult
from ..use_cases.deliver.release import Release
from ..use_cases.find.ask_window import AskWindow
from ..use_cases.find.check_growth import CheckGrowth
from ..use_cases.find.find_studies import FindStudies
from ..use_cases.find.follow_scan import FollowScan
from ..use_cases.find.keep_learned import KeepLearned
from ..use_cases.find.match_answers import MatchedFinder
from ..use_cases.find.pacs_knowledge import PacsKnowledge
from ..use_cases.find.resolve_uid import ResolveUid
from ..use_cases.operate.look_up_at_pacs import LookUp
from ..use_cases.operate.manage_keys import ManageKeys
from ..use_cases.operate.manual_pull import ManualPull
from ..use_cases.operate.manual_work import ManualWork
from ..use_cases.operate.measure_studies import MeasureStudies
from ..use_cases.operate.set_log_level import SetLogLevel
from ..use_cases.pull.judge_orders import JudgeOrders, OrderTimes
from ..use_cases.pull.pacs_locks import PacsLocks
from ..use_cases.pull.path_circuits import PathCircuits
from ..use_cases.pull.prepare_pull import PreparePull
from ..use_cases.pull.pull_studies import PullStudies
from ..use_cases.pull.record_pull_end import RecordPullEnd
from ..use_cases.pull.watch_ram_disk import WatchRamDisk
from ..use_cases.receive.accept_notification import AcceptNotification
from ..use_cases.receive.ask_expected import AskExpected
from ..use_cases.recover.adopt import Adopt
from ..use_cases.recover.audit_records import AuditRecords
from ..use_cases.recover.free_claims import FreeClaims
from ..use_cases.recover.lease_holder import LeaseHolder
from ..use_cases.recover.watch_records import WatchRecords
from ..use_cases.rehearse.manage_rules import ManageRules
from ..use_cases.rehearse.pull_newly_taken import PullNewlyTaken
from ..use_cases.rehearse.record_headers import RecordHeaders
from ..use_cases.rehearse.rehearse import Rehearse
from .alarming import ALARMS, ALARMS_S, tell_alarms
from .exchange.wiring import exchange_of
from .finders import finder_by_pacs, orthanc_finder
from .folders import handover_folders, open_archive, open_copies, open_upload_cache
from .loop import Loop
from .loops import loops_of
from .measuring import MEASURE, MEASURE_S, Measuring
from .policies import delivery_policy, pull_policy
from .reconciliation import World, nightly
from .service import Service, find_days
from .upload.destinations import Destinations, open_destinations, tell_queues, works_of

RECONCILE_S = 30.0
"""How often it is looked whether the nightly reconciliation is due, in seconds."""

RECONCILING_S = 6 * 3600.0
"""And comparing a night's lists of all PACS."""


@dataclass(frozen=True)
class _Edges:
    """What the use cases reach the world through, opened once."""

    settings: Settings
    in_force: RulesInForce
    log: ContractLog
    clock: SystemClock
    store: StudyStore
    finder: MatchedFinder
    metrics: FindMetrics
    puller: OrthancPuller
    queue: RabbitQueue
    leases: LeaseHolder
    owner: str
    headers: RecordHeaders
    knowledge: PacsKnowledge
    unreachable: set[str] = field(default_factory=set)

    @property
    def switches(self) -> Switches:
        """As they are in force now."""
        return self.in_force.current


def build(settings: Settings, echo: TextIO | None = None) -> Service:
    """
    Make the service; nothing runs yet.

    Args:
        settings: All of them.
        echo: Where warnings are said beside the log; None: nowhere.

    Raises:
        ConfigurationError: A switch or a setting cannot be used.
        PipelineError: The store cannot be opened.
    """
    edges = _open(settings, echo)
    service = _service(edges)
    _join(service, edges)
    return service


def _open(settings: Settings, echo: TextIO | None) -> _Edges:
    switches = load_switches(settings.config, settings.site_config)
    log = _open_log(settings, echo)
    tell_profiles(settings, log)
    clock, store, metrics = SystemClock(settings.zone), open_store(settings.store.url), FindMetrics()
    owner, lease = this_process(), timedelta(seconds=settings.lease_s)
    leases = LeaseHolder(leases_of(store), owner, clock, log, lease, process_is_gone)
    read = partial(load_switches, settings.config, settings.site_config)
    return _Edges(
        settings=settings,
        in_force=RulesInForce(switches, settings.site_config, read, log),
        headers=RecordHeaders(records_of(store), clock, log, settings.rehearse.keep_days),
        log=log,
        clock=clock,
        store=store,
        finder=_finder(settings, log, metrics, KeepLearned(leases.leases, clock)),
        metrics=metrics,
        puller=_puller(settings.orthanc),
        queue=RabbitQueue(settings.rabbitmq.address),
        leases=leases,
        owner=owner,
        knowledge=PacsKnowledge(leases.leases, switches),
    )


def _finder(settings: Settings, log: ContractLog, metrics: FindMetrics, keep: KeepLearned) -> MatchedFinder:
    deadline_s = settings.orthanc.find_timeout_s
    finder = finder_by_pacs(settings.pacs, partial(orthanc_finder, settings), deadline_s, log)
    return MatchedFinder(finder, log, settings.traits, metrics.dropped_answers, keep)


def _puller(orthanc: OrthancSettings) -> OrthancPuller:
    password = orthanc.password.get_secret_value()
    return OrthancPuller(orthanc.url, orthanc.username, password, orthanc.timeout_s)


def _service(edges: _Edges) -> Service:
    settings, switches, owner, leases = edges.settings, edges.switches, edges.owner, edges.leases
    store, clock, log = edges.store, edges.clock, edges.log
    finder, puller, queue = edges.finder, edges.puller, edges.queue
    copies, archive = open_copies(settings), open_archive(settings, store, clock, log)
    names, policy = tuple(pacs.name for pacs in settings.pacs), delivery_policy(settings)
    ram_disk = WatchRamDisk(puller, log, edges.metrics.ram_disk_state)
    paths = _move_paths(edges, ram_disk)
    ends = RecordPullEnd(store, clock, log, settings.pull_retry, paths, edges.headers)
    rehearse = Rehearse(edges.headers.records, store, lambda: edges.switches, clock)
    prepare = _prepare_pull(edges)
    metrics, find = edges.metrics, _find_studies(edges)
    delivery_metrics = DeliveryMetrics(metrics.registry)
    accept = _accept(edges)
    audit = _audit(edges, accept)
    return Service(
        settings=settings,
        in_force=edges.in_force,
        log=log,
        store=store,
        queue=queue,
        clock=clock,
        finder=finder,
        find=find,
        follow=_follow_scan(edges, find),
        pull=_pull_studies(edges, prepare, ends),
        ends=ends,
        accept=accept,
        audit=audit,
        records=WatchRecords(store, audit, clock, log),
        announce=AskExpected(finder, prepare, log, names, store),
        publish=Publish(store, queue, clock, log, owner),
        record=RecordResult(store, clock, log, policy),
        release=Release(store, puller, clock, owner, copies, archive),
        anonymise=Anonymise(store, copies, puller, clock, log, policy, owner),
        manual=ManualPull(store, finder, clock, log, switches, names),
        look=CheckGrowth(store, finder, clock, log, switches, settings.stability, settings.traits, owner),
        work=ManualWork(store, clock, log, policy),
        look_up=_look_up(edges, names),
        leases=leases,
        free_claims=FreeClaims(store, leases, clock, log, works_of(settings)),
        unreachable=edges.unreachable,
        circuit=BackendCircuit(clock, log, settings.backend.circuit, delivery_metrics.circuit_is),
        metrics=metrics,
        delivery_metrics=delivery_metrics,
        ram_disk=ram_disk,
        paths=paths,
        images=_images(settings),
        headers=edges.headers,
        rehearse=rehearse,
        pull_newly_taken=PullNewlyTaken(rehearse, store, clock, log),
        rules=ManageRules(site_rules(settings), lambda: edges.switches, clock, log, puller),
        log_level=SetLogLevel(log.level, puller, log),
        keys=ManageKeys(leases.leases, clock, log),
        destinations=_destinations(edges),
        exchange=exchange_of(settings, store, leases, clock, clock.today, log),
    )


def _accept(edges: _Edges) -> AcceptNotification:
    settings = edges.settings
    anonymised, is_inside = settings.anonymise is not None, handover_folders(settings).is_inside
    destinations = bool(settings.destination)
    return AcceptNotification(edges.store, edges.clock, edges.log, anonymised, is_inside, destinations)


def _destinations(edges: _Edges) -> Destinations | None:
    settings, is_inside = edges.settings, handover_folders(edges.settings).is_inside
    metrics = UploadMetrics(edges.metrics.registry) if settings.destination else None
    cache = open_upload_cache(settings)
    return open_destinations(
        settings, edges.store, edges.clock, edges.log, edges.owner, is_inside, cache, metrics
    )


def _audit(edges: _Edges, accept: AcceptNotification) -> AuditRecords:
    store, clock, log, workers = edges.store, edges.clock, edges.log, edges.settings.backend.workers
    adopt = Adopt(store, accept, clock, log)
    return AuditRecords(store, edges.puller, edges.queue, adopt, clock, log, workers)


def _look_up(edges: _Edges, names: tuple[str, ...]) -> LookUp:
    clock, unreachable = edges.clock, edges.unreachable
    days = partial(_days_now, edges)
    return LookUp(edges.finder, clock, edges.switches, names, unreachable, days)


def _days_now(edges: _Edges) -> list[date]:
    return find_days(edges.settings, edges.clock.today())


def _images(settings: Settings) -> OrthancImages:
    orthanc = settings.orthanc
    return OrthancImages(orthanc.url, orthanc.username, orthanc.password.get_secret_value())


def _move_paths(edges: _Edges, ram_disk: WatchRamDisk) -> PathCircuits:
    orthanc = edges.settings.orthanc
    us = MoveDestination(edges.puller, orthanc.dicom_host, orthanc.dicom_port)
    return PathCircuits(
        edges.leases.leases, edges.clock, edges.log, us, ram_disk.is_full, edges.settings.pull.path
    )


def _join(service: Service, edges: _Edges) -> None:
    """What one use case needs of another, and the loops of them all."""
    service.manual.with_uid = service.find.with_uid
    service.rules.on_applied = service.look_for_rules
    service.find.notice = service.follow.notice
    service.follow.held = service.not_followed
    service.loops = loops_of(service)
    service.loops[MEASURE] = _measure_loop(service)
    service.loops[ALARMS] = _alarm_loop(service)
    if edges.settings.reconcile.nightly:
        service.loops["reconcile"] = _reconcile_loop(edges)


def _alarm_loop(service: Service) -> Loop:
    return Loop(ALARMS, tell_alarms(service), ALARMS_S, service.log, bound=service.settings.stuck_after_s)


def _measure_loop(service: Service) -> Loop:
    metrics = StudyMetrics(service.metrics.registry)
    studies = MeasureStudies(service.store, service.clock, metrics.take)
    queue = RabbitQueue(service.settings.rabbitmq.address)
    step = Measuring(studies, service.store, queue, metrics, _upload_queues(service))
    return Loop(MEASURE, step, MEASURE_S, service.log, bound=service.settings.stuck_after_s)


def _upload_queues(service: Service) -> Callable[[], None]:
    made = service.destinations
    if made is None or made.metrics is None:
        return lambda: None
    return partial(tell_queues, made, service.store, made.metrics)


def _reconcile_loop(edges: _Edges) -> Loop:
    world = World(edges.settings, lambda: edges.switches, edges.store, edges.finder, edges.clock, edges.log)
    step = nightly(world, edges.leases, edges.clock.local)
    return Loop("reconcile", step, RECONCILE_S, edges.log, bound=RECONCILING_S + edges.settings.stuck_after_s)


def site_rules(settings: Settings) -> SiteRulesFile:
    """The site's file and the history of what was applied to it; for the commands, too."""
    return SiteRulesFile(settings.config, settings.site_config, settings.rules_history)


def _find_studies(edges: _Edges) -> FindStudies:
    switches = edges.switches
    wanted = switches.ct_modalities + switches.dx_modalities
    return FindStudies(
        store=edges.store,
        ask=AskWindow(edges.finder, edges.log, wanted),
        resolve=ResolveUid(edges.finder, edges.clock, edges.log),
        clock=edges.clock,
        log=edges.log,
        switches=switches,
        stability=edges.settings.stability,
        backlog=edges.settings.backlog,
        traits=edges.settings.traits,
    )


def _prepare_pull(edges: _Edges) -> PreparePull:
    return PreparePull(
        finder=edges.finder,
        puller=edges.puller,
        clock=edges.clock,
        log=edges.log,
        switches=edges.switches,
        traits=edges.settings.traits,
        find_timeout_s=edges.settings.orthanc.find_timeout_s,
        headers=edges.headers,
        count_on=edges.settings.stability.delay,
        learn=partial(_learn, edges),
    )


def _learn(edges: _Edges, pacs: str, series: Sequence[SeriesFacts], final: bool) -> None:
    if traits_of(edges.settings.traits, pacs).follow:
        edges.knowledge.take_study(pacs, series, final)


def _follow_scan(edges: _Edges, find: FindStudies) -> FollowScan:
    settings = edges.settings
    budgets = {pacs.name: pacs.queries_per_second for pacs in settings.pacs}
    return FollowScan(
        store=edges.store,
        finder=edges.finder,
        find=find,
        clock=edges.clock,
        log=edges.log,
        switches=edges.switches,
        traits=settings.traits,
        knowledge=edges.knowledge,
        policy=settings.follow,
        queries_per_second=lambda pacs: budgets[pacs],
        asked=edges.metrics.followed,
    )


def _pull_studies(edges: _Edges, prepare: PreparePull, ends: RecordPullEnd) -> PullStudies:
    settings, clock, log = edges.settings, edges.clock, edges.log
    limits = {pacs.name: settings.limits_of(pacs) for pacs in settings.pacs}
    return PullStudies(
        store=edges.store,
        puller=edges.puller,
        prepare=prepare,
        ends=ends,
        clock=clock,
        log=log,
        policy=pull_policy(settings),
        owner=edges.owner,
        unreachable=lambda: edges.unreachable,
        orders=_orders(edges),
        locks=PacsLocks(limits, clock, clock.local, log, edges.leases),
    )


def _open_log(settings: Settings, echo: TextIO | None) -> ContractLog:
    try:
        return ContractLog(settings.log_folder, "dcm_end", echo)
    except OSError as error:
        allowed = f"a folder that pacs_module may write to ({error.strerror})"
        raise ConfigurationError("log_folder", str(settings.log_folder), allowed) from error


def _orders(edges: _Edges) -> JudgeOrders | None:
    ris = edges.settings.ris
    if ris is None:
        return None
    view = RisSql(
        ris.url.get_secret_value(),
        ris.view,
        RisColumns(**ris.columns.model_dump()),
        ris.day_format,
        ris.timeout_s,
    )
    times = OrderTimes(timedelta(seconds=ris.wait_s), timedelta(seconds=ris.again_s))
    return JudgeOrders(
        view, edges.store, edges.puller, edges.clock, edges.log, edges.switches, ris.policy, times
    )
