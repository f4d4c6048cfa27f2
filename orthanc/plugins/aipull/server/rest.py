"""
Orthanc's own REST API over loopback HTTP.

Never the SDK's RestApi* calls: they hold Python's lock for as long as they take, which for a C-FIND is minutes
(docs/decisions/0003-no-callbacks-on-the-c-store-path.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar, cast

import requests

from pacs_module.domain.errors import Refused, RetriableError
from pacs_module.domain.wire.json_text import FROM_ORTHANC
from pacs_module.shared.http import Answer, HttpLink, redirected

T = TypeVar("T")

_WHO = "Orthanc"
_ANSWER_S = 60.0
PACS_ANSWER_S = 700.0
"""A C-FIND to a silent PACS costs twice the DICOM timeout before Orthanc answers."""


class Unreachable(RetriableError):
    """Orthanc itself does not answer: it starts, stops, or is overloaded."""


@dataclass(frozen=True)
class InstanceHere:
    """
    One stored image: ``number`` is its InstanceNumber, ``file`` the name of its attachment in the store and ``size`` what Orthanc
    has noted of it, in bytes.
    """

    orthanc_id: str
    sop_instance_uid: str
    number: int | None
    file: str
    size: int


@dataclass(frozen=True)
class SeriesHere:
    """One stored series."""

    orthanc_id: str
    series_uid: str
    instances: tuple[str, ...]


@dataclass(frozen=True)
class StudyHere:
    """One study as Orthanc files it; images of one study under two PatientIDs are two of them."""

    orthanc_id: str
    study_uid: str


class OrthancRest:
    """
    A client with one connection a thread.

    Args:
        base_url: Of this same Orthanc.
        token: From ``orthanc.GenerateRestApiAuthorizationToken()``.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self._base = base_url
        self._link = HttpLink(_WHO, {"Authorization": token}, answer_bytes=FROM_ORTHANC.size, keep=True)

    def get(self, path: str) -> Any:
        """GET, as JSON."""
        return self._call("GET", path).json(FROM_ORTHANC)

    def get_bytes(self, path: str) -> bytes:
        """GET, as bytes."""
        return self._call("GET", path).body

    def post(self, path: str, body: object, answer_s: float = _ANSWER_S) -> Any:
        """POST JSON; the answer as JSON, None when it is empty."""
        answer = self._call("POST", path, body, answer_s)
        return answer.json(FROM_ORTHANC) if answer.body else None

    def _call(self, method: str, path: str, body: object = None, answer_s: float = _ANSWER_S) -> Answer:
        try:
            answer = self._link.call(method, self._base + path, json_body=body, timeout=answer_s)
        except RetriableError as error:
            if isinstance(error.__cause__, requests.Timeout):
                raise RetriableError(f"{_WHO}: no answer to {method} {path} in {answer_s:g} s") from error
            raise Unreachable(f"{_WHO}: {method} {path}: {error}") from error
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RetriableError(f"{_WHO}: {method} {path}: {answer.status} {_words(answer)}")
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(_WHO, answer.status, f"{method} {path}: {_words(answer)}")
        if not answer.ok:
            raise Refused(_WHO, answer.status, f"{method} {path}: {redirected(answer)}")
        return answer

    def study_of_instance(self, instance_id: str) -> StudyHere | None:
        """The study of an image, None when the image is gone."""
        return absent_as_none(lambda: _study(self.get(f"/instances/{instance_id}/study")))

    def studies(self) -> list[StudyHere]:
        """All studies."""
        return [_study(study) for study in self.get("/studies?expand")]

    def series_of(self, study_id: str) -> list[SeriesHere]:
        """The series of a study with the ids of their images; none when the study is gone."""
        answer = absent_as_none(lambda: self.get(f"/studies/{study_id}/series"))
        return [
            SeriesHere(series["ID"], series["MainDicomTags"].get("SeriesInstanceUID", ""), tuple(series["Instances"]))
            for series in answer or ()
        ]

    def instances_of(self, series_id: str) -> list[InstanceHere]:
        """The images of a series, with what is needed to link their files."""
        return [_instance(instance) for instance in self.get(f"/series/{series_id}/instances")]

    def tags(self, instance_id: str) -> dict[str, str]:
        """The attributes of an image that have a text value."""
        answer = self.get(f"/instances/{instance_id}/simplified-tags")
        return {keyword: value for keyword, value in answer.items() if isinstance(value, str)}

    def metadata(self, instance_id: str) -> dict[str, str]:
        """Who sent an image (RemoteAET, RemoteIP), and when it came."""
        return cast(dict[str, str], self.get(f"/instances/{instance_id}/metadata?expand"))

    def statistics(self, resource: str) -> tuple[int, int]:
        """Images of ``studies/{id}`` or ``series/{id}``, and their bytes in the store."""
        answer = self.get(f"/{resource}/statistics")
        return int(answer["CountInstances"]), int(answer["DiskSize"])

    def delete_instances(self, instance_ids: list[str]) -> None:
        """Delete images; those that are gone already are no error."""
        self.post("/tools/bulk-delete", {"Resources": instance_ids})


def absent_as_none(call: Callable[[], T]) -> T | None:
    """None for what Orthanc does not have."""
    try:
        return call()
    except Refused as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise


def _study(answer: dict[str, Any]) -> StudyHere:
    return StudyHere(answer["ID"], answer["MainDicomTags"].get("StudyInstanceUID", ""))


def _instance(answer: dict[str, Any]) -> InstanceHere:
    tags = answer["MainDicomTags"]
    try:
        number = int(tags.get("InstanceNumber", ""))
    except ValueError:
        number = None
    return InstanceHere(answer["ID"], tags.get("SOPInstanceUID", ""), number, answer["FileUuid"], int(answer["FileSize"]))


def _words(answer: Answer) -> str:
    try:
        said = answer.json()
        return str(said.get("Details") or said.get("Message") or "")[:300]
    except (RetriableError, AttributeError):
        return answer.words
