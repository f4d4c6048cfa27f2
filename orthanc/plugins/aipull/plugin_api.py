"""
``/aipull/...``: what pacs_module may ask of the plugins, behind Orthanc's own authentication.

Every body is bounded before it is parsed, every field is checked before anything is made of it. Handlers ask
the journal, the file system and, for what is here of a study, Orthanc's own REST API; none of them asks a
PACS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pacs_module import __version__
from pacs_module.domain.errors import MessageError
from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.json_messages.json_text import MESSAGE, plain, read_object
from pacs_module.domain.json_messages.messages import PullRequest, read_pull_request
from pacs_module.domain.json_messages.uid_syntax import checked_uid
from pacs_module.domain.pull.ram_disk import RoomVerdict
from pacs_module.domain.receive.folder_state import NEEDED, FolderEvent
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from .hand_over.folder import HandoverFolder
from .journal.audit import Audit
from .journal.handovers import HandoverRow, HandoverRows
from .journal.journal import Journal
from .journal.pulls import PullRows
from .pull.admission import Admission
from .retention.purge import Purge
from .runtime.clock import now_ms


@dataclass(frozen=True)
class Answer:
    """Status and JSON body."""

    status: int
    body: Mapping[str, Any]

    def text(self) -> str:
        """The body as JSON, in ASCII, so that its characters are its bytes; never fails."""
        return json.dumps(plain(self.body))


@dataclass(frozen=True)
class PluginApi:
    """
    The handlers, free of Orthanc's SDK.

    Each takes the parsed body and the groups of the URI and gives an :class:`Answer`; ``on_pull`` wakes the
    worker, ``on_call`` tells that pacs_module is there, ``on_never`` that a study has no place on the RAM
    disk, ``full`` whether the RAM disk is fuller than it should be, ``deaths`` how often Orthanc died.
    """

    journal: Journal
    pulls: PullRows
    handovers: HandoverRows
    folder: HandoverFolder
    room: Admission
    modalities: frozenset[str]
    log: ContractLog
    on_pull: Callable[[], None]
    on_call: Callable[[], None]
    on_never: Callable[[str], None] = lambda _: None
    full: Callable[[], bool] = lambda: False
    tell_reception: Callable[[str], Mapping[str, Any] | None] = lambda _: None
    deaths: Callable[[], Mapping[str, int]] = dict
    records_whole: Callable[[], bool] = lambda: True
    rules_version: Callable[[], str] = str
    learn_rules: Callable[[str], object] = lambda _: None
    purge: Purge | None = None
    refused: Callable[[], Mapping[str, Any]] = dict
    """Whom the DICOM port has refused."""
    receiver: str = ""
    """What this Orthanc is called, where there are several."""

    def ask_pull(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/pulls``: idempotent by pullID."""
        request = _checked(read_pull_request(body))
        known = self.pulls.get(request.pull_id)
        if known is not None:
            return Answer(HTTPStatus.OK, {"status": "ended" if known.report else "running"})
        if request.receiver and self.receiver and request.receiver != self.receiver:
            return self._misdirected(request.receiver)
        if request.pacs not in self.modalities:
            return self._unknown_pacs(request.pacs)
        self.learn_rules(request.rules)  # now: the file may have other ones when its images come
        verdict = self._add(request)
        if not verdict.fits:
            return self._no_room(request.study_uid, verdict)
        self._tell_asked(request)
        reach("pull_journaled")
        self.on_pull()
        return Answer(HTTPStatus.OK, {"status": "running"})

    def _add(self, request: PullRequest) -> RoomVerdict:
        """Journal a pull that has room; under one lock, so that no other pull takes the same room."""
        with self.room.lock:
            verdict = self.room.ask_for(request)
            if verdict.fits:
                self.pulls.add(request, now_ms())
        return verdict

    def _misdirected(self, meant: str) -> Answer:
        """
        Two names for one Orthanc, or an address that leads to another one: a pull here would be lost there.
        """
        words = f"this is the receiver {self.receiver}, the pull is for {meant}"
        said = {"message": words, "key": "receiver", "value": meant}
        return Answer(HTTPStatus.MISDIRECTED_REQUEST, said)

    def _unknown_pacs(self, pacs: str) -> Answer:
        known = ", ".join(sorted(self.modalities)) or "none"
        words = f"{pacs} is not in Orthanc's DicomModalities: {known}"
        return Answer(HTTPStatus.NOT_FOUND, {"message": words, "key": "pacs", "value": pacs})

    def _no_room(self, study_uid: str, verdict: RoomVerdict) -> Answer:
        """Not now, or never."""
        if not verdict.never:
            return Answer(HTTPStatus.INSUFFICIENT_STORAGE, {"message": verdict.why})
        told = {"studyUID": study_uid, "why": verdict.why}
        self.log.event("pull_never_fits", "a pull can never have room", level="ERROR", **told)
        self.on_never(study_uid)
        return Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"message": verdict.why})

    def _tell_asked(self, request: PullRequest) -> None:
        self.log.event(
            "pull_asked",
            "pull asked for",
            pullID=request.pull_id,
            studyUID=request.study_uid,
            pacs=request.pacs,
            atLevel=request.level,
        )

    def pull_state(self, pull_id: str) -> Answer:
        """``GET /aipull/pulls/{id}``: running, or ended with the report."""
        pull = self.pulls.get(pull_id)
        if pull is None:
            return Answer(HTTPStatus.NOT_FOUND, {"message": f"no pull {pull_id}"})
        if pull.report is None:
            return Answer(HTTPStatus.OK, {"status": "running"})
        return Answer(HTTPStatus.OK, {"status": "ended", "report": to_document(pull.report)})

    def reception(self, study_uid: str) -> Answer:
        """
        ``GET /aipull/receptions/{StudyInstanceUID}``: where the newest reception of a study stands, and what
        it waits for.
        """
        told = self.tell_reception(study_uid)
        if told is None:
            return Answer(HTTPStatus.NOT_FOUND, {"message": f"no reception of {study_uid}"})
        return Answer(HTTPStatus.OK, told)

    def write_verdicts(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/verdicts``: filter lines of a find, so that one grep finds every reason."""
        lines = _lines_of(body)
        for line in lines:
            self.log.line(line)
        return Answer(HTTPStatus.OK, {"written": len(lines)})

    def release(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/release``: a hand-over's folder is no longer needed."""
        handover_id = _handover_id_of(body)
        row = self.handovers.get(handover_id)
        if row is None:
            return Answer(HTTPStatus.OK, {"released": False})
        self.folder.remove(row.folder)
        if row.state in NEEDED:
            self._release(row)
        return Answer(HTTPStatus.OK, {"released": True})

    def _release(self, row: HandoverRow) -> None:
        self.handovers.move(row, FolderEvent.RELEASE)
        told = {"studyUID": row.study_uid, "handoverID": row.handover_id, "folder": row.folder}
        self.log.event("handover_released", "hand-over released", **told)

    def audit(self) -> Answer:
        """
        ``GET /aipull/audit``: what journal, hand-over folder and index have, for pacs_module to compare.
        """
        return Answer(HTTPStatus.OK, self._audit.records(now_ms()))

    def set_installation(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/installation``: the journal belongs to the store with this id from now on."""
        installation = body.get("installation")
        if not isinstance(installation, str) or not re.fullmatch("[0-9a-f]{32}", installation):
            raise MessageError("installation", installation, "32 hex digits")
        before = self._audit.set_installation(installation)
        if before not in ("", installation):
            self.log.event(
                "installation_changed", "the journal belongs to another store of pacs_module now", "WARNING",
                before=before, installation=installation,
            )  # fmt: skip
        return Answer(HTTPStatus.OK, {"installation": installation, "before": before})

    def retention(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/retention``: what is older than its age goes."""
        did = self.purge.by_age(body) if self.purge is not None else {}
        self.log.event("retention", "what was older than its age was removed", did=did)
        return Answer(HTTPStatus.OK, did)

    def forget(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/forget``: all that is kept of some studies goes; 409 when something is in flight."""
        did = self.purge.forget(body) if self.purge is not None else {"inFlight": {}}
        refused = bool(did["inFlight"]) and not body.get("dryRun")
        return Answer(HTTPStatus.CONFLICT if refused else HTTPStatus.OK, did)

    def log_level(self) -> Answer:
        """``GET /aipull/log_level``: what is written to our log."""
        return Answer(HTTPStatus.OK, self.log.level.told())

    def set_log_level(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/log_level/set``: write this level and what is graver for so many seconds."""
        self.log.level.set(body.get("level"), body.get("seconds"))
        self.log.event(
            "log_level", "another log level was set", "WARNING", to=body["level"], seconds=body["seconds"]
        )
        return self.log_level()

    @property
    def _audit(self) -> Audit:
        return Audit(self.journal, self.handovers, self.folder)

    def status(self) -> Answer:
        """``GET /aipull/status``: for health."""
        state = {
            "version": __version__,
            "rules": self.rules_version(),
            "receiver": self.receiver,
            "epoch": self.journal.meta("epoch"),
            "seq": int(self.journal.meta("seq", "0")),
        }
        room = {**self.room.state(), "alarm": self.full(), "rules": self.rules_version()}
        counts = {**self.journal.counts(), **self.deaths()}
        return Answer(
            HTTPStatus.OK,
            {
                **state,
                "recordsWhole": self.records_whole(),
                "counts": counts,
                "room": room,
                "refused": self.refused(),
            },
        )


Handler = Callable[[Mapping[str, Any], tuple[str, ...]], Answer]


_PULL_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MAX_ID = 128
_MAX_LINE = 10_000
_MAX_WORDS = 500
_MAX_INSTANCES = 2**31
_MAX_PRIORITY = 255


def _checked(request: PullRequest) -> PullRequest:
    """
    The request, once each of its fields is what it should be.

    Raises:
        MessageError: One is not.
    """
    if _PULL_ID.fullmatch(request.pull_id) is None:
        raise MessageError("pullID", request.pull_id, "1 to 128 letters, digits and . _ : -")
    checked_uid("studyUID", request.study_uid)
    _check_numbers("expected", [request.expected or 0], _MAX_INSTANCES)
    _check_numbers("expectedSeries", request.expected_series.values(), _MAX_INSTANCES)
    _check_numbers("priority", [request.priority], _MAX_PRIORITY)
    for key, uids in _uids_of(request):
        _check_uids(key, uids)
    return request


def _uids_of(request: PullRequest) -> Iterator[tuple[str, Iterable[str]]]:
    """All SeriesInstanceUIDs and SOPInstanceUIDs of a request, by the key that they stand under."""
    yield "seriesUIDs", request.series_uids
    yield "expectedSeries", request.expected_series
    yield "filtered", request.filtered
    yield "skipFilter", request.skip_filter
    yield "expectedInstances", request.expected_instances
    yield "announced", request.announced
    for images in request.expected_instances.values():
        yield "expectedInstances", images


def _lines_of(body: Mapping[str, Any]) -> list[str]:
    lines = body.get("lines")
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise MessageError("lines", shown(lines), "a list of texts")
    longest = max(lines, key=len, default="")
    if len(longest) > _MAX_LINE:
        raise MessageError("lines", shown(longest), f"lines of at most {_MAX_LINE} characters")
    return lines


def _handover_id_of(body: Mapping[str, Any]) -> str:
    handover_id = body.get("handoverID")
    if not isinstance(handover_id, str) or not 0 < len(handover_id) <= _MAX_ID:
        raise MessageError("handoverID", shown(handover_id), f"a text of 1 to {_MAX_ID} characters")
    return handover_id


def _check_numbers(key: str, numbers: Iterable[int], most: int) -> None:
    for number in numbers:
        if not 0 <= number <= most:
            raise MessageError(key, number, f"0 to {most}")


def _check_uids(key: str, uids: Iterable[str]) -> None:
    for uid in uids:
        checked_uid(key, uid)


def shown(value: Any) -> Any:
    """A value as it may stand in an answer: not longer than a line."""
    text = value if isinstance(value, str) else json.dumps(plain(value))
    return value if len(text) <= _MAX_WORDS else text[:_MAX_WORDS] + "..."


def _told(body: Mapping[str, Any]) -> Any:
    """A body for the log; not of whom is to be forgotten."""
    return "words" if "words" in body else shown(body)


def routes(api: PluginApi) -> dict[str, tuple[str, Handler]]:
    """URI pattern to method and handler."""
    return {
        "/aipull/pulls": ("POST", lambda body, _: api.ask_pull(body)),
        "/aipull/pulls/(.+)": ("GET", lambda _, groups: api.pull_state(groups[0])),
        "/aipull/receptions/([0-9.]{1,64})": ("GET", lambda _, groups: api.reception(groups[0])),
        "/aipull/verdicts": ("POST", lambda body, _: api.write_verdicts(body)),
        "/aipull/release": ("POST", lambda body, _: api.release(body)),
        "/aipull/audit": ("GET", lambda _, __: api.audit()),
        "/aipull/installation": ("POST", lambda body, _: api.set_installation(body)),
        "/aipull/retention": ("POST", lambda body, _: api.retention(body)),
        "/aipull/forget": ("POST", lambda body, _: api.forget(body)),
        "/aipull/status": ("GET", lambda _, __: api.status()),
        "/aipull/log_level": ("GET", lambda _, __: api.log_level()),
        "/aipull/log_level/set": ("POST", lambda body, _: api.set_log_level(body)),
    }


def answer_to(api: PluginApi, handler: Handler, request: Mapping[str, Any]) -> Answer:
    """
    Call a handler; whatever goes wrong becomes an answer, because an exception in a callback of the SDK helps
    nobody.
    """
    groups = tuple(request.get("groups") or ())
    try:
        body = read_object(request.get("body") or b"{}", "body", MESSAGE)
        answer = handler(body, groups)
        api.on_call()
        api.log.event(
            "request_answered", "pacs_module asked the plugins", "DEBUG",
            of=list(groups), asked=_told(body), status=int(answer.status),
        )  # fmt: skip
        return answer
    except MessageError as error:
        return _bad_request(error)
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        api.log.event("request_failed", "a request failed", level="ERROR", error=words)
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"message": words})


def _bad_request(error: MessageError) -> Answer:
    details = {"key": error.key, "value": shown(error.value), "allowed": error.allowed}
    return Answer(HTTPStatus.BAD_REQUEST, {"message": str(error)[:_MAX_WORDS], **details})
