"""What the AI backend posts. Answered only after it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from ..adapters.results.multipart import DICOM
from ..domain.json_messages.documents import to_document
from ..domain.json_messages.messages import RESULT_STATES, Result, read_result
from ..domain.results.judge_result_object import Answer as Judged
from ..service.loop import Role
from ..service.results.wiring import Results
from ..service.service import Service
from ..use_cases.results.take import Answered
from .messages import Detail, Message, described
from .page_support.destinations import show_results
from .request_guard.answers import JsonAnswer
from .request_guard.posted_objects import check_post, taken

_NAMED = {"studyUID": "1.2.840.113619.2.55.3.1", "seriesUID": "1.2.840.113619.2.55.3.1.2"}
_BODY = described(
    Result,
    {
        "completed": {
            **_NAMED,
            "handoverID": "4c18cd69",
            "state": "completed",
            "result": {"lungVolumeMl": 4100.5},
        },
        "unsupported": {**_NAMED, "state": "unsupported_series", "message": "no frontal view"},
        "failed": {**_NAMED, "handoverID": "4c18cd69", "state": "failed", "message": "GPU out of memory"},
    },
    state={
        "enum": list(RESULT_STATES),
        "description": "failed: asked for again, after a pause, to the limit",
    },
    handover_id={
        "description": "As it came with the request; without it the newest hand-over of that series is meant"
    },
    result={"description": "Whatever the backend measured; kept and shown"},
)


class Answer(BaseModel):
    """
    ``recorded``, or ``known already``: a repeated result, or a failure of a delivery that is past; nothing
    was changed.
    """

    answer: Literal["recorded", "known already"]


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "Stored. A late result counts, also after the delivery was given up; a repeated one "
            "changes nothing."
        ),
        "content": {
            "application/json": {
                "examples": {
                    "recorded": {"value": {"answer": "recorded"}},
                    "repeated": {"value": {"answer": "known already"}},
                }
            }
        },
    },
    404: {
        "model": Detail,
        "description": "No such study, or no hand-over of that series: posting it again will not help",
    },
}


def router(service: Service) -> APIRouter:
    """The backend's side."""
    handle, routes = _Handlers(service), APIRouter(prefix="/api/v1/dcm", tags=["backend"])
    routes.post(
        "/result",
        summary="The backend's result: completed, unsupported_series or failed",
        description=(
            "Post it until it is acknowledged (2xx). 4xx: this result will never be taken. 5xx: later, "
            "perhaps."
        ),
        response_model=Answer,
        responses=_ANSWERS,
        openapi_extra=_BODY,
    )(handle.result)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def result(self, message: Message) -> dict[str, str]:
        # A backend that has no use for a key may send null in it: the result must not be lost for that.
        answer = self._service.record(
            read_result({key: value for key, value in message.items() if value is not None})
        )
        if answer is None:
            raise HTTPException(404, "no such study, or no hand-over of that series")
        return {"answer": answer}


# --- DICOM objects ---

_AT_ONCE = 4
"""POSTs that are taken in at one time; more are asked to come again."""
_OBJECTS = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in (DICOM, 'multipart/related; type="application/dicom"', "multipart/form-data")
        },
    }
}
_ANSWERS_OF_OBJECTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "Every object is stored here, or was known already; it goes to the destinations by itself"
        )
    },
    202: {"description": "Some were refused: each with its reason"},
    409: {"description": "All were refused: posting them again will not help"},
    503: {"description": "Later: the store or the disk is away, or too many post at once"},
}


def objects_router(service: Service) -> APIRouter:
    """DICOM objects that come back, and where they stand (M25)."""
    handle, routes = _ObjectHandlers(service), APIRouter(prefix="/api/v1")
    routes.post(
        "/results",
        tags=["backend"],
        summary="DICOM objects of a result: SR, SC, SEG, RTSTRUCT, PR, encapsulated PDF",
        description=(
            "One object as application/dicom, or several as multipart/related (as STOW-RS) or "
            "multipart/form-data; handoverID in the query, if not of the newest hand-over. Post it until it "
            "is acknowledged (2xx): what was taken is known."
        ),
        responses=_ANSWERS_OF_OBJECTS,
        openapi_extra=_OBJECTS,
    )(handle.post)
    routes.get("/results", tags=["people"], summary="What came back from the backend, and where it stands")(
        handle.shown
    )
    return routes


class _ObjectHandlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def post(
        self,
        request: Request,
        handoverID: str = "",  # noqa: N803 - the contract's name
    ) -> JsonAnswer:
        made = _results_of(self._service)
        check_post(request, handoverID)
        if self._at_once.locked():
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "too many post results at once; later")
        async with self._at_once:
            answers = await taken(made, request, handoverID)
        self._service.wake(Role.UPLOAD)
        return JsonAnswer(_told(answers), _status(answers))

    def shown(self, studyUID: str = "") -> JsonAnswer:  # noqa: N803 - the contract's name
        return JsonAnswer(to_document(show_results(self._service)(studyUID)))


def _results_of(service: Service) -> Results:
    if service.results is None:
        raise HTTPException(404, "results are not taken here: there is no table [results]")
    return service.results


def _told(answers: Sequence[Answered]) -> dict[str, Any]:
    told = [
        {"file": one.file.name, "sopInstanceUID": one.sop_uid, "answer": one.answer.value, "why": one.why}
        for one in answers
    ]
    return {"objects": told}


def _status(answers: Sequence[Answered]) -> int:
    refused = sum(one.answer is Judged.REFUSED for one in answers)
    if refused == len(answers):
        return HTTPStatus.CONFLICT
    return HTTPStatus.ACCEPTED if refused else HTTPStatus.OK
