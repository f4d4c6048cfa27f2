"""C-FIND through the receiving Orthanc's REST API, with pyorthanc's client (field notes 2.5 and 7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from pyorthanc import Orthanc

from ...domain.dicom.attributes import Attributes
from ...domain.errors import (
    OUT_OF_RESOURCES,
    MessageError,
    PermanentError,
    RetriableError,
    TooManyAnswers,
    Unreachable,
    UnreadableAnswers,
    about,
)
from ...domain.json_messages.json_text import FROM_ORTHANC, read_json, read_object
from ...shared.http import address_of
from .find_scu import Peer

_LEVELS = {"PATIENT": "Patient", "STUDY": "Study", "SERIES": "Series", "IMAGE": "Instance"}
_SERVER_ERROR = 500
_DIMSE_STATUS = re.compile(r"DIMSE status 0x([0-9A-Fa-f]{4})")
# PS3.4 C.4.1.1.4
_NOT_ANSWERABLE = frozenset({0xA900, 0x0122})
# What Orthanc 1.10.1 says of one answer that it cannot read; it throws away the whole list then.
_UNREADABLE = re.compile(r"Unexpected PDV|[Pp]ars(?:e|ing)|[Cc]orrupt|Invalid stream|Bad file format")
MAX_ANSWERS_BYTES = 256 * 2**20
"""A list of answers as JSON may be so long: some 300,000 studies."""


class OrthancFinder:
    """A finder for every PACS that Orthanc knows as a modality; safe to use from several threads."""

    def __init__(self, url: str, username: str, password: str, timeout: float) -> None:
        self._server = f"receiving Orthanc at {address_of(url)}"
        # return_raw_response: pyorthanc's own errors carry no status. No connection is used twice: Orthanc
        # ends an idle one after a second, and a question that meets that instant would fail and be held
        # against the PACS. The policy of pacs_module.shared.http: no proxy from the environment, no
        # redirects.
        options = {
            "timeout": httpx.Timeout(timeout, connect=5.0),
            "limits": httpx.Limits(max_keepalive_connections=0),
            "trust_env": False,
            "follow_redirects": False,
        }
        self._orthanc = Orthanc(url, username, password, return_raw_response=True, **options)

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        """One C-FIND, and all its answers in a second call."""
        body = {
            "Level": _LEVELS[level],
            "Query": {**dict.fromkeys(return_keys, ""), **query},
            "Normalize": False,  # or Orthanc drops SliceThickness, ImageType and ConvolutionKernel
        }
        with _translated(pacs, self._server):
            made = self._checked(pacs, self._orthanc.post_modalities_id_query(pacs, json=body))
            answers = self._answers(pacs, made["ID"])
        return [_texts(answer) for answer in answers if isinstance(answer, dict)]

    def peer_of(self, pacs: str) -> Peer | None:
        """
        Where a PACS is, and who Orthanc is for it, as Orthanc has been told; None when it says neither.

        Raises:
            RetriableError, PermanentError: Orthanc does not answer.
        """
        with _translated(pacs, self._server):
            about_pacs = self._checked(pacs, self._orthanc.get_modalities_id_configuration(pacs))
            ourselves = self._checked(pacs, self._orthanc.get_system())
        if about_pacs.get("UseDicomTls") is True:
            return None  # the certificates are Orthanc's: who asks it directly needs some in the settings
        try:
            return Peer(
                str(about_pacs["Host"]),
                int(about_pacs["Port"]),
                str(about_pacs["AET"]),
                str(ourselves["DicomAet"]),
            )
        except (KeyError, TypeError, ValueError):
            return None

    def _answers(self, pacs: str, query_id: str) -> list[Any]:
        """The answers that Orthanc holds, read no further than MAX_ANSWERS_BYTES."""
        url = f"{self._orthanc.url}/queries/{query_id}/answers"
        with self._orthanc.stream("GET", url, params={"expand": "", "simplify": ""}) as response:
            whole = httpx.Response(response.status_code, content=_bounded(pacs, response))
        answers = self._checked(pacs, whole)
        if not isinstance(answers, list):
            raise RetriableError(f"find at {pacs}: Orthanc gave no list of answers")
        return answers

    def _checked(self, pacs: str, response: Any) -> Any:
        if response.status_code == httpx.codes.UNAUTHORIZED:
            with about(self._server):
                raise PermanentError("Orthanc refuses our user name or password")
        return _checked(pacs, response)

    def close(self) -> None:
        """Close the connections to Orthanc."""
        self._orthanc.close()


def _texts(answer: Mapping[str, Any]) -> Attributes:
    return {key: _text(value) for key, value in answer.items() if value is not None}


def _text(value: object) -> str:
    return "\\".join(map(str, value)) if isinstance(value, list) else str(value)


def _checked(pacs: str, response: Any) -> Any:
    if response.status_code == httpx.codes.NOT_FOUND:
        raise PermanentError(f"Orthanc knows no modality {pacs!r}: is it in DicomModalities?")
    if response.is_success:
        return _read(pacs, response)
    # Status C000 of a PACS comes as HTTP 422.
    if response.status_code >= _SERVER_ERROR or _DIMSE_STATUS.search(_words(response)):
        raise _failed(pacs, _words(response))
    raise UnreadableAnswers(
        f"Orthanc cannot read the answers of {pacs}: HTTP {response.status_code}", _words(response)
    )


def _read(pacs: str, response: Any) -> Any:
    try:
        return read_json(response.content, "answer", FROM_ORTHANC)
    except MessageError as error:
        raise RetriableError(f"find at {pacs}: Orthanc's answer cannot be read", str(error)) from error


def _failed(pacs: str, words: str) -> RetriableError | PermanentError:
    """What the PACS's own status says must be done; Orthanc throws away the answers that came before it."""
    said = _DIMSE_STATUS.search(words)
    status = int(said[1], 16) if said else None
    if status == OUT_OF_RESOURCES:
        return TooManyAnswers(None, words)
    kind: type[RetriableError | PermanentError] = (
        PermanentError if status in _NOT_ANSWERABLE else RetriableError
    )
    if status is None and _UNREADABLE.search(words):
        kind = UnreadableAnswers
    # Orthanc's own words of the association, none of the PACS's.
    error = kind(f"find at {pacs} failed in Orthanc: {words}")
    error.find_status = status
    return error


def _words(response: Any) -> str:
    try:
        said = read_object(response.content, "answer")
    except MessageError:
        return str(response.text)[:200]
    return f"{said.get('Message', '')} {said.get('Details', '')}".strip()


@contextmanager
def _translated(pacs: str, orthanc: str) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        with about(orthanc):
            raise Unreachable(f"Orthanc does not answer: {error}") from error
    except httpx.HTTPError as error:
        raise RetriableError(f"find at {pacs}: {type(error).__name__} {error}") from error


def _bounded(pacs: str, response: httpx.Response) -> bytes:
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > MAX_ANSWERS_BYTES:
            words = f"{pacs} answered more than {MAX_ANSWERS_BYTES >> 20} MB to one query"
            raise TooManyAnswers(None, words)
    return bytes(body)
