"""
``/aipull/...``: what pacs_module may ask of the plugins. Behind Orthanc's own authentication; handlers touch the
journal and the file system only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pacs_module import __version__
from pacs_module.domain.errors import MessageError
from pacs_module.domain.wire.documents import to_document
from pacs_module.domain.wire.messages import read_pull_request
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from .hand_over.folder import HandoverFolder
from .journal.handovers import HandoverRows
from .journal.journal import Journal
from .journal.pulls import PullRows
from .pull.admission import Room
from .runtime.clock import now_ms


@dataclass(frozen=True)
class Answer:
    """Status and JSON body."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True)
class RestApi:
    """
    The handlers, free of Orthanc's SDK.

    Each takes the parsed body and the groups of the URI and gives an :class:`Answer`; ``on_pull`` wakes the worker,
    ``on_call`` tells that pacs_module is there, ``on_never`` that a study has no place on the RAM disk, ``full`` whether the RAM
    disk is fuller than it should be.
    """

    journal: Journal
    pulls: PullRows
    handovers: HandoverRows
    folder: HandoverFolder
    room: Room
    modalities: frozenset[str]
    log: ContractLog
    on_pull: Callable[[], None]
    on_call: Callable[[], None]
    on_never: Callable[[str], None] = lambda _: None
    full: Callable[[], bool] = lambda: False

    def ask_pull(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/pulls``: idempotent by pullID."""
        request = read_pull_request(body)
        known = self.pulls.get(request.pull_id)
        if known is not None:
            return Answer(HTTPStatus.OK, {"status": "ended" if known.report else "running"})
        if request.pacs not in self.modalities:
            words = f"{request.pacs} is not in Orthanc's DicomModalities: {', '.join(sorted(self.modalities)) or 'none'}"
            return Answer(HTTPStatus.NOT_FOUND, {"message": words, "key": "pacs", "value": request.pacs})
        with self.room.lock:
            verdict = self.room.ask_for(request)
            if verdict.fits:
                self.pulls.add(request, now_ms())
        if verdict.never:
            self.log.event(
                "pull_never_fits", "a pull can never have room",
                level="ERROR", studyUID=request.study_uid, why=verdict.why,
            )
            self.on_never(request.study_uid)
            return Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"message": verdict.why})
        if not verdict.fits:
            return Answer(HTTPStatus.INSUFFICIENT_STORAGE, {"message": verdict.why})
        self.log.event(
            "pull_asked", "pull asked for",
            pullID=request.pull_id, studyUID=request.study_uid, pacs=request.pacs, at_level=request.level,
        )
        reach("pull_journaled")
        self.on_pull()
        return Answer(HTTPStatus.OK, {"status": "running"})

    def pull_state(self, pull_id: str) -> Answer:
        """``GET /aipull/pulls/{id}``: running, or ended with the report."""
        pull = self.pulls.get(pull_id)
        if pull is None:
            return Answer(HTTPStatus.NOT_FOUND, {"message": f"no pull {pull_id}"})
        if pull.report is None:
            return Answer(HTTPStatus.OK, {"status": "running"})
        return Answer(HTTPStatus.OK, {"status": "ended", "report": to_document(pull.report)})

    def write_verdicts(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/verdicts``: filter lines of a find, so that one grep finds every reason."""
        lines = body.get("lines")
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise MessageError("lines", lines, "a list of texts")
        for line in lines:
            self.log.line(line)
        return Answer(HTTPStatus.OK, {"written": len(lines)})

    def release(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/release``: a hand-over's folder is needed no more."""
        handover_id = body.get("handoverID")
        if not isinstance(handover_id, str) or not handover_id:
            raise MessageError("handoverID", handover_id, "a text, not empty")
        row = self.handovers.get(handover_id)
        if row is None:
            return Answer(HTTPStatus.OK, {"released": False})
        self.folder.remove(row.folder)
        if row.state == "given":
            self.handovers.set_state(handover_id, "released")
            self.log.event(
                "handover_released", "hand-over released",
                studyUID=row.study_uid, handoverID=handover_id, folder=row.folder,
            )
        return Answer(HTTPStatus.OK, {"released": True})

    def status(self) -> Answer:
        """``GET /aipull/status``: for health."""
        state = {"version": __version__, "epoch": self.journal.meta("epoch"), "seq": int(self.journal.meta("seq", "0"))}
        room = {**self.room.state(), "alarm": self.full()}
        return Answer(HTTPStatus.OK, {**state, "counts": self.journal.counts(), "room": room})


Handler = Callable[[Mapping[str, Any], tuple[str, ...]], Answer]


def routes(api: RestApi) -> dict[str, tuple[str, Handler]]:
    """URI pattern to method and handler."""
    return {
        "/aipull/pulls": ("POST", lambda body, _: api.ask_pull(body)),
        "/aipull/pulls/(.+)": ("GET", lambda _, groups: api.pull_state(groups[0])),
        "/aipull/verdicts": ("POST", lambda body, _: api.write_verdicts(body)),
        "/aipull/release": ("POST", lambda body, _: api.release(body)),
        "/aipull/status": ("GET", lambda _, __: api.status()),
    }


def answer_to(api: RestApi, handler: Handler, request: Mapping[str, Any]) -> Answer:
    """Call a handler; whatever goes wrong becomes an answer, because an exception in a callback of the SDK helps nobody."""
    try:
        body = json.loads(request.get("body") or b"{}")
        if not isinstance(body, dict):
            raise MessageError("body", type(body).__name__, "a JSON object")
        answer = handler(body, tuple(request.get("groups") or ()))
        api.on_call()
        return answer
    except MessageError as error:
        details = {"key": error.key, "value": error.value, "allowed": error.allowed}
        return Answer(HTTPStatus.BAD_REQUEST, {"message": str(error), **details})
    except ValueError as error:
        return Answer(HTTPStatus.BAD_REQUEST, {"message": f"not JSON: {error}", "key": "body", "value": None, "allowed": "JSON"})
    except Exception as error:
        api.log.event(
            "request_failed", "a request failed",
            level="ERROR", error=f"{type(error).__name__}: {error}",
        )
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"message": f"{type(error).__name__}: {error}"})
