"""Puts files into the receiving Orthanc over its REST API, for what lies in a folder and was never sent."""

from __future__ import annotations

from http import HTTPStatus

from ...domain.errors import Refused, RetriableError, about
from ...shared.http import HttpLink, address_of

_WHO = "the receiving Orthanc"
_OF_THE_FILE = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
)
"""Answers that are the file's own fault; any other is the path's, and the file waits."""


class OrthancStore:
    """
    One receiving Orthanc.

    Args:
        url: Of its REST API.
        username: There.
        password: Of it.
        timeout: For one file, in seconds.
    """

    def __init__(self, url: str, username: str, password: str, timeout: float) -> None:
        self._url = url.rstrip("/")
        self._server = f"receiving Orthanc at {address_of(url)}"
        self._link = HttpLink(_WHO, auth=(username, password))
        self._timeout = timeout

    def put(self, content: bytes) -> None:
        """
        Store one file; the same again is no error.

        Raises:
            Refused: It is no DICOM file that Orthanc can read.
            RetriableError: Orthanc is away, or has no room.
        """
        with about(self._server):
            answer = self._link.call("POST", f"{self._url}/instances", data=content, timeout=self._timeout)
        if answer.ok:
            return
        if answer.status in _OF_THE_FILE:
            raise Refused(_WHO, answer.status, "no DICOM file that it can read")
        raise RetriableError(f"{_WHO}: {answer.status}: it takes nothing now")
