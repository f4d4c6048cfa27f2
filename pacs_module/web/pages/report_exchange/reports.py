"""``/reports``: which reports are missing on either side, and which need a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ....domain.errors import MessageError
from ....domain.report_exchange.entry import EntryKind, EntryState
from ....service.report_exchange.wiring import Exchange
from ....use_cases.report_exchange.compare_reports import LEASE
from ....use_cases.report_exchange.show_entries import without_body
from ...page_support.forms import checked_by, read_form, reason_of
from ...page_support.site import Site

SHOWN = 50


@dataclass(frozen=True)
class ReportsView:
    """
    The page. ``counts`` by kind and state; ``compared``: the last comparison of each day, newest first;
    ``refused`` and ``waiting``: entries without their texts; ``goes_to``: by kind whether there is somebody
    to send to.
    """

    counts: dict[str, dict[str, int]]
    compared: tuple[dict[str, Any], ...]
    refused: tuple[dict[str, Any], ...]
    waiting: tuple[dict[str, Any], ...]
    goes_to: dict[str, bool]


def router(site: Site) -> APIRouter:
    """The page and its form."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/reports", summary="Reports and quality records on their way to the platform and the RIS")(
        handle.reports
    )
    routes.post("/reports/send-again", include_in_schema=False)(handle.again)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service

    def reports(self, request: Request) -> Response:
        memo = dict(self._service.leases.leases.memo(LEASE))
        return self._site.page(request, "reports", _view(self._service.exchange, memo))

    async def again(self, request: Request) -> Response:
        form = await read_form(request)
        who = f"{checked_by(request, self._site.access, form)}: {reason_of(form)}"
        kind, key = _kind(form.get("kind", "")), form.get("key", "")
        done = await self._site.off_loop(lambda: self._service.exchange.take.again(kind, key, who))
        if not done:
            raise MessageError("key", key, "an entry that is known")
        return self._site.done(request, f"{key} is sent again", "/reports")


def _view(exchange: Exchange, memo: dict[str, Any]) -> ReportsView:
    return ReportsView(
        counts={
            kind.value: {state.value: n for state, n in exchange.ledger.counts(kind).items()}
            for kind in EntryKind
        },
        compared=tuple({"day": day, **memo[day]} for day in sorted(memo, reverse=True)),
        refused=tuple(_in_state(exchange, EntryState.REFUSED)),
        waiting=tuple(one for one in _in_state(exchange, EntryState.WAITING) if one.get("reason")),
        goes_to={kind.value: kind in exchange.senders for kind in EntryKind},
    )


def _in_state(exchange: Exchange, state: EntryState) -> list[dict[str, Any]]:
    return [without_body(one) for kind in EntryKind for one in exchange.ledger.in_state(kind, state, SHOWN)]


def _kind(text: str) -> EntryKind:
    try:
        return EntryKind(text)
    except ValueError:
        raise MessageError("kind", text, ", ".join(EntryKind)) from None
