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
    handle, routes = _Handlers(service), APIRouter(prefix="/api/v1")
    reading = [Depends(known_parameters)]
    routes.post(
        "/reports",
        tags=["exchange"],
        openapi_extra=_REPORT,
        summary='One report, or {"reports": [...]}; the same again changes nothing',
    )(handle.reports)
    routes.post("/reports/fhir", tags=["exchange"], summary="A FHIR R4 DiagnosticReport")(handle.fhir)
    routes.post(
        "/reports/from-platform",
        tags=["exchange"],
        openapi_extra=_REPORT,
        summary="Reports that the centre wrote for this hospital: they go to the RIS",
    )(handle.from_platform)
    routes.post(
        "/reports/{serial}/send-again",
        tags=["exchange"],
        responses=NOT_KNOWN,
        summary="Send a report once more (by, why)",
    )(handle.again)
    routes.post(
        "/qc",
        tags=["exchange"],
        openapi_extra=_QUALITY,
        summary='One quality record, or {"records": [...]}; the same again changes nothing',
    )(handle.quality)
    routes.get(
        "/reports", tags=["exchange"], dependencies=reading, summary="Reports by state or day; no texts"
    )(handle.listed)
    routes.get(
        "/reports/{serial}",
        tags=["exchange"],
        summary="One report with its text",
        responses=NOT_KNOWN,
    )(handle.one)
    routes.get(
        "/qc",
        name="quality",
        tags=["exchange"],
        dependencies=reading,
        summary="Quality scores by month, department, device or doctor",
    )(handle.scores)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._exchange = service.exchange

    def reports(self, message: Message) -> JsonAnswer:
        return _taken(
            self._exchange, message, "reports", "serial", lambda one: read_report(one).content("api")
        )

    def fhir(self, message: Message) -> JsonAnswer:
        how = self._exchange.take(read_diagnostic_report(message).content("fhir"))
        return JsonAnswer({"answer": how.value}, 409 if how is Taken.CONFLICT else 200)

    def from_platform(self, message: Message) -> JsonAnswer:
        kind = EntryKind.CENTRE_REPORT
        return _taken(
            self._exchange,
            message,
            "reports",
            "serial",
            lambda one: read_report(one).content("platform", kind),
        )

    def again(
        self, serial: str, message: Message, request: Request, kind: EntryKind = EntryKind.REPORT
    ) -> JsonAnswer:
        who = f"{who_asks(request, message.get('by'))}: {message.get('why') or ''}"
        if not self._exchange.take.again(kind, serial, who):
            raise HTTPException(404, "no such report")
        return JsonAnswer({"answer": "waiting"})

    def quality(self, message: Message) -> JsonAnswer:
        return _taken(self._exchange, message, "records", "id", lambda one: read_quality(one).content("api"))

    def listed(
        self,
        kind: EntryKind = EntryKind.REPORT,
        state: EntryState | None = None,
        day: Annotated[str, Query(description="YYYY-MM-DD, instead of state")] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 100,
    ) -> JsonAnswer:
        return JsonAnswer(
            {"reports": [without_body(one) for one in _listed(self._exchange, kind, state, day, limit)]}
        )

    def one(self, serial: str, kind: EntryKind = EntryKind.REPORT) -> JsonAnswer:
        entry = self._exchange.ledger.get(kind, serial)
        if entry is None:
            raise HTTPException(404, "no such report")
        return JsonAnswer(to_document(entry))

    def scores(
        self,
        first: Annotated[str, Query(alias="from", description="YYYY-MM-DD")],
        last: Annotated[str, Query(alias="to", description="YYYY-MM-DD")],
        by: Annotated[str, Query(pattern=f"^({'|'.join(GROUPS)})$")] = "month",
    ) -> JsonAnswer:
        return JsonAnswer(quality_scores(self._exchange.ledger, first, last, by))


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
    accepted: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for item in items:
        how, told = _taken_of_several(exchange, item, name, read)
        (refused if how is Taken.CONFLICT else accepted).append(told)
    return JsonAnswer({"accepted": accepted, "refused": refused})


def _taken_of_several(
    exchange: Exchange, item: Any, name: str, read: Callable[[Any], Content]
) -> tuple[Taken, dict[str, Any]]:
    """How one of many was taken, and what is said of it; one that cannot be read is a conflict."""
    try:
        content = read(item)
    except MessageError as error:
        key = item.get(name) if isinstance(item, Mapping) else None
        return Taken.CONFLICT, {name: key, "reason": str(error)}
    how = exchange.take(content)
    version = {"version": content.version} if content.version else {}
    said = "reason" if how is Taken.CONFLICT else "answer"
    return how, {name: content.key, **version, said: how.value}


def _listed(
    exchange: Exchange, kind: EntryKind, state: EntryState | None, day: str, limit: int
) -> list[Entry]:
    if day:
        checked_day("day", day)
        found = [one for one in exchange.ledger.between(kind, day, day) if state in (None, one.state)]
        return found[:limit]
    states = [state] if state is not None else list(EntryState)
    return [one for wanted in states for one in exchange.ledger.in_state(kind, wanted, limit)][:limit]
