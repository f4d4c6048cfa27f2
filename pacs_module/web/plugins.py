"""What the plugins in Orthanc post. Answered only after it is stored."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ..domain.errors import MessageError
from ..domain.json_messages.documents import to_document
from ..domain.json_messages.messages import IMAGES, PULL_OUTCOMES, PullReport, read_pull_report
from ..domain.json_messages.notification import PRIORITIES, Notification
from ..service.loop import Role
from ..service.service import Service
from .messages import Message, described

_REPORT = described(
    PullReport,
    {
        "short": {
            "reportID": "R",
            "pullID": "P",
            "studyUID": "1.2.840.1",
            "outcome": "short",
            "completeness": "SHORT 290 of 296",
        }
    },
    outcome={"enum": list(PULL_OUTCOMES)},
)
_SHOWN = Notification(
    "1.2.840.1", "1.2.840.1.1", 296, IMAGES, handover_id="0" * 32, filepath="/store_image/a", series_count=1
)
_NOTIFICATION = described(
    Notification,
    {"one series": _SHOWN.to_message()},
    priority={"enum": list(PRIORITIES)},
    is_push={"enum": [0, 1]},
    handover_id={"pattern": "^[0-9a-f]{32}$"},
    last_update_time={"description": "YYYYMMDDTHHMMSS in the hospital's time zone"},
)


def router(service: Service) -> APIRouter:
    """The plugins' side."""
    handle, routes = _Handlers(service), APIRouter(prefix="/api/v1/dcm", tags=["plugins"])
    routes.post(
        "/notify",
        summary="The plugins hand over, or say that all was filtered out",
        openapi_extra=_NOTIFICATION,
    )(handle.notify)
    routes.post("/pull_report", summary="The plugins report the end of a pull", openapi_extra=_REPORT)(
        handle.pull_report
    )
    routes.post("/announced", summary="What a PACS has of a study that came unasked")(handle.announced)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def notify(self, message: Message) -> dict[str, bool]:
        fresh = self._service.accept(message)
        self._service.wake(Role.PUBLISH, Role.PULL, Role.ROUTE)
        return {"accepted": fresh}

    def pull_report(self, message: Message) -> dict[str, bool]:
        known = self._service.ends.accept_report(read_pull_report(message))
        self._service.wake(Role.PULL)
        return {"known": known}

    def announced(self, message: Message) -> dict[str, Any]:
        study_uid = message.get("studyUID")
        if not isinstance(study_uid, str) or not study_uid:
            raise MessageError("studyUID", study_uid, "text, not empty")
        pacs = message.get("pacs", "")
        if not isinstance(pacs, str):
            raise MessageError("pacs", pacs, "the name of a PACS, or nothing")
        request = self._service.announce(study_uid, pacs, message.get("images") is True)
        return {"request": None if request is None else to_document(request)}
