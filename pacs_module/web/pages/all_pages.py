"""All pages joined to the application, behind the check of who may read."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Request

from ...service.service import Service
from ..edge.access import Access
from ..site import common, events
from ..site.site import Site, wants_json
from . import (
    audit,
    configuration,
    dead_letters,
    filters,
    log,
    probe,
    reconciliation,
    rehearsal,
    studies,
    study,
    today,
)

PAGES = (
    today, studies, study, filters, rehearsal, dead_letters, reconciliation, log, configuration, audit, probe,
)  # fmt: skip


def add_pages(app: FastAPI, service: Service, access: Access) -> None:
    """Add the pages, their files, and what they share."""
    site = Site(service, access)
    app.state.error_page = site.error
    reader = [Depends(_reader(access))]
    for page in PAGES:
        app.include_router(page.router(site), dependencies=reader, tags=["pages"])
    app.include_router(events.router(service), dependencies=reader)
    app.include_router(common.router(site))
    common.serve_files(app)


def _reader(access: Access) -> Callable[[Request], None]:
    """As the API lets readers in; a person without a session is led to where he gets one."""

    def may_read(request: Request) -> None:
        try:
            access.reading(request)
        except HTTPException:
            if (
                wants_json(request)
                or request.method != "GET"
                or "text/html" not in request.headers.get("accept", "")
            ):
                raise
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            to = f"/sign-in?next={quote(here, safe='')}"
            raise HTTPException(HTTPStatus.SEE_OTHER, "sign in first", {"Location": to}) from None

    return may_read
