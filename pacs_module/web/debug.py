"""The debug API: a study's whole story (M24)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query

from ..bootstrap import Service
from ..domain.errors import MessageError
from ..domain.story import story
from ..domain.study import Study
from .access import Access

_FIELDS = {"StudyInstanceUID": "studyUID", "AccessionNumber": "accessionNumber", "PatientID": "patientID"}


def router(service: Service, access: Access) -> APIRouter:
    """The side of people who look at one study."""
    routes = APIRouter(tags=["people"], dependencies=[Depends(access.reading)])

    @routes.get("/api/v1/dcm/debug", summary="Everything known of a study: where, why, what happens next")
    def debug(
        accession_number: Annotated[str, Query(alias="AccessionNumber")] = "",
        study_instance_uid: Annotated[str, Query(alias="StudyInstanceUID")] = "",
        patient_id: Annotated[str, Query(alias="PatientID")] = "",
        series_instance_uid: Annotated[str, Query(alias="SeriesInstanceUID")] = "",
    ) -> dict[str, Any]:
        asked = {"AccessionNumber": accession_number, "StudyInstanceUID": study_instance_uid, "PatientID": patient_id}
        studies = find_for_people(service, asked, series_instance_uid)
        if not studies:
            raise HTTPException(404, "not known here: not seen in any find, or outside the dates that are found")
        return {"found": len(studies), "studies": [story(study, service.clock.now()) for study in studies]}

    return routes


def find_for_people(service: Service, asked: dict[str, str], series_uid: str = "") -> list[Study]:
    """
    The studies that a person means.

    Raises:
        MessageError: Nothing was named.
    """
    where: dict[str, Any] = {_FIELDS[name]: value.strip() for name, value in asked.items() if value.strip()}
    if series_uid.strip():
        where["seriesUIDs"] = series_uid.strip()
    if not where:
        raise MessageError("AccessionNumber", "", "name one of AccessionNumber, StudyInstanceUID, PatientID, SeriesInstanceUID")
    return service.store.find(where, order=(("studyDate", -1), ("studyTime", -1)), limit=100)
