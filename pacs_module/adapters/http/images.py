"""The images that the receiving Orthanc has now, over its REST API: for people who look at a study."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from ...domain.errors import MessageError, RetriableError, about
from ...domain.json_messages.json_text import FROM_ORTHANC, read_json, read_object
from ...shared.http import Answer, HttpLink, address_of, checked

_WHO = "the receiving Orthanc"
PREVIEW_BYTES = 4 * 2**20
"""A larger picture is not shown."""
PNG = b"\x89PNG\r\n\x1a\n"
TIMEOUT_S = 5.0
"""A page waits no longer for what is only to be looked at, in seconds."""


class OrthancImages:
    """One connection a call; safe to use from several threads."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._url = url.rstrip("/")
        self._server = f"receiving Orthanc at {address_of(url)}"
        self._link = HttpLink(_WHO, auth=(username, password), answer_bytes=PREVIEW_BYTES)

    def preview(self, series_uid: str) -> bytes | None:
        """A PNG of the middle slice of a series."""
        found = self._find("Series", {"SeriesInstanceUID": series_uid})
        if not found:
            return None
        instance = self._middle_instance(found)
        picture = self._get(f"/instances/{instance}/preview") if instance else None
        if picture is None or picture.status != HTTPStatus.OK or not picture.body.startswith(PNG):
            return None
        return picture.body

    def _middle_instance(self, series: str) -> str | None:
        answer = self._get(f"/series/{series}/ordered-slices")
        slices = _object(answer).get("SlicesShort", []) if answer.status == HTTPStatus.OK else []
        return slices[len(slices) // 2][0] if slices else self._any_instance(series)

    def reception(self, study_uid: str) -> Mapping[str, Any] | None:
        """Where the newest reception of a study stands."""
        answer = self._get(f"/aipull/receptions/{study_uid}")
        return _object(answer) if answer.status == HTTPStatus.OK else None

    def patient_name(self, study_uid: str) -> str:
        """PatientName of a study that is there."""
        found = self._find("Study", {"StudyInstanceUID": study_uid})
        if not found:
            return ""
        answer = self._get(f"/studies/{found}")
        tags = _object(answer).get("PatientMainDicomTags", {}) if answer.status == HTTPStatus.OK else {}
        return str(tags.get("PatientName", ""))

    def _any_instance(self, series: str) -> str:
        """Of a series that Orthanc cannot order: radiographs, and what has no geometry."""
        answer = self._get(f"/series/{series}")
        instances = _object(answer).get("Instances", []) if answer.status == HTTPStatus.OK else []
        return str(instances[len(instances) // 2]) if instances else ""

    def _find(self, level: str, query: Mapping[str, str]) -> str:
        body = {"Level": level, "Query": dict(query), "Limit": 1}
        with about(self._server):
            answer = self._link.call("POST", f"{self._url}/tools/find", json_body=body, timeout=TIMEOUT_S)
            found = read_json(checked(_WHO, answer).body, "answer", FROM_ORTHANC)
        return str(found[0]) if isinstance(found, list) and found else ""

    def _get(self, path: str) -> Answer:
        with about(self._server):
            return self._link.call("GET", self._url + path, timeout=TIMEOUT_S)


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return read_object(answer.body, "answer", FROM_ORTHANC)
    except MessageError as error:
        raise RetriableError(f"{_WHO}: its answer cannot be read", str(error)) from error
