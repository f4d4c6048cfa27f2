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
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/log", summary="The newest lines of both logs, filtered")(handle.log)
    routes.post("/log/level", include_in_schema=False)(handle.set_level)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._told = site.service.settings
        self._masking = self._told.privacy.masking
        self._pseudonym = self._masking.pseudonyms.of if self._masking is not None else lambda word: ""
        self._show = ShowLog(LogTails(self._told.log_folder), self._pseudonym)

    def log(self, request: Request, text: Text = "", level: Text = "", file: Text = "") -> Response:
        now = self._site.service.log_level.show()
        view = self._show(text, level, file)
        return self._site.page(request, "log", view, told={"logLevel": now}, levels=LEVELS, to_set=TO_SET)

    async def set_level(self, request: Request) -> Response:
        form = await read_form(request)
        who, why = checked_by(request, self._site.access, form), reason_of(form)
        level, minutes = form.get("level", ""), form.get("minutes", "")
        seconds = 60.0 * int(minutes) if minutes.isdecimal() else minutes
        told = await self._site.off_loop(lambda: self._site.service.log_level(level, seconds, who, why))
        words = told["plugins"].get("error", "")
        return self._site.done(
            request, f"{level}, {minutes} min" + (f"; plugins: {words}" if words else ""), "/log"
        )
