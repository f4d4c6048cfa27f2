"""For machines that watch: alive, ready, and numbers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, PlainTextResponse

from .. import __version__
from ..adapters.storable import storable
from ..bootstrap import Service
from ..domain.circuit import CLOSED
from ..domain.errors import PipelineError
from ..domain.lifecycle import State
from ..find_loop import FindLoop
from ..ports import Exists, StudyStore
from .access import Access


def router(service: Service, access: Access) -> APIRouter:
    """The monitoring's side. Health names no patient and needs no key."""
    routes = APIRouter(tags=["machine"])
    reading = [Depends(access.reading)]

    @routes.get("/metrics", dependencies=reading, summary="Numbers for Prometheus", response_class=PlainTextResponse)
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @routes.get("/health", summary="All of it: threads, circuits, states by number")
    def health() -> dict[str, Any]:
        waiting = {state.value: service.store.count({"state": state.value}) for state in State if state}
        return {
            "status": "ok" if not _dead(service) else "starting or degraded",
            "version": __version__,
            "process": service.leases.owner,
            "pacs": {name: _pacs(service, name, loop) for name, loop in service.find_loops.items()},
            "backend": service.circuit.told(),
            "loops": {
                name: {"alive": loop.alive(), "failuresInRow": loop.failures} for name, loop in service.loops.items()
            },
            "ramDisk": service.ram_disk.state if service.ram_disk else {},
            "studies": {**waiting, "not wanted": service.store.count({"state": Exists(False)})},
        }

    @routes.get("/health/live", summary="The process answers; when it does not, start it again")
    def live() -> dict[str, Any]:
        return {"alive": True, "version": __version__}

    @routes.get("/health/ready", summary="It can work: the store answers, every thread runs", responses=_NOT_READY)
    def ready() -> JSONResponse:
        dead, store = _dead(service), _fault_of(service.store)
        content = {"ready": not dead and not store, "deadLoops": dead, "store": store or "ok", "waitsFor": _waits_for(service)}
        return JSONResponse(storable(content), status_code=200 if content["ready"] else 503)

    return routes


_NOT_READY: dict[int | str, dict[str, Any]] = {503: {"description": "Not ready; what is missing stands in the answer."}}


def _pacs(service: Service, name: str, loop: FindLoop) -> dict[str, Any]:
    held = service.pull.turns.held.get(name, "") if service.pull.turns else ""
    return {"circuit": loop.circuit, "capped": loop.capped, "foundBy": loop.found_by, "spared": held}


def _dead(service: Service) -> list[str]:
    return [name for name, loop in service.loops.items() if not loop.alive()]


def _fault_of(store: StudyStore) -> str:
    try:
        store.get("any")
    except PipelineError as error:
        return str(error)
    return ""


def _waits_for(service: Service) -> list[str]:
    """What is away: the work goes on when it is back, and nothing is lost, so that it is no reason not to be ready."""
    away = [f"PACS {name}" for name, loop in service.find_loops.items() if loop.circuit != CLOSED]
    if service.circuit.told()["circuit"] != CLOSED:
        away.append("backend")
    return away + [f"{name} fails" for name, loop in service.loops.items() if loop.failures]
