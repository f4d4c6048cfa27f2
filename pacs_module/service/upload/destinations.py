"""The destinations of the settings: their plans, their ways out, and the loops that send. No logic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from ...adapters.files.upload_source import FolderSource
from ...adapters.machine import SystemClock
from ...adapters.metrics import UploadMetrics
from ...adapters.upload.converted_source import CONVERTED, ConvertedSource
from ...adapters.upload.pacing import Pacer
from ...adapters.upload.preview_source import PREVIEWS, PreviewSource
from ...domain.circuit import CircuitPolicy
from ...domain.study.study import RENDER, ROUTE, UPLOAD_STUCK, WORK, upload_work
from ...ports import StudyStore, UploadCache, UploadSource
from ...settings import Settings
from ...settings.destinations import DestinationSettings
from ...settings.section import retry_policy
from ...shared.logs import ContractLog
from ...use_cases.deliver.backend_circuit import BackendCircuit
from ...use_cases.upload.by_hand import UploadsByHand
from ...use_cases.upload.fill_cache import FillCache
from ...use_cases.upload.route import RouteHandOvers
from ...use_cases.upload.send import SendUploads
from ...use_cases.upload.upload_policy import DestinationPlan, UploadOrder
from .live import MAX_THREADS, LiveDestination
from .ways import uploader_of


@dataclass
class Destinations:
    """What a service with destinations has; without any it has none of it."""

    plans: tuple[DestinationPlan, ...]
    circuits: dict[str, BackendCircuit]
    route: RouteHandOvers
    fill: FillCache | None
    by_hand: UploadsByHand
    senders: list[tuple[str, SendUploads]] = field(default_factory=list)
    metrics: UploadMetrics | None = None
    live: dict[str, LiveDestination] = field(default_factory=dict)
    """Those that follow the platform's parameters, by name."""


def tell_queues(made: Destinations, store: StudyStore, metrics: UploadMetrics) -> None:
    """How many studies wait for each destination, as numbers."""
    waiting = {plan.name: store.count_due(upload_work(plan.name)) for plan in made.plans}
    metrics.queues(waiting, store.count_due(UPLOAD_STUCK))


def works_of(settings: Settings) -> tuple[str, ...]:
    """The kinds of work that are claimed with these settings."""
    if not settings.destination:
        return WORK
    render = (RENDER,) if settings.results is not None else ()
    return (*WORK, ROUTE, *render, *(upload_work(one.name) for one in settings.destination))


def open_destinations(
    settings: Settings,
    store: StudyStore,
    clock: SystemClock,
    log: ContractLog,
    owner: str,
    is_inside: Callable[[str], bool],
    cache: UploadCache | None = None,
    metrics: UploadMetrics | None = None,
    result_folder: Callable[[str], str] = str,
) -> Destinations | None:
    """
    The destinations of the settings; None: there are none.

    Args:
        settings: All of them.
        store: The studies.
        clock: The hospital's.
        log: For events.
        owner: This process.
        is_inside: Whether a folder is a hand-over's.
        cache: The offline cache; None: uploads read the hand-over folder.
        metrics: For the numbers.
        result_folder: Where a set of results lies.
    """
    if not settings.destination:
        return None
    makes = _Senders(settings, store, clock, log, owner, cache, metrics, result_folder)
    plans = tuple(plan_of(one) for one in settings.destination)
    circuits = {one.name: _circuit(one, clock, log, metrics) for one in settings.destination}
    fill = None
    if cache is not None and settings.upload_cache is not None:
        fill = FillCache(store, cache, settings.upload_cache.limits, clock, log)
    routed = tuple(one for one in plans if not one.for_results)
    anonymised = settings.anonymise is not None
    route = RouteHandOvers(store, routed, FolderSource(is_inside), fill, clock, log, owner, anonymised)
    made = Destinations(plans, circuits, route, fill, UploadsByHand(store, clock, log), metrics=metrics)
    for told, plan in zip(settings.destination, plans, strict=True):
        live = LiveDestination(told, plan_of) if _follows(settings, told) else None
        if live is not None:
            made.live[told.name] = live
        made.senders += makes.of(told, plan, circuits[told.name], live)
    return made


@dataclass(frozen=True)
class _Senders:
    """What all workers of all destinations have in common; arguments as of :func:`open_destinations`."""

    settings: Settings
    store: StudyStore
    clock: SystemClock
    log: ContractLog
    owner: str
    cache: UploadCache | None
    metrics: UploadMetrics | None
    result_folder: Callable[[str], str]

    def of(
        self,
        told: DestinationSettings,
        plan: DestinationPlan,
        circuit: BackendCircuit,
        live: LiveDestination | None,
    ) -> list[tuple[str, SendUploads]]:
        """
        The workers of one destination, by name.

        One that follows the platform's parameters has as many as they may ever ask for; the rest pauses.
        """
        pacer = Pacer(told.bytes_per_second) if live is None else live.pacer
        uploader = uploader_of(told, pacer)
        workers = told.threads if live is None else max(told.threads, MAX_THREADS)
        made = []
        for number in range(1, workers + 1):
            name = f"upload {told.name}-{number}"
            sender = SendUploads(
                store=self.store,
                plan=plan,
                uploader=uploader,
                source=_source(self.settings, told, name, self.log),
                cache=self.cache,
                clock=self.clock,
                log=self.log,
                circuit=circuit,
                owner=self.owner,
                worker=name,
                closed=partial(_closed, plan, self.clock),
                result_folder=self.result_folder,
            )
            if live is not None:
                sender.works = live.follow(number)
            if self.metrics is not None:
                sender.counted = self.metrics.tried
            made.append((name, sender))
        return made


def _follows(settings: Settings, told: DestinationSettings) -> bool:
    return settings.parameters is not None and told.name in settings.parameters.destinations


def _source(settings: Settings, told: DestinationSettings, worker: str, log: ContractLog) -> UploadSource:
    """What a worker sends: files as they are, or converted for this destination, with pictures."""
    source: UploadSource = FolderSource()
    if settings.upload_cache is None:
        return source
    cache, own = settings.upload_cache.folder, worker.replace(" ", "-")
    if told.transfer_syntax != "as_is":
        source = ConvertedSource(source, told.transfer_syntax, cache / CONVERTED / own, log)
    preview = getattr(told, "preview", "none")
    if preview != "none":
        pixels = getattr(told, "preview_pixels", 0)
        source = PreviewSource(source, preview, pixels, cache / PREVIEWS / own, log)
    return source


def plan_of(told: DestinationSettings) -> DestinationPlan:
    """A destination as the use cases know it."""
    return DestinationPlan(
        name=told.name,
        kind=str(getattr(told, "kind", "")),
        rule=told.rule,
        hospital=told.hospital,
        names=told.storage_path,
        batch=told.batch,
        retry=told.retry,
        away=timedelta(seconds=told.circuit_pause_s),
        hours=tuple(one.hours for one in told.closed),
        order=UploadOrder(told.order),
        for_results=told.what == "results",
        wants_more=told.what in ("wanted", "study"),
        passed_only=told.what == "wanted",
    )


def _circuit(
    told: DestinationSettings, clock: SystemClock, log: ContractLog, metrics: UploadMetrics | None
) -> BackendCircuit:
    policy = CircuitPolicy(
        told.circuit_failures, retry_policy(1, told.circuit_pause_s, told.circuit_longest_pause_s)
    )
    tell = partial(metrics.circuit_is, told.name) if metrics is not None else lambda state: None
    return BackendCircuit(clock, log, policy, tell, told.name)


def _closed(plan: DestinationPlan, clock: SystemClock) -> str:
    return plan.closed(clock.local())
