"""The forms of pages: read with bounds, and taken only from the session that the page was made for."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

from ...domain.access.roles import Way
from ...domain.errors import MessageError
from ..request_guard.access import Access, caller_of
from ..request_guard.sessions import COOKIE

MOST_FIELDS = 40
TOKEN = "form_token"  # noqa: S105 - the name of a field


async def read_form(request: Request) -> dict[str, str]:
    """
    The fields of a form.

    Raises:
        MessageError: It is no form, or has too many fields.
    """
    body = await request.body()
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise MessageError("form", "...", f"at most {MOST_FIELDS} fields in UTF-8") from error
    return dict(pairs)


def checked_by(request: Request, access: Access, form: Mapping[str, str]) -> str:
    """
    Who sends a form: the name that goes into histories.

    Raises:
        HTTPException: 401 nobody has signed in; 403 the token is not this session's.
    """
    caller = caller_of(request)
    if caller.way is not Way.SESSION:
        raise HTTPException(401, "sign in first")
    token = access.sessions.form_token(request.cookies.get(COOKIE, ""))
    if not secrets.compare_digest(form.get(TOKEN, "").encode(), token.encode()):
        raise HTTPException(403, "this form was not made for your session: load the page again")
    return caller.name


def reason_of(form: Mapping[str, str]) -> str:
    """
    The reason that each change asks for.

    Raises:
        MessageError: It is missing.
    """
    why = form.get("why", "").strip()
    if not why:
        raise MessageError("why", "", "the reason, for the history")
    return why
