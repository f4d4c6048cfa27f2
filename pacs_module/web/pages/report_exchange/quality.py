"""``/quality``: image quality, report accuracy and spot checks by month, department, device and doctor."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ....adapters.report_exchange.quality_export import as_pdf, as_xlsx
from ....domain.report_exchange.quality import GROUPS
from ....use_cases.report_exchange.show_entries import quality_scores
from ...page_support.site import Site

_DAY = r"^(\d{4}-\d\d-\d\d)?$"
SPAN = timedelta(days=365)
"""Without other dates: a year."""
_KINDS = {
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
    "pdf": ("application/pdf", as_pdf),
}


def router(site: Site) -> APIRouter:
    """The page and its files."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/quality", summary="Quality scores by month, department, device or doctor")(handle.quality)
    routes.get("/quality/export.{kind}", summary="The same for all groups, as XLSX or PDF")(handle.export)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service

    def quality(
        self,
        request: Request,
        first: Annotated[str, Query(alias="from", pattern=_DAY)] = "",
        last: Annotated[str, Query(alias="to", pattern=_DAY)] = "",
        by: Annotated[str, Query(pattern=f"^({'|'.join(GROUPS)})$")] = "month",
    ) -> Response:
        today = self._service.clock.today()
        span = first or (today - SPAN).isoformat(), last or today.isoformat()
        return self._site.page(
            request, "quality", quality_scores(self._service.exchange.ledger, *span, by), groups=GROUPS
        )

    def export(
        self,
        kind: str,
        first: Annotated[str, Query(alias="from", pattern=_DAY)] = "",
        last: Annotated[str, Query(alias="to", pattern=_DAY)] = "",
    ) -> Response:
        if kind not in _KINDS:
            return Response(status_code=404)
        today = self._service.clock.today()
        span = first or (today - SPAN).isoformat(), last or today.isoformat()
        media, made = _KINDS[kind]
        content = made([quality_scores(self._service.exchange.ledger, *span, by) for by in GROUPS])
        name = f'attachment; filename="quality-{span[0]}-{span[1]}.{kind}"'
        return Response(content, media_type=media, headers={"Content-Disposition": name})
