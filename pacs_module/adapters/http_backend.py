"""The AI backend over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from .http import checked, translated


class HttpBackend:
    """Posts the hand-over as JSON; 2xx means accepted, the result comes to ``POST /api/v1/dcm/result``."""

    def __init__(self, url: str, key: str, timeout: float) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._timeout = timeout

    def submit(self, message: Mapping[str, Any], idempotency_key: str) -> None:
        """Ask the backend to compute."""
        headers = {**self._headers, "Idempotency-Key": idempotency_key}
        with translated("the backend"):
            response = requests.post(self._url, json=dict(message), headers=headers, timeout=(5, self._timeout))
        checked("the backend", response)
