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
    handle, routes = (
        _Handlers(service),
        APIRouter(prefix="/api/v1", tags=["people"], dependencies=[Depends(known_parameters)]),
    )
    routes.get(
        "/reconcile",
        responses=NOT_KNOWN,
        summary="A day's kept report: what the PACS has and was not computed; without a date: which days",
    )(handle.reconcile)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._settings = service.settings
        self._folder = ReportFolder(self._settings.reconcile_folder, self._settings.ages.reports)

    def reconcile(
        self,
        day: Annotated[
            date | None, Query(alias="date", description="YYYY-MM-DD; without it the days that have a report")
        ] = None,
    ) -> JsonAnswer:
        if day is None:
            return JsonAnswer({"dates": [kept.isoformat() for kept in self._folder.days()]})
        kept = self._folder.read(day)
        if kept is None:
            raise HTTPException(
                404, "no report of that day is kept here; `pacs-module reconcile --date` makes one"
            )
        return JsonAnswer(kept)
