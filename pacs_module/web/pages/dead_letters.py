"""``/dead-letters``: read, send again, drop."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from ...service.loop import Role
from ...use_cases.operate.manual_work import Who
from ...use_cases.show.dead_letters import HandleDeadLetters
from ..page_support.forms import checked_by, read_form, reason_of
from ..page_support.site import Site


def router(site: Site) -> APIRouter:
    """The page and its forms."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/dead-letters", summary="Messages that nobody could deliver")(handle.dead_letters)
    routes.post("/dead-letters/{key}/{action}", include_in_schema=False)(handle.act)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service
        self._letters = HandleDeadLetters(
            self._service.queue, self._service.store, self._service.work, self._service.log
        )

    def dead_letters(self, request: Request) -> Response:
        return self._site.page(request, "dead_letters", self._letters.show())

    async def act(self, request: Request, key: str, action: str) -> Response:
        if action not in ("send", "drop"):
            raise HTTPException(404, "no such action")
        form = await read_form(request)
        who = Who(f"manual: {checked_by(request, self._site.access, form)}", reason_of(form))
        if action == "send":
            await self._site.off_loop(partial(self._letters.send_again, key, who))
            self._service.wake(Role.PULL)
        else:
            await self._site.off_loop(partial(self._letters.drop, key, who))
        words = "its study is pulled and computed again" if action == "send" else "the letter was dropped"
        return self._site.done(request, words, "/dead-letters")
