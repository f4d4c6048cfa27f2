"""
Who signed in at a page: a signed cookie that lives for a working day, and the token that each form carries.

Nothing is kept on the server: the signature is made with a key that follows from the API key, so a new API
key ends every session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets

from fastapi import Request

COOKIE = "aipull_session"
LIFETIME_S = 12 * 3600
MAX_NAME = 60


class Sessions:
    """Makes and reads the cookie."""

    def __init__(self, api_key: str) -> None:
        self._secret = hashlib.sha256(b"aipull page sessions " + api_key.encode()).digest()

    def issue(self, name: str, now: float) -> str:
        """A cookie for a person, ``now`` in epoch seconds."""
        told = json.dumps([name[:MAX_NAME], now + LIFETIME_S, secrets.token_hex(8)])
        body = base64.urlsafe_b64encode(told.encode()).decode()
        return f"{body}.{self._sign('session', body)}"

    def name_of(self, cookie: str, now: float) -> str:
        """Whose cookie it is; empty when it is nobody's, or over."""
        body, _, signature = cookie.rpartition(".")
        if not body or not secrets.compare_digest(signature.encode(), self._sign("session", body).encode()):
            return ""
        name, until, _ = json.loads(base64.urlsafe_b64decode(body))
        return str(name) if now < until else ""

    def form_token(self, cookie: str) -> str:
        """What a form of this session has to carry: another site cannot know it."""
        return self._sign("form", cookie)

    def person(self, request: Request, now: float) -> str:
        """The name of the person who asks; empty without a session."""
        return self.name_of(request.cookies.get(COOKIE, ""), now)

    def _sign(self, what: str, text: str) -> str:
        return hmac.new(self._secret, f"{what} {text}".encode(), hashlib.sha256).hexdigest()
