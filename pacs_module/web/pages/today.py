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
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/", summary="Today: what needs a person, counts, arrivals, latency, circuits")(handle.today)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service
        self._show = ShowToday(
            store=self._service.store,
            clock=self._service.clock,
            local=lambda text: datetime.fromisoformat(text).astimezone(self._service.settings.zone),
            machine=ReadMachine(self._service),
            late_after=timedelta(minutes=self._service.settings.alarms.result_min),
        )

    def today(self, request: Request) -> Response:
        return self._site.page(request, "today", self._show())
