"""The debug API: a study's whole story, as JSON for programs and as a page for people (M24)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from ..domain.dicom.attributes import unpadded
from ..domain.errors import MessageError
from ..domain.explain.story import story
from ..domain.json_messages.uid_syntax import is_uid
from ..domain.study.study import Study
from ..service.outages import away_now
from ..service.service import Service
from ..use_cases.show.receiving import receiving
from ..use_cases.show.study import ARRIVING
from .request_guard.answers import JsonAnswer
from .request_guard.errors import known_parameters
from .story_page import HEADERS, message_page, story_page

_FIELDS = {
    "StudyInstanceUID": "studyUID",
    "AccessionNumber": "accessionNumber",
    "PatientID": "patientID",
    "SeriesInstanceUID": "seriesUIDs",
}
MOST = 100
MOST_ASKED = 5
"""So many studies that arrive now are asked about at the plugins in one answer."""
UNKNOWN = "not known here: not seen in any find, or outside the dates that are found"
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Every study that matches, newest first; with Accept text/html a page",
        "content": {
            "text/html": {},
            "application/json": {"example": {"found": 1, "studies": [{"studyUID": "1.2.840.1"}]}},
        },
    },
    404: {"description": "Not known here; `pacs` says what each PACS has, and what would be done with it"},
    400: {"description": "Nothing was named, or a wildcard"},
}


def router(service: Service) -> APIRouter:
    """The side of people who look at one study."""
    handle, routes = _Handlers(service), APIRouter(tags=["people"], dependencies=[Depends(known_parameters)])
    routes.get(
        "/api/v1/dcm/debug",
        summary="Everything known of a study: where, since when, why, what happens next and when",
        responses=_ANSWERS,
        response_class=JSONResponse,
    )(handle.debug)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def debug(
        self,
        request: Request,
        accession_number: Annotated[str, Query(alias="AccessionNumber")] = "",
        study_instance_uid: Annotated[str, Query(alias="StudyInstanceUID")] = "",
        patient_id: Annotated[str, Query(alias="PatientID")] = "",
        series_instance_uid: Annotated[str, Query(alias="SeriesInstanceUID")] = "",
        ask_pacs: Annotated[bool, Query(alias="askPACS", description="When it is not known here")] = True,
        form: Annotated[
            Literal["", "json", "html"], Query(alias="format", description="Else as Accept says")
        ] = "",
    ) -> Response:
        asked = {
            "AccessionNumber": unpadded(accession_number),
            "StudyInstanceUID": unpadded(study_instance_uid),
            "PatientID": unpadded(patient_id),
            "SeriesInstanceUID": unpadded(series_instance_uid),
        }
        page = form == "html" or (not form and _prefers_html(request.headers.get("accept", "")))
        if page and not any(asked.values()):
            words = "Give one of the names of a study; several must all match."
            return HTMLResponse(message_page("Which study?", words, asked), headers=HEADERS)
        answer = _answer(self._service, asked, ask_pacs)
        status = 200 if answer["found"] else 404
        if page:
            return HTMLResponse(story_page(answer, asked, self._service.settings.zone), status, HEADERS)
        return JsonAnswer(answer, status)


def find_for_people(service: Service, asked: dict[str, str]) -> list[Study]:
    """
    The studies that a person means.

    Raises:
        MessageError: Nothing was named.
    """
    where: dict[str, Any] = {_FIELDS[name]: value for name, value in asked.items() if value}
    if not where:
        raise MessageError("AccessionNumber", "", f"name one of {', '.join(_FIELDS)}")
    return service.store.find(where, order=(("studyDate", -1), ("studyTime", -1)), limit=MOST)


def _answer(service: Service, asked: dict[str, str], ask_pacs: bool) -> dict[str, Any]:
    studies = find_for_people(service, asked)
    if not studies:
        return _not_known(service, asked, ask_pacs)
    away, now = away_now(service), service.clock.now()
    spared = service.pull.locks.held_back
    told = [_told(service, story(study, now, away, spared)) for study in studies]
    _add_receptions(service, studies, told)
    return {"found": len(studies), "studies": told}


def _not_known(service: Service, asked: dict[str, str], ask_pacs: bool) -> dict[str, Any]:
    """Why not, as far as anybody can tell: its document cannot be read, it is arriving, a PACS has it."""
    nothing: dict[str, Any] = {"detail": UNKNOWN, "found": 0, "studies": []}
    uid = asked["StudyInstanceUID"]
    why = service.store.unreadable().get(uid, "")
    if why:
        nothing["detail"] = f"known here, but its document cannot be read: {why}"
    if is_uid(uid) and (reception := receiving(service.images, uid)):
        nothing["reception"] = reception
    if ask_pacs and service.settings.web.debug_asks_pacs:
        nothing["pacs"] = service.look_up(asked)
    return nothing


def _add_receptions(service: Service, studies: Sequence[Study], told: Sequence[dict[str, Any]]) -> None:
    """
    What the plugins say of studies that arrive now: ``reception``, with ``whyOpen``.

    The first few only, and no more once Orthanc did not tell: a person waits for the answer.
    """
    arriving = [place for place, study in enumerate(studies) if study.state in ARRIVING]
    for place in arriving[:MOST_ASKED]:
        reception = receiving(service.images, studies[place].study_uid)
        if not reception:
            return
        told[place]["reception"] = reception


def _told(service: Service, told: dict[str, Any]) -> dict[str, Any]:
    """With what the newest comparison of the records said of the study, when it said something."""
    found = service.audit.last.differences if service.audit.last is not None else ()
    of_it = [
        {"lacking": one.what.value, "remedy": one.remedy.value}
        for one in found
        if one.study_uid == told["studyUID"]
    ]
    return {**told, "records": of_it} if of_it else told


def _prefers_html(accept: str) -> bool:
    """A browser names text/html first; programs name JSON or take anything."""
    named = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return next((kind for kind in named if kind in ("text/html", "application/json")), "") == "text/html"
