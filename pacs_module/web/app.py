"""
The HTTP API: one router a file, each over the same service.

In each of these files, and in those of the pages, ``router`` is the table of addresses and ``_Handlers`` has
a method for each of them; what they do beyond HTTP stands below them or in a use case.
"""

from __future__ import annotations

from fastapi import FastAPI

from .. import __version__
from ..domain.json_messages.json_text import MIB
from ..service.service import Service
from . import (
    debug,
    destinations,
    health,
    log_level,
    manual,
    plugins,
    reconcile,
    report_exchange,
    result,
    rules,
    studies,
)
from .image_validation import quarantine
from .messages import describe_faults
from .pages.all_pages import add_pages
from .platform_parameters import parameters
from .request_guard.access import Access
from .request_guard.audit_trail import Recorder
from .request_guard.errors import answer_errors
from .request_guard.guard import BodyLimits, Guard

TAGS = [
    {"name": "people", "description": "Where a study is, why, and what happens next."},
    {"name": "manual", "description": "Work by hand, ahead of all automatic work."},
    {"name": "backend", "description": "What the AI backend posts."},
    {"name": "plugins", "description": "What the plugins in Orthanc post."},
    {
        "name": "exchange",
        "description": "Reports and quality data: taken in, and sent to the platform and the RIS.",
    },
    {"name": "gateway", "description": "What arrives at a gateway, and what its platform wants."},
    {"name": "machine", "description": "Health and numbers for monitoring."},
]


def create_app(service: Service, console: str = "") -> FastAPI:
    """
    The application over a service; starting and stopping the service's loops is the caller's.

    Args:
        service: As ``bootstrap`` makes it.
        console: The key in the console file of this process; empty: there is none.
    """
    about = "The AI pull pipeline: why a study was taken or not, and where it is."
    app = FastAPI(
        title="pacs_module",
        version=__version__,
        description=about,
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
    )
    web = service.settings.web
    access = Access(web, service.keys, service.log, console)
    record = Recorder(service.trail.append, access.address, service.log) if service.trail else None
    limits = BodyLimits(web.max_body_mb * MIB, web.body_timeout_s)
    app.add_middleware(Guard, access=access, limits=limits, record=record)
    answer_errors(app)
    rooms = (
        plugins, result, manual, debug, studies, destinations, reconcile, rules, report_exchange, log_level,
        health, quarantine, parameters,
    )  # fmt: skip
    for room in rooms:
        app.include_router(room.router(service))
    app.include_router(result.objects_router(service))
    add_pages(app, service, access)
    describe_faults(app)
    return app
