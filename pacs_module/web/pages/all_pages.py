"""All pages joined to the application; who may see which is in :mod:`pacs_module.web.request_guard.needs`."""

from __future__ import annotations

from fastapi import FastAPI

from ...service.service import Service
from ..page_support import common, destinations, events, oidc
from ..page_support.site import Site
from ..request_guard.access import Access
from . import (
    audit,
    configuration,
    dead_letters,
    filters,
    log,
    parameters,
    quarantine,
    reconciliation,
    rehearsal,
    studies,
    study,
    today,
)
from .probe import page as probe
from .report_exchange import quality, reports

PAGES = (
    today, studies, study, filters, rehearsal, dead_letters, destinations, reconciliation, log, configuration,
    audit, probe,
    reports, quality, quarantine, parameters,
)  # fmt: skip


def add_pages(app: FastAPI, service: Service, access: Access) -> None:
    """Add the pages, their files, and what they share."""
    site = Site(service, access)
    app.state.error_page = site.error
    for page in PAGES:
        app.include_router(page.router(site), tags=["pages"])
    app.include_router(events.router(service))
    app.include_router(common.router(site))
    told = service.settings.web.oidc
    if told is not None:
        provider = oidc.provider_of(told)
        access.token = provider.script
        app.include_router(oidc.router(site, provider))
    common.serve_files(app)
