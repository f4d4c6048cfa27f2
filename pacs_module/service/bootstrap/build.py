"""Wiring: settings in, use cases and their loops out. No logic."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TextIO

from ...adapters.metrics import StudyMetrics
from ...adapters.queue.rabbitmq import RabbitQueue
from ...ports import Ledger
from ...settings import Settings
from ...use_cases.operate.measure_studies import MeasureStudies
from ...use_cases.privacy.retain import LEASE
from ..alarming import ALARMS, ALARMS_S, tell_alarms
from ..loop import Loop
from ..loops import loops_of
from ..measuring import MEASURE, MEASURE_S, Measuring
from ..privacy.audit_trail import TRAIL, TRAIL_S, keep_trail
from ..privacy.retention import Kept
from ..reconciliation import World, nightly
from ..report_exchange.wiring import exchange_of
from ..self_watch.wiring import CLOCK, OWN_SCP, WATCH_S, watches_of
from ..service import Service
from ..upload.destinations import tell_queues
from ..upload.platform_parameters import PARAMETERS, parameters_of
from .deliver import delivering
from .edges import Edges, open_edges
from .find import finding
from .operate import operating, rehearsing
from .pull import pulling
from .receive import receiving

RECONCILE = "reconcile"
RECONCILE_S = 30.0
"""How often it is looked whether the nightly reconciliation is due, in seconds."""

RETAINING_S = 3600.0
"""Removing what is older than its age may take so long, in seconds."""

RECONCILING_S = 6 * 3600.0
"""And comparing a night's lists of all PACS."""


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
    edges = open_edges(settings, echo)
    service = _service(edges)
    _join(service)
    _add_loops(service, edges)
    return service


def _service(edges: Edges) -> Service:
    """One flat list of the parts that the stations made."""
    find, pull, receive = finding(edges), pulling(edges), receiving(edges)
    deliver, operate, rehearse = delivering(edges), operating(edges), rehearsing(edges)
    clock = edges.clock
    exchange = exchange_of(edges.settings, edges.store, edges.leases, clock, clock.today, edges.log)
    return Service(
        settings=edges.settings,
        in_force=edges.in_force,
        log=edges.log,
        store=edges.store,
        queue=edges.queue,
        clock=clock,
        finder=edges.finder,
        find=find.find,
        follow=find.follow,
        look=find.look,
        pull=pull.pull,
        ends=pull.ends,
        announce=pull.announce,
        ram_disk=pull.ram_disk,
        paths=pull.paths,
        accept=receive.accept,
        audit=receive.audit,
        records=receive.records,
        publish=deliver.publish,
        record=deliver.record,
        release=deliver.release,
        anonymise=deliver.anonymise,
        circuit=deliver.circuit,
        delivery_metrics=deliver.metrics,
        results=deliver.results,
        destinations=deliver.destinations,
        manual=operate.manual,
        work=operate.work,
        look_up=operate.look_up,
        free_claims=operate.free_claims,
        log_level=operate.log_level,
        keys=operate.keys,
        quarantine=operate.quarantine,
        images=operate.images,
        rehearse=rehearse.rehearse,
        pull_newly_taken=rehearse.pull_newly_taken,
        rules=rehearse.rules,
        headers=edges.headers,
        leases=edges.leases,
        unreachable=edges.unreachable,
        metrics=edges.metrics,
        exchange=exchange,
        forget=_kept(edges, exchange.ledger).forget(edges.forgotten),
        trail=edges.trail,
    )


def _join(service: Service) -> None:
    """What one use case needs of another."""
    service.manual.with_uid = service.find.with_uid
    service.rules.on_applied = service.look_for_rules
    service.find.notice = service.follow.notice
    service.pull.went_on = service.ends.went_on = service.follow.resume
    service.follow.held = service.not_followed
    service.parameters = parameters_of(service.settings, service.destinations, service.clock, service.log)


def _add_loops(service: Service, edges: Edges) -> None:
    """The loops of all use cases, by name."""
    service.loops = loops_of(service)
    beside = (
        _parameters_loop(service),
        _measure_loop(service),
        _alarm_loop(service),
        *_self_watch_loops(service, edges),
        _trail_loop(edges),
        _retention_loop(service, edges),
        _reconcile_loop(edges),
    )
    for loop in beside:
        if loop is not None:
            service.loops[loop.name] = loop


def _parameters_loop(service: Service) -> Loop | None:
    told = service.settings.parameters
    if service.parameters is None or told is None:
        return None
    return Loop(PARAMETERS, service.parameters, told.interval_s, service.log)


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


def _self_watch_loops(service: Service, edges: Edges) -> list[Loop]:
    watches = watches_of(edges.settings, edges.puller.of, edges.clock, edges.log)
    service.watches, bound = watches, edges.settings.stuck_after_s
    steps: dict[str, Callable[[], bool]] = {OWN_SCP: watches.scp, CLOCK: watches.clock}
    return [Loop(name, step, WATCH_S, edges.log, bound=bound) for name, step in steps.items()]


def _alarm_loop(service: Service) -> Loop:
    return Loop(ALARMS, tell_alarms(service), ALARMS_S, service.log, bound=service.settings.stuck_after_s)


def _trail_loop(edges: Edges) -> Loop | None:
    if edges.trail is None:
        return None
    step = keep_trail(edges.settings, edges.trail, edges.leases.leases, edges.log)
    return Loop(TRAIL, step, TRAIL_S, edges.log, bound=edges.settings.stuck_after_s)


def _retention_loop(service: Service, edges: Edges) -> Loop | None:
    retention = _kept(edges, service.exchange.ledger).retain()
    if retention is None:
        return None
    return Loop(LEASE, retention, RECONCILE_S, service.log, bound=RETAINING_S)


def _kept(edges: Edges, ledger: Ledger) -> Kept:
    return Kept(
        edges.settings, edges.store, edges.headers.records, ledger, edges.puller, edges.log,
        edges.clock, edges.days, edges.leases, edges.trail,
    )  # fmt: skip


def _reconcile_loop(edges: Edges) -> Loop | None:
    settings = edges.settings
    if not settings.reconcile.nightly:
        return None
    world = World(settings, lambda: edges.switches, edges.store, edges.finder, edges.clock, edges.log)
    step = nightly(world, edges.leases, edges.clock.local)
    return Loop(RECONCILE, step, RECONCILE_S, edges.log, bound=RECONCILING_S + settings.stuck_after_s)
