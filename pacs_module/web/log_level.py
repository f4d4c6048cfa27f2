"""The log level of both processes, changed while they run."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from ..service.service import Service
from .messages import Message
from .request_guard.access import who_asks
from .request_guard.errors import known_parameters

USUAL_S = 1800.0


def router(service: Service) -> APIRouter:
    """The side of people who look for a fault."""
    handle, routes = _Handlers(service), APIRouter(prefix="/api/v1/dcm")
    routes.get(
        "/log_level",
        tags=["people"],
        dependencies=[Depends(known_parameters)],
        summary="What is written to both logs",
    )(handle.show)
    routes.post(
        "/log_level", tags=["manual"], summary="Write more or less to both logs (level, seconds, by, why)"
    )(handle.change)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def show(self) -> dict[str, Any]:
        return self._service.log_level.show()

    def change(self, message: Message, request: Request) -> dict[str, Any]:
        by, why = who_asks(request, message.get("by")), str(message.get("why") or "")
        return self._service.log_level(message.get("level"), message.get("seconds", USUAL_S), by, why)
