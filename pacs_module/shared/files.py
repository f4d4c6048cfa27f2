"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE = 0o640
"""Readable by owner and group only: most of what is written names patients."""


_LONGEST_NAME = 255
"""Bytes, of the file systems of Linux."""


def short_name(name: str, room: int = 0) -> str:
    """A file's name that leaves so many bytes for what is put around it; a longer one loses its beginning."""
    encoded = os.fsencode(name)
    return os.fsdecode(encoded[max(len(encoded) - (_LONGEST_NAME - room), 0) :])


def write_whole(path: Path, content: bytes | str, mode: int = PRIVATE, draft: Path | None = None) -> None:
    """
    Write a file beside and rename it: whoever looks sees the former one or this one.

    Args:
        path: Its folder must be there.
        content: Text is written as UTF-8; what cannot be encoded is written as an escape.
        mode: Permissions.
        draft: The file beside, on the same file system; None: ``.NAME.new``. It is gone when the writing
            fails.

    Raises:
        OSError: It cannot be written; the former file stands.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    beside = draft if draft is not None else path.with_name(f".{path.name}.new")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
