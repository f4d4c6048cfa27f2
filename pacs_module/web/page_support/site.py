"""
A page out of its view model: a template for people, JSON for programs, from the same route with the same
data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool

from ... import __version__
from ...domain.access.roles import Caller, Way, roles_for
from ...domain.instants import iso
from ...domain.json_messages.documents import to_document
from ...service.service import Service
from ..request_guard.access import Access, caller_of
from ..request_guard.answers import JsonAnswer
from ..request_guard.needs import need_of
from ..request_guard.sessions import COOKIE as SESSION
from . import language as languages
from .compiled import COMPILED
from .headers import PAGE
from .sentences import sentences_in

T = TypeVar("T")
SAID = "aipull_said"
"""The cookie with what the last form did, shown once."""
THEME = "aipull_theme"
THEMES = ("auto", "light", "dark")
DEVICES_SINCE = timedelta(days=90)
MOST_DEVICES = 300
NAVIGATION = (
    ("/", "Today"),
    ("/studies", "Studies"),
    ("/filters", "Filters"),
    ("/rehearsal", "Rehearsal"),
    ("/dead-letters", "Dead letters"),
    ("/destinations", "Destinations"),
    ("/quarantine", "Quarantine"),
    ("/parameters", "Parameters"),
    ("/reconciliation", "Reconciliation"),
    ("/reports", "Reports"),
    ("/quality", "Quality"),
    ("/log", "Log"),
    ("/configuration", "Configuration"),
    ("/audit", "Audit"),
    ("/probe", "Probe"),
)


def wants_json(request: Request) -> bool:
    """``?format=`` decides; else which of the two the Accept header names first. A browser names HTML."""
    asked = request.query_params.get("format", "")
    if asked:
        return asked == "json"
    named = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return (
        next((kind for kind in named if kind in ("text/html", "application/json")), "") == "application/json"
    )


@dataclass
class Site:
    """Renders pages for one service."""

    service: Service
    access: Access
    navigation: tuple[tuple[str, str], ...] = NAVIGATION
    _environments: dict[str, Environment] = field(default_factory=dict)

    def page(
        self,
        request: Request,
        template: str,
        view: Any,
        status: int = HTTPStatus.OK,
        told: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Response:
        """
        Answer with a view model.

        Args:
            request: Says which shape, language and theme.
            template: Below ``templates``, without ``.html``.
            view: A dataclass, or a mapping.
            status: Of HTTP.
            told: Data of the page beside the view, by its name in JSON.
            more: For the template alone: what is no data of the page.
        """
        beside = told or {}
        if wants_json(request):
            data = {**to_document(view), **to_document(beside)}
            return JsonAnswer(data, status, headers={"Cache-Control": "no-store"})
        spoken = languages.language_of(request)
        body = (
            self._environment(spoken)
            .get_template(f"{template}.html")
            .render(view=view, **self._context(request, spoken), **beside, **more)
        )
        answer = HTMLResponse(body.encode("utf-8", "backslashreplace"), status, PAGE)
        if SAID in request.cookies:
            answer.delete_cookie(SAID)
        return answer

    def error(self, request: Request, status: int, words: str) -> Response:
        """What went wrong, as a page."""
        return self.page(request, "message", {"title": "It did not work", "words": words}, status)

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Work that waits for a store or a PACS, in a thread: other requests go on."""
        return await run_in_threadpool(work)

    def done(self, request: Request, words: str, to: str) -> Response:
        """Answer a form: go to a page that says what was done."""
        if wants_json(request):
            return JsonAnswer({"done": words})
        answer = RedirectResponse(to, HTTPStatus.SEE_OTHER)
        answer.set_cookie(SAID, quote(words[:500]), max_age=60, httponly=True, samesite="strict")
        return answer

    def _person(self, request: Request) -> str:
        caller = caller_of(request)
        if caller.way is Way.NOBODY:  # an open page: the guard did not look
            return self.access.person(request)
        return caller.name if caller.way is Way.SESSION else ""

    def _context(self, request: Request, spoken: str) -> dict[str, Any]:
        cookie = request.cookies.get(SESSION, "")
        person = self._person(request)
        theme = request.cookies.get(THEME, "auto")
        path = request.url.path
        here = f"{path}?{request.url.query}" if request.url.query else path
        return {
            "language": spoken,
            "languages": languages.LANGUAGES,
            "theme": theme if theme in THEMES else "auto",
            "themes": THEMES,
            "person": person,
            "may": partial(_may, caller_of(request)),
            "roles_that_may": _roles_that_may,
            "form_token": self.access.sessions.form_token(cookie) if person else "",
            "navigation": self.navigation,
            "path": path,
            "here": here,
            "json_here": f"{path}?{urlencode([*request.query_params.multi_items(), ('format', 'json')])}",
            "said": unquote(request.cookies.get(SAID, "")),
            "version": __version__,
            "zone": self.service.settings.time_zone,
        }

    def _environment(self, spoken: str) -> Environment:
        if spoken not in self._environments:
            self._environments[spoken] = self._new_environment(spoken)
        return self._environments[spoken]

    def _new_environment(self, spoken: str) -> Environment:
        environment = Environment(
            loader=PackageLoader("pacs_module.web"),
            bytecode_cache=COMPILED,
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        translations = languages.catalogue(spoken)
        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
        environment.filters.update(self._filters)
        environment.filters["said_in"] = sentences_in(translations.gettext)
        return environment

    @cached_property
    def _filters(self) -> Mapping[str, Any]:
        return {
            "local": self.local,
            "clock": _clock,
            "span": _span,
            "instant": _instant,
            "bytes": _bytes,
            "as_json": _as_json,
        }

    def known_devices(self) -> list[str]:
        """Devices to choose from in a filter: those of the last months."""
        since = self.service.clock.today() - DEVICES_SINCE
        return self.service.store.lists.devices(since.isoformat(), MOST_DEVICES)

    def local(self, text: str, shape: str = "%Y-%m-%d %H:%M:%S") -> str:
        """
        An instant of a document (ISO 8601, UTC) on the hospital's clock; whatever it is when it is none.
        """
        try:
            return f"{datetime.fromisoformat(text).astimezone(self.service.settings.zone):{shape}}"
        except (ValueError, TypeError):
            return str(text)


def _may(caller: Caller, address: str) -> bool:
    """Whether a form that posts to an address of ours would be let in."""
    return caller.may(need_of("POST", address))


def _roles_that_may(address: str) -> str:
    return ", ".join(roles_for(need_of("POST", address)))


def _clock(text: str) -> str:
    """StudyTime for people."""
    return f"{text[:2]}:{text[2:4]}" if len(text) >= len("HHMM") else text


_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def _instant(milliseconds: int | None) -> str:
    """Epoch milliseconds as an instant of a document; empty where there is none."""
    return iso(milliseconds) if milliseconds else ""


def _span(seconds: float | None) -> str:
    """A duration in the largest unit that it has more than one and a half of."""
    if seconds is None:
        return "–"
    for size, unit in _UNITS:
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}" if seconds >= 10 * size else f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _bytes(number: float | None) -> str:
    """A number of bytes for people."""
    value = float(number or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _as_json(value: Any) -> str:
    """For an attribute: the template escapes it."""
    return json.dumps(to_document(value), ensure_ascii=False)
