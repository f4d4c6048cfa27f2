"""Lists for people: the studies of a day, and the messages that nobody could deliver."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from ..domain.errors import MessageError
from ..domain.lifecycle import State
from ..service import Service
from .access import Access

MOST_STUDIES = 5000


def router(service: Service, access: Access) -> APIRouter:
    """The side of people who look at many studies."""
    routes = APIRouter(prefix="/api/v1", tags=["people"], dependencies=[Depends(access.reading)])

    @routes.get("/studies", summary="The study documents of a day")
    def studies(
        study_date: Annotated[str, Query(alias="studyDate", pattern=r"^(\d{4}-\d\d-\d\d)?$")] = "",
        state: str = "",
        modality: str = "",
        limit: Annotated[int, Query(ge=1, le=MOST_STUDIES)] = 1000,
    ) -> dict[str, Any]:
        if state and state not in [known.value for known in State]:
            raise MessageError("state", state, ", ".join(known.value for known in State if known))
        where = {key: value for key, value in (("studyDate", study_date), ("state", state), ("modality", modality)) if value}
        found = service.store.find(where, order=(("studyDate", 1), ("studyTime", 1)), limit=limit)
        return {"studies": [study.to_document() for study in found]}

    @routes.get("/dcm/dead_letters", summary="Messages that nobody could deliver")
    def dead_letters(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
        return {"deadLetters": service.queue.dead_letters(limit)}

    return routes
