"""What the AI backend posts. Answered only after it is stored."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException

from ..bootstrap import Service
from ..domain.messages import read_result
from .access import Access
from .messages import Message


def router(service: Service, access: Access) -> APIRouter:
    """The backend's side."""
    routes = APIRouter(prefix="/api/v1/dcm", tags=["backend"], dependencies=[Depends(access.with_key)])

    @routes.post("/result", summary="The backend's result: completed, unsupported_series or failed")
    def result(message: Message) -> dict[str, str]:
        # A backend that has no use for a key may send null in it: the result must not be lost for that.
        answer = service.record(read_result({key: value for key, value in message.items() if value is not None}))
        if answer is None:
            raise HTTPException(404, "no such study, or no hand-over of that series")
        return {"answer": answer}

    return routes
