"""The kept reports of reconciliation."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query

from ..adapters.files.report_folder import ReportFolder
from ..service.service import Service
from .messages import NOT_KNOWN
from .request_guard.answers import JsonAnswer
from .request_guard.errors import known_parameters


def router(service: Service) -> APIRouter:
    """The side of people who ask whether everything is here."""
    routes = APIRouter(prefix="/api/v1", tags=["people"], dependencies=[Depends(known_parameters)])
    settings = service.settings
    folder = ReportFolder(settings.reconcile_folder, settings.ages.reports)

    @routes.get(
        "/reconcile",
        responses=NOT_KNOWN,
        summary="A day's kept report: what the PACS has and was not computed; without a date: which days",
    )
    def reconcile(
        day: Annotated[
            date | None, Query(alias="date", description="YYYY-MM-DD; without it the days that have a report")
        ] = None,
    ) -> JsonAnswer:
        if day is None:
            return JsonAnswer({"dates": [kept.isoformat() for kept in folder.days()]})
        kept = folder.read(day)
        if kept is None:
            raise HTTPException(
                404, "no report of that day is kept here; `pacs-module reconcile --date` makes one"
            )
        return JsonAnswer(kept)

    return routes
