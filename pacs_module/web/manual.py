"""Work by hand, ahead of all automatic work; each with who asked."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from ..bootstrap import Service
from ..domain.errors import MessageError
from .access import Access
from .messages import Message


def router(service: Service, access: Access) -> APIRouter:
    """The side of people who change something."""
    routes = APIRouter(prefix="/api/v1/dcm", tags=["manual"], dependencies=[Depends(access.with_key)])

    @routes.post("/pull", summary="Pull by hand, ahead of all automatic work")
    def pull(message: Message, request: Request) -> dict[str, Any]:
        asked = {key: value for key, value in message.items() if key != "by" and value is not None}
        for key, value in asked.items():
            if not isinstance(value, str):
                raise MessageError(key, value, "text")
        by = str(message.get("by") or (request.client.host if request.client else "api"))
        answer = service.manual(asked, f"manual: {by}")
        service.wake("pull")
        return answer

    return routes
