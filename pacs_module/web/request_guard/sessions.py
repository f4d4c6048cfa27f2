"""
Who signed in at a page: a signed cookie that lives for a working day, and the token that each form carries.

The server keeps no session, only which ones were ended before their time, so that a cookie that somebody
copied is of no use after the sign-out. The signature is made with a key that follows from the API key of the
settings: a new one ends every session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...domain.access.keys import MAX_NAME
from ...domain.access.roles import AccessRole, Caller, Way, roles_named

COOKIE = "aipull_session"
LIFETIME_S = 12 * 3600


@dataclass(frozen=True)
class Session:
    """One session: its id, who it is, and until when, in epoch seconds."""

    session_id: str
    caller: Caller
    until: float

    def with_roles(self, roles: frozenset[AccessRole]) -> Session:
        """The same with the roles of now."""
        return replace(self, caller=replace(self.caller, roles=roles))


class Sessions:
    """Makes and reads the cookie."""

    def __init__(self, api_key: str) -> None:
        self._secret = hashlib.sha256(b"aipull page sessions 2 " + api_key.encode()).digest()

    def issue(self, caller: Caller, now: float, lifetime_s: float = LIFETIME_S) -> str:
        """A cookie for a person, ``now`` in epoch seconds."""
        told = {
            "id": secrets.token_hex(8),
            "name": caller.name[:MAX_NAME],
            "roles": sorted(caller.roles),
            "key": caller.key_id,
            "until": now + lifetime_s,
        }
        body = base64.urlsafe_b64encode(json.dumps(told).encode()).decode()
        return f"{body}.{self.sign('session', body)}"

    def read(self, cookie: str, now: float) -> Session | None:
        """The session of a cookie; None when it is not ours, or over."""
        body, _, signature = cookie.rpartition(".")
        if not body or not self.is_signed("session", body, signature):
            return None
        told = json.loads(base64.urlsafe_b64decode(body))
        return _session(told) if now < told["until"] else None

    def form_token(self, cookie: str) -> str:
        """What a form of this session has to carry: another site cannot know it."""
        return self.sign("form", cookie)

    def sign(self, what: str, text: str) -> str:
        """A signature that is good for one purpose."""
        return hmac.new(self._secret, f"{what} {text}".encode(), hashlib.sha256).hexdigest()

    def is_signed(self, what: str, text: str, signature: str) -> bool:
        """Whether it is the signature of the text for that purpose."""
        return secrets.compare_digest(signature.encode(), self.sign(what, text).encode())


def _session(told: Mapping[str, Any]) -> Session:
    caller = Caller(str(told["name"]), roles_named(told["roles"]), Way.SESSION, str(told["key"]))
    return Session(str(told["id"]), caller, float(told["until"]))
