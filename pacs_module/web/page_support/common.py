"""Signing in and out, language, theme, the files of the pages, and ``/docs`` without internet."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from ...domain.access.roles import Caller
from ...domain.audit_trail.entry import Act, Deed
from ..request_guard.sessions import COOKIE as SESSION
from ..request_guard.sessions import LIFETIME_S
from .forms import read_form
from .headers import DOCS
from .language import COOKIE as LANGUAGE
from .language import LANGUAGES
from .site import THEME, THEMES, Site

STATIC = Path(__file__).resolve().parents[1] / "static"
YEAR_S = 365 * 24 * 3600
WRONG_KEY_S = 1.0
"""How long a wrong key waits for its answer, in seconds."""


def router(site: Site) -> APIRouter:
    """What needs no page of its own; none of it shows a study."""
    handle, routes = _Handlers(site), APIRouter(include_in_schema=False)
    routes.get("/sign-in")(handle.sign_in)
    routes.post("/sign-in")(handle.signed_in)
    routes.get("/sign-out")(handle.sign_out)
    routes.get("/language/{language}")(handle.language)
    routes.get("/theme/{theme}")(handle.theme)
    routes.get("/docs")(handle.docs)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def sign_in(self, request: Request, next: str = "/") -> Response:
        return _sign_in_page(self._site, request, local_path(next))

    async def signed_in(self, request: Request) -> Response:
        form = await read_form(request)
        answer = await self._site.off_loop(partial(_sign_in, self._site, request, form))
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            await asyncio.sleep(WRONG_KEY_S)
        return answer

    def sign_out(self, request: Request) -> Response:
        session = self._site.access.session(request)
        if session is not None:
            self._site.access.keys.end_session(session.session_id, session.until, time.time())
            self._site.service.log.event("signed_out", "somebody signed out", name=session.caller.name)
            _record(self._site, request, Deed.SIGNED_OUT, session.caller)
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(SESSION)
        return answer

    def language(self, language: str, next: str = "/") -> Response:
        return _remember(LANGUAGE, language if language in LANGUAGES else "en", next)

    def theme(self, theme: str, next: str = "/") -> Response:
        return _remember(THEME, theme if theme in THEMES else "auto", next)

    def docs(self, request: Request) -> Response:
        answer = self._site.page(request, "docs", {"openapi": "/openapi.json"})
        if isinstance(answer, HTMLResponse):
            answer.headers["Content-Security-Policy"] = DOCS["Content-Security-Policy"]
        return answer


def _sign_in_page(site: Site, request: Request, to: str, status: int = HTTPStatus.OK) -> Response:
    view = {"next": to, "wrong": status != HTTPStatus.OK}
    return site.page(request, "sign_in", view, status, oidc=site.service.settings.web.oidc is not None)


def _sign_in(site: Site, request: Request, form: dict[str, str]) -> Response:
    to, name = local_path(form.get("next", "/")), form.get("name", "").strip()
    caller = site.access.sign_in(request, name, form.get("key", ""))
    if caller is None:
        site.service.log.event("sign_in_refused", "a wrong key was given at the page", "WARNING", name=name)
        return _sign_in_page(site, request, to, HTTPStatus.UNAUTHORIZED)
    return begin_session(site, request, caller, RedirectResponse(to, HTTPStatus.SEE_OTHER))


def begin_session(site: Site, request: Request, caller: Caller, answer: Response) -> Response:
    """The answer, with the cookie of a new session."""
    site.service.log.event(
        "signed_in", "somebody signed in at the page", name=caller.name, roles=sorted(caller.roles)
    )
    _record(site, request, Deed.SIGNED_IN, caller)
    oidc = site.service.settings.web.oidc
    # roles by a key are looked up at each request; those of the provider count until it is asked again
    lifetime_s = 60 * oidc.recheck_min if oidc is not None and not caller.key_id else LIFETIME_S
    token = site.access.sessions.issue(caller, time.time(), lifetime_s)
    secure = site.access.is_https(request)
    answer.set_cookie(SESSION, token, max_age=lifetime_s, httponly=True, samesite="strict", secure=secure)
    return answer


def _record(site: Site, request: Request, deed: Deed, caller: Caller) -> None:
    if site.service.trail is not None:
        roles, address = tuple(sorted(caller.roles)), site.access.address(request)
        site.service.trail.append(Act(deed, caller.name, caller.way.value, roles, address, "/sign-in", 200))


def local_path(text: str) -> str:
    """A path of ours to go on to; nothing that a browser takes for another site's."""
    plain = text.startswith("/") and not text.startswith(("//", "/\\")) and "\n" not in text
    return text if plain else "/"


def _remember(cookie: str, value: str, to: str) -> Response:
    answer = RedirectResponse(local_path(to), HTTPStatus.SEE_OTHER)
    answer.set_cookie(cookie, value, max_age=YEAR_S, httponly=True, samesite="lax")
    return answer


def serve_files(app: FastAPI) -> None:
    """Scripts and styles; they name nobody and may be cached."""
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
