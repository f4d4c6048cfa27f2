"""Deliver: hand-overs to the backend and to destinations, and the results that come back."""

from __future__ import annotations

from dataclasses import dataclass

from ...adapters.metrics import DeliveryMetrics, UploadMetrics
from ...settings import Settings
from ...use_cases.deliver.anonymise import Anonymise
from ...use_cases.deliver.backend_circuit import BackendCircuit
from ...use_cases.deliver.publish import Publish
from ...use_cases.deliver.record_result import RecordResult
from ...use_cases.deliver.release import Release
from ..folders import open_archive, open_copies, open_upload_cache, results_folder
from ..policies import delivery_policy
from ..results.wiring import Results, open_results
from ..upload.destinations import Destinations, open_destinations
from .edges import Edges


@dataclass(frozen=True)
class Delivering:
    """The use cases that send hand-overs away and take results in."""

    publish: Publish
    record: RecordResult
    release: Release
    anonymise: Anonymise
    circuit: BackendCircuit
    metrics: DeliveryMetrics
    results: Results | None
    destinations: Destinations | None


def delivering(edges: Edges) -> Delivering:
    """The use cases that send hand-overs away and take results in."""
    settings, store, clock, log, owner = edges.settings, edges.store, edges.clock, edges.log, edges.owner
    copies, archive = open_copies(settings), open_archive(settings, store, clock, log)
    policy, metrics = delivery_policy(settings), DeliveryMetrics(edges.metrics.registry)
    record = RecordResult(store, clock, log, policy, _renders(settings))
    results = _results(edges, record)
    return Delivering(
        publish=Publish(store, edges.queue, clock, log, owner),
        record=record,
        release=Release(store, edges.puller, clock, owner, copies, archive, edges.receivers.is_away),
        anonymise=Anonymise(store, copies, edges.puller, clock, log, policy, owner),
        circuit=BackendCircuit(clock, log, settings.backend.circuit, metrics.circuit_is),
        metrics=metrics,
        results=results,
        destinations=_destinations(edges, results),
    )


def _renders(settings: Settings) -> bool:
    return settings.results is not None and bool(settings.results.render)


def _results(edges: Edges, record: RecordResult) -> Results | None:
    folder = results_folder(edges.settings)
    if folder is None:
        return None
    return open_results(edges.settings, folder, record, edges.owner, edges.is_inside)


def _destinations(edges: Edges, results: Results | None) -> Destinations | None:
    settings = edges.settings
    metrics = UploadMetrics(edges.metrics.registry) if settings.destination else None
    folder = results.folder if results is not None else str
    return open_destinations(
        settings, edges.store, edges.clock, edges.log, edges.owner, edges.is_inside,
        open_upload_cache(settings), metrics, folder,
    )  # fmt: skip
