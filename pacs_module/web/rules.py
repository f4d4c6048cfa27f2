"""The rules in force, what other ones would do, and who applied which."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from ..domain.errors import ConfigurationError, MessageError
from ..domain.json_messages.documents import to_document
from ..service.loop import Role
from ..service.service import Service
from .messages import Message
from .request_guard.access import who_asks
from .request_guard.answers import JsonAnswer
from .request_guard.errors import known_parameters

MAX_DAYS = 366
MAX_CHANGES = 50


def router(service: Service) -> APIRouter:
    """The side of people who tune."""
    handle, routes = _Handlers(service), APIRouter(prefix="/api/v1/dcm")
    reading = [Depends(known_parameters)]
    routes.get(
        "/rules", tags=["people"], dependencies=reading, summary="The rules in force, here and in the plugins"
    )(handle.show)
    routes.get(
        "/rules/history", tags=["people"], dependencies=reading, summary="Who applied which rules, and why"
    )(handle.history)
    routes.post("/rules", tags=["manual"], summary="Apply other rules (changes, by, why)")(handle.apply)
    routes.post("/rules/undo", tags=["manual"], summary="Go back to the rules before (by, why)")(handle.undo)
    routes.get(
        "/rehearse", tags=["people"], dependencies=reading, summary="What changed rules would have done"
    )(handle.rehearse)
    routes.get("/rehearse/days", tags=["people"], dependencies=reading, summary="Which days are recorded")(
        handle.recorded
    )
    routes.get(
        "/filtered",
        tags=["people"],
        dependencies=reading,
        summary="What was filtered, by rule, value and device",
    )(handle.filtered)
    routes.post(
        "/rehearse/pull",
        tags=["manual"],
        summary="Pull studies that the rules in force take (studies, by, why)",
    )(handle.pull)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def show(self) -> JsonAnswer:
        return JsonAnswer(to_document(self._service.rules.show()))

    def history(self) -> JsonAnswer:
        return JsonAnswer({"entries": to_document(self._service.rules.history())})

    def apply(self, message: Message, request: Request) -> dict[str, Any]:
        changes = message.get("changes")
        if not isinstance(changes, list) or not all(isinstance(one, str) for one in changes):
            raise MessageError("changes", changes, "a list of texts such as KEYWORDS+=THX")
        entry = _as_message(lambda: self._service.rules.apply(changes[:MAX_CHANGES], *_who(message, request)))
        return _told(entry)

    def undo(self, message: Message, request: Request) -> dict[str, Any]:
        return _told(_as_message(lambda: self._service.rules.undo(*_who(message, request))))

    def rehearse(
        self,
        changes: Annotated[
            list[str] | None, Query(alias="set", description="KEYWORDS+=THX; several for several")
        ] = None,
        days: Annotated[int, Query(ge=1, le=MAX_DAYS)] = 14,
        first: Annotated[date | None, Query(description="YYYY-MM-DD, instead of days")] = None,
        last: Annotated[date | None, Query(description="YYYY-MM-DD; default: today")] = None,
    ) -> JsonAnswer:
        end = last or self._service.clock.today()
        begin = first or end - timedelta(days=days - 1)
        made = _as_message(lambda: self._service.rehearse((changes or [])[:MAX_CHANGES], begin, end))
        return JsonAnswer(to_document(made))

    def recorded(self) -> JsonAnswer:
        return JsonAnswer({"days": [one._asdict() for one in self._service.rehearse.recorded()]})

    def filtered(
        self,
        days: Annotated[int, Query(ge=1, le=MAX_DAYS)] = 7,
        last: Annotated[date | None, Query(description="YYYY-MM-DD; default: today")] = None,
    ) -> JsonAnswer:
        end = last or self._service.clock.today()
        groups = self._service.rehearse.filtered(end - timedelta(days=days - 1), end)
        return JsonAnswer({"groups": to_document(groups)})

    def pull(self, message: Message, request: Request) -> dict[str, Any]:
        studies = message.get("studies")
        if not isinstance(studies, list) or not all(isinstance(one, str) for one in studies):
            raise MessageError("studies", studies, "a list of StudyInstanceUIDs")
        done = self._service.pull_newly_taken(studies, *_who(message, request))
        self._service.wake(Role.PULL)
        return {"toBePulled": done}


def _who(message: dict[str, Any], request: Request) -> tuple[str, str]:
    by = who_asks(request, message.get("by"))
    return f"manual: {by}" if by else "", str(message.get("why") or "")


def _told(entry: Any) -> dict[str, Any]:
    told: dict[str, Any] = to_document(entry)
    return {name: value for name, value in told.items() if name not in ("before", "values")}


def _as_message(work: Any) -> Any:
    """A change that cannot be used is the asker's mistake, not the service's."""
    try:
        return work()
    except ConfigurationError as error:
        raise MessageError(error.key, error.value, error.allowed) from error
