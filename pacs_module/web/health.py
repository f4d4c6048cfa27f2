"""For machines that watch: alive, ready, and numbers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse

from .. import __version__
from ..bootstrap import Service
from ..domain.lifecycle import State
from ..ports import Exists
from .access import Access


def router(service: Service, access: Access) -> APIRouter:
    """The monitoring's side. Health names no patient and needs no key."""
    routes = APIRouter(tags=["machine"])
    reading = [Depends(access.reading)]

    @routes.get("/metrics", dependencies=reading, summary="Numbers for Prometheus", response_class=PlainTextResponse)
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @routes.get("/health", summary="Alive, and what it waits for")
    def health() -> dict[str, Any]:
        loops = {name: {"alive": loop.alive(), "failuresInRow": loop.failures} for name, loop in service.loops.items()}
        waiting = {state.value: service.store.count({"state": state.value}) for state in State if state}
        return {
            "status": "ok" if all(loop["alive"] for loop in loops.values()) else "starting or degraded",
            "version": __version__,
            "pacs": {name: {"circuit": loop.circuit, "capped": loop.capped} for name, loop in service.find_loops.items()},
            "loops": loops,
            "studies": {**waiting, "not wanted": service.store.count({"state": Exists(False)})},
        }

    return routes
