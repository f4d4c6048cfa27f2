"""Work by hand, ahead of all automatic work; each with who asked."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse

from ..domain.dicom.attributes import unpadded
from ..domain.errors import MessageError
from ..domain.json_messages.documents import to_document
from ..service.loop import Role
from ..service.service import Service
from ..use_cases.operate.manual_work import PRIORITIES, Who
from ..use_cases.privacy.forget import Asked
from .messages import NOT_KNOWN, Message
from .request_guard.access import who_asks
from .request_guard.answers import JsonAnswer


def router(service: Service) -> APIRouter:
    """The side of people who change something."""
    handle, routes = _Handlers(service), APIRouter(prefix="/api/v1/dcm", tags=["manual"])
    routes.post("/pull", summary="Pull by hand, ahead of all automatic work")(handle.pull)
    routes.post("/redo", responses=NOT_KNOWN, summary="Pull and compute again (StudyInstanceUID, why, by)")(
        handle.redo
    )
    routes.post(
        "/cancel", responses=NOT_KNOWN, summary="Neither pull nor compute a study (StudyInstanceUID, why, by)"
    )(handle.cancel)
    routes.post(
        "/done", responses=NOT_KNOWN, summary="Mark a study as done by hand (StudyInstanceUID, why, by)"
    )(handle.done)
    routes.post(
        "/priority",
        responses=NOT_KNOWN,
        summary="Another priority (StudyInstanceUID, priority 0, 1, 2 or 4, why, by)",
    )(handle.priority)
    routes.post(
        "/forget",
        responses=_IN_FLIGHT,
        summary="Remove what is kept of a patient (PatientID, by, why, dryRun), unless it is in flight",
    )(handle.forget)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def pull(self, message: Message, request: Request) -> dict[str, Any]:
        asked = _named_in(message)
        answer = self._service.manual(
            asked, f"manual: {_by(message, request)}", str(message.get("why") or "")
        )
        self._service.wake(Role.PULL)
        return answer

    def redo(self, message: Message, request: Request) -> dict[str, Any]:
        answer = _known(self._service.work.redo(_uid(message), _who(message, request)))
        self._service.wake(Role.PULL)
        return answer

    def cancel(self, message: Message, request: Request) -> dict[str, Any]:
        return _known(self._service.work.cancel(_uid(message), _who(message, request)))

    def done(self, message: Message, request: Request) -> dict[str, Any]:
        return _known(self._service.work.done(_uid(message), _who(message, request)))

    def priority(self, message: Message, request: Request) -> dict[str, Any]:
        wanted = message.get("priority")
        if not isinstance(wanted, int) or isinstance(wanted, bool):
            raise MessageError("priority", wanted, ", ".join(map(str, PRIORITIES)))
        answer = _known(self._service.work.prioritise(_uid(message), wanted, _who(message, request)))
        self._service.wake(Role.PULL)
        return answer

    def forget(self, message: Message, request: Request) -> JSONResponse:
        asked = _forget_of(message, _by(message, request))
        told = self._service.forget(asked)
        return JsonAnswer(to_document(told), 409 if told.in_flight and not asked.dry_run else 200)


_IN_FLIGHT: dict[int | str, dict[str, Any]] = {
    409: {"description": "Something of the patient is in flight; what, stands under inFlight."}
}


def _uid(message: dict[str, Any]) -> str:
    uid = message.get("StudyInstanceUID")
    if not isinstance(uid, str) or not unpadded(uid):
        raise MessageError("StudyInstanceUID", uid, "the study's UID, as text")
    return unpadded(uid)


def _by(message: dict[str, Any], request: Request) -> str:
    return who_asks(request, message.get("by")) or (request.client.host if request.client else "api")


def _who(message: dict[str, Any], request: Request) -> Who:
    return Who(f"manual: {_by(message, request)}", str(message.get("why") or ""))


def _known(answer: dict[str, Any] | None) -> dict[str, Any]:
    if answer is None:
        raise HTTPException(404, "no such study is known here; pull it by hand first")
    return answer


def _named_in(message: Message) -> dict[str, str]:
    """What is to be pulled: everything but who and why."""
    asked: dict[str, str] = {}
    for key, value in message.items():
        if key in ("by", "why") or value is None:
            continue
        if not isinstance(value, str):
            raise MessageError(key, value, "text")
        asked[key] = value
    return asked


def _forget_of(message: Message, by: str) -> Asked:
    dry_run, patient = message.get("dryRun", False), message.get("PatientID")
    if not isinstance(dry_run, bool):
        raise MessageError("dryRun", dry_run, "true or false")
    if not isinstance(patient, str):
        raise MessageError("PatientID", patient, "text")
    return Asked(unpadded(patient), by, str(message.get("why") or ""), dry_run)
