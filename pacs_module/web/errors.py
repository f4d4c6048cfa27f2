"""Our errors as HTTP answers: ``error`` says it in words, ``key``, ``value`` and ``allowed`` where there are such."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from ..adapters.stores.json_safe import storable
from ..domain.errors import MessageError, PermanentError, RetriableError


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


def answer_errors(app: FastAPI) -> None:
    """Map what use cases raise to statuses: 400 and 422 the caller's fault, 503 later, 409 never."""

    @app.exception_handler(MessageError)
    def bad_message(_: Request, error: MessageError) -> JSONResponse:
        content = {"error": str(error), "key": error.key, "value": error.value, "allowed": error.allowed}
        return JSONResponse(storable(content), status_code=400)

    @app.exception_handler(RequestValidationError)
    def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return JSONResponse(storable({"error": f"{place}: {first['msg']}", "key": place}), status_code=422)

    @app.exception_handler(RetriableError)
    def later(_: Request, error: RetriableError) -> JSONResponse:
        return JSONResponse(storable({"error": str(error)}), status_code=503)

    @app.exception_handler(PermanentError)
    def never(_: Request, error: PermanentError) -> JSONResponse:
        return JSONResponse(storable({"error": str(error)}), status_code=409)
