"""For machines that watch: alive, ready, and numbers."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from .. import __version__
from ..domain.errors import PipelineError
from ..domain.find.traits import traits_of
from ..domain.instants import iso
from ..service.alarming import ALARMS
from ..service.find_round import FindLoop
from ..service.loop import Loop
from ..service.loops import CLAIMS, RECORDS
from ..service.outages import measure, stuck, waits_for
from ..service.service import Service
from ..service.supervisor import NAME as SUPERVISOR
from ..use_cases.operate.tell_alarms import TellAlarms
from ..use_cases.privacy.retain import LEASE
from .request_guard.answers import JsonAnswer


def router(service: Service) -> APIRouter:
    """The monitoring's side. Health names no patient and needs no key."""
    handle, routes = _Handlers(service), APIRouter(tags=["machine"])
    routes.get("/metrics", summary="Numbers for Prometheus", response_class=PlainTextResponse)(handle.metrics)
    routes.get("/health", summary="All of it: threads, circuits, who is waited for, states by number")(
        handle.health
    )
    routes.get("/health/live", summary="The process answers; when it does not, start it again")(handle.live)
    routes.get(
        "/health/ready", summary="It can work: the store answers, every thread runs", responses=_NOT_READY
    )(handle.ready)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def metrics(self) -> PlainTextResponse:
        measure(self._service)
        return PlainTextResponse(self._service.metrics.text(), media_type="text/plain; version=0.0.4")

    def health(self) -> JSONResponse:
        studies, fault = _studies(self._service)
        content = {
            "status": "ok" if _is_well(self._service) and not fault else "starting or degraded",
            "version": __version__,
            "process": self._service.leases.owner,
            "pacs": {
                name: _pacs(self._service, name, loop) for name, loop in self._service.find_loops.items()
            },
            "backend": self._service.circuit.told(),
            "store": fault or "ok",
            "pluginRecords": self._service.ram_disk.records_fault() or "ok",
            "waitsFor": _waits_for(self._service),
            "loops": {name: _loop(loop) for name, loop in self._service.loops.items()},
            "ramDisk": self._service.ram_disk.state,
            "studies": studies,
            "records": _records(self._service),
            "retention": _retention(self._service),
            "alarms": _alarms(self._service),
        }
        return JsonAnswer(content)

    # Not in a thread of the pool: these may all be waiting for the store.
    async def live(self) -> dict[str, Any]:
        return {"alive": True, "version": __version__}

    def ready(self) -> JSONResponse:
        dead, stands, store = _dead(self._service), stuck(self._service), _store(self._service)
        plugins = self._service.ram_disk.records_fault()
        told = [{"loop": name, "forS": round(seconds)} for name, seconds in stands.items()]
        content = {
            "ready": not dead and not stands and not store and not plugins,
            "deadLoops": dead,
            "stuckLoops": told,
            "store": store or "ok",
            "pluginRecords": plugins or "ok",
            "waitsFor": _waits_for(self._service),
        }
        return JsonAnswer(content, status_code=200 if content["ready"] else 503)


_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"description": "Not ready; what is missing stands in the answer."}
}


def _alarms(service: Service) -> list[dict[str, Any]]:
    """What is wrong now; empty in a process beside the one that tells."""
    loop = service.loops.get(ALARMS)
    if loop is None or not isinstance(loop.step, TellAlarms):
        return []
    return [
        {
            "alarm": entry.alarm.key,
            "severity": entry.alarm.severity.value,
            "text": entry.alarm.words,
            "since": iso(entry.since),
        }
        for entry in loop.step.lasting()
    ]


def _records(service: Service) -> dict[str, Any]:
    """How the newest comparison of store, journal and queue ended, before anything was mended."""
    audit, unreadable = service.audit, len(service.store.unreadable())
    if audit.last is None:
        return {"comparedAt": None, "unreadableDocuments": unreadable}
    return {
        "comparedAt": iso(audit.last_at),
        "equal": audit.last.equal,
        "differences": len(audit.last.differences),
        "new": list(audit.last.new_records),
        "away": dict(audit.last.away),
        "unreadableDocuments": unreadable,
    }


def _retention(service: Service) -> dict[str, Any]:
    """What the nightly job removed last; ``on`` false: everything is kept for ever."""
    told: dict[str, Any] = {"on": LEASE in service.loops}
    with suppress(PipelineError):  # the store's fault stands beside it
        told.update(service.leases.leases.memo(LEASE))
    return told


def _pacs(service: Service, name: str, loop: FindLoop) -> dict[str, Any]:
    held = service.pull.locks.held_back.get(name, "")
    learned = service.finder.learned(name).told()
    finds = {
        "circuit": loop.circuit,
        "capped": loop.capped,
        "foundBy": loop.found_by,
        "spared": held,
        "learned": learned,
    }
    return {**finds, "moves": service.paths.told(name), "follows": _follows(service, name)}


def _follows(service: Service, name: str) -> dict[str, Any]:
    """What it is asked for study by study, and what that has taught."""
    follow = service.follow
    return {
        "on": traits_of(follow.traits, name).follow,
        "watched": follow.watched(name),
        "queriesPerSecond": follow.queries_per_second(name),
        "held": service.not_followed(name),
        **follow.knowledge.told(name),
    }


def _loop(loop: Loop) -> dict[str, Any]:
    return {
        "alive": loop.alive(),
        "failuresInRow": loop.failures,
        "lastStepAt": iso(loop.ended_at) if loop.ended_at else None,
        "stepForS": round(loop.step_s()),
        "stuck": loop.stuck(),
    }


def _is_well(service: Service) -> bool:
    """
    A broken path of moves is somebody's to mend, unlike a server that is away for a while: it is no good
    health.
    """
    return (
        not _dead(service)
        and not stuck(service)
        and not service.ram_disk.records_fault()
        and all(service.paths.of_now(name).closed for name in service.find_loops)
    )


def _dead(service: Service) -> list[str]:
    return [name for name, loop in service.loops.items() if not loop.alive()]


def _store(service: Service) -> str:
    """
    What is wrong with it; empty: it answers. Known to be away, it is not asked: that would wait for a time
    limit.
    """
    for name in (SUPERVISOR, CLAIMS, RECORDS):
        loop = service.loops.get(name)
        if loop is not None and loop.fault is not None and loop.fault.server.startswith("store"):
            return loop.fault.because
    try:
        service.store.get("any")
    except PipelineError as error:
        return error.public
    return ""


def _studies(service: Service) -> tuple[dict[str, int], str]:
    """How many are in each state, and what is wrong with the store when nobody can tell."""
    if fault := _store(service):
        return {}, fault
    try:
        counts = service.store.counts_by_state()
    except PipelineError as error:
        return {}, error.public
    return {state or "not wanted": number for state, number in counts.items()}, ""


def _waits_for(service: Service) -> list[dict[str, Any]]:
    """Who is away: that is no reason not to be ready."""
    return [
        {"what": entry.what, "since": iso(entry.since), "because": entry.because, "loops": list(entry.loops)}
        for entry in waits_for(service)
    ]
