"""Lists for people: the studies of a day, and the messages that nobody could deliver."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query

from ..domain.dicom.attributes import unpadded
from ..domain.errors import MessageError
from ..domain.study.lifecycle import State
from ..service.service import Service
from ..use_cases.operate.manual_work import progress
from .messages import NOT_KNOWN
from .request_guard.answers import JsonAnswer
from .request_guard.errors import known_parameters

MOST_STUDIES = 5000


def router(service: Service) -> APIRouter:
    """The side of people who look at many studies."""
    handle, routes = (
        _Handlers(service),
        APIRouter(prefix="/api/v1", tags=["people"], dependencies=[Depends(known_parameters)]),
    )
    routes.get("/studies", summary="The study documents of a day")(handle.studies)
    routes.get(
        "/dcm/pull", responses=NOT_KNOWN, summary="How it goes with a study: for whoever waits for it"
    )(handle.how_it_goes)
    routes.get("/dcm/dead_letters", summary="Messages that nobody could deliver")(handle.dead_letters)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def studies(
        self,
        study_date: Annotated[str, Query(alias="studyDate", pattern=r"^(\d{4}-\d\d-\d\d)?$")] = "",
        state: str = "",
        modality: str = "",
        limit: Annotated[int, Query(ge=1, le=MOST_STUDIES)] = 1000,
    ) -> JsonAnswer:
        _check_state(state)
        asked = {"studyDate": study_date, "state": state, "modality": modality.strip().upper()}
        where = {key: value for key, value in asked.items() if value}
        found = self._service.store.find(where, order=(("studyDate", 1), ("studyTime", 1)), limit=limit)
        return JsonAnswer({"studies": [study.to_document() for study in found]})

    def how_it_goes(
        self,
        study_instance_uid: Annotated[str, Query(alias="StudyInstanceUID", min_length=1)],
    ) -> JsonAnswer:
        study = self._service.store.get(unpadded(study_instance_uid))
        if study is None:
            raise HTTPException(404, "no such study is known here; pull it by hand first")
        return JsonAnswer(progress(study))

    def dead_letters(self, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> JsonAnswer:
        return JsonAnswer(
            {"deadLetters": [vars(letter) for letter in self._service.queue.dead_letters(limit)]}
        )


def _check_state(state: str) -> None:
    if state and state not in [known.value for known in State]:
        raise MessageError("state", state, ", ".join(known.value for known in State if known))
