"""The site's file and, as one JSON object a line, the history of what was applied to it."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ...domain.errors import ConfigurationError, Unreadable
from ...domain.json_messages.documents import to_document
from ...domain.json_messages.kept_json import kept_document
from ...domain.rehearse.rule_history import RulesEntry
from ...domain.rules.switches import Switches
from ...shared.files import write_whole
from ...shared.switches_file import load_switches

_READABLE = 0o644
"""Orthanc runs as another user; there is no patient in it."""


class SiteRulesFile:
    """
    Args:
        config: The file with all switches; None: the project's own.
        site: The site's file; None: there is none, and nothing can be applied.
        history: The history's file.
    """

    def __init__(self, config: Path | None, site: Path | None, history: Path) -> None:
        self._config = config
        self._site = site
        self._history = history

    def where(self) -> str:
        """The site's file."""
        return str(self._site) if self._site is not None else ""

    def read(self) -> str:
        """Its text."""
        try:
            return self._file().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                "site_config", self.where(), f"a text file that can be read ({error})"
            ) from error

    def switches_of(self, text: str) -> Switches:
        """Read as the processes read it."""
        with tempfile.TemporaryDirectory() as folder:
            draft = Path(folder) / self._file().name
            draft.write_text(text, encoding="utf-8")
            return load_switches(self._config, draft)

    def write(self, text: str) -> None:
        """
        By renaming; in place where the file alone is mounted into a container and no other can take its name.
        """
        file = self._file()
        try:
            write_whole(file, text, _READABLE)
        except OSError:
            try:
                _write_in_place(file, text)
            except OSError as error:
                allowed = (
                    f"a file that pacs_module may write ({error.strerror}); in docker-compose without :ro"
                )
                raise ConfigurationError("site_config", str(file), allowed) from error

    def history(self) -> Sequence[RulesEntry]:
        """Oldest first; a line that was cut by a crash, or is damaged, is left out."""
        try:
            lines = self._history.read_bytes().split(b"\n")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ConfigurationError(
                "log_folder", str(self._history), f"a file that can be read ({error.strerror})"
            ) from error
        return tuple(entry for line in lines if (entry := _entry(line)) is not None)

    def remember(self, entry: RulesEntry) -> None:
        """One more line."""
        line = json.dumps(to_document(entry), ensure_ascii=False)
        try:
            with open(self._history, "a+b") as file:
                file.write(f"{_line_end(file)}{line}\n".encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ConfigurationError(
                "log_folder", str(self._history), f"a folder that can be written ({error.strerror})"
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """By a lock on a file beside the history."""
        try:
            self._history.parent.mkdir(parents=True, exist_ok=True)
            # closed below
            lock = open(self._history.with_suffix(".lock"), "a", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise ConfigurationError(
                "log_folder", str(self._history), f"a folder that can be written ({error.strerror})"
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _file(self) -> Path:
        if self._site is None:
            allowed = (
                "the site's file, the same one for both processes: site_config here, SITE_CONFIG for Orthanc"
            )
            raise ConfigurationError("site_config", None, allowed)
        return self._site


def _write_in_place(file: Path, text: str) -> None:
    with open(file, "r+", encoding="utf-8") as there:
        there.write(text)
        there.truncate()
        there.flush()
        os.fsync(there.fileno())


def _line_end(file: BinaryIO) -> str:
    """What ends a last line that was cut, so that the next entry does not become part of it."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return ""
    file.seek(size - 1)
    return "" if file.read(1) == b"\n" else "\n"


def _entry(line: bytes) -> RulesEntry | None:
    try:
        return kept_document(RulesEntry, line)
    except Unreadable:
        return None
