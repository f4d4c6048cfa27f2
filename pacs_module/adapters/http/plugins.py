"""The plugins in the receiving Orthanc, over its authenticated REST API (``/aipull/...``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ...domain.errors import MessageError, NoRoom, PipelineError, RetriableError, TooLarge, about
from ...domain.json_messages.documents import to_document
from ...domain.json_messages.json_text import FROM_ORTHANC, read_object
from ...domain.json_messages.messages import PullReport, PullRequest, read_pull_report
from ...domain.pull.failure_blame import Us
from ...domain.recover.consistency import PluginRecords, read_plugin_records
from ...shared.http import Answer, HttpLink, address_of, checked

_WHO = "the receiving Orthanc"
_RECORDS = "recordsWhole"
_RECEIVER = "receiver"
_REFUSED = "refused"


class OrthancPuller:
    """Asks the plugins for pulls; safe to use from several threads (one connection a call)."""

    def __init__(self, url: str, username: str, password: str, timeout: float) -> None:
        self._root = url.rstrip("/")
        self._url = self._root + "/aipull"
        self._server = f"receiving Orthanc at {address_of(url)}"
        self._link = HttpLink(_WHO, auth=(username, password), answer_bytes=FROM_ORTHANC.size)
        self._timeout = timeout

    def ask(self, request: PullRequest) -> None:
        """Ask for a pull; 507 means that the RAM disk has no room now, 413 that it never has."""
        refusals = (HTTPStatus.INSUFFICIENT_STORAGE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        answer = self._call("POST", "/pulls", to_document(request), refusals)
        if answer.status == HTTPStatus.INSUFFICIENT_STORAGE:
            raise NoRoom(_message(answer))
        if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise TooLarge(_message(answer))

    def report_of(self, pull_id: str, receiver: str = "") -> PullReport | str | None:
        """What became of a pull."""
        answer = self._call("GET", f"/pulls/{pull_id}", accepted=(HTTPStatus.NOT_FOUND,))
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        said = _object(answer)
        return read_pull_report(said["report"]) if said.get("report") else "running"

    def write_verdicts(self, lines: Sequence[str]) -> None:
        """Filter lines of a find, for orthanc-python.log."""
        self._call("POST", "/verdicts", {"lines": list(lines)})

    def release(self, handover_id: str, receiver: str = "") -> None:
        """Let a hand-over folder go."""
        self._call("POST", "/release", {"handoverID": handover_id})

    def audit(self) -> PluginRecords:
        """What the plugins' records have."""
        answer = self._call("GET", "/audit")
        return read_plugin_records(read_object(answer.body, "audit", FROM_ORTHANC))

    def set_installation(self, installation: str) -> None:
        """Have the plugins' journal belong to this installation."""
        self._call("POST", "/installation", {"installation": installation})

    def room(self) -> Mapping[str, Any]:
        """How full the RAM disk is; ``recordsWhole`` and ``refused`` where the plugins tell them."""
        status = self.status()
        room = status.get("room")
        told: dict[str, Any] = {_RECORDS: status[_RECORDS]} if isinstance(status.get(_RECORDS), bool) else {}
        if isinstance(status.get(_RECEIVER), str):
            told[_RECEIVER] = status[_RECEIVER]
        if _REFUSED in status:
            told[_REFUSED] = status[_REFUSED]
        return {**(room if isinstance(room, dict) else {}), **told}

    def remove_old(self, now: int, days: int, log_days: int) -> Mapping[str, int]:
        """Remove what the plugins keep of patients and is older than its age; how many of what."""
        told = {"now": now, "days": days, "logDays": log_days}
        return {name: int(number) for name, number in _object(self._call("POST", "/retention", told)).items()}

    def forget(self, study_uids: Sequence[str], words: Sequence[str], dry_run: bool) -> Mapping[str, Any]:
        """
        Remove all that the plugins keep of some studies; ``inFlight`` says why not, by StudyInstanceUID.
        """
        told = {"studyUIDs": list(study_uids), "words": list(words), "dryRun": dry_run}
        return _object(self._call("POST", "/forget", told, accepted=(HTTPStatus.CONFLICT,)))

    def log_level(self) -> Mapping[str, Any]:
        """The level of the plugins' log."""
        return _object(self._call("GET", "/log_level"))

    def set_log_level(self, level: str, seconds: float) -> None:
        """Write this level of the plugins' log for so many seconds."""
        self._call("POST", "/log_level/set", {"level": level, "seconds": seconds})

    def validation(self) -> Mapping[str, Any]:
        """The policy of validation, and rates by AE title."""
        return _object(self._call("GET", "/validation"))

    def quarantined(self, states: Sequence[str], before: int, limit: int) -> Mapping[str, Any]:
        """Images that failed validation."""
        body = {"states": list(states), "before": before, "limit": limit}
        return _object(self._call("POST", "/quarantine", body))

    def decide_quarantined(
        self, action: str, numbers: Sequence[int], study_uid: str, by: str, why: str
    ) -> Mapping[str, Any]:
        """Release or drop images; what the plugins refuse of the question is said in their words."""
        body = {"action": action, "numbers": list(numbers), "studyUID": study_uid, "by": by, "why": why}
        answer = self._call("POST", "/quarantine/decide", body, (HTTPStatus.BAD_REQUEST,))
        if answer.status == HTTPStatus.BAD_REQUEST:
            said = _object(answer)
            raise MessageError(str(said.get("key")), said.get("value"), str(said.get("allowed")))
        return _object(answer)

    def status(self) -> Mapping[str, Any]:
        """All that the plugins tell of themselves: ``version``, ``rules``, ``counts`` ..."""
        return _object(self._call("GET", "/status"))

    def system(self) -> Mapping[str, Any]:
        """What Orthanc says of itself: ``DicomAet``, ``DicomPort``, ``Version`` ..."""
        with about(self._server):
            answer = checked(_WHO, self._link.call("GET", self._root + "/system", timeout=self._timeout))
        return _object(answer)

    def shut_down(self) -> None:
        """End Orthanc as SIGTERM does; to start it again is for its supervisor (systemd, Docker)."""
        with about(self._server):
            checked(
                _WHO, self._link.call("POST", self._root + "/tools/shutdown", data="", timeout=self._timeout)
            )

    def _call(self, method: str, path: str, body: object = None, accepted: Sequence[int] = ()) -> Answer:
        """The answer, if it is 2xx or its status is one that the caller understands."""
        with about(self._server):
            answer = self._link.call(method, self._url + path, json_body=body, timeout=self._timeout)
            return answer if answer.status in accepted else checked(_WHO, answer)


@dataclass
class MoveDestination:
    """
    The receiving Orthanc as the PACS have to know it, for people; asked of Orthanc once.

    ``host`` and ``port`` as the PACS see them; empty and 0: not told, the port is Orthanc's own then.
    """

    puller: OrthancPuller
    host: str = ""
    port: int = 0
    _known: Us | None = None

    def __call__(self) -> Us:
        """Say what is known now."""
        if self._known is None:
            try:
                told = self.puller.system()
            except PipelineError:
                return Us(host=self.host, port=self.port)
            port = told.get("DicomPort")
            own = port if isinstance(port, int) else 0
            self._known = Us(str(told.get("DicomAet") or Us().ae_title), self.host, self.port or own)
        return self._known


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return read_object(answer.body, "answer")
    except MessageError as error:  # something else answers at that address
        raise RetriableError(f"{_WHO}: its answer cannot be read", str(error)) from error


def _message(answer: Answer) -> str:
    try:
        return str(read_object(answer.body)["message"])[:300]
    except (MessageError, KeyError):
        return answer.words
