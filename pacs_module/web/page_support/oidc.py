"""Signing in with the identity provider: to it, and back from it (``/sign-in/oidc``)."""

from __future__ import annotations

import base64
import json
import secrets
import time
from http import HTTPStatus

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from ...adapters.http.oidc import IdentityProvider, ProviderOptions, TokenRefused
from ...settings.oidc import OidcSettings
from ..request_guard.sessions import Sessions
from .common import begin_session, local_path
from .site import Site

COOKIE = "aipull_oidc"
BACK = "/sign-in/oidc/back"
WITHIN_S = 600
"""How long somebody may take at the provider, in seconds."""


def provider_of(told: OidcSettings) -> IdentityProvider:
    """The provider of the settings."""
    options = ProviderOptions(
        told.issuer,
        told.client_id,
        told.client_secret.get_secret_value(),
        told.page_url.rstrip("/") + BACK,
        told.roles,
        told.scopes,
        told.roles_claim,
        told.name_claim,
        told.audience,
        str(told.ca_file or ""),
    )
    return IdentityProvider(options)


def router(site: Site, provider: IdentityProvider) -> APIRouter:
    """The two ends of a sign-in."""
    handle, routes = _Handlers(site, provider), APIRouter(include_in_schema=False)
    routes.get("/sign-in/oidc")(handle.begin)
    routes.get(BACK)(handle.back)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site, provider: IdentityProvider) -> None:
        self._site = site
        self._provider = provider
        self._sessions = site.access.sessions

    def begin(self, request: Request, next: str = "/") -> Response:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        answer = RedirectResponse(self._provider.address_for(state, nonce, verifier), HTTPStatus.SEE_OTHER)
        told = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "next": local_path(next),
            "until": time.time() + WITHIN_S,
        }
        # Lax: the provider's redirect is another site's, and the cookie has to come with it.
        answer.set_cookie(
            COOKIE, _signed(self._sessions, told), max_age=WITHIN_S, path=BACK, httponly=True, samesite="lax",
            secure=self._site.access.is_https(request),
        )  # fmt: skip
        return answer

    def back(self, request: Request, code: str = "", state: str = "", error: str = "") -> Response:
        told = _read(self._sessions, request.cookies.get(COOKIE, ""))
        if told is None or not secrets.compare_digest(state.encode(), str(told["state"]).encode()):
            raise HTTPException(HTTPStatus.FORBIDDEN, "this sign-in was not begun here, or took too long")
        if error or not code:
            raise HTTPException(
                HTTPStatus.UNAUTHORIZED, f"the identity provider says: {error[:100] or 'no code'}"
            )
        try:
            caller = self._provider.person(code, str(told["nonce"]), str(told["verifier"]))
        except TokenRefused as refused:
            self._site.service.log.event(
                "sign_in_refused", "the identity provider's answer is refused", "WARNING", error=str(refused)
            )
            raise HTTPException(HTTPStatus.FORBIDDEN, refused.public) from refused
        # A page, not a redirect: a browser does not send a strict cookie on a way that began at another site.
        view = {"title": "Signed in", "to": str(told["next"])}
        answer = begin_session(self._site, request, caller, self._site.page(request, "signed_in", view))
        answer.delete_cookie(COOKIE, path=BACK)
        return answer


def _signed(sessions: Sessions, told: dict[str, object]) -> str:
    body = base64.urlsafe_b64encode(json.dumps(told).encode()).decode()
    return f"{body}.{sessions.sign('oidc', body)}"


def _read(sessions: Sessions, cookie: str) -> dict[str, object] | None:
    body, _, signature = cookie.rpartition(".")
    if not body or not sessions.is_signed("oidc", body, signature):
        return None
    told: dict[str, object] = json.loads(base64.urlsafe_b64decode(body))
    return told if time.time() < float(str(told["until"])) else None
