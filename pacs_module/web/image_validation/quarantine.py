"""The quarantine over HTTP: what failed validation and why, and what a person decides of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from ...domain.errors import MessageError
from ...domain.json_messages.documents import to_document
from ...service.loop import Role
from ...service.service import Service
from ...use_cases.image_validation.quarantine import DROP, RELEASE
from ...use_cases.operate.manual_work import Who
from ..request_guard.access import who_asks
from ..request_guard.answers import JsonAnswer, Message
from ..request_guard.errors import known_parameters

_MOST = 1000


def router(service: Service) -> APIRouter:
    """The side of people."""
    handle, routes = _Handlers(service), APIRouter(prefix="/api/v1", tags=["gateway"])
    reading = [Depends(known_parameters)]
    routes.get(
        "/quarantine",
        dependencies=reading,
        summary="Images that failed validation, and why; the newest first",
    )(handle.quarantine)
    routes.get(
        "/validation", dependencies=reading, summary="The policy, failure and arrival rates by AE title"
    )(handle.validation)
    routes.post("/quarantine/release", summary="Let images pass (numbers or studyUID, why, by)")(
        handle.release
    )
    routes.post("/quarantine/drop", summary="Images are not wanted (numbers or studyUID, why, by)")(
        handle.drop
    )
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def quarantine(self, before: Annotated[int, Query(ge=0, le=2**53)] = 0) -> JsonAnswer:
        return JsonAnswer(to_document(self._service.quarantine.show(before)))

    def validation(self) -> JsonAnswer:
        return JsonAnswer(dict(self._service.quarantine.plugins.validation()))

    def release(self, message: Message, request: Request) -> dict[str, Any]:
        return decide(self._service, RELEASE, message, _who(message, request))

    def drop(self, message: Message, request: Request) -> dict[str, Any]:
        return decide(self._service, DROP, message, _who(message, request))


def decide(service: Service, action: str, message: Mapping[str, Any], who: Who) -> dict[str, Any]:
    """
    Release or drop what a message names.

    Raises:
        MessageError: It names nothing.
    """
    numbers, study = message.get("numbers", []), message.get("studyUID", "")
    if not isinstance(numbers, list) or len(numbers) > _MOST or not all(type(one) is int for one in numbers):
        raise MessageError("numbers", "...", f"a list of at most {_MOST} numbers")
    if not isinstance(study, str):
        raise MessageError("studyUID", "...", "a text")
    if not numbers and not study:
        raise MessageError("numbers", numbers, "numbers of images, or a studyUID")
    done = service.quarantine.decide(action, who, numbers, study)
    service.wake(Role.PULL)
    return done


def _who(message: Mapping[str, Any], request: Request) -> Who:
    by = who_asks(request, message.get("by")) or (request.client.host if request.client else "api")
    return Who(f"manual: {by}", str(message.get("why") or ""))
