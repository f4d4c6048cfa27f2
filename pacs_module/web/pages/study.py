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
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/studies/{study_uid}", summary="One study: its story, its time line, its series")(
        handle.study
    )
    routes.get("/series/{series_uid}/preview.png", include_in_schema=False)(handle.preview)
    routes.post("/studies/{study_uid}/{action}", include_in_schema=False)(handle.act)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service
        self._names = self._service.settings.web.show_patient_names
        self._show = ShowStudy(
            self._service.store,
            self._service.clock,
            self._service.images,
            lambda: away_now(self._service),
            lambda: self._service.pull.locks.held_back,
        )

    def study(self, request: Request, study_uid: str) -> Response:
        view = self._show(study_uid, self._names)
        if view is None:
            raise HTTPException(404, "no such study is known here; pull it by hand, or ask the debug API")
        if view.patient_name:
            who = caller_of(request).name or (request.client.host if request.client else "")
            self._service.log.event(
                "patient_name_shown", "a patient's name was shown", by=who, studyUID=study_uid
            )
        return self._site.page(request, "study", view, priorities=PRIORITIES)

    def preview(self, series_uid: Uid) -> Response:
        picture = self._service.images.preview(series_uid)
        if picture is None:
            raise HTTPException(404, "the receiving Orthanc has no picture of it (any more)")
        headers = {"Cache-Control": f"private, max-age={PICTURE_S}", "X-Content-Type-Options": "nosniff"}
        return Response(picture, media_type="image/png", headers=headers)

    async def act(self, request: Request, study_uid: str, action: str) -> Response:
        if action not in ACTIONS:
            raise HTTPException(404, "no such action")
        form = await read_form(request)
        who = Who(f"manual: {checked_by(request, self._site.access, form)}", reason_of(form))
        answer = await self._site.off_loop(partial(_do, self._site, action, study_uid, form, who))
        if answer is None:
            raise HTTPException(404, "no such study is known here")
        words = f"{action}: {study_uid}; next: {answer['next']['what']}"
        return self._site.done(request, words, local_path(form.get("back") or f"/studies/{study_uid}"))


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
