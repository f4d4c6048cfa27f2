"""The HTTP API: what the plugins and the backend post, what people ask."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse

from .. import __version__
from ..adapters.storable import storable
from ..bootstrap import Service
from ..domain.errors import MessageError, PermanentError, RetriableError
from ..domain.lifecycle import State
from ..domain.messages import read_pull_report, read_result
from ..domain.story import story
from ..domain.study import Study
from ..ports import Exists
from .access import Access

Message = Annotated[dict[str, Any], Body()]
_DEBUG_FIELDS = {"StudyInstanceUID": "studyUID", "AccessionNumber": "accessionNumber", "PatientID": "patientID"}
MOST_STUDIES = 5000


def create_app(service: Service) -> FastAPI:
    """The application over a service; starting and stopping the service's loops is the caller's."""
    about = "The AI pull pipeline: why a study was taken or not, and where it is."
    app = FastAPI(title="pacs_module", version=__version__, description=about)
    access = Access(service.settings.web.api_key.get_secret_value())
    _errors(app)
    _messages(app, service, [Depends(access.with_key)])
    _people(app, service, access)
    return app


def _errors(app: FastAPI) -> None:
    @app.exception_handler(MessageError)
    def bad_message(_: Request, error: MessageError) -> JSONResponse:
        content = {"error": str(error), "key": error.key, "value": error.value, "allowed": error.allowed}
        return JSONResponse(storable(content), status_code=400)

    @app.exception_handler(RequestValidationError)
    def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return JSONResponse(storable({"error": f"{place}: {first['msg']}", "key": place}), status_code=422)

    @app.exception_handler(RetriableError)
    def later(_: Request, error: RetriableError) -> JSONResponse:
        return JSONResponse(storable({"error": str(error)}), status_code=503)

    @app.exception_handler(PermanentError)
    def never(_: Request, error: PermanentError) -> JSONResponse:
        return JSONResponse(storable({"error": str(error)}), status_code=409)


def _messages(app: FastAPI, service: Service, keyed: list[Any]) -> None:
    """What the plugins and the backend post. Answered only after it is stored."""

    @app.post("/api/v1/dcm/notify", dependencies=keyed, summary="The plugins hand over, or say that all was filtered out")
    def notify(message: Message) -> dict[str, bool]:
        fresh = service.accept(message)
        service.wake("publish", "pull")
        return {"accepted": fresh}

    @app.post("/api/v1/dcm/pull_report", dependencies=keyed, summary="The plugins report the end of a pull")
    def pull_report(message: Message) -> dict[str, bool]:
        known = service.ends.accept_report(read_pull_report(message))
        service.wake("pull")
        return {"known": known}

    @app.post("/api/v1/dcm/result", dependencies=keyed, summary="The backend's result: completed, unsupported_series or failed")
    def result(message: Message) -> dict[str, str]:
        # A backend that has no use for a key may send null in it: the result must not be lost for that.
        answer = service.record(read_result({key: value for key, value in message.items() if value is not None}))
        if answer is None:
            raise HTTPException(404, "no such study, or no hand-over of that series")
        return {"answer": answer}

    @app.post("/api/v1/dcm/pull", dependencies=keyed, summary="Pull by hand, ahead of all automatic work")
    def pull(message: Message, request: Request) -> dict[str, Any]:
        asked = {key: value for key, value in message.items() if key != "by" and value is not None}
        for key, value in asked.items():
            if not isinstance(value, str):
                raise MessageError(key, value, "text")
        by = str(message.get("by") or (request.client.host if request.client else "api"))
        answer = service.manual(asked, f"manual: {by}")
        service.wake("pull")
        return answer


def _people(app: FastAPI, service: Service, access: Access) -> None:
    reading = [Depends(access.reading)]

    @app.get("/api/v1/dcm/debug", dependencies=reading, summary="Everything known of a study: where, why, what happens next")
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

    @app.get("/api/v1/studies", dependencies=reading, summary="The study documents of a day")
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

    @app.get("/api/v1/dcm/dead_letters", dependencies=reading, summary="Messages that nobody could deliver")
    def dead_letters(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
        return {"deadLetters": service.queue.dead_letters(limit)}

    @app.get("/metrics", dependencies=reading, summary="Numbers for Prometheus", response_class=PlainTextResponse)
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/health", summary="Alive, and what it waits for")
    def health() -> dict[str, Any]:
        loops = {name: {"alive": loop.alive(), "failuresInRow": loop.failures} for name, loop in service.loops.items()}
        waiting = {state.value: service.store.count({"state": state.value}) for state in State if state}
        return {
            "status": "ok" if all(loop["alive"] for loop in loops.values()) else "starting or degraded",
            "version": __version__,
            "pacs": {name: {"circuit": loop.circuit, "capped": loop.capped} for name, loop in service.find_loops.items()},
            "loops": loops,
            "studies": {**waiting, "not wanted": service.store.count({"state": Exists(False)})},
        }


def find_for_people(service: Service, asked: dict[str, str], series_uid: str = "") -> list[Study]:
    """
    The studies that a person means.

    Raises:
        MessageError: Nothing was named.
    """
    where: dict[str, Any] = {_DEBUG_FIELDS[name]: value.strip() for name, value in asked.items() if value.strip()}
    if series_uid.strip():
        where["seriesUIDs"] = series_uid.strip()
    if not where:
        raise MessageError("AccessionNumber", "", "name one of AccessionNumber, StudyInstanceUID, PatientID, SeriesInstanceUID")
    return service.store.find(where, order=(("studyDate", -1), ("studyTime", -1)), limit=100)
