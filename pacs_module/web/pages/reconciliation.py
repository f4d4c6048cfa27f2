"""``/reconciliation``: the reports by day, their trend, comparing now, and repair."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...adapters.files.report_folder import ReportFolder
from ...domain.errors import MessageError
from ...domain.json_messages.documents import from_document
from ...domain.reconcile.report import Report
from ...service.loop import Role
from ...service.reconciliation import World, reconciler, repairer
from ...use_cases.show.reconciliation import ShowReconciliation
from ..page_support.forms import checked_by, read_form, reason_of
from ..page_support.jobs import Jobs, Say
from ..page_support.site import Site


def router(site: Site) -> APIRouter:
    """The page and its forms."""
    routes, service = APIRouter(), site.service
    settings = service.settings
    folder = ReportFolder(settings.reconcile_folder, settings.ages.reports)
    show, jobs = ShowReconciliation(folder), Jobs(service.clock, service.log)
    world = World(
        settings, lambda: service.switches, service.store, service.finder, service.clock, service.log
    )

    @routes.get("/reconciliation", summary="Is everything here that the PACS have? By day, with the trend")
    def reconciliation(
        request: Request,
        day: Annotated[date | None, Query(alias="date")] = None,
        every: Annotated[bool, Query(alias="all")] = False,
    ) -> Response:
        yesterday = service.clock.today() - timedelta(days=1)
        view = show(day, every)
        told, day_before = {"job": jobs.last}, yesterday.isoformat()
        return site.page(request, "reconciliation", view, told=told, yesterday=day_before, every=every)

    @routes.post("/reconciliation/compare", include_in_schema=False)
    async def compare(request: Request) -> Response:
        form = await read_form(request)
        who, why, day = checked_by(request, site.access, form), reason_of(form), _day(form.get("date", ""))
        begun = jobs.begin(f"comparison of {day}", who, lambda say: _compare(world, folder, day, say))
        service.log.event(
            "page_reconcile", "a person has a day compared", by=who, why=why, day=day.isoformat()
        )
        words = f"{day} is being compared with the PACS" if begun else "another comparison is still running"
        return site.done(request, words, "/reconciliation")

    @routes.post("/reconciliation/repair", include_in_schema=False)
    async def repair(request: Request) -> Response:
        form = await read_form(request)
        who, why, day = checked_by(request, site.access, form), reason_of(form), _day(form.get("date", ""))
        done = await site.off_loop(partial(_repair, world, folder, day, f"{who}, {why}"))
        service.wake(Role.PULL)
        return site.done(request, f"{done} studies are put to be pulled", f"/reconciliation?date={day}")

    return routes


def _compare(world: World, folder: ReportFolder, day: date, say: Say) -> str:
    say(f"asking the PACS for {day}")
    report = reconciler(world)([day])
    folder.keep(report)
    return f"{day}: {len(report.missing)} missing of {len(report.lines)}"


def _repair(world: World, folder: ReportFolder, day: date, by: str) -> int:
    kept = folder.read(day)
    if kept is None:
        raise MessageError("date", day.isoformat(), "a day that has a report")
    repaired = repairer(world)(from_document(Report, kept), by)
    folder.keep(repaired)
    return len(repaired.repaired)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MessageError("date", text, "YYYY-MM-DD") from None
