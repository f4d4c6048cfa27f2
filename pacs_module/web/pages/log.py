"""``/log``: the newest lines of both logs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...adapters.files.log_tail import LogTails
from ...use_cases.show.log import LEVELS, ShowLog
from ..site.site import Site

Text = Annotated[str, Query(max_length=200)]


def router(site: Site) -> APIRouter:
    """The page."""
    routes, show = APIRouter(), ShowLog(LogTails(site.service.settings.log_folder))

    @routes.get("/log", summary="The newest lines of both logs, filtered")
    def log(request: Request, text: Text = "", level: Text = "", file: Text = "") -> Response:
        return site.page(request, "log", show(text, level, file), levels=LEVELS)

    return routes
