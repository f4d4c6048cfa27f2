"""Reports and quality records: what hospitals push, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request

from ..domain.errors import MessageError
from ..domain.json_messages.documents import to_document
from ..domain.report_exchange.entry import Content, Entry, EntryKind, EntryState, Taken
from ..domain.report_exchange.fhir import read_diagnostic_report
from ..domain.report_exchange.quality import GROUPS, QualityRecord, read_quality
from ..domain.report_exchange.report import Report, checked_day, read_report
from ..service.report_exchange.wiring import Exchange
from ..service.service import Service
from ..use_cases.report_exchange.show_entries import quality_scores, without_body
from .messages import NOT_KNOWN, Message, described
from .request_guard.access import who_asks
from .request_guard.answers import JsonAnswer
from .request_guard.errors import known_parameters

MAX_AT_ONCE = 1000
"""Reports or records in one call."""
MAX_LISTED = 1000
_REPORT = described(
    Report,
    {
        "report": {
            "serial": "R-20261130-17",
            "day": "2026-11-30",
            "accessionNumber": "A-4711",
            "conclusion": "no nodule",
        }
    },
)
_QUALITY = described(
    QualityRecord,
    {"spot check": {"id": "S-17", "kind": "spot_check", "day": "2026-11-30", "checked": 20, "passed": 19}},
)


def router(service: Service) -> APIRouter:
    """The side of the RIS, the platform and of who keeps quality data."""
    routes = APIRouter(prefix="/api/v1")
    exchange = service.exchange
    reading = [Depends(known_parameters)]
    _take_reports(routes, exchange)
    _take_quality(routes, exchange)

    @routes.get(
        "/reports", tags=["exchange"], dependencies=reading, summary="Reports by state or day; no texts"
    )
    def listed(
        kind: EntryKind = EntryKind.REPORT,
        state: EntryState | None = None,
        day: Annotated[str, Query(description="YYYY-MM-DD, instead of state")] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 100,
    ) -> JsonAnswer:
        return JsonAnswer(
            {"reports": [without_body(one) for one in _listed(exchange, kind, state, day, limit)]}
        )

    @routes.get(
        "/reports/{serial}",
        tags=["exchange"],
        summary="One report with its text",
        responses=NOT_KNOWN,
    )
    def one(serial: str, kind: EntryKind = EntryKind.REPORT) -> JsonAnswer:
        entry = exchange.ledger.get(kind, serial)
        if entry is None:
            raise HTTPException(404, "no such report")
        return JsonAnswer(to_document(entry))

    @routes.get(
        "/qc",
        tags=["exchange"],
        dependencies=reading,
        summary="Quality scores by month, department, device or doctor",
    )
    def quality(
        first: Annotated[str, Query(alias="from", description="YYYY-MM-DD")],
        last: Annotated[str, Query(alias="to", description="YYYY-MM-DD")],
        by: Annotated[str, Query(pattern=f"^({'|'.join(GROUPS)})$")] = "month",
    ) -> JsonAnswer:
        return JsonAnswer(quality_scores(exchange.ledger, first, last, by))

    return routes


def _take_reports(routes: APIRouter, exchange: Exchange) -> None:
    @routes.post(
        "/reports", tags=["exchange"], openapi_extra=_REPORT,
        summary='One report, or {"reports": [...]}; the same again changes nothing',
    )  # fmt: skip
    def reports(message: Message) -> JsonAnswer:
        return _taken(exchange, message, "reports", "serial", lambda one: read_report(one).content("api"))

    @routes.post("/reports/fhir", tags=["exchange"], summary="A FHIR R4 DiagnosticReport")
    def fhir(message: Message) -> JsonAnswer:
        how = exchange.take(read_diagnostic_report(message).content("fhir"))
        return JsonAnswer({"answer": how.value}, 409 if how is Taken.CONFLICT else 200)

    @routes.post(
        "/reports/from-platform", tags=["exchange"], openapi_extra=_REPORT,
        summary="Reports that the centre wrote for this hospital: they go to the RIS",
    )  # fmt: skip
    def from_platform(message: Message) -> JsonAnswer:
        kind = EntryKind.CENTRE_REPORT
        return _taken(
            exchange, message, "reports", "serial", lambda one: read_report(one).content("platform", kind)
        )

    @routes.post(
        "/reports/{serial}/send-again", tags=["exchange"], responses=NOT_KNOWN,
        summary="Send a report once more (by, why)",
    )  # fmt: skip
    def again(
        serial: str, message: Message, request: Request, kind: EntryKind = EntryKind.REPORT
    ) -> JsonAnswer:
        who = f"{who_asks(request, message.get('by'))}: {message.get('why') or ''}"
        if not exchange.take.again(kind, serial, who):
            raise HTTPException(404, "no such report")
        return JsonAnswer({"answer": "waiting"})


def _take_quality(routes: APIRouter, exchange: Exchange) -> None:
    @routes.post(
        "/qc", tags=["exchange"], openapi_extra=_QUALITY,
        summary='One quality record, or {"records": [...]}; the same again changes nothing',
    )  # fmt: skip
    def quality(message: Message) -> JsonAnswer:
        return _taken(exchange, message, "records", "id", lambda one: read_quality(one).content("api"))


def _taken(
    exchange: Exchange, message: Mapping[str, Any], several: str, name: str, read: Callable[[Any], Content]
) -> JsonAnswer:
    """Take one, whose fault is the call's; or several, of which each costs only itself."""
    if several not in message:
        content = read(message)
        how = exchange.take(content)
        return JsonAnswer({name: content.key, "answer": how.value}, 409 if how is Taken.CONFLICT else 200)
    items = message[several]
    if not isinstance(items, list) or len(items) > MAX_AT_ONCE:
        raise MessageError(several, items, f"a list of at most {MAX_AT_ONCE}")
    accepted, refused = [], []
    for item in items:
        try:
            content = read(item)
        except MessageError as error:
            told = item.get(name) if isinstance(item, Mapping) else None
            refused.append({name: told, "reason": str(error)})
            continue
        how = exchange.take(content)
        version = {"version": content.version} if content.version else {}
        if how is Taken.CONFLICT:
            refused.append({name: content.key, **version, "reason": how.value})
        else:
            accepted.append({name: content.key, **version, "answer": how.value})
    return JsonAnswer({"accepted": accepted, "refused": refused})


def _listed(
    exchange: Exchange, kind: EntryKind, state: EntryState | None, day: str, limit: int
) -> list[Entry]:
    if day:
        checked_day("day", day)
        found = [one for one in exchange.ledger.between(kind, day, day) if state in (None, one.state)]
        return found[:limit]
    states = [state] if state is not None else list(EntryState)
    return [one for wanted in states for one in exchange.ledger.in_state(kind, wanted, limit)][:limit]
