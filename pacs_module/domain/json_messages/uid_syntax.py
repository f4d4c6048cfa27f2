"""Ids and UIDs: checked for syntax before a path, a query or a document is made of them."""

from __future__ import annotations

import re

from ..errors import MessageError

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_MAX_UID = 64  # PS3.5 9.1
_HANDOVER_ID = re.compile(r"[0-9a-f]{32}")


def is_uid(text: str) -> bool:
    """
    Digits in groups with single dots between them, 64 characters at most; so no step out of a folder can be
    one.
    """
    return len(text) <= _MAX_UID and text.isascii() and _UID.fullmatch(text) is not None


def is_handover_id(text: str) -> bool:
    """As the plugins draw it: a UUID as 32 hexadecimal digits."""
    return _HANDOVER_ID.fullmatch(text) is not None


def checked_uid(key: str, text: str) -> str:
    """
    A UID as it is.

    Raises:
        MessageError: It is none.
    """
    if not is_uid(text):
        raise MessageError(key, text, "a UID: at most 64 digits and single dots")
    return text


def checked_handover_id(key: str, text: str) -> str:
    """
    The id of a hand-over as it is.

    Raises:
        MessageError: It is none.
    """
    if not is_handover_id(text):
        raise MessageError(key, text, "32 hexadecimal digits in lower case")
    return text
