"""
The platform's parameter API: ``GET {url}?hospital=CODE`` answers ``{"version": 7, "parameters": {"threads":
4, ...}}``.

Redirects are not followed: the key would go with them. An answer is bounded before it is parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...domain.errors import MessageError, RetriableError, about
from ...domain.json_messages.json_text import JsonLimits, read_object
from ...domain.platform_parameters.parameter import Told
from ...shared.http import HttpLink, checked

WHO = "platform"
_LIMITS = JsonLimits(256 * 1024, 8, 1_000, 4_096)


class HttpParameters:
    """
    Asks the platform.

    Args:
        url: The whole address.
        hospital: Our code there; empty: not said.
        key: Sent as ``Authorization: Bearer``; empty: none.
        ca_file: Authorities of its certificate; empty: the system's.
        timeout: Of a call, in seconds.
    """

    def __init__(self, url: str, hospital: str, key: str, ca_file: str, timeout: float) -> None:
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        self._link = HttpLink(WHO, headers, ca_file=ca_file, answer_bytes=_LIMITS.size)
        self._url, self._timeout = url, timeout
        self._params = {"hospital": hospital} if hospital else {}

    def parameters(self) -> Told:
        """What it says now."""
        with about("parameter API of the platform"):
            answer = checked(
                WHO, self._link.call("GET", self._url, params=self._params, timeout=self._timeout)
            )
        try:
            said = read_object(answer.body, "answer", _LIMITS)
        except MessageError as error:
            raise RetriableError(f"{WHO}: its parameters cannot be read", str(error)) from error
        return _read(said)


def _read(said: Mapping[str, Any]) -> Told:
    values, version = said.get("parameters"), said.get("version")
    if not isinstance(values, dict) or not (version is None or (type(version) is int and version >= 0)):
        raise RetriableError(f"{WHO}: its answer has no parameters, or a version that is no number")
    return Told(version, values)
