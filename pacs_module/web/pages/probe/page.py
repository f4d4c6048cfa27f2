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
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/probe", summary="The last probe of a PACS: what it can do, and which settings follow")(
        handle.probe
    )
    routes.post("/probe/run", include_in_schema=False)(handle.run)
    routes.post("/probe/take-over", include_in_schema=False)(handle.take)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service
        self._settings = self._service.settings
        self._jobs = Jobs(self._service.clock, self._service.log)

    def probe(self, request: Request) -> Response:
        return self._site.page(
            request, "probe", _view(tuple(one.name for one in self._settings.pacs), self._jobs)
        )

    async def run(self, request: Request) -> Response:
        form = await read_form(request)
        who, why, name = checked_by(request, self._site.access, form), reason_of(form), form.get("pacs", "")
        peer_of(pacs_named(self._settings, name))  # said at once what the settings lack
        begun = self._jobs.begin(
            name, who, partial(probe_one, self._settings, name, self._service.clock.today())
        )
        self._service.log.event("page_probe", "a person has a PACS probed", by=who, why=why, pacs=name)
        return self._site.done(
            request, f"{name} is being asked" if begun else "a probe is still running", "/probe"
        )

    async def take(self, request: Request) -> Response:
        form = await read_form(request)
        who, why = checked_by(request, self._site.access, form), reason_of(form)
        if self._jobs.last is None or not isinstance(self._jobs.last.result, Probed):
            raise MessageError("probe", "", "a probe that has ended")
        path = await self._site.off_loop(
            partial(take_over, self._settings, self._jobs.last.what, self._jobs.last.result)
        )
        self._service.log.event(
            "page_profile", "a person took a probe's settings over", by=who, why=why, file=str(path)
        )
        return self._site.done(request, f"written to {path}: it is read at the next start", "/probe")


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
