"""
Orthanc's own REST API over loopback HTTP.

Never the SDK's RestApi* calls: they hold Python's lock for as long as they take, which for a C-FIND is
minutes (docs/decisions/0003-no-callbacks-on-the-c-store-path.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeVar, cast

import requests
import urllib3

from pacs_module.domain.dicom.numbers import read_whole
from pacs_module.domain.errors import Refused, RetriableError
from pacs_module.domain.json_messages.json_text import FROM_ORTHANC
from pacs_module.shared.http import Answer, HttpLink, redirected

T = TypeVar("T")

_WHO = "Orthanc"
_ANSWER_S = 60.0


class Unreachable(RetriableError):
    """Orthanc itself does not answer: it starts, stops, or is overloaded."""


@dataclass(frozen=True)
class InstanceHere:
    """
    One stored image.

    Args:
        orthanc_id: Of this copy.
        sop_instance_uid: SOPInstanceUID.
        number: InstanceNumber, None when it is none.
        file: The name of its attachment in the store; another one after it was overwritten.
        size: What Orthanc has noted of the file, in bytes.
        series_id: Its series in Orthanc.
        ae_title: Of its sender; empty when it did not come by DICOM.
        address: Of its sender.
        received_at: Epoch milliseconds (in whole seconds), None when Orthanc does not say.
        sop_class: SOPClassUID.
        tags: What the index has of it, by keyword.
        called: The AE title that the sender called.
    """

    orthanc_id: str
    sop_instance_uid: str
    number: int | None
    file: str
    size: int
    series_id: str = ""
    ae_title: str = ""
    address: str = ""
    received_at: int | None = None
    sop_class: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    called: str = ""


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


class OrthancClient:
    """
    A client with one connection a thread.

    Args:
        base_url: Of this same Orthanc.
        token: From ``orthanc.GenerateRestApiAuthorizationToken()``.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self._base = base_url
        self.origins: dict[str, tuple[str, str]] = {}
        """AE title and address of images that we have put back ourselves, by their ids."""
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

    def post_bytes(self, path: str, content: bytes) -> None:
        """
        POST bytes.

        Raises:
            Refused: Orthanc does not take them.
        """
        answer = self._link.call("POST", self._base + path, data=content, timeout=_ANSWER_S)
        if not answer.ok:
            raise _not_ok(f"POST {path}", answer)

    def put_text(self, path: str, text: str) -> None:
        """PUT plain text."""
        self._link.call("PUT", self._base + path, data=text.encode(), timeout=_ANSWER_S)

    def _call(self, method: str, path: str, body: object = None, answer_s: float = _ANSWER_S) -> Answer:
        try:
            answer = self._link.call(method, self._base + path, json_body=body, timeout=answer_s)
        except RetriableError as error:
            if isinstance(error.__cause__, requests.Timeout | urllib3.exceptions.ReadTimeoutError):
                raise RetriableError(f"{_WHO}: no answer to {method} {path} in {answer_s:g} s") from error
            raise Unreachable(f"{_WHO}: {method} {path}: {error}") from error
        if not answer.ok:
            raise _not_ok(f"{method} {path}", answer)
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
            SeriesHere(
                series["ID"], series["MainDicomTags"].get("SeriesInstanceUID", ""), tuple(series["Instances"])
            )
            for series in answer or ()
        ]

    def instances_of(self, series_id: str) -> list[InstanceHere]:
        """The images of a series, with what is needed to link their files."""
        return [_instance(instance) for instance in self.get(f"/series/{series_id}/instances")]

    def with_senders(self, instance_ids: Sequence[str]) -> list[InstanceHere]:
        """Images with their senders: one question for any number of them, and no look into a file."""
        if not instance_ids:
            return []
        question = {"Resources": list(instance_ids), "Level": "Instance", "Metadata": True}
        return [self._with_origin(_instance(one)) for one in self.post("/tools/bulk-content", question)]

    def _with_origin(self, image: InstanceHere) -> InstanceHere:
        """Who sent it in the first place."""
        if image.ae_title or image.orthanc_id not in self.origins:
            return image
        ae_title, address = self.origins[image.orthanc_id]
        return replace(image, ae_title=ae_title, address=address)

    def instance(self, instance_id: str) -> InstanceHere | None:
        """One image, None when it is gone."""
        return absent_as_none(lambda: _instance(self.get(f"/instances/{instance_id}")))

    def patient_of(self, study_id: str) -> str:
        """PatientID of a study as Orthanc files it: with blanks before it, without those behind it."""
        answer = absent_as_none(lambda: self.get(f"/studies/{study_id}"))
        return str(((answer or {}).get("PatientMainDicomTags") or {}).get("PatientID", ""))

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
    tags, metadata = answer["MainDicomTags"], answer.get("Metadata") or {}
    return InstanceHere(
        orthanc_id=answer["ID"],
        sop_instance_uid=tags.get("SOPInstanceUID", ""),
        number=read_whole(tags.get("InstanceNumber", "")),
        file=answer["FileUuid"],
        size=int(answer["FileSize"]),
        series_id=answer.get("ParentSeries", ""),
        ae_title=metadata.get("RemoteAET", ""),
        address=metadata.get("RemoteIP", ""),
        received_at=_received_ms(metadata.get("ReceptionDate", "")),
        sop_class=metadata.get("SopClassUid", ""),
        tags=tags,
        called=metadata.get("CalledAET", ""),
    )


@lru_cache(maxsize=256)  # hundreds of images come in the same second
def _received_ms(text: str) -> int | None:
    """``20261130T080734``, in UTC, as epoch milliseconds."""
    try:
        return int(datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None


def _words(answer: Answer) -> str:
    try:
        said = answer.json()
        return str(said.get("Details") or said.get("Message") or "")[:300]
    except (RetriableError, AttributeError):
        return answer.words


def _not_ok(asked: str, answer: Answer) -> RetriableError | Refused:
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetriableError(f"{_WHO}: {asked}: {answer.status} {_words(answer)}")
    if answer.status >= HTTPStatus.BAD_REQUEST:
        return Refused(_WHO, answer.status, f"{asked}: {_words(answer)}")
    return Refused(_WHO, answer.status, f"{asked}: {redirected(answer)}")
