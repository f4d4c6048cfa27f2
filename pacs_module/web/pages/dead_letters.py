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
    routes, service = APIRouter(), site.service
    letters = HandleDeadLetters(service.queue, service.store, service.work, service.log)

    @routes.get("/dead-letters", summary="Messages that nobody could deliver")
    def dead_letters(request: Request) -> Response:
        return site.page(request, "dead_letters", letters.show())

    @routes.post("/dead-letters/{key}/{action}", include_in_schema=False)
    async def act(request: Request, key: str, action: str) -> Response:
        if action not in ("send", "drop"):
            raise HTTPException(404, "no such action")
        form = await read_form(request)
        who = Who(f"manual: {checked_by(request, site.access, form)}", reason_of(form))
        if action == "send":
            await site.off_loop(partial(letters.send_again, key, who))
            service.wake(Role.PULL)
        else:
            await site.off_loop(partial(letters.drop, key, who))
        words = "its study is pulled and computed again" if action == "send" else "the letter was dropped"
        return site.done(request, words, "/dead-letters")

    return routes
