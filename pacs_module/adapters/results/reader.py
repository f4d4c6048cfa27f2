"""Result objects, read by a child process: one that kills who reads it costs only itself."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...domain.errors import PermanentError, RetriableError
from ...domain.json_messages.documents import to_document
from ...domain.results.judge_result_object import Incoming
from ...domain.results.pseudonyms import PseudonymRecord
from ...ports.results import ToRender
from ..files.reader_process import ReaderProcess
from .child import PROGRAM
from .uids import rendered_uid


class ChildReader:
    """
    Args:
        most_bytes: Of one object.
        reader: The child.
    """

    def __init__(self, most_bytes: int, reader: ReaderProcess | None = None) -> None:
        self._most = most_bytes
        self._reader = reader or ReaderProcess(program=(sys.executable, "-m", PROGRAM))
        self._lock = threading.Lock()

    def look(self, file: Path) -> Incoming:
        """Its size is asked before anything of it is read."""
        try:
            size = file.stat().st_size
        except OSError as error:
            raise RetriableError(f"a result cannot be read: {error.strerror}") from error
        if size > self._most:
            raise PermanentError(f"{size} bytes are more than the {self._most} of a result")
        told = self._ask("look", file, file, {})
        return Incoming(told["tags"], str(told["sha256"]), size)

    def restore(self, source: Path, target: Path, identity: PseudonymRecord | None) -> None:
        """Read to its end, and written."""
        told = {} if identity is None else {"identity": to_document(identity)}
        self._ask("restore", source, target, told)

    def render(self, kind: str, told: ToRender, identity: PseudonymRecord | None, target: Path) -> None:
        """By highdicom and reportlab."""
        asked = {**_told(told), "kind": kind}
        if identity is not None:
            asked["identity"] = to_document(identity)
        self._ask("render", Path(told.folder), target, asked)

    def rendered_uid(self, kind: str, told: ToRender) -> str:
        """As :mod:`render` makes it."""
        return rendered_uid(kind, _told(told), "object")

    def close(self) -> None:
        """End the child; the next question starts another."""
        with self._lock:
            self._reader.close()

    def _ask(self, do: str, source: Path, target: Path, told: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            try:
                return self._reader.ask(do, source, target, told)
            except OSError as error:
                raise RetriableError(f"a result cannot be read or written: {error.strerror}") from error


def _told(told: ToRender) -> dict[str, Any]:
    return {
        "handoverID": told.handover_id,
        "at": told.at,
        "values": told.values,
        "message": told.message,
        "algorithm": told.algorithm,
        "version": told.version,
    }
