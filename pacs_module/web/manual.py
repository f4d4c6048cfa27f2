"""Work by hand, ahead of all automatic work; each with who asked."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request

from ..domain.dicom.attributes import unpadded
from ..domain.errors import MessageError
from ..service.loop import Role
from ..service.service import Service
from ..use_cases.operate.manual_work import PRIORITIES, Who
from .edge.access import who_asks
from .messages import NOT_KNOWN, Message


def router(service: Service) -> APIRouter:
    """The side of people who change something."""
    routes = APIRouter(prefix="/api/v1/dcm", tags=["manual"])

    @routes.post("/pull", summary="Pull by hand, ahead of all automatic work")
    def pull(message: Message, request: Request) -> dict[str, Any]:
        asked = {
            key: value for key, value in message.items() if key not in ("by", "why") and value is not None
        }
        for key, value in asked.items():
            if not isinstance(value, str):
                raise MessageError(key, value, "text")
        answer = service.manual(asked, f"manual: {_by(message, request)}", str(message.get("why") or ""))
        service.wake(Role.PULL)
        return answer

    @routes.post("/redo", responses=NOT_KNOWN, summary="Pull and compute again (StudyInstanceUID, why, by)")
    def redo(message: Message, request: Request) -> dict[str, Any]:
        answer = _known(service.work.redo(_uid(message), _who(message, request)))
        service.wake(Role.PULL)
        return answer

    @routes.post(
        "/cancel", responses=NOT_KNOWN, summary="Neither pull nor compute a study (StudyInstanceUID, why, by)"
    )
    def cancel(message: Message, request: Request) -> dict[str, Any]:
        return _known(service.work.cancel(_uid(message), _who(message, request)))

    @routes.post(
        "/done", responses=NOT_KNOWN, summary="Mark a study as done by hand (StudyInstanceUID, why, by)"
    )
    def done(message: Message, request: Request) -> dict[str, Any]:
        return _known(service.work.done(_uid(message), _who(message, request)))

    @routes.post(
        "/priority",
        responses=NOT_KNOWN,
        summary="Another priority (StudyInstanceUID, priority 0, 1, 2 or 4, why, by)",
    )
    def priority(message: Message, request: Request) -> dict[str, Any]:
        wanted = message.get("priority")
        if not isinstance(wanted, int) or isinstance(wanted, bool):
            raise MessageError("priority", wanted, ", ".join(map(str, PRIORITIES)))
        answer = _known(service.work.prioritise(_uid(message), wanted, _who(message, request)))
        service.wake(Role.PULL)
        return answer

    return routes


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
