"""The loops of a service: what runs how often, each in a thread of its own. No logic."""

from __future__ import annotations

from functools import partial

from ..adapters.http.backend import HttpBackend
from ..adapters.queue.rabbitmq import RabbitConsumer
from ..settings import BackendSettings, PacsSettings
from ..use_cases.deliver.deliver import Deliver
from ..use_cases.recover.repair_due_times import RepairDueTimes
from ..use_cases.recover.retry_path_failures import RetryPathFailures
from .due_limits import longest_pauses
from .find_round import FindLoop
from .folders import handover_folders
from .loop import Loop, Role
from .policies import delivery_policy
from .service import Service

TAKE_S = 1.0
"""How long a delivery worker waits for a message before it looks whether it shall stop, in seconds."""

PULL_S = 0.5
FOLLOW_S = 0.1
"""How often it is looked whether a growing study is due to be asked for, in seconds; nothing is read for it."""
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
PATH_FAILURES_S = 3600.0
"""
How often studies are looked for that a version without judgement gave up for the fault of a path, in seconds.
"""
RULES = "rules"
RULES_S = 1.0
"""How often the site's file is looked at, in seconds; one stat."""
PURGE_S = 3600.0
"""How often recorded headers are looked through for days that are over, in seconds."""
RAM_DISK_S = 10.0
"""How often the plugins are asked how full the RAM disk is, in seconds."""

MOST_QUERIES = 10
"""
So many unanswered queries are taken for the longest round of finds or pulls, before a loop counts as stuck.
"""
COPYING_S = 900.0
"""Copying or compressing a hand-over may take so long, in seconds."""


def loops_of(service: Service) -> dict[str, Loop]:
    """The loops by name; none is started."""
    settings = service.settings
    new = partial(Loop, log=service.log, bound=settings.stuck_after_s, met_again=service.met_again)
    slowest = max(settings.orthanc.find_timeout_s, *(pacs.find_deadline_s or 0 for pacs in settings.pacs))
    asking = settings.stuck_after_s + MOST_QUERIES * slowest
    delivering = settings.stuck_after_s + settings.backend.timeout_s + settings.backend.result_timeout_s
    loops = [
        *(
            new(
                f"find {pacs.name}",
                _find_at(service, pacs),
                settings.find_interval_s,
                bound=asking,
                role=Role.FIND,
            )
            for pacs in settings.pacs
        ),
        *(
            new(
                f"pull {pacs.name}",
                partial(_pull_at, service, pacs.name),
                PULL_S,
                bound=asking,
                role=Role.PULL,
            )
            for pacs in settings.pacs
        ),
        *(
            new(f"follow {pacs.name}", partial(_follow_at, service, pacs.name), FOLLOW_S, bound=asking)
            for pacs in settings.pacs
            if pacs.follow
        ),
        new("leases", service.leases.renew, settings.lease_s / 3),
        new(CLAIMS, service.free_claims, CLAIMS_S),
        new(RECORDS, service.records, RECORDS_S, longest_pause=RECORDS_S),
        new("watch", service.pull.watch, 1.0),
        new("publish", service.publish, 1.0, role=Role.PUBLISH),
        new("release", service.release, 5.0, bound=settings.stuck_after_s + COPYING_S),
        new("anonymise", service.anonymise, 1.0, bound=settings.stuck_after_s + COPYING_S),
        new("path failures", RetryPathFailures(service.store, service.clock, service.log), PATH_FAILURES_S),
        new(
            "due times",
            RepairDueTimes(service.store, service.clock, service.log, longest_pauses(settings)),
            DUE_TIMES_S,
        ),
    ]
    if service.release.archive is not None:
        loops.append(
            new(
                "archive",
                service.release.archive.sweep,
                ARCHIVE_SWEEP_S,
                bound=settings.stuck_after_s + COPYING_S,
            )
        )
    loops.append(new("RAM disk", service.ram_disk, RAM_DISK_S))
    loops.append(new(RULES, service.look_for_rules, RULES_S))
    loops.append(new("judged headers", service.purge_headers, PURGE_S))
    if service.pull.choose.orders is not None:
        loops.append(new("orders", service.pull.choose.orders.judge_waiting, ORDERS_S))
    for number in range(1, settings.backend.workers + 1):
        deliver = _delivery(service, f"WORKER-{number}")
        worker = new(
            f"WORKER-{number}", partial(_deliver_one, deliver), TAKE_S, bound=delivering, role=Role.DELIVER
        )
        deliver.stopping = worker.stopping
        loops.append(worker)
    return {loop.name: loop for loop in loops}


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
        consumer=RabbitConsumer(settings.rabbitmq.url.get_secret_value()),
        backend=_backend(settings.backend),
        files=handover_folders(settings),
        clock=service.clock,
        log=service.log,
        policy=delivery_policy(settings),
        adopt=partial(service.audit.adopt.message, row_of=service.audit.known_to_journal),
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
