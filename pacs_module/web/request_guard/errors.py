"""
Our errors as HTTP answers: ``error`` says it in words, ``key``, ``value`` and ``allowed`` where there are
such.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ...domain.errors import MAX_SHOWN, MessageError, PermanentError, RetriableError
from ...domain.json_messages.json_text import json_text
from .answers import JsonAnswer


def known_parameters(request: Request) -> None:
    """
    A parameter that nobody reads is an error: `studydate` would else be answered with every day there is.

    Raises:
        MessageError: Of the first one.
    """
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    for name, value in request.query_params.items():
        if name not in known:
            raise MessageError(name, value, ", ".join(known))


def told(error: MessageError) -> dict[str, Any]:
    """A refused message for its sender; he knows the rest of a value that is long."""
    short = len(json_text(error.value)) <= MAX_SHOWN
    value = error.value if short else f"{json_text(error.value)[:MAX_SHOWN]}..."
    return {"error": str(error), "key": error.key, "value": value, "allowed": error.allowed}


def answer_errors(app: FastAPI) -> None:
    """Map what use cases raise to statuses: 400 and 422 the caller's fault, 503 later, 409 never."""

    @app.exception_handler(MessageError)
    def bad_message(request: Request, error: MessageError) -> Response:
        return answer_for(request, told(error), 400)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return answer_for(request, {"error": f"{place}: {first['msg']}", "key": place}, 422)

    @app.exception_handler(RetriableError)
    def later(request: Request, error: RetriableError) -> Response:
        return answer_for(request, {"error": str(error)}, 503)

    @app.exception_handler(PermanentError)
    def never(request: Request, error: PermanentError) -> Response:
        return answer_for(request, {"error": str(error)}, 409)

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        return answer_for(request, {"detail": error.detail}, error.status_code, error.headers)


def answer_for(
    request: Request, content: dict[str, Any], status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """As JSON; at a page, for a browser, as a page, where the application has one (``error_page``)."""
    error_page = getattr(request.app.state, "error_page", None)
    if error_page is None or not _is_of_browser(request) or status < HTTPStatus.BAD_REQUEST:
        return JsonAnswer(content, status, dict(headers or {}))
    page: Response = error_page(request, status, str(content.get("error") or content.get("detail")))
    page.headers.update(headers or {})
    return page


def _is_of_browser(request: Request) -> bool:
    wants_page = "text/html" in request.headers.get("accept", "")
    return wants_page and not request.url.path.startswith("/api/")
