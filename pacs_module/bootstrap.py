"""Wiring: settings in, use cases and their loops out. No logic."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

from .adapters.finders import finder_by_pacs
from .adapters.http_backend import HttpBackend
from .adapters.leases import leases_of
from .adapters.local import LocalFolders, SystemClock, process_is_gone, this_process
from .adapters.orthanc_finder import OrthancFinder
from .adapters.orthanc_puller import OrthancPuller
from .adapters.rabbitmq import RabbitConsumer, RabbitQueue
from .adapters.ris_sql import RisColumns, RisSql
from .adapters.stores import open_store
from .domain.errors import ConfigurationError
from .domain.ordering import Ageing
from .domain.switches import Switches
from .find_loop import FindLoop
from .keeping import open_archive, open_copies
from .logs import ContractLog
from .longest_pauses import longest_pauses
from .loops import Loop
from .metrics import DeliveryMetrics, FindMetrics
from .ports import StudyStore
from .profiles import tell_profiles
from .reconciling import World, nightly
from .settings import PacsSettings, Settings
from .site_config import load_switches
from .use_cases.accept_notification import AcceptNotification
from .use_cases.announce import Announce
from .use_cases.anonymise import Anonymise
from .use_cases.ask_window import AskWindow
from .use_cases.backend_circuit import BackendCircuit
from .use_cases.deliver import Deliver
from .use_cases.find_studies import FindStudies
from .use_cases.free_claims import FreeClaims
from .use_cases.hold_leases import HoldLeases
from .use_cases.judge_orders import JudgeOrders, OrderTimes
from .use_cases.look_again import LookAgain
from .use_cases.look_up import LookUp
from .use_cases.manual_pull import ManualPull
from .use_cases.manual_work import ManualWork
from .use_cases.mend_due_times import MendDueTimes
from .use_cases.prepare_pull import PreparePull
from .use_cases.publish import Publish
from .use_cases.pull_ends import PullEnds
from .use_cases.pull_studies import PullPolicy, PullStudies
from .use_cases.pull_turns import PullTurns
from .use_cases.record_result import RecordResult
from .use_cases.release import Release
from .use_cases.resolve_uid import ResolveUid
from .use_cases.settle_delivery import DeliveryPolicy
from .use_cases.watch_ram_disk import WatchRamDisk

TAKE_S = 1.0
"""How long a delivery worker waits for a message before it looks whether it shall stop, in seconds."""
RECONCILE_S = 30.0
"""How often it is looked whether the nightly reconciliation is due, in seconds."""
PULL_S = 0.5
ORDERS_S = 5.0
"""How often the orders of what waits are looked at, in seconds."""
CLAIMS_S = 2.0
"""How often it is looked whether another process is over, in seconds; one read."""
ARCHIVE_SWEEP_S = 3600.0
"""How often the archive is looked through for days that are over, in seconds."""
DUE_TIMES_S = 30.0
"""How often due times are looked for that only a clock which was ahead can have written, in seconds."""
RAM_DISK_S = 10.0
"""How often the plugins are asked how full the RAM disk is, in seconds."""

MOST_QUERIES = 10
"""So many unanswered queries are taken for the longest round of finds or pulls, before a loop counts as stuck."""
COPYING_S = 900.0
"""Copying or compressing a hand-over may take so long, in seconds."""
RECONCILING_S = 6 * 3600.0
"""And comparing a night's lists of all PACS."""


@dataclass
class Service:
    """Everything that runs in one pacs_module process."""

    settings: Settings
    switches: Switches
    log: ContractLog
    store: StudyStore
    queue: RabbitQueue
    clock: SystemClock
    find: FindStudies
    pull: PullStudies
    ends: PullEnds
    accept: AcceptNotification
    announce: Announce
    publish: Publish
    record: RecordResult
    release: Release
    anonymise: Anonymise
    manual: ManualPull
    look_up: LookUp
    look: LookAgain
    work: ManualWork
    leases: HoldLeases
    free_claims: FreeClaims
    unreachable: set[str]
    circuit: BackendCircuit
    metrics: FindMetrics
    delivery_metrics: DeliveryMetrics
    ram_disk: WatchRamDisk | None = None
    find_loops: dict[str, FindLoop] = field(default_factory=dict)
    loops: dict[str, Loop] = field(default_factory=dict)

    def wake(self, *names: str) -> None:
        """There may be work for these loops; "pull" stands for those of all PACS."""
        for name, loop in self.loops.items():
            if name in names or name.partition(" ")[0] in names:
                loop.wake()

    def find_days(self) -> list[date]:
        """The dates to find."""
        return find_days(self.settings, self.clock.today())


def find_days(settings: Settings, today: date) -> list[date]:
    """The dates to find: fixed ones, or today and the days that ``crossday`` adds, none before ``start_date``."""
    if settings.find_dates:
        return list(settings.find_dates)
    days = [today - timedelta(days=back) for back in range(-settings.crossday, -1, -1)]
    return [day for day in days if settings.start_date is None or day >= settings.start_date]


def build(settings: Settings) -> Service:
    """
    Make the service; nothing runs yet.

    Raises:
        ConfigurationError: A switch or a setting cannot be used.
        PipelineError: The store cannot be opened.
    """
    switches = load_switches(settings.config, settings.site_config)
    log = _open_log(settings)
    tell_profiles(settings, log)
    clock = SystemClock(settings.zone)
    store = open_store(settings.store.url)
    orthanc = settings.orthanc
    password = orthanc.password.get_secret_value()
    by_orthanc = OrthancFinder(orthanc.url, orthanc.username, password, orthanc.find_timeout_s)
    finder = finder_by_pacs(settings.pacs, by_orthanc, orthanc.find_timeout_s)
    puller = OrthancPuller(orthanc.url, orthanc.username, password, orthanc.timeout_s)
    queue = RabbitQueue(settings.rabbitmq.url.get_secret_value())
    owner = this_process()
    copies, archive = open_copies(settings), open_archive(settings, store, clock, log)
    unreachable: set[str] = set()
    leases = HoldLeases(leases_of(store), owner, clock, log, timedelta(seconds=settings.lease_s), process_is_gone)
    turns = PullTurns({pacs.name: settings.sparing(pacs) for pacs in settings.pacs}, clock, clock.local, log, leases)
    ends = PullEnds(store, clock, log, settings.pull_retry)
    with_series = frozenset(pacs.name for pacs in settings.pacs if pacs.series_level)
    use_series = {pacs.name: pacs.use_series for pacs in settings.pacs if pacs.use_series is not None}
    by_image = frozenset(pacs.name for pacs in settings.pacs if pacs.count_by_image)
    repair = {pacs.name: pacs.repair for pacs in settings.pacs if pacs.series_level}
    prepare = PreparePull(finder, puller, clock, log, switches, with_series, use_series, by_image, repair)
    wanted = switches.ct_modalities + switches.dx_modalities
    ask = AskWindow(finder, log, wanted, {pacs.name: pacs.caps for pacs in settings.pacs})
    distrusted = frozenset(pacs.name for pacs in settings.pacs if not pacs.trust_modalities)
    resolve = ResolveUid(finder, clock, log)
    names = tuple(pacs.name for pacs in settings.pacs)
    metrics = FindMetrics()
    delivery_metrics = DeliveryMetrics(metrics.registry)
    service = Service(
        settings=settings,
        switches=switches,
        log=log,
        store=store,
        queue=queue,
        clock=clock,
        find=FindStudies(store, ask, resolve, clock, log, switches, settings.stability, settings.backlog, distrusted),
        pull=PullStudies(
            store, puller, prepare, ends, clock, log, _pull_policy(settings), owner, lambda: unreachable, turns=turns
        ),
        ends=ends,
        accept=AcceptNotification(store, clock, log, settings.anonymise is not None),
        announce=Announce(finder, prepare, log, names),
        publish=Publish(store, queue, clock, log, owner),
        record=RecordResult(store, clock, log, _delivery_policy(settings)),
        release=Release(store, puller, clock, owner, copies, archive),
        anonymise=Anonymise(store, copies, puller, clock, log, _delivery_policy(settings), owner),
        manual=ManualPull(store, finder, clock, log, switches, names),
        look=LookAgain(store, finder, clock, log, switches, settings.stability, with_series, owner),
        work=ManualWork(store, clock, log, _delivery_policy(settings)),
        look_up=LookUp(finder, clock, switches, names, unreachable, lambda: find_days(settings, clock.today())),
        leases=leases,
        free_claims=FreeClaims(store, leases, clock, log),
        unreachable=unreachable,
        circuit=BackendCircuit(clock, log, settings.backend.circuit, delivery_metrics.circuit_is),
        metrics=metrics,
        delivery_metrics=delivery_metrics,
    )
    service.manual.with_uid = service.find.with_uid
    service.pull.orders = _orders(service, puller)
    service.ram_disk = WatchRamDisk(puller, log, service.metrics.ram_disk_state)
    service.loops = _loops(service)
    if settings.reconcile.nightly:
        world = World(settings, switches, store, finder, clock, log)
        step = nightly(world, leases, clock.local)
        service.loops["reconcile"] = Loop("reconcile", step, RECONCILE_S, log, bound=RECONCILING_S + settings.stuck_after_s)
    return service


def _open_log(settings: Settings) -> ContractLog:
    try:
        return ContractLog(settings.log_folder, "dcm_end")
    except OSError as error:
        allowed = f"a folder that pacs_module may write to ({error.strerror})"
        raise ConfigurationError("log_folder", str(settings.log_folder), allowed) from error


def _orders(service: Service, puller: OrthancPuller) -> JudgeOrders | None:
    ris = service.settings.ris
    if ris is None:
        return None
    view = RisSql(ris.url.get_secret_value(), ris.view, RisColumns(**ris.columns.model_dump()), ris.day_format, ris.timeout_s)
    times = OrderTimes(timedelta(seconds=ris.wait_s), timedelta(seconds=ris.again_s))
    return JudgeOrders(view, service.store, puller, service.clock, service.log, service.switches, ris.policy, times)


def _loops(service: Service) -> dict[str, Loop]:
    settings, new = service.settings, partial(Loop, log=service.log, bound=service.settings.stuck_after_s)
    asking = settings.stuck_after_s + MOST_QUERIES * settings.orthanc.find_timeout_s
    loops = [_find_loop(service, pacs, asking) for pacs in settings.pacs]
    loops += [
        *(new(f"pull {pacs.name}", partial(_pull_at, service, pacs.name), PULL_S, bound=asking) for pacs in settings.pacs),
        new("leases", service.leases.renew, settings.lease_s / 3),
        new("claims", service.free_claims, CLAIMS_S),
        new("watch", service.pull.watch, 1.0),
        new("publish", service.publish, 1.0),
        new("release", service.release, 5.0, bound=settings.stuck_after_s + COPYING_S),
        new("anonymise", service.anonymise, 1.0, bound=settings.stuck_after_s + COPYING_S),
        new("due times", MendDueTimes(service.store, service.clock, service.log, longest_pauses(settings)), DUE_TIMES_S),
    ]
    if service.release.archive is not None:
        loops.append(new("archive", service.release.archive.sweep, ARCHIVE_SWEEP_S, bound=settings.stuck_after_s + COPYING_S))
    if service.ram_disk is not None:
        loops.append(new("RAM disk", service.ram_disk, RAM_DISK_S))
    if service.pull.orders is not None:
        loops.append(new("orders", service.pull.orders.look_ahead, ORDERS_S))
    loops += [_worker(service, f"WORKER-{number}") for number in range(1, settings.backend.workers + 1)]
    return {loop.name: loop for loop in loops}


def _pull_at(service: Service, pacs: str) -> bool:
    """One thread a PACS: a slow one keeps none of the others waiting."""
    return service.pull(pacs) > 0


def _find_loop(service: Service, pacs: PacsSettings, bound: float) -> Loop:
    step = FindLoop(
        pacs=pacs.name,
        find=service.find,
        days=service.find_days,
        now=service.clock.local,
        look_back=pacs.look_back,
        log=service.log,
        metrics=service.metrics,
        unreachable=service.unreachable,
        wake_pull=lambda: service.wake("pull"),
        look=service.look if pacs.look_again else lambda name: None,
        leases=service.leases,
    )
    service.find_loops[pacs.name] = step
    return Loop(f"find {pacs.name}", step, service.settings.find_interval_s, service.log, bound)


def _worker(service: Service, name: str) -> Loop:
    settings = service.settings
    told = settings.backend
    backend = HttpBackend(told.url, told.key.get_secret_value(), told.timeout_s, told.transfer)
    deliver = Deliver(
        store=service.store,
        consumer=RabbitConsumer(settings.rabbitmq.url.get_secret_value()),
        backend=backend,
        files=LocalFolders(),
        clock=service.clock,
        log=service.log,
        policy=_delivery_policy(settings),
        circuit=service.circuit,
        worker=name,
        counted=service.delivery_metrics.tried,
    )

    def step() -> bool:
        deliver(TAKE_S)
        return True

    loop = Loop(name, step, TAKE_S, service.log, settings.stuck_after_s + told.timeout_s + told.result_timeout_s)
    deliver.stopping = loop.stopping
    return loop


def _pull_policy(settings: Settings) -> PullPolicy:
    return PullPolicy(
        limits={pacs.name: settings.sparing(pacs).parallel for pacs in settings.pacs},
        retry=settings.pull_retry,
        watch=timedelta(seconds=settings.pull.watch_s),
        room_pause=timedelta(seconds=settings.pull.room_pause_s),
        jobs=settings.orthanc.concurrent_jobs,
        ageing=Ageing(timedelta(minutes=settings.pull.ageing_min)),
    )


def _delivery_policy(settings: Settings) -> DeliveryPolicy:
    return DeliveryPolicy(
        retry=settings.delivery_retry,
        result_timeout=timedelta(seconds=settings.backend.result_timeout_s),
        unreachable_pause=timedelta(seconds=settings.backend.circuit_pause_s),
        retention=timedelta(seconds=settings.backend.retention_s),
    )
