"""The loops of a service: what runs how often, each in a thread of its own. No logic."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..adapters.http.backend import HttpBackend
from ..adapters.queue.rabbitmq import RabbitConsumer
from ..settings import BackendSettings, PacsSettings, Settings
from ..use_cases.deliver.deliver import Deliver
from ..use_cases.recover.repair_due_times import RepairDueTimes
from ..use_cases.recover.retry_path_failures import RetryPathFailures
from ..use_cases.upload.retire import RetireDestinations
from .due_limits import longest_pauses
from .find_round import FindLoop
from .folders import handover_folders, watched_folder
from .loop import Loop, Role
from .policies import delivery_policy
from .service import Service
from .upload.destinations import Destinations

TAKE_S = 1.0
"""How long a delivery worker waits for a message before it looks whether it shall stop, in seconds."""

PULL_S = 0.5
FOLLOW_S = 0.1
"""
How often it is looked at least whether a growing study is due to be asked for, in seconds; nothing is read
for it.
"""
ORDERS_S = 5.0
"""How often the orders of what waits are looked at, in seconds."""
CLAIMS = "claims"
CLAIMS_S = 2.0
"""How often it is looked whether another process is over, in seconds; one read."""
RECORDS = "records"
RECORDS_S = 2.0
"""How often it is looked whether the store is still there, in seconds; one read."""
ARCHIVE_SWEEP_S = 3600.0
"""How often the archive is looked through for days that are over, in seconds."""
DUE_TIMES_S = 30.0
"""How often due times are looked for that only a clock which was ahead can have written, in seconds."""
WATCHED_S = 1.0
"""How often files of the watched folder are taken, in seconds: ``files_per_second`` each time."""
RETIRED_S = 3600.0
"""
How often destinations are looked for that were taken out of the settings: at the start above all, in seconds.
"""
PATH_FAILURES_S = 3600.0
"""
How often studies are looked for that a version without judgement gave up for the fault of a path, in seconds.
"""
RULES = "rules"
RULES_S = 1.0
"""How often the site's file is looked at, in seconds; one stat."""
PURGE_S = 3600.0
"""How often recorded headers are looked through for days that are over, in seconds."""
SEND_S = 2.0
"""How often it is looked for reports to be sent, in seconds; one read. What is taken in wakes the loop."""
EXCHANGE_PURGE_S = 6 * 3600.0
"""How often it is looked for reports and quality records that were sent long ago, in seconds."""
LISTEN_S = 5.0
"""How often it is looked whether the HL7 listener listens, in seconds."""
RAM_DISK_S = 10.0
"""How often the plugins are asked how full the RAM disk is, in seconds."""

MOST_QUERIES = 10
"""
So many unanswered queries are taken for the longest round of finds or pulls, before a loop counts as stuck.
"""
ROUTE_S = 1.0
SEND_S = 1.0
"""How often a worker of a destination looks for something to upload, in seconds; one read."""
TEND_S = 10.0
"""How often the offline cache is looked through for what nobody needs any more, in seconds."""
INBOX_S = 2.0
"""How often it is looked whether a backend has left results, in seconds."""
TIDY_S = 600.0
"""How often it is looked for results that every destination has, in seconds."""
MAX_LEASES = 6
"""An upload that takes longer than so many leases of its claim counts as stuck: an hour."""
COPYING_S = 900.0
"""Copying or compressing a hand-over may take so long, in seconds."""


def loops_of(service: Service) -> dict[str, Loop]:
    """The loops by name; none is started."""
    loops = [
        *_loops_of_pacs(service),
        *_work_loops(service),
        *_repair_loops(service),
        *_optional_loops(service),
        *_result_loops(service),
        *_exchange_loops(service),
        *_delivery_loops(service),
    ]
    return {loop.name: loop for loop in loops}


def _new(service: Service) -> partial[Loop]:
    """A loop with what all of them have in common."""
    bound = service.settings.stuck_after_s
    return partial(Loop, log=service.log, bound=bound, met_again=service.met_again)


def _loops_of_pacs(service: Service) -> Iterator[Loop]:
    """Each PACS is found at, pulled from and followed by threads of its own."""
    new = partial(_new(service), bound=_longest_of_pacs(service.settings))
    for pacs in service.settings.pacs:
        find, pull = _find_at(service, pacs), partial(_pull_at, service, pacs.name)
        yield new(f"find {pacs.name}", find, service.settings.find_interval_s, role=Role.FIND)
        yield new(f"pull {pacs.name}", pull, PULL_S, role=Role.PULL)
        if pacs.follow:
            due_in_s = partial(service.follow.due_in_s, pacs.name)
            follow = partial(_follow_at, service, pacs.name)
            yield new(f"follow {pacs.name}", follow, FOLLOW_S, due_in_s=due_in_s)


def _longest_of_pacs(settings: Settings) -> float:
    """How long a step that asks a PACS may take, in seconds, before it counts as stuck."""
    slowest = max(settings.orthanc.find_timeout_s, *(pacs.find_deadline_s or 0 for pacs in settings.pacs))
    return settings.stuck_after_s + MOST_QUERIES * slowest


def _work_loops(service: Service) -> Iterator[Loop]:
    """What moves studies on, beside finds, pulls and deliveries."""
    new, copying = _new(service), service.settings.stuck_after_s + COPYING_S
    yield new("watch", service.pull.watch, 1.0)
    yield new("publish", service.publish, 1.0, role=Role.PUBLISH)
    yield new("release", service.release, 5.0, bound=copying)
    yield new("anonymise", service.anonymise, 1.0, bound=copying)
    yield from _ram_disk_loops(service)
    yield new(RULES, service.look_for_rules, RULES_S)
    yield new("judged headers", service.purge_headers, PURGE_S)


def _ram_disk_loops(service: Service) -> Iterator[Loop]:
    """Each receiving Orthanc is asked by a thread of its own: one that hangs hides no other."""
    new, names = _new(service), [one.name for one in service.settings.receivers]
    if len(names) == 1:
        yield new("RAM disk", partial(service.ram_disk.look, names[0]), RAM_DISK_S)
        return
    for name in names:
        yield new(f"RAM disk {name}", partial(service.ram_disk.look, name), RAM_DISK_S)


def _repair_loops(service: Service) -> Iterator[Loop]:
    """What sees that the process, its store and its clock have left nothing behind."""
    new, store, clock, log = _new(service), service.store, service.clock, service.log
    due_times = RepairDueTimes(store, clock, log, longest_pauses(service.settings))
    yield new("leases", service.leases.renew, service.settings.lease_s / 3)
    yield new(CLAIMS, service.free_claims, CLAIMS_S)
    yield new(RECORDS, service.records, RECORDS_S, longest_pause=RECORDS_S)
    yield new("path failures", RetryPathFailures(store, clock, log), PATH_FAILURES_S)
    yield new("due times", due_times, DUE_TIMES_S)
    names = [one.name for one in service.settings.destination]
    retire = RetireDestinations(store, service.leases.leases, names, clock, log)
    yield new("retired destinations", retire, RETIRED_S)


def _optional_loops(service: Service) -> Iterator[Loop]:
    """Of what the site has switched on."""
    new, archive, orders = _new(service), service.release.archive, service.pull.choose.orders
    if archive is not None:
        copying = service.settings.stuck_after_s + COPYING_S
        yield new("archive", archive.sweep, ARCHIVE_SWEEP_S, bound=copying)
    folder = watched_folder(service.settings, service.ram_disk.is_full, service.log)
    if folder is not None:
        yield new("watched folder", folder, WATCHED_S)
    if orders is not None:
        yield new("orders", orders.judge_waiting, ORDERS_S)
    if service.destinations is not None:
        yield from _destination_loops(service, service.destinations)


def _destination_loops(service: Service, made: Destinations) -> Iterator[Loop]:
    """Routing, the cache, and the workers of each destination: a slow one has none of another's."""
    new, stuck_after = _new(service), service.settings.stuck_after_s
    yield new("route", made.route, ROUTE_S, bound=stuck_after + COPYING_S, role=Role.ROUTE)
    if made.fill is not None:
        yield new("upload cache", made.fill.tend, TEND_S)
    for name, sender in made.senders:
        bound = stuck_after + MAX_LEASES * sender.plan.lease.total_seconds()
        loop = new(name, sender, SEND_S, bound=bound, role=Role.UPLOAD)
        sender.stopping = loop.stopping
        yield loop


def _result_loops(service: Service) -> Iterator[Loop]:
    """Of results that come back; none where they are off."""
    new, made = _new(service), service.results
    if made is None:
        return
    copying = service.settings.stuck_after_s + COPYING_S
    if made.collect is not None:
        yield new("results inbox", made.collect, INBOX_S, bound=copying)
    if made.render is not None:
        yield new("render results", made.render, INBOX_S, bound=copying)
    yield new("tidy results", made.tidy, TIDY_S, bound=copying)


def _exchange_loops(service: Service) -> Iterator[Loop]:
    """Of reports and quality records; what is taken in wakes the one that sends it."""
    new, exchange = _new(service), service.exchange
    senders = [new(f"send {kind}", step, SEND_S) for kind, step in exchange.senders.items()]
    yield from senders
    exchange.take.on_taken = partial(_wake_all, senders)
    yield new("exchange purge", exchange.purge, EXCHANGE_PURGE_S)
    if exchange.compare is not None:
        yield new("compare reports", exchange.compare, service.settings.reports.interval_s)
    if exchange.listener is not None:
        yield new("HL7 listener", exchange.listener, LISTEN_S)


def _wake_all(loops: list[Loop]) -> None:
    for loop in loops:
        loop.wake()


def _delivery_loops(service: Service) -> Iterator[Loop]:
    """The workers, each with a connection of its own to RabbitMQ."""
    backend = service.settings.backend
    bound = service.settings.stuck_after_s + backend.timeout_s + backend.result_timeout_s
    for number in range(1, backend.workers + 1):
        yield _worker(service, f"WORKER-{number}", bound)


def _worker(service: Service, name: str, bound: float) -> Loop:
    deliver = _delivery(service, name)
    worker = _new(service)(name, partial(_deliver_one, deliver), TAKE_S, bound=bound, role=Role.DELIVER)
    deliver.stopping = worker.stopping
    return worker


def _pull_at(service: Service, pacs: str) -> bool:
    """One thread a PACS: a slow one keeps none of the others waiting."""
    return service.pull(pacs) > 0


def _follow_at(service: Service, pacs: str) -> bool:
    if service.follow(pacs):
        service.wake(Role.PULL)
    return False


def _find_at(service: Service, pacs: PacsSettings) -> FindLoop:
    step = FindLoop(
        pacs=pacs.name,
        find=service.find,
        days=service.find_days,
        now=service.clock.local,
        schedule=pacs.traits.schedule,
        log=service.log,
        metrics=service.metrics,
        unreachable=service.unreachable,
        wake_pull=lambda: service.wake(Role.PULL),
        check_growth=service.look if pacs.traits.look_again else lambda name: None,
        leases=service.leases,
    )
    service.find_loops[pacs.name] = step
    return step


def _delivery(service: Service, name: str) -> Deliver:
    settings = service.settings
    return Deliver(
        store=service.store,
        consumer=RabbitConsumer(settings.rabbitmq.address),
        backend=_backend(settings.backend),
        files=handover_folders(settings),
        clock=service.clock,
        log=service.log,
        policy=delivery_policy(settings),
        adopt=partial(service.audit.adopt.message, row_of=service.audit.known_to_journal),
        is_foreign=service.audit.foreign,
        circuit=service.circuit,
        worker=name,
        counted=service.delivery_metrics.tried,
    )


def _backend(told: BackendSettings) -> HttpBackend:
    proxy, authorities = told.proxy or "", str(told.ca_file or "")
    return HttpBackend(
        told.url, told.key.get_secret_value(), told.timeout_s, told.transfer, proxy, authorities
    )


def _deliver_one(deliver: Deliver) -> bool:
    """Waits for a message by itself: it is called again at once."""
    deliver(TAKE_S)
    return True
