"""What the AI backend posts. Answered only after it is stored."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from ..domain.wire.messages import RESULT_STATES, Result, read_result
from ..service.service import Service
from .messages import Detail, Message, described

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
    routes = APIRouter(prefix="/api/v1/dcm", tags=["backend"])

    @routes.post(
        "/result",
        summary="The backend's result: completed, unsupported_series or failed",
        description=(
            "Post it until it is acknowledged (2xx). 4xx: this result will never be taken. 5xx: later, "
            "perhaps."
        ),
        response_model=Answer,
        responses=_ANSWERS,
        openapi_extra=_BODY,
    )
    def result(message: Message) -> dict[str, str]:
        # A backend that has no use for a key may send null in it: the result must not be lost for that.
        answer = service.record(
            read_result({key: value for key, value in message.items() if value is not None})
        )
        if answer is None:
            raise HTTPException(404, "no such study, or no hand-over of that series")
        return {"answer": answer}

    return routes
