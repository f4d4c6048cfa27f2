"""``/configuration``: what is in force, and where each value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...domain.configuration import InForce
from ...settings.in_force import settings_in_force, switches_in_force
from ..site.site import Site


@dataclass(frozen=True)
class ConfigurationView:
    """The page: settings of pacs_module and the switches of both processes."""

    file: str
    entries: tuple[InForce, ...]
    text: str = ""
    changed: bool = False


def router(site: Site) -> APIRouter:
    """The page."""
    routes, service = APIRouter(), site.service

    @routes.get("/configuration", summary="Each setting and switch in force, and where it comes from")
    def configuration(
        request: Request, text: Annotated[str, Query(max_length=200)] = "", changed: bool = False
    ) -> Response:
        found = [*settings_in_force(service.settings), *switches_in_force(service.settings, service.switches)]
        words = text.lower().split()
        shown = [
            one
            for one in found
            if all(word in f"{one.key} {one.value}".lower() for word in words)
            and (one.changed or not changed)
        ]
        view = ConfigurationView(str(service.settings.file or ""), tuple(shown), text, changed)
        return site.page(request, "configuration", view)

    return routes
