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
    handle, routes = _Handlers(service), APIRouter(prefix="/api/v1", tags=["people"])
    routes.get("/destinations", summary="Destinations beside the backend: queues, states, reasons")(
        handle.destinations
    )
    routes.post(
        "/destinations/retry",
        responses=NOT_KNOWN,
        summary="Send a study's upload again (studyUID, destination, why, by)",
    )(handle.retry)
    routes.post(
        "/destinations/drop",
        responses=NOT_KNOWN,
        summary="A study is not wanted at a destination (studyUID, destination, why, by)",
    )(handle.drop)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def destinations(self) -> JsonAnswer:
        return JsonAnswer(to_document(show_destinations(self._service)()))

    def retry(self, message: Message, request: Request) -> dict[str, Any]:
        return act(self._service, "retry", message, _who(message, request))

    def drop(self, message: Message, request: Request) -> dict[str, Any]:
        return act(self._service, "drop", message, _who(message, request))


def _who(message: Mapping[str, Any], request: Request) -> Who:
    by = who_asks(request, message.get("by")) or (request.client.host if request.client else "api")
    return Who(f"manual: {by}", str(message.get("why") or ""))
