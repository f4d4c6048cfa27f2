"""
Connections that read past interim answers (RFC 9110 15.2).

``http.client`` of Python 3.11 reads past 100 alone: 102 and 103, which a gateway sends while the server still
works, would be taken for the answer, and count as a refusal.
"""

from __future__ import annotations

import http.client
from typing import Any

import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

MOST_INTERIM = 1000
"""Answers before the answer; whoever sends more never answers."""
_CONTINUE, _SWITCHING, _FINAL = 100, 101, 200


class _Response(http.client.HTTPResponse):
    """The final answer: what is 1xx and no change of protocol is not."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM):
            told: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if told[1] in (_CONTINUE, _SWITCHING) or told[1] >= _FINAL:
                return told
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine(f"more than {MOST_INTERIM} interim answers")


class _Plain(HTTPConnection):
    response_class = _Response


class _Secure(HTTPSConnection):
    response_class = _Response


class PlainPool(urllib3.HTTPConnectionPool):
    """Connections by HTTP."""

    ConnectionCls = _Plain


class SecurePool(urllib3.HTTPSConnectionPool):
    """Connections by HTTPS."""

    ConnectionCls = _Secure


class Adapter(requests.adapters.HTTPAdapter):
    """The same for ``requests``, through a proxy, too."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the manager of connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """The same through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS = {"http": PlainPool, "https": SecurePool}
