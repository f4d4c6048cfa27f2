"""The file with the secret of the pseudonyms, for both processes: made by whoever needs it first."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from ..domain.errors import ConfigurationError
from ..domain.privacy.pseudonym import KEY_BYTES


def key_of(file: Path) -> bytes:
    """
    The key in a file, 64 hex digits; one that is not there is made, for owner and group.

    Raises:
        ConfigurationError: It cannot be read or made, or holds something else.
    """
    allowed = f"a file of {2 * KEY_BYTES} hex digits, or a place where one can be made"
    try:
        if not file.exists():
            _make(file)
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise ConfigurationError("key_file", str(file), f"{allowed} ({type(error).__name__})") from error
    if len(key) != KEY_BYTES:
        raise ConfigurationError("key_file", str(file), allowed)
    return key


def _make(file: Path) -> None:
    """Whole or not at all; of two processes that make it at once the first one's counts."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o640)
    with os.fdopen(handle, "w", encoding="ascii") as target:
        target.write(secrets.token_hex(KEY_BYTES) + "\n")
    with suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()
