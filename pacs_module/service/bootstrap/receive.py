"""Receive: take the plugins' notifications in, and compare both sides' records."""

from __future__ import annotations

from dataclasses import dataclass

from ...use_cases.receive.accept_notification import AcceptNotification
from ...use_cases.recover.adopt import Adopt
from ...use_cases.recover.audit_records import AuditRecords
from ...use_cases.recover.watch_records import WatchRecords
from .edges import Edges


@dataclass(frozen=True)
class Receiving:
    """The use cases that take in what the plugins tell."""

    accept: AcceptNotification
    audit: AuditRecords
    records: WatchRecords


def receiving(edges: Edges) -> Receiving:
    """The use cases that take in what the plugins tell."""
    accept = _accept(edges)
    audit = _audit(edges, accept)
    return Receiving(accept, audit, WatchRecords(edges.store, audit, edges.clock, edges.log))


def _accept(edges: Edges) -> AcceptNotification:
    settings = edges.settings
    anonymised = settings.anonymise is not None
    destinations = any(one.what != "results" for one in settings.destination)
    return AcceptNotification(edges.store, edges.clock, edges.log, anonymised, edges.is_inside, destinations)


def _audit(edges: Edges, accept: AcceptNotification) -> AuditRecords:
    store, clock, log, workers = edges.store, edges.clock, edges.log, edges.settings.backend.workers
    adopt = Adopt(store, accept, clock, log)
    several = edges.puller.each if edges.receivers.several else {}
    return AuditRecords(store, edges.puller, edges.queue, adopt, clock, log, workers, several)
