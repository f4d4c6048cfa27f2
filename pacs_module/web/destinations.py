"""Destinations over HTTP: their queues, and what a person does with an upload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request

from ..domain.json_messages.documents import to_document
from ..service.service import Service
from ..use_cases.operate.manual_work import Who
from .messages import NOT_KNOWN, Message
from .page_support.destinations import act, show_destinations
from .request_guard.access import who_asks
from .request_guard.answers import JsonAnswer


def router(service: Service) -> APIRouter:
    """The side of people."""
    routes = APIRouter(prefix="/api/v1", tags=["people"])

    @routes.get("/destinations", summary="Destinations beside the backend: queues, states, reasons")
    def destinations() -> JsonAnswer:
        return JsonAnswer(to_document(show_destinations(service)()))

    @routes.post(
        "/destinations/retry",
        responses=NOT_KNOWN,
        summary="Send a study's upload again (studyUID, destination, why, by)",
    )
    def retry(message: Message, request: Request) -> dict[str, Any]:
        return act(service, "retry", message, _who(message, request))

    @routes.post(
        "/destinations/drop",
        responses=NOT_KNOWN,
        summary="A study is not wanted at a destination (studyUID, destination, why, by)",
    )
    def drop(message: Message, request: Request) -> dict[str, Any]:
        return act(service, "drop", message, _who(message, request))

    return routes


def _who(message: Mapping[str, Any], request: Request) -> Who:
    by = who_asks(request, message.get("by")) or (request.client.host if request.client else "api")
    return Who(f"manual: {by}", str(message.get("why") or ""))
