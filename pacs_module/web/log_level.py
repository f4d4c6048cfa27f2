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
    routes = APIRouter(prefix="/api/v1/dcm")

    @routes.get(
        "/log_level",
        tags=["people"],
        dependencies=[Depends(known_parameters)],
        summary="What is written to both logs",
    )
    def show() -> dict[str, Any]:
        return service.log_level.show()

    @routes.post(
        "/log_level", tags=["manual"], summary="Write more or less to both logs (level, seconds, by, why)"
    )
    def change(message: Message, request: Request) -> dict[str, Any]:
        by, why = who_asks(request, message.get("by")), str(message.get("why") or "")
        return service.log_level(message.get("level"), message.get("seconds", USUAL_S), by, why)

    return routes
