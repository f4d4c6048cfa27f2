"""The AI backend over HTTP: by path on a shared folder, or with the series' bytes."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from ...domain.errors import about
from ...shared.http import Answer, HttpLink, address_of, checked, host_and_port
from ..files.series_stream import MEDIA_TYPE, SeriesStream

PATH, BYTES = "path", "bytes"
_WHO = "the backend"
_CONNECT_S = 2.0


class HttpBackend:
    """
    Posts the hand-over; 2xx means accepted, the result comes to ``POST /api/v1/dcm/result``.

    ``transfer`` path: the message as JSON, the backend reads the folder that it names. bytes: one request
    with a tar of message and files (:mod:`.series_stream`), for a backend on another host. The
    Idempotency-Key is the same at each repeat.

    Only the address that was posted to can accept: a redirect is refused, whatever its target would say.
    ``proxy`` is the one that the settings name; none is taken from the environment.
    """

    def __init__(
        self, url: str, key: str, timeout: float, transfer: str = PATH, proxy: str = "", ca_file: str = ""
    ) -> None:
        self._url = url
        self._server = f"backend at {address_of(url)}"
        self._link = HttpLink(_WHO, {"Authorization": f"Bearer {key}"}, proxy=proxy, ca_file=ca_file)
        self._timeout = timeout
        self._transfer = transfer

    def submit(self, message: Mapping[str, Any], idempotency_key: str) -> None:
        """Ask the backend to compute."""
        with about(self._server):
            if self._transfer == BYTES:
                answer = self._post_bytes(message, idempotency_key)
            else:
                answer = self._post_path(message, idempotency_key)
            checked(_WHO, answer)

    def gone(self) -> bool:
        """
        Connect and hang up: a refused connection is the one sure sign; a silent host may be a busy or a
        distant one.

        Behind a proxy it is the proxy that answers: False.
        """
        if self._link.proxy:
            return False
        try:
            with socket.create_connection(host_and_port(self._url), _CONNECT_S):
                return False
        except ConnectionRefusedError:
            return True
        except OSError:
            return False

    def _post_path(self, message: Mapping[str, Any], key: str) -> Answer:
        headers = {"Idempotency-Key": key}
        return self._link.call(
            "POST", self._url, json_body=dict(message), headers=headers, timeout=self._timeout
        )

    def _post_bytes(self, message: Mapping[str, Any], key: str) -> Answer:
        headers = {"Idempotency-Key": key, "Content-Type": MEDIA_TYPE}
        stream = SeriesStream(message, key)
        return self._link.call("POST", self._url, data=stream, headers=headers, timeout=self._timeout)
