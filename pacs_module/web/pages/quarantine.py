"""``/quarantine``: what failed validation and why, how many fail and come by AE title; release, drop."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from ...use_cases.image_validation.quarantine import DROP, RELEASE
from ...use_cases.operate.manual_work import Who
from ..image_validation.quarantine import decide
from ..page_support.forms import checked_by, read_form, reason_of
from ..page_support.site import Site


def router(site: Site) -> APIRouter:
    """The page and its forms."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/quarantine", summary="Images that failed validation, and rates by AE title")(
        handle.quarantine
    )
    routes.post("/quarantine/{what}/{action}", include_in_schema=False)(handle.act)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service

    def quarantine(self, request: Request, before: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
        return self._site.page(request, "quarantine", self._service.quarantine.show(before))

    async def act(self, request: Request, what: str, action: str) -> Response:
        if action not in (RELEASE, DROP):
            raise HTTPException(404, "no such action")
        form = await read_form(request)
        who = Who(f"manual: {checked_by(request, self._site.access, form)}", reason_of(form))
        named: dict[str, Any] = {"studyUID": what} if "." in what else {"numbers": [_number(what)]}
        done = await self._site.off_loop(partial(decide, self._service, action, named, who))
        return self._site.done(request, _words(action, done), "/quarantine")


def _number(text: str) -> int:
    if not text.isdecimal():
        raise HTTPException(404, "no such image")
    return int(text)


def _words(action: str, done: dict[str, Any]) -> str:
    verb = "released" if action == RELEASE else "dropped"
    words = f"{len(done['decided'])} images {verb}"
    if done["refused"]:
        words += f"; {len(done['refused'])} not: {done['refused'][0]['why']}"
    if done["pulled"]:
        words += "; their study is pulled again, and they pass then"
    if done["pullAgain"]:
        words += "; they pass when their study is pulled again"
    return words
