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
    routes, show = APIRouter(), ShowFilters(site.service.store)

    @routes.get("/filters", summary="What was filtered in a span, by rule, attribute and value")
    def filters(
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
        today = site.service.clock.today()
        view = show(
            first or (today - SPAN).isoformat(), last or today.isoformat(), rule, text, device.strip()
        )
        if recorded:
            view = with_suggestions(
                view, site.service.rehearse.filtered(_date(view.first_day), _date(view.last_day))
            )
        return site.page(
            request, "filters", view, rule=rule, recorded=recorded, known_devices=site.known_devices()
        )

    return routes


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MessageError("date", text, "YYYY-MM-DD") from None
