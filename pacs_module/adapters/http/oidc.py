"""
The hospital's identity provider: OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636), and
bearer tokens that are JWTs (RFC 9068).

Signatures are checked by PyJWT, against the keys that the provider publishes; only algorithms with a public
key are taken. Every request goes by the one HTTP client policy.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt

from ...domain.access.roles import AccessRole, Caller, Way
from ...domain.errors import PermanentError, RetriableError, about
from ...domain.json_messages.json_text import printable
from ...shared.http import HttpLink, checked

WHO = "identity provider"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY_S = 60
"""How far the provider's clock may be beside ours, in seconds."""
KEEP_S = 3600.0
"""How long its addresses and keys are kept, in seconds."""
AGAIN_S = 30.0
"""A key that is not known is asked for at most this often, in seconds."""
TIMEOUT_S = 10.0
_MAX_TOKEN = 16_384


class TokenRefused(PermanentError):
    """A token that cannot be believed, with the reason."""


@dataclass(frozen=True)
class ProviderOptions:
    """What the settings say of the provider; ``roles`` is the provider's word to ours."""

    issuer: str
    client_id: str
    client_secret: str
    redirect: str
    roles: Mapping[str, AccessRole]
    scopes: tuple[str, ...] = ("openid", "profile")
    roles_claim: str = "roles"
    name_claim: str = "preferred_username"
    audience: str = ""
    ca_file: str = ""


@dataclass
class IdentityProvider:
    """One provider; ``now`` are monotonic seconds."""

    options: ProviderOptions
    now: Callable[[], float] = time.monotonic
    _link: HttpLink = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _metadata: dict[str, Any] = field(default_factory=dict)
    _metadata_at: float = 0.0
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _keys_at: float | None = None

    def __post_init__(self) -> None:
        self._link = HttpLink(WHO, ca_file=self.options.ca_file)

    def address_for(self, state: str, nonce: str, verifier: str) -> str:
        """Where the browser is sent to sign in."""
        told = self._told()
        query = {
            "response_type": "code",
            "client_id": self.options.client_id,
            "redirect_uri": self.options.redirect,
            "scope": " ".join(self.options.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        address = str(told["authorization_endpoint"])
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    def person(self, code: str, nonce: str, verifier: str) -> Caller:
        """
        The person whom a code stands for.

        Raises:
            TokenRefused: The provider refuses the code, or its token cannot be believed.
            RetriableError: The provider does not answer.
        """
        options = self.options
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": options.redirect,
            "client_id": options.client_id,
            "code_verifier": verifier,
        }
        if options.client_secret:
            form["client_secret"] = options.client_secret
        with about(WHO):
            answer = self._link.call(
                "POST", str(self._told()["token_endpoint"]), data=urlencode(form).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"}, timeout=TIMEOUT_S,
            )  # fmt: skip
        if not answer.ok:
            raise TokenRefused(f"the identity provider refuses the code: {answer.status}", answer.words)
        token = answer.json().get("id_token")
        claims = self._claims(str(token), options.client_id)
        if claims.get("nonce") != nonce:
            raise TokenRefused("the token was not made for this sign-in")
        if claims.get("azp", options.client_id) != options.client_id:
            raise TokenRefused("the token was made for another client")
        return self._caller(claims, Way.SESSION)

    def script(self, token: str) -> Caller | None:
        """
        The caller whom a bearer token stands for; None: it is none of the provider's, or cannot be believed.

        Raises:
            RetriableError: The provider does not answer, and its keys are not known yet.
        """
        if token.count(".") != 2 or len(token) > _MAX_TOKEN:
            return None
        try:
            claims = self._claims(token, self.options.audience or self.options.client_id)
            return self._caller(claims, Way.TOKEN)
        except TokenRefused:
            return None

    def _claims(self, token: str, audience: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = self._key(str(header.get("kid") or ""))
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=list(ALGORITHMS), audience=audience, issuer=self.options.issuer,
                leeway=LEEWAY_S, options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise TokenRefused("the token cannot be believed", printable(str(error))[:200]) from error
        return claims

    def _caller(self, claims: Mapping[str, Any], way: Way) -> Caller:
        roles = self._roles(claims)
        if not roles:
            raise TokenRefused(f"no role of ours in its claim {self.options.roles_claim}")
        names = (claims.get(claim) for claim in (self.options.name_claim, "email", "sub"))
        name = next((str(one) for one in names if one), "")
        return Caller(printable(name)[:60], roles, way)

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[AccessRole]:
        told: Any = claims
        for part in self.options.roles_claim.split("."):
            told = told.get(part) if isinstance(told, Mapping) else None
        words = told.split() if isinstance(told, str) else told if isinstance(told, list) else []
        known = self.options.roles
        return frozenset(known[word] for word in words if isinstance(word, str) and word in known)

    def _told(self) -> dict[str, Any]:
        """What the provider publishes of itself (OpenID Connect Discovery 1.0)."""
        with self._lock:
            if self._metadata and self.now() - self._metadata_at < KEEP_S:
                return self._metadata
            self._metadata, self._metadata_at = self._discovered(), self.now()
            return self._metadata

    def _discovered(self) -> dict[str, Any]:
        issuer = self.options.issuer
        told = self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != issuer:  # Discovery 4.3: must be the same, letter by letter
            words = f"the identity provider calls itself {printable(str(told.get('issuer')))[:200]}"
            raise RetriableError(f"{words}, the settings call it {issuer}")
        return told

    def _key(self, key_id: str) -> jwt.PyJWK:
        keys = self._fresh_keys(key_id)
        if key_id in keys:
            return keys[key_id]
        if not key_id and len(keys) == 1:
            return next(iter(keys.values()))
        raise TokenRefused("signed with a key that the provider does not publish")

    def _fresh_keys(self, key_id: str) -> Mapping[str, jwt.PyJWK]:
        """The provider's keys; read again when they are old, and sooner when one is not among them."""
        age = None if self._keys_at is None else self.now() - self._keys_at
        if age is None or age > KEEP_S or (key_id not in self._keys and age > AGAIN_S):
            self._keys = self._read_keys()
            self._keys_at = self.now()
        return self._keys

    def _read_keys(self) -> dict[str, jwt.PyJWK]:
        told = self._get(str(self._told()["jwks_uri"]))
        entries = [one for one in told.get("keys", []) if isinstance(one, dict) and one.get("use") != "enc"]
        keys = {}
        for entry in entries:
            try:
                keys[str(entry.get("kid") or "")] = jwt.PyJWK(entry)
            except jwt.PyJWTError:  # of a kind that we do not know: another one will do
                continue
        return keys

    def _get(self, address: str) -> dict[str, Any]:
        with about(WHO):
            answer = checked(WHO, self._link.call("GET", address, timeout=TIMEOUT_S))
        told = answer.json()
        if not isinstance(told, dict):
            raise RetriableError("the identity provider's answer cannot be read", json.dumps(told)[:200])
        return told


def challenge_of(verifier: str) -> str:
    """RFC 7636 4.2."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
