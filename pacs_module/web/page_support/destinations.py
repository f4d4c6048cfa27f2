"""
Destinations for people: the view of the queues, what is done with an upload, and the page ``/destinations``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from ...domain.dicom.attributes import unpadded
from ...domain.errors import MessageError
from ...service.loop import Role
from ...service.service import Service
from ...service.upload.destinations import Destinations
from ...use_cases.operate.manual_work import Who
from ...use_cases.show.destinations import ShowDestinations
from ...use_cases.show.results import ResultsView, ShowResults
from .forms import checked_by, read_form, reason_of
from .site import Site


def router(site: Site) -> APIRouter:
    """The page and its forms."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/destinations", summary="Destinations beside the backend: queues, states, reasons")(
        handle.destinations
    )
    routes.post("/destinations/{study_uid}/{destination}/{action}", include_in_schema=False)(handle.change)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service

    def destinations(self, request: Request) -> Response:
        results = show_results(self._service)() if self._service.results is not None else ResultsView()
        return self._site.page(
            request, "destinations", show_destinations(self._service)(), told={"results": results}
        )

    async def change(self, request: Request, study_uid: str, destination: str, action: str) -> Response:
        if action not in ("retry", "drop"):
            raise HTTPException(404, "no such action")
        form = await read_form(request)
        who = Who(f"manual: {checked_by(request, self._site.access, form)}", reason_of(form))
        told = {"studyUID": study_uid, "destination": destination}
        await self._site.off_loop(partial(act, self._service, action, told, who))
        words = f"queued again for {destination}" if action == "retry" else f"dropped for {destination}"
        return self._site.done(request, words, "/destinations")


def show_destinations(service: Service) -> ShowDestinations:
    """The view of the queues of a service."""
    made = service.destinations
    if made is None:
        return ShowDestinations(service.store, service.clock)
    return ShowDestinations(
        service.store,
        service.clock,
        made.plans,
        lambda name: made.circuits[name].told(),
        lambda plan: plan.closed(service.clock.local()),
        partial(_cache_of, made),
        made.route.waits_for_room,
    )


def act(service: Service, action: str, message: Mapping[str, Any], who: Who) -> dict[str, Any]:
    """
    Retry or drop.

    Raises:
        HTTPException: 404: there are no destinations, or no such study.
        MessageError: It cannot be done.
    """
    made = service.destinations
    if made is None:
        raise HTTPException(404, "there are no destinations beside the backend")
    study_uid, destination = message.get("studyUID"), message.get("destination")
    for key, value in (("studyUID", study_uid), ("destination", destination)):
        if not isinstance(value, str) or not unpadded(value):
            raise MessageError(key, value, "text, not empty")
    work = {"retry": made.by_hand.retry, "drop": made.by_hand.drop}[action]
    answer = work(unpadded(str(study_uid)), str(destination), who)
    if answer is None:
        raise HTTPException(404, "no such study is known here")
    service.wake(Role.UPLOAD)
    return answer


def show_results(service: Service) -> ShowResults:
    """What came back from the backend; empty where results are off."""
    plans = service.results.take.plans if service.results is not None else ()
    return ShowResults(service.store, service.clock, plans)


def _cache_of(made: Destinations) -> Mapping[str, Any] | None:
    if made.fill is None:
        return None
    there, limits = list(made.fill.cache.all()), made.fill.limits
    return {
        "handovers": len(there),
        "files": sum(one.files for one in there),
        "bytes": sum(one.size for one in there),
        "maxFiles": limits.files,
        "maxBytes": limits.size,
        "full": made.fill.full,
    }
