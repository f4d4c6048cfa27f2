"""
Our errors as HTTP answers: ``error`` says it in words, ``key``, ``value`` and ``allowed`` where there are
such.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from ...domain.errors import MAX_SHOWN, MessageError, PermanentError, RetriableError
from ...domain.wire.json_text import json_text
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
    def bad_message(_: Request, error: MessageError) -> JSONResponse:
        return JsonAnswer(told(error), status_code=400)

    @app.exception_handler(RequestValidationError)
    def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return JsonAnswer({"error": f"{place}: {first['msg']}", "key": place}, status_code=422)

    @app.exception_handler(RetriableError)
    def later(_: Request, error: RetriableError) -> JSONResponse:
        return JsonAnswer({"error": str(error)}, status_code=503)

    @app.exception_handler(PermanentError)
    def never(_: Request, error: PermanentError) -> JSONResponse:
        return JsonAnswer({"error": str(error)}, status_code=409)
