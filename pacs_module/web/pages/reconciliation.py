"""``/reconciliation``: the reports by day, their trend, comparing now, and repair."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...adapters.files.report_folder import ReportFolder
from ...domain.errors import MessageError
from ...domain.json_messages.kept_json import kept_list
from ...domain.reconcile.report import Report
from ...service.loop import Role
from ...service.reconciliation import World, reconciler, repairer
from ...use_cases.show.reconciliation import ShowReconciliation
from ..page_support.forms import checked_by, read_form, reason_of
from ..page_support.jobs import Jobs, Say
from ..page_support.site import Site


def router(site: Site) -> APIRouter:
    """The page and its forms."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/reconciliation", summary="Is everything here that the PACS have? By day, with the trend")(
        handle.reconciliation
    )
    routes.post("/reconciliation/compare", include_in_schema=False)(handle.compare)
    routes.post("/reconciliation/repair", include_in_schema=False)(handle.repair)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service
        self._settings = self._service.settings
        self._folder = ReportFolder(self._settings.reconcile_folder, self._settings.ages.reports)
        self._show = ShowReconciliation(self._folder)
        self._jobs = Jobs(self._service.clock, self._service.log)
        self._world = World(
            self._settings,
            lambda: self._service.switches,
            self._service.store,
            self._service.finder,
            self._service.clock,
            self._service.log,
        )

    def reconciliation(
        self,
        request: Request,
        day: Annotated[date | None, Query(alias="date")] = None,
        every: Annotated[bool, Query(alias="all")] = False,
    ) -> Response:
        yesterday = self._service.clock.today() - timedelta(days=1)
        view = self._show(day, every)
        told, day_before = {"job": self._jobs.last}, yesterday.isoformat()
        return self._site.page(request, "reconciliation", view, told=told, yesterday=day_before, every=every)

    async def compare(self, request: Request) -> Response:
        form = await read_form(request)
        who, why, day = (
            checked_by(request, self._site.access, form),
            reason_of(form),
            _day(form.get("date", "")),
        )
        begun = self._jobs.begin(
            f"comparison of {day}", who, lambda say: _compare(self._world, self._folder, day, say)
        )
        self._service.log.event(
            "page_reconcile", "a person has a day compared", by=who, why=why, day=day.isoformat()
        )
        words = f"{day} is being compared with the PACS" if begun else "another comparison is still running"
        return self._site.done(request, words, "/reconciliation")

    async def repair(self, request: Request) -> Response:
        form = await read_form(request)
        who, why, day = (
            checked_by(request, self._site.access, form),
            reason_of(form),
            _day(form.get("date", "")),
        )
        done = await self._site.off_loop(partial(_repair, self._world, self._folder, day, f"{who}, {why}"))
        self._service.wake(Role.PULL)
        return self._site.done(request, f"{done} studies are put to be pulled", f"/reconciliation?date={day}")


def _compare(world: World, folder: ReportFolder, day: date, say: Say) -> str:
    say(f"asking the PACS for {day}")
    report = reconciler(world)([day])
    folder.keep(report)
    return f"{day}: {len(report.missing)} missing of {len(report.lines)}"


def _repair(world: World, folder: ReportFolder, day: date, by: str) -> int:
    kept = folder.read(day)
    if kept is None:
        raise MessageError("date", day.isoformat(), "a day that has a report")
    repaired = repairer(world)(_report_in(kept, day), by)
    folder.keep(repaired)
    return len(repaired.repaired)


def _report_in(kept: dict[str, Any], day: date) -> Report:
    """A damaged one is no ground to pull by."""
    found, _ = kept_list(Report, [kept])
    if not found:
        raise MessageError("date", day.isoformat(), "a day whose report can be read: compare it again first")
    return found[0]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MessageError("date", text, "YYYY-MM-DD") from None
