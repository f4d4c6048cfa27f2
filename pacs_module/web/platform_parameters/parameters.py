"""The platform's parameters over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request

from ...domain.json_messages.documents import to_document
from ...service.service import Service
from ...use_cases.show.parameters import ParametersView, show_parameters
from ..request_guard.access import who_asks
from ..request_guard.answers import JsonAnswer, Message
from ..request_guard.errors import known_parameters


def router(service: Service) -> APIRouter:
    """The side of people."""
    handle, routes = _Handlers(service), APIRouter(prefix="/api/v1", tags=["gateway"])
    routes.get(
        "/parameters",
        dependencies=[Depends(known_parameters)],
        summary="Parameters that the platform sets: value, source, version, history; no secrets",
    )(handle.parameters)
    routes.post("/parameters/fetch", summary="Ask the platform for its parameters now (by, why)")(
        handle.fetch
    )
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def parameters(self) -> JsonAnswer:
        return JsonAnswer(to_document(view_of(self._service)))

    def fetch(self, message: Message, request: Request) -> dict[str, Any]:
        return fetch_now(self._service, who_asks(request, message.get("by")), str(message.get("why") or ""))


def view_of(service: Service) -> ParametersView:
    """What people see of it."""
    told = service.settings.parameters
    return show_parameters(service.parameters, told.destinations if told is not None else ())


def fetch_now(service: Service, by: str, why: str) -> dict[str, Any]:
    """
    Ask the platform now.

    Raises:
        HTTPException: 404: no platform sets parameters here.
    """
    if service.parameters is None:
        raise HTTPException(404, "no platform sets parameters here")
    service.log.event("parameters_asked", "a person asked for the platform's parameters", by=by, why=why)
    service.parameters()
    return {"version": view_of(service).version, "problem": service.parameters.problem}
