"""Posted DICOM objects: the body as files on disk, bounded in bytes and time, and then taken."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from ...adapters.results.multipart import DICOM, BodyFiles
from ...domain.errors import MessageError
from ...domain.json_messages.uid_syntax import is_handover_id
from ...service.results.wiring import MIB, Results
from ...use_cases.results.take import Answered
from .guard import is_stream


def check_post(request: Request, handover_id: str) -> None:
    """
    What can be said before the body is read.

    Raises:
        MessageError: It is no DICOM object, or of no hand-over.
    """
    if handover_id and not is_handover_id(handover_id):
        raise MessageError("handoverID", handover_id[:100], "32 hexadecimal digits in lower case")
    if not is_stream(request.scope):
        told = request.headers.get("content-type", "")
        raise MessageError(
            "Content-Type", told[:100], f"{DICOM} or multipart; JSON goes to /api/v1/dcm/result"
        )


async def taken(made: Results, request: Request, handover_id: str) -> list[Answered]:
    """
    Read the body and take its objects.

    Raises:
        HTTPException: It is too large, too slow, or broke off, or the disk cannot be written.
        MessageError: It is no such body.
        RetriableError: The store or the disk is away.
    """
    draft = await run_in_threadpool(made.files.draft)
    try:
        async with asyncio.timeout(made.told.post_timeout_s):
            files = await _files(made, request, draft)
        return await run_in_threadpool(made.take, files, "posted", handover_id)
    except TimeoutError:
        words = f"the body did not come within {made.told.post_timeout_s:g} s"
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, words, {"Connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the body broke off") from None
    except OSError as error:
        words = f"the folder of results cannot be written: {error.strerror}"
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, words) from error
    finally:
        await run_in_threadpool(made.files.discard, draft)


async def _files(made: Results, request: Request, draft: Path) -> list[Path]:
    """The body as files, no larger than the site lets through."""
    body = BodyFiles(draft, request.headers["content-type"])
    try:
        await _write(request, body, made.told.max_post_mb * MIB)
        files = body.finish()
    finally:
        body.close()
    if not files:
        raise MessageError("body", "(not shown)", "at least one DICOM object")
    return files


async def _write(request: Request, body: BodyFiles, limit: int) -> None:
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            words = f"a body of more than {limit} bytes is not read"
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words, {"Connection": "close"})
        await run_in_threadpool(body.write, piece)
