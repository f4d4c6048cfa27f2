"""
Damaged text: what a PACS meant, out of what arrived.

Chinese PACS send GBK or UTF-8 without declaring it, or under the wrong SpecificCharacterSet (0008,0005). What arrives is
then readable by nobody, but in most cases nothing is lost: the damage is a decoding with the wrong table and can be undone.
The repair is a heuristic, so the stored text is never overwritten; keywords are matched on every form.
"""

from __future__ import annotations

import re

# (encode with, decode with): each pair undoes one wrong decoding.
_UNDO = (
    ("latin-1", "utf-8"),  # UTF-8 read as ISO_IR 100
    ("cp1252", "utf-8"),
    ("latin-1", "gb2312"),  # GBK read as ISO_IR 100, the `c3 90 c3 98` of the logs
    ("gb18030", "utf-8"),  # UTF-8 read as GBK
)
_MAX_DAMAGE = 2  # decoded wrongly, written as UTF-8, decoded wrongly again

# ISO 2022 code extension escapes (PS3.3 C.12.1.1.2) that survive in a text when the charset was not declared.
_ESCAPE = re.compile(r"\x1b(?:\$[()]?[A-Z@]|[()-/][A-Z0-9])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def forms(text: str) -> tuple[str, ...]:
    """
    Every form that a text may have had before it was damaged, as received first.

    Args:
        text: A decoded attribute value; anything at all, also control characters and lone surrogates.

    Returns:
        At least the text itself, without duplicates. `ÐØ` gives (`ÐØ`, `胸`); `Müller` stays alone.
    """
    found = [text]
    stripped = _ESCAPE.sub("", text)
    if stripped != text:
        found.append(stripped)
    for _ in range(_MAX_DAMAGE):
        for form in tuple(found):
            found.extend(repaired for repaired in _undo(form) if repaired not in found)
    return tuple(found)


def _undo(text: str) -> list[str]:
    if text.isascii():
        return []
    repaired = []
    for wrong, right in _UNDO:
        try:
            candidate = text.encode(wrong).decode(right)
        except UnicodeError:
            continue
        if candidate != text:
            repaired.append(candidate)
    return repaired


def contains_keyword(text: str, keywords: tuple[str, ...]) -> str | None:
    """
    Return the first keyword that some form of the text contains, case-insensitively, or None.

    Substrings count: ``LUNG`` is in ``LowDoseLung``.
    """
    lowered = [form.casefold() for form in forms(text)]
    for keyword in keywords:
        if keyword and any(keyword.casefold() in form for form in lowered):
            return keyword
    return None


def readable(text: str) -> str:
    """
    The form a person would want to read: the repaired one where the repair brought Chinese to light, else as received.

    Control characters become one space each run, so that a value never breaks a log line in two.
    """
    best = _ESCAPE.sub("", text)
    if not _has_han(best):
        best = next((form for form in forms(text)[1:] if _has_han(form)), best)
    return _CONTROL.sub(" ", best).encode("utf-8", "replace").decode("utf-8")


def _has_han(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def shown(text: str, raw: str | None = None) -> str:
    """
    A value for a log line: readable, and when it is not ASCII with its bytes behind it.

    Args:
        text: The value as received.
        raw: The bytes on the wire as spaced hex, where they are known; else the UTF-8 bytes of ``text`` are given.

    Returns:
        ``HAND``, or ``胸部 [c3 90 c3 98 c2 b2 c2 bf]``.
    """
    if text.isascii() and not raw:
        return _CONTROL.sub(" ", text)
    return f"{readable(text)} [{raw or hex_bytes(text.encode('utf-8', 'surrogatepass'))}]"


def hex_bytes(data: bytes) -> str:
    """Bytes as the site writes them: ``c3 90 c3 98``."""
    return data.hex(" ")
