"""Who may ask what: loopback reads without a key, everybody else and every change needs one."""

from __future__ import annotations

import base64
import ipaddress
import secrets
import time

from fastapi import HTTPException, Request

from .sessions import Sessions

SIGN_IN = "/sign-in"
"""Where a person gives the key; the only change that needs none."""


class Access:
    """
    Checks requests against the API key.

    The key comes as ``X-API-Key``, as ``Authorization: Bearer``, or as the password of HTTP Basic (a browser
    can ask for it).
    """

    def __init__(self, api_key: str) -> None:
        self._key = api_key
        self.sessions = Sessions(api_key)

    def with_key(self, request: Request) -> None:
        """Let only those in who have the key."""
        if not self._has_key(request):
            raise HTTPException(
                401,
                "an API key is needed (header X-API-Key)",
                {"WWW-Authenticate": 'Basic realm="pacs_module"'},
            )

    def is_key(self, given: str) -> bool:
        """Whether this is the key."""
        return secrets.compare_digest(given.encode("utf-8", "replace"), self._key.encode())

    def reading(self, request: Request) -> None:
        """Let those in who have the key, people who have signed in, and processes on this machine."""
        if not _from_loopback(request) and not self.person(request):
            self.with_key(request)

    def person(self, request: Request) -> str:
        """The name of the person who has signed in; empty: nobody has."""
        return self.sessions.person(request, time.time())

    def may_change(self, request: Request) -> None:
        """
        Let a change in: at the API with the key alone; at a page also from whoever has signed in.

        A browser sends the cookie by itself, also for another site; so the API does not take it, and a page
        wants the form's token besides (:mod:`pacs_module.web.site.forms`).
        """
        path = str(request.url.path)
        if path == SIGN_IN or (not path.startswith("/api/") and self.person(request)):
            return
        self.with_key(request)

    def _has_key(self, request: Request) -> bool:
        given = request.headers.get("x-api-key") or _authorization(request.headers.get("authorization", ""))
        return secrets.compare_digest(given.encode(), self._key.encode())


def _authorization(header: str) -> str:
    kind, _, value = header.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:  # not base64 at all, or not UTF-8 in it
        return ""


def _from_loopback(request: Request) -> bool:
    """A proxy on this machine speaks for somebody else: then it is not loopback."""
    if request.client is None or any(
        name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip")
    ):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
