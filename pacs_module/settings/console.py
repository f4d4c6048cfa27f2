"""The console file: a key for whoever may read it on this machine, as a netrc."""

from __future__ import annotations

import netrc
import secrets
from pathlib import Path

from ..domain.errors import ConfigurationError
from ..shared.files import write_whole

MACHINES = ("localhost", "127.0.0.1", "[::1]", "::1")
USER = "console"


def write_console(path: Path | None) -> str:
    """
    Write a new key into the console file.

    Returns:
        The key; empty: the settings name no file.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    if path is None:
        return ""
    key = secrets.token_urlsafe(32)
    lines = [f"machine {machine} login {USER} password {key}" for machine in MACHINES]
    try:
        write_whole(path, "\n".join(lines) + "\n", 0o600)
    except OSError as error:
        allowed = f"a file that pacs_module may write ({error.strerror})"
        raise ConfigurationError("web.console_file", str(path), allowed) from error
    return key


def read_console(path: Path | None) -> str:
    """The key in the console file; empty where there is none, or none that we may read."""
    if path is None:
        return ""
    try:
        found = netrc.netrc(str(path)).authenticators(MACHINES[0])
    except (OSError, netrc.NetrcParseError):
        return ""
    return found[2] if found and found[2] else ""
