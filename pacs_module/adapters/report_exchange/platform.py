"""
The regional platform's API for reports and quality data.

=========================================  ==================================================================
``POST {url}/api/v1/reports``              ``{"hospital", "reports": [{"serial", "version", ...}]}``
``POST {url}/api/v1/reports/compare``      ``{"hospital", "day", "count", "reports": [{"serial", "version"}]}``
``POST {url}/api/v1/qc``                   ``{"hospital", "records": [{"id", "version", "kind", ...}]}``
=========================================  ==================================================================

An answer to what was sent names each: ``{"accepted": [{"serial" or "id", "version"}], "refused": [{...,
"reason"}]}``. The answer to a comparison says what the platform has of that day: ``{"count", "reports":
[{"serial", "version"}]}``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...domain.errors import Busy, PermanentError, Refused, RetriableError, about
from ...domain.json_messages.json_text import JsonLimits
from ...domain.report_exchange.entry import Entry, EntryKind
from ...ports import Taking
from ...shared.http import Answer, HttpLink, checked

WHO = "platform"
_LIST = JsonLimits(size=32 * 2**20)
"""A list of a day's serial numbers."""
_PATHS = {EntryKind.REPORT: ("reports", "serial"), EntryKind.QUALITY: ("qc", "id")}
_PATH_FAULTS = frozenset({401, 403, 404, 405, 407})
_CLIENT_ERROR = 400
_NAMES = {EntryKind.REPORT: "reports", EntryKind.QUALITY: "records"}


class HttpPlatform:
    """
    Sends reports and quality records, and asks which reports the platform has.

    Args:
        url: Of the platform, before ``/api/v1``.
        hospital: Our code there.
        key: Sent as ``Authorization: Bearer``; empty: none.
        ca_file: Authorities of its certificate; empty: the system's.
        timeout: For a call, in seconds.
    """

    def __init__(
        self, url: str, hospital: str, key: str = "", ca_file: str = "", timeout: float = 60.0
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._link = HttpLink(WHO, headers, ca_file=ca_file, keep=True, answer_bytes=_LIST.size)
        self._url, self._hospital, self._timeout = url.rstrip("/"), hospital, timeout

    def send(self, entries: Sequence[Entry]) -> Taking:
        """Send entries of one kind."""
        kind = entries[0].kind
        if kind not in _PATHS:
            raise PermanentError(f"a {kind} does not go to the platform")
        path, name = _PATHS[kind]
        told = {_NAMES[kind]: [{**entry.body, "version": entry.version} for entry in entries]}
        answer = self._post(path, told)
        return _taking(answer, name, {entry.key: entry.version for entry in entries})

    def reports_of(self, day: str, ours: Mapping[str, int]) -> Any:
        """Send count and list of a day; what the platform has of it."""
        listed = [{"serial": serial, "version": version} for serial, version in ours.items()]
        return self._post("reports/compare", {"day": day, "count": len(listed), "reports": listed})

    def _post(self, path: str, told: Mapping[str, Any]) -> Any:
        body = {"hospital": self._hospital, **told}
        with about(WHO):
            answer = self._link.call(
                "POST", f"{self._url}/api/v1/{path}", json_body=body, timeout=self._timeout
            )
            return checked_path(WHO, answer).json(_LIST)


def checked_path(who: str, answer: Answer) -> Answer:
    """
    The answer if it is 2xx. A key that is not taken and an address that is not there are the path's fault,
    not an entry's: no entry is refused for them.

    Raises:
        Busy: 401, 403, 404, 405, 407 and redirects, besides what :func:`pacs_module.shared.http.checked`
            says.
        RetriableError: As there.
        Refused: As there.
    """
    try:
        return checked(who, answer)
    except Refused as error:
        if answer.status in _PATH_FAULTS or answer.status < _CLIENT_ERROR:
            raise Busy(
                f"{who} answered {answer.status}: look at its address and key", said=error.words
            ) from error
        raise


def _taking(answer: Any, name: str, sent: Mapping[str, int]) -> Taking:
    """What the answer says of what was sent; of anything else, or of another version, it says nothing."""
    if not isinstance(answer, Mapping):
        raise RetriableError("the platform's answer is no object")
    accepted = {key for key, version, _ in _named(answer.get("accepted"), name) if sent.get(key) == version}
    refused = {
        key: reason or "no reason given"
        for key, version, reason in _named(answer.get("refused"), name)
        if sent.get(key) == version and key not in accepted
    }
    return Taking(frozenset(accepted), refused)


def _named(listed: Any, name: str) -> Iterator[tuple[str, Any, str]]:
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get(name), str):
            yield one[name], one.get("version"), str(one.get("reason") or "")
