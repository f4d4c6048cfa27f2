"""``/rehearsal``: try other rules on recorded days, apply them, go back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...domain.errors import ConfigurationError, MessageError
from ...domain.json_messages.documents import to_document
from ...domain.rehearse.result import Rehearsal
from ...service.loop import Role
from ...service.service import Service
from ...use_cases.rehearse.pull_newly_taken import PullPlan
from ..page_support.forms import checked_by, read_form, reason_of
from ..page_support.site import Site

DAYS = 14
MAX_CHANGES = 50
MAX_BUDGET = 500
"""Of a page: the studies are a field of its form."""
_HIDDEN = ("before", "values")
"""Of an entry: the whole file before it."""


@dataclass(frozen=True)
class RehearsalView:
    """
    The page. ``result`` is None while nothing was asked for, or it could not be used (``error``);
    ``recorded``: the days of which headers are kept; ``plan``: the studies of the span that the rules in
    force would take now, None: it was not asked for them.
    """

    changes: tuple[str, ...]
    first_day: str
    last_day: str
    recorded_from: str
    recorded_to: str
    result: Rehearsal | None
    error: str
    rules: Any
    history: tuple[Any, ...]
    budget: int = 0
    plan: PullPlan | None = None


def router(site: Site) -> APIRouter:
    """The page and its forms."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get(
        "/rehearsal", summary="What changed rules would have done on recorded days; the rules in force"
    )(handle.rehearsal)
    routes.post("/rehearsal/pull", include_in_schema=False)(handle.pull)
    routes.post("/rehearsal/apply", include_in_schema=False)(handle.apply)
    routes.post("/rehearsal/undo", include_in_schema=False)(handle.undo)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service

    def rehearsal(
        self,
        request: Request,
        changes: Annotated[str, Query(alias="set", max_length=4000)] = "",
        first: Annotated[date | None, Query(alias="from")] = None,
        last: Annotated[date | None, Query(alias="to")] = None,
        budget: Annotated[int, Query(ge=0, le=MAX_BUDGET)] = 0,
    ) -> Response:
        end = last or self._service.clock.today()
        begin = first or end - timedelta(days=DAYS - 1)
        view = _view(self._service, _changes(changes), begin, end)
        if budget:
            plan = self._service.pull_newly_taken.plan(begin, end, budget)
            view = replace(view, budget=budget, plan=plan)
        return self._site.page(request, "rehearsal", view)

    async def pull(self, request: Request) -> Response:
        form = await read_form(request)
        who, why = f"manual: {checked_by(request, self._site.access, form)}", reason_of(form)
        studies = form.get("studies", "").split()
        done = len(await self._site.off_loop(partial(self._service.pull_newly_taken, studies, who, why)))
        self._service.wake(Role.PULL)
        return self._site.done(request, f"{done} studies are put to be pulled", "/rehearsal")

    async def apply(self, request: Request) -> Response:
        form = await read_form(request)
        who, why = f"manual: {checked_by(request, self._site.access, form)}", reason_of(form)
        wanted = _changes(form.get("set", ""))
        try:
            entry = await self._site.off_loop(partial(self._service.rules.apply, wanted, who, why))
        except ConfigurationError as error:
            raise MessageError(error.key, error.value, error.allowed) from error
        return self._site.done(request, f"in force: {entry.version}", "/rehearsal")

    async def undo(self, request: Request) -> Response:
        form = await read_form(request)
        who, why = f"manual: {checked_by(request, self._site.access, form)}", reason_of(form)
        try:
            entry = await self._site.off_loop(partial(self._service.rules.undo, who, why))
        except ConfigurationError as error:
            raise MessageError(error.key, error.value, error.allowed) from error
        return self._site.done(request, f"in force: {entry.version}", "/rehearsal")


def _view(service: Service, changes: tuple[str, ...], begin: date, end: date) -> RehearsalView:
    result, error = None, ""
    if changes:
        try:
            result = service.rehearse(changes, begin, end)
        except ConfigurationError as refused:
            error = str(refused)
    days = sorted(one.day for one in service.rehearse.recorded())
    return RehearsalView(
        changes,
        begin.isoformat(),
        end.isoformat(),
        days[0] if days else "",
        days[-1] if days else "",
        result,
        error,
        service.rules.show(),
        tuple(_entry(one) for one in service.rules.history()),
    )


def _entry(entry: Any) -> dict[str, Any]:
    told: dict[str, Any] = to_document(entry)
    return {key: value for key, value in told.items() if key not in _HIDDEN}


def _changes(text: str) -> tuple[str, ...]:
    """One change a line."""
    lines = [line.strip() for line in text.replace("\r", "").split("\n")]
    return tuple(line for line in lines if line)[:MAX_CHANGES]
