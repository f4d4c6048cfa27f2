"""
``orthanc-python.log`` (the operators' lines and nothing else) and its twin ``orthanc-python.jsonl`` (those lines and
everything else).
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

_MAX_BYTES = 20_000_000
_OLD_FILES = 10


class PluginLog:
    """
    Both files, rotated by size; safe to use from several threads.

    Args:
        folder: Where they are written.
    """

    def __init__(self, folder: Path) -> None:
        self._lines = _plain_logger("aipull.lines", folder / "orthanc-python.log")
        self._events = _plain_logger("aipull.events", folder / "orthanc-python.jsonl")

    def line(self, text: str) -> None:
        """
        One line as made by :mod:`pacs_module.domain.loglines`; a line break in it would break the grammar and becomes
        a space.
        """
        text = " ".join(text.splitlines())
        self._lines.info("%s", text)
        self._write("info", {"line": text})

    def event(self, what: str, level: str = "info", **values: object) -> None:
        """Something worth saying that the contract has no line for."""
        self._write(level, {"event": what, **values})

    def _write(self, level: str, values: dict[str, object]) -> None:
        record = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, **values}
        self._events.info("%s", json.dumps(record, ensure_ascii=False, default=str))


def _plain_logger(name: str, path: Path) -> logging.Logger:
    handler = RotatingFileHandler(path, maxBytes=_MAX_BYTES, backupCount=_OLD_FILES, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger(f"{name}.{path}")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    for old in tuple(logger.handlers):
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    return logger
