"""``/probe``: ask a PACS what it can do, see the table, take the settings over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ....domain.errors import MessageError
from ....domain.json_messages.documents import to_document
from ....use_cases.probe.probe_pacs import Probed
from ...page_support.forms import checked_by, read_form, reason_of
from ...page_support.jobs import Jobs
from ...page_support.site import Site
from .running import pacs_named, peer_of, probe_one, take_over


@dataclass(frozen=True)
class ProbeView:
    """The page: the PACS that can be asked, and the last probe of this process."""

    pacs: tuple[str, ...]
    asked: str = ""
    by: str = ""
    begun_at: str = ""
    running: bool = False
    said: tuple[str, ...] = ()
    error: str = ""
    findings: tuple[dict[str, Any], ...] = ()
    recommendations: tuple[dict[str, Any], ...] = ()
    queries: int = 0
    seconds: float = 0.0


def router(site: Site) -> APIRouter:
    """The page and its forms."""
    routes, service = APIRouter(), site.service
    settings, jobs = service.settings, Jobs(service.clock, service.log)

    @routes.get("/probe", summary="The last probe of a PACS: what it can do, and which settings follow")
    def probe(request: Request) -> Response:
        return site.page(request, "probe", _view(tuple(one.name for one in settings.pacs), jobs))

    @routes.post("/probe/run", include_in_schema=False)
    async def run(request: Request) -> Response:
        form = await read_form(request)
        who, why, name = checked_by(request, site.access, form), reason_of(form), form.get("pacs", "")
        peer_of(pacs_named(settings, name))  # said at once what the settings lack
        begun = jobs.begin(name, who, partial(probe_one, settings, name, service.clock.today()))
        service.log.event("page_probe", "a person has a PACS probed", by=who, why=why, pacs=name)
        return site.done(request, f"{name} is being asked" if begun else "a probe is still running", "/probe")

    @routes.post("/probe/take-over", include_in_schema=False)
    async def take(request: Request) -> Response:
        form = await read_form(request)
        who, why = checked_by(request, site.access, form), reason_of(form)
        if jobs.last is None or not isinstance(jobs.last.result, Probed):
            raise MessageError("probe", "", "a probe that has ended")
        path = await site.off_loop(partial(take_over, settings, jobs.last.what, jobs.last.result))
        service.log.event(
            "page_profile", "a person took a probe's settings over", by=who, why=why, file=str(path)
        )
        return site.done(request, f"written to {path}: it is read at the next start", "/probe")

    return routes


def _view(pacs: tuple[str, ...], jobs: Jobs) -> ProbeView:
    job = jobs.last
    if job is None:
        return ProbeView(pacs)
    told = (pacs, job.what, job.by, job.begun_at, job.running, tuple(job.said), job.error)
    if not isinstance(job.result, Probed):
        return ProbeView(*told)
    return ProbeView(
        *told,
        findings=tuple(to_document(one) for one in job.result.findings.values()),
        recommendations=tuple(to_document(one) for one in job.result.recommendations),
        queries=job.result.queries,
        seconds=round(job.result.seconds, 1),
    )
