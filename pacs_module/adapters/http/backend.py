"""The AI backend over HTTP: by path on a shared folder, or with the series' bytes."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import requests

from ...domain.errors import about
from ..files.series_stream import MEDIA_TYPE, SeriesStream
from .client import address_of, checked, host_and_port, translated

PATH, BYTES = "path", "bytes"
_CONNECT_S = 2.0


class HttpBackend:
    """
    Posts the hand-over; 2xx means accepted, the result comes to ``POST /api/v1/dcm/result``.

    ``transfer`` path: the message as JSON, the backend reads the folder that it names. bytes: one request with a tar of message
    and files (:mod:`.series_stream`), for a backend on another host. The Idempotency-Key is the same at each repeat.
    """

    def __init__(self, url: str, key: str, timeout: float, transfer: str = PATH) -> None:
        self._url = url
        self._server = f"backend at {address_of(url)}"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._timeout = timeout
        self._transfer = transfer

    def submit(self, message: Mapping[str, Any], idempotency_key: str) -> None:
        """Ask the backend to compute."""
        headers = {**self._headers, "Idempotency-Key": idempotency_key}
        with about(self._server), translated("the backend"):
            response = self._post_bytes(message, headers) if self._transfer == BYTES else self._post_path(message, headers)
            checked("the backend", response)

    def gone(self) -> bool:
        """
        Connect and hang up: a refused connection is the one sure sign; a silent host may be a busy or a distant one.

        Behind a proxy it is the proxy that answers: False.
        """
        try:
            with socket.create_connection(host_and_port(self._url), _CONNECT_S):
                return False
        except ConnectionRefusedError:
            return True
        except OSError:
            return False

    def _post_path(self, message: Mapping[str, Any], headers: dict[str, str]) -> requests.Response:
        return requests.post(self._url, json=dict(message), headers=headers, timeout=(5, self._timeout))

    def _post_bytes(self, message: Mapping[str, Any], headers: dict[str, str]) -> requests.Response:
        stream = SeriesStream(message, headers["Idempotency-Key"])
        with_type = {**headers, "Content-Type": MEDIA_TYPE}
        return requests.post(self._url, data=stream, headers=with_type, timeout=(5, self._timeout))
