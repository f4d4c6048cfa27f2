"""``/audit``: who did what, and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...use_cases.privacy.retain import LEASE
from ...use_cases.show.audit import show_audit
from ..page_support.site import Site


def router(site: Site) -> APIRouter:
    """The page."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/audit", summary="Who did what with which study, and why; the newest first")(handle.audit)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def audit(self, request: Request, before: Annotated[str, Query(max_length=40)] = "") -> Response:
        service = self._site.service
        retention = service.leases.leases.memo(LEASE)
        return self._site.page(request, "audit", show_audit(service.store, before, retention))
