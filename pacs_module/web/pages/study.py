"""``/studies/{uid}``: one study, its thumbnails, and what a person does with it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import Response

from ...domain.errors import MessageError
from ...service.loop import Role
from ...service.outages import away_now
from ...use_cases.operate.manual_work import PRIORITIES, Who
from ...use_cases.show.study import ShowStudy
from ..page_support.common import local_path
from ..page_support.forms import checked_by, read_form, reason_of
from ..page_support.site import Site
from ..request_guard.access import caller_of

Uid = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$")]
ACTIONS = ("redo", "cancel", "done", "priority")
PICTURE_S = 600
"""A browser keeps a thumbnail so long, in seconds."""


def router(site: Site) -> APIRouter:
    """The page, its pictures and its forms."""
    routes, service = APIRouter(), site.service
    names = service.settings.web.show_patient_names
    show = ShowStudy(
        service.store,
        service.clock,
        service.images,
        lambda: away_now(service),
        lambda: service.pull.locks.held_back,
    )

    @routes.get("/studies/{study_uid}", summary="One study: its story, its time line, its series")
    def study(request: Request, study_uid: str) -> Response:
        view = show(study_uid, names)
        if view is None:
            raise HTTPException(404, "no such study is known here; pull it by hand, or ask the debug API")
        if view.patient_name:
            who = caller_of(request).name or (request.client.host if request.client else "")
            service.log.event("patient_name_shown", "a patient's name was shown", by=who, studyUID=study_uid)
        return site.page(request, "study", view, priorities=PRIORITIES)

    @routes.get("/series/{series_uid}/preview.png", include_in_schema=False)
    def preview(series_uid: Uid) -> Response:
        picture = service.images.preview(series_uid)
        if picture is None:
            raise HTTPException(404, "the receiving Orthanc has no picture of it (any more)")
        headers = {"Cache-Control": f"private, max-age={PICTURE_S}", "X-Content-Type-Options": "nosniff"}
        return Response(picture, media_type="image/png", headers=headers)

    @routes.post("/studies/{study_uid}/{action}", include_in_schema=False)
    async def act(request: Request, study_uid: str, action: str) -> Response:
        if action not in ACTIONS:
            raise HTTPException(404, "no such action")
        form = await read_form(request)
        who = Who(f"manual: {checked_by(request, site.access, form)}", reason_of(form))
        answer = await site.off_loop(partial(_do, site, action, study_uid, form, who))
        if answer is None:
            raise HTTPException(404, "no such study is known here")
        words = f"{action}: {study_uid}; next: {answer['next']['what']}"
        return site.done(request, words, local_path(form.get("back") or f"/studies/{study_uid}"))

    return routes


def _do(site: Site, action: str, study_uid: str, form: dict[str, str], who: Who) -> dict[str, Any] | None:
    work = site.service.work
    if action == "priority":
        answer = work.prioritise(study_uid, _priority_in(form), who)
    else:
        answer = {"redo": work.redo, "cancel": work.cancel, "done": work.done}[action](study_uid, who)
    site.service.wake(Role.PULL)
    return answer


def _priority_in(form: dict[str, str]) -> int:
    wanted = form.get("priority", "")
    if not wanted.isdecimal():
        raise MessageError("priority", wanted, ", ".join(map(str, PRIORITIES)))
    return int(wanted)
