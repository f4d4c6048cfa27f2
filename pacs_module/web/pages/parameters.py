"""``/parameters``: what the platform sets at this gateway."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..page_support.forms import checked_by, read_form, reason_of
from ..page_support.site import Site
from ..platform_parameters.parameters import fetch_now, view_of


def router(site: Site) -> APIRouter:
    """The page and its form."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/parameters", summary="Parameters that the platform sets: value, source, version, history")(
        handle.parameters
    )
    routes.post("/parameters/fetch", include_in_schema=False)(handle.fetch)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service

    def parameters(self, request: Request) -> Response:
        return self._site.page(request, "parameters", view_of(self._service))

    async def fetch(self, request: Request) -> Response:
        form = await read_form(request)
        by, why = checked_by(request, self._site.access, form), reason_of(form)
        done = await self._site.off_loop(partial(fetch_now, self._service, by, why))
        return self._site.done(request, done["problem"] or "the platform was asked", "/parameters")
