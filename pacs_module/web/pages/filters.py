"""``/filters``: what was filtered, by rule, attribute and value."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...domain.errors import MessageError
from ...use_cases.show.filters import ShowFilters, with_suggestions
from ..page_support.site import Site

_DAY = r"^(\d{4}-\d\d-\d\d)?$"
SPAN = timedelta(days=6)
"""Without other dates: a week."""


def router(site: Site) -> APIRouter:
    """The page."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/filters", summary="What was filtered in a span, by rule, attribute and value")(
        handle.filters
    )
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._show = ShowFilters(site.service.store)

    def filters(
        self,
        request: Request,
        first: Annotated[str, Query(alias="from", pattern=_DAY)] = "",
        last: Annotated[str, Query(alias="to", pattern=_DAY)] = "",
        rule: Annotated[str, Query(max_length=100)] = "",
        text: Annotated[str, Query(max_length=200)] = "",
        device: Annotated[str, Query(max_length=200)] = "",
        recorded: Annotated[
            bool, Query(description="What would take them, from the recorded headers: slower")
        ] = False,
    ) -> Response:
        today = self._site.service.clock.today()
        view = self._show(
            first or (today - SPAN).isoformat(), last or today.isoformat(), rule, text, device.strip()
        )
        if recorded:
            view = with_suggestions(
                view, self._site.service.rehearse.filtered(_date(view.first_day), _date(view.last_day))
            )
        return self._site.page(
            request, "filters", view, rule=rule, recorded=recorded, known_devices=self._site.known_devices()
        )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MessageError("date", text, "YYYY-MM-DD") from None
