"""``/configuration``: what is in force, and where each value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...domain.configuration import InForce
from ...settings.in_force import settings_in_force, switches_in_force
from ..page_support.site import Site


@dataclass(frozen=True)
class ConfigurationView:
    """The page: settings of pacs_module and the switches of both processes."""

    file: str
    entries: tuple[InForce, ...]
    text: str = ""
    changed: bool = False


def router(site: Site) -> APIRouter:
    """The page."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/configuration", summary="Each setting and switch in force, and where it comes from")(
        handle.configuration
    )
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service

    def configuration(
        self, request: Request, text: Annotated[str, Query(max_length=200)] = "", changed: bool = False
    ) -> Response:
        found = [
            *settings_in_force(self._service.settings),
            *switches_in_force(self._service.settings, self._service.switches),
        ]
        shown = tuple(one for one in found if _is_shown(one, text, changed))
        view = ConfigurationView(str(self._service.settings.file or ""), shown, text, changed)
        return self._site.page(request, "configuration", view)


def _is_shown(one: InForce, text: str, changed: bool) -> bool:
    """Whether a setting has every word, and is changed where only those are asked for."""
    told = f"{one.key} {one.value}".lower()
    return all(word in told for word in text.lower().split()) and (one.changed or not changed)
