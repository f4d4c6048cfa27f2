"""
The two plain-text logs of the operator contract and their JSON twins.

``<name>.log`` holds the contract's lines, letter by letter, one event a line. ``<name>.jsonl`` holds the same
lines with their time, and everything else that is worth saying: ``{"at": ..., "level": ..., "line": ...}`` or
``{"at": ..., "level": ..., "event": ..., "text": ..., ...}``. ``event`` is a short key that stays as it is
(``pull_asked``), ``text`` says it in words. Both processes name a study, series, pull and hand-over alike:
``studyUID``, ``seriesUID``, ``pullID``, ``handoverID``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from ..domain.privacy.masking import Masking
from .log_level import LogLevel
from .log_lines import Words, without_lines

LOG_BYTES = 50 * 2**20
LOG_FILES = 10
_DAY_S = 86_400.0
_SLACK_S = 3600.0
"""It is looked once a day, not always in the same second."""
_SAID_ALOUD = frozenset({"started", "stopping", "stopped"})
_WITH_IT = ("pacs", "server", "loop", "error", "why", "port", "file")
"""Values that are said aloud; identifiers of patients and studies stay in the files."""


class ContractLog:
    """
    Writes one contract log and its JSON twin; both rotate at 50 MiB, ten are kept; readable by owner and
    group only.

    ``echo``: where warnings, errors, start and stop are said as well, one line each (``docker-compose logs``,
    the journal of systemd); None: nowhere. ``masking``: the JSON twin gets pseudonyms in the place of
    patients' identifiers; None: as they are.
    """

    def __init__(
        self, folder: Path, name: str, echo: TextIO | None = None, masking: Masking | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._echo, self._masking = echo, masking
        self._lines = _logger(folder / f"{name}.log")
        self._json = _logger(folder / f"{name}.jsonl")
        self.level = LogLevel()
        """Of events; the contract's lines are always written."""
        self._both = threading.Lock()
        """The lines stand in the same order in both files, whatever other threads write."""
        self._watch_files()

    def _watch_files(self) -> None:
        """A line that a disk does not take is told on the console."""
        for logger in (self._lines, self._json):
            for handler in logger.handlers:
                if isinstance(handler, _PrivateFile):
                    handler.on_lost = self._lost

    def line(self, text: str) -> None:
        """Write one contract line, and the same with its time to the JSON twin."""
        one_line = " ".join(text.splitlines())
        with self._both:
            self._lines.info("%s", one_line)
            told = one_line if self._masking is None else self._masking.line(one_line)
            self._write({"level": "INFO", "line": told})

    def event(self, key: str, words: str, level: str = "INFO", **values: object) -> None:
        """
        Write something that the contract has no line for, to the JSON twin only.

        Args:
            key: Short and stable, for programs that read the log (``pull_asked``).
            words: The same for people; may change.
            level: As in :mod:`logging`; below the level that is set nothing is written.
            values: What it is about.
        """
        if not self.level.writes(level):
            return
        told = values if self._masking is None else self._masking.values(values)
        self._write({"level": level, "event": key, "text": words, **told})
        if self._echo is not None and (level not in ("DEBUG", "INFO") or key in _SAID_ALOUD):
            more = "".join(f" {name}={values[name]}" for name in _WITH_IT if values.get(name))
            line = " ".join(f"{level} {key}: {words}{more}".splitlines())
            with suppress(OSError, ValueError):  # a full disk or a closed pipe costs this line, not the work
                print(line.encode("utf-8", "backslashreplace").decode(), file=self._echo, flush=True)

    def keep(self, days: int, now: float) -> int:
        """
        Remove what was written more than ``days`` days before ``now`` (epoch seconds).

        Returns:
            How many files are gone.
        """
        with self._both:
            handlers = [*self._lines.handlers, *self._json.handlers]
            return sum(one.keep(days, now) for one in handlers if isinstance(one, _PrivateFile))

    def drop_lines(self, words: Words) -> int:
        """Take the lines that name one of these words out of all files, also rotated ones; how many."""
        with self._both:
            handlers = [*self._lines.handlers, *self._json.handlers]
            return sum(one.drop_lines(words) for one in handlers if isinstance(one, _PrivateFile))

    def _lost(self, file: str, moved: bool) -> None:
        if moved:
            self.event(
                "log_rotated", "a log file was moved, as logrotate does; a new one was created", file=file
            )
            return
        self.event(
            "log_lost",
            "a log file was removed while it was written; a new one was created",
            "WARNING",
            file=file,
        )

    def _write(self, values: dict[str, object]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._json.info("%s", json.dumps({"at": at, **values}, ensure_ascii=False, default=str))


class _PrivateFile(RotatingFileHandler):
    """
    Every file of the rotation is readable by owner and group only: the lines name patients.

    On a full disk the process goes on without the lines; standard error gets two notes of it, and nothing of
    what they say.
    """

    _unwritten = 0
    on_lost: Callable[[str, bool], None] = staticmethod(lambda file, moved: None)
    """Told the name of a file that was removed or (True) moved while it was open, once it is begun anew."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        before = self._unwritten
        try:
            self._begin_anew_if_lost()
        except OSError:
            self.handleError(record)
            return
        super().emit(record)
        if before and self._unwritten == before:
            self._unwritten = 0
            print(
                f"{self.baseFilename} is written again; {before} lines came while it was not",
                file=sys.stderr,
                flush=True,
            )

    def keep(self, days: int, now: float) -> int:
        """
        Remove rotated files whose last line is so old that their first may be ``days`` days old; the plain
        lines have no time of their own, so the file is rotated after a tenth of that at the latest.
        """
        span_s = max(1, days // LOG_FILES) * _DAY_S
        path = Path(self.baseFilename)
        self.acquire()
        try:
            self._begin_anew_if_lost()
            self._rotate_after(path, span_s, now)
            return remove_rotated(path, now - (days * _DAY_S - span_s))
        finally:
            self.release()

    def drop_lines(self, words: Words) -> int:
        """Write the file and its rotated ones without the lines that name one of these words."""
        path = Path(self.baseFilename)
        self.acquire()
        try:
            if self.stream is not None:
                self.stream.close()
            files = [path, *path.parent.glob(f"{path.name}[.-]*")]
            gone = sum(without_lines(file, words.named_in) for file in files if file.exists())
            self.stream = self._open()
            return gone
        finally:
            self.release()

    def _rotate_after(self, path: Path, span_s: float, now: float) -> None:
        mark = path.with_name(f".{path.name}.rotated")
        since = now - mark.stat().st_mtime if mark.exists() else None
        if since is not None and 0 <= since < span_s - _SLACK_S:
            return
        if path.stat().st_size:
            self.doRollover()
        mark.touch()
        os.utime(mark, (now, now))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """A line could not be written."""
        self._unwritten += 1
        if self._unwritten == 1:
            print(f"{self.baseFilename} cannot be written: {sys.exception()}", file=sys.stderr, flush=True)

    def _begin_anew_if_lost(self) -> None:
        """What is written to a file without a name is read by nobody."""
        path = Path(self.baseFilename)
        if self.stream is None or _same_file(path, self.stream):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        moved = os.fstat(self.stream.fileno()).st_nlink > 0
        self.stream.close()
        self.stream = self._open()
        self.on_lost(self.baseFilename, moved)

    def _open(self) -> TextIOWrapper:
        os.close(os.open(self.baseFilename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o640))
        return super()._open()


def remove_rotated(path: Path, before: float) -> int:
    """
    Remove the rotated files of a log (``name.1``, ``name-20261130.gz``) that were written last before this
    moment (epoch seconds); how many.
    """
    old = [one for one in path.parent.glob(f"{path.name}[.-]*") if one.stat().st_mtime < before]
    for one in old:
        one.unlink(missing_ok=True)
    return len(old)


def _same_file(path: Path, stream: TextIOWrapper) -> bool:
    try:
        ours = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file at all
        return True
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _logger(path: Path) -> logging.Logger:
    logger = logging.getLogger(f"contract.{path}")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        # A lone surrogate out of a wrong decoding is written as \udc80: the line is not lost for it.
        handler = _PrivateFile(
            path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", errors="backslashreplace"
        )
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    return logger
