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
    routes, service = APIRouter(), site.service

    @routes.get("/parameters", summary="Parameters that the platform sets: value, source, version, history")
    def parameters(request: Request) -> Response:
        return site.page(request, "parameters", view_of(service))

    @routes.post("/parameters/fetch", include_in_schema=False)
    async def fetch(request: Request) -> Response:
        form = await read_form(request)
        by, why = checked_by(request, site.access, form), reason_of(form)
        done = await site.off_loop(partial(fetch_now, service, by, why))
        return site.done(request, done["problem"] or "the platform was asked", "/parameters")

    return routes
