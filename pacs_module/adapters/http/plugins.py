"""The plugins in the receiving Orthanc, over its authenticated REST API (``/aipull/...``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import requests

from ...domain.errors import NoRoom, TooLarge, about
from ...domain.wire.documents import to_document
from ...domain.wire.messages import PullReport, PullRequest, read_pull_report
from .client import address_of, checked, translated

_WHO = "the receiving Orthanc"


class OrthancPuller:
    """Asks the plugins for pulls; safe to use from several threads (one connection a call)."""

    def __init__(self, url: str, username: str, password: str, timeout: float) -> None:
        self._url = url.rstrip("/") + "/aipull"
        self._server = f"receiving Orthanc at {address_of(url)}"
        self._auth = (username, password)
        self._timeout = timeout

    def ask(self, request: PullRequest) -> None:
        """Ask for a pull; 507 means that the RAM disk has no room now, 413 that it never has."""
        refusals = (HTTPStatus.INSUFFICIENT_STORAGE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        response = self._call("POST", "/pulls", to_document(request), refusals)
        if response.status_code == HTTPStatus.INSUFFICIENT_STORAGE:
            raise NoRoom(_message(response))
        if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise TooLarge(_message(response))

    def report_of(self, pull_id: str) -> PullReport | str | None:
        """What became of a pull."""
        response = self._call("GET", f"/pulls/{pull_id}", accepted=(HTTPStatus.NOT_FOUND,))
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        answer = response.json()
        return read_pull_report(answer["report"]) if answer.get("report") else "running"

    def write_verdicts(self, lines: Sequence[str]) -> None:
        """Filter lines of a find, for orthanc-python.log."""
        self._call("POST", "/verdicts", {"lines": list(lines)})

    def release(self, handover_id: str) -> None:
        """Let a hand-over folder go."""
        self._call("POST", "/release", {"handoverID": handover_id})

    def room(self) -> Mapping[str, Any]:
        """How full the RAM disk is."""
        answer = self._call("GET", "/status").json()
        return dict(answer.get("room") or {})

    def _call(self, method: str, path: str, body: object = None, accepted: Sequence[int] = ()) -> requests.Response:
        """The answer, if it is 2xx or its status is one that the caller understands."""
        with about(self._server), translated(_WHO):
            response = requests.request(method, self._url + path, json=body, auth=self._auth, timeout=(5, self._timeout))
            return response if response.status_code in accepted else checked(_WHO, response)


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return response.text.strip()[:300]
