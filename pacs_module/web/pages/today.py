"""``/``: what needs a person, then how the day goes."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ...use_cases.show.today import ShowToday
from ..page_support.site import Site
from .service_status import ReadMachine


def router(site: Site) -> APIRouter:
    """The page."""
    routes, service = APIRouter(), site.service
    show = ShowToday(
        store=service.store,
        clock=service.clock,
        local=lambda text: datetime.fromisoformat(text).astimezone(service.settings.zone),
        machine=ReadMachine(service),
        late_after=timedelta(minutes=service.settings.alarms.result_min),
    )

    @routes.get("/", summary="Today: what needs a person, counts, arrivals, latency, circuits")
    def today(request: Request) -> Response:
        return site.page(request, "today", show())

    return routes
