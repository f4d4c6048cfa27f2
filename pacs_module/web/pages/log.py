"""``/log``: the newest lines of both logs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...adapters.files.log_tail import LogTails
from ...shared.log_level import LEVELS as TO_SET
from ...use_cases.show.log import LEVELS, ShowLog
from ..page_support.forms import checked_by, read_form, reason_of
from ..page_support.site import Site

Text = Annotated[str, Query(max_length=200)]


def router(site: Site) -> APIRouter:
    """The page."""
    told = site.service.settings
    masking = told.privacy.masking
    pseudonym = masking.pseudonyms.of if masking is not None else lambda word: ""
    routes, show = APIRouter(), ShowLog(LogTails(told.log_folder), pseudonym)

    @routes.get("/log", summary="The newest lines of both logs, filtered")
    def log(request: Request, text: Text = "", level: Text = "", file: Text = "") -> Response:
        now = site.service.log_level.show()
        view = show(text, level, file)
        return site.page(request, "log", view, told={"logLevel": now}, levels=LEVELS, to_set=TO_SET)

    @routes.post("/log/level", include_in_schema=False)
    async def set_level(request: Request) -> Response:
        form = await read_form(request)
        who, why = checked_by(request, site.access, form), reason_of(form)
        level, minutes = form.get("level", ""), form.get("minutes", "")
        seconds = 60.0 * int(minutes) if minutes.isdecimal() else minutes
        told = await site.off_loop(lambda: site.service.log_level(level, seconds, who, why))
        words = told["plugins"].get("error", "")
        return site.done(
            request, f"{level}, {minutes} min" + (f"; plugins: {words}" if words else ""), "/log"
        )

    return routes
