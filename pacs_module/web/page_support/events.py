"""Live updates: a stream that says when something has changed; the page then fetches itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from ...domain.errors import PipelineError
from ...domain.explain.listing import RowFilter, RowOrder
from ...service.service import Service

LOOK_S = 1.0
"""How often it is looked whether a study has changed, in seconds."""
LIFE_S = 300.0
"""A stream ends after this; the browser opens another."""
TICK = 10
"""Without a change the page is told anyway each so many looks: ages and circuits go on."""
CATCH_UP = 2
"""At this look the page is told in any case: something may have changed between the page and its stream."""
MOST = 40
"""Streams at one time."""


class Streams:
    """The open streams of one process."""

    def __init__(self, service: Service) -> None:
        self._service, self._open = service, 0

    def open(self, request: Request) -> StreamingResponse:
        """
        A stream for one page.

        Raises:
            HTTPException: 503, there are too many.
        """
        if self._open >= MOST:
            raise HTTPException(503, "too many pages are open: load the page again to see what is new")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._tell(request), media_type="text/event-stream", headers=headers)

    async def _tell(self, request: Request) -> AsyncIterator[str]:
        self._open += 1
        try:
            yield "retry: 2000\n\n"
            before = await run_in_threadpool(self._mark)
            for look in range(1, int(LIFE_S / LOOK_S)):
                await asyncio.sleep(LOOK_S)
                if self._stopping() or await request.is_disconnected():
                    return
                mark = await run_in_threadpool(self._mark)
                if mark != before or look == CATCH_UP or look % TICK == 0:
                    before = mark
                    yield f"event: changed\ndata: {mark}\n\n"
        finally:
            self._open -= 1

    def _mark(self) -> str:
        """Differs when any study has changed."""
        try:
            newest = self._service.store.lists.rows(RowFilter(), RowOrder.CHANGED, None, 1)
        except PipelineError as error:
            return f"store {type(error).__name__}"
        return f"{newest[0].changed_at} {newest[0].study_uid}" if newest else ""

    def _stopping(self) -> bool:
        """The process ends: a stream would keep it waiting."""
        return any(loop.stopping() for loop in self._service.loops.values())


def router(service: Service) -> APIRouter:
    """The stream."""
    handle, routes = _Handlers(service), APIRouter()
    routes.get("/events", include_in_schema=False)(handle.events)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, service: Service) -> None:
        self._streams = Streams(service)

    async def events(self, request: Request) -> StreamingResponse:
        return self._streams.open(request)
