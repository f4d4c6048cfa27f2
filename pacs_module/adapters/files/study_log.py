"""One study's lines out of the JSON logs of both processes, and of their rotated files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...domain.errors import Unreadable
from ...domain.json_messages.kept_json import kept_object
from ...shared.log_lines import stands_alone

FILES = ("dcm_end", "orthanc-python")


def lines_with(folder: Path, words: frozenset[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """
    The lines that name one of these words anywhere, and the log that they stand in, file by file, the oldest
    file first.

    Args:
        folder: Of the logs.
        words: UIDs and ids of the study; a line is taken where one stands by itself, not within a longer one.
    """
    for name in FILES:
        for path in sorted(folder.glob(f"{name}.jsonl*"), key=_age, reverse=True):
            yield from ((name, line) for line in _lines(path, words))


def _age(path: Path) -> int:
    """The number behind a rotated file's name: the larger, the older."""
    number = path.suffix.removeprefix(".")
    return int(number) if number.isdecimal() else 0


def _lines(path: Path, words: frozenset[str]) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for raw in file:
                if (
                    any(word in raw for word in words)
                    and (line := _read(raw)) is not None
                    and any(stands_alone(raw, word) for word in words)
                ):
                    yield line
    except OSError:  # rotated away in this moment
        return


def _read(raw: str) -> dict[str, Any] | None:
    try:
        return kept_object(raw)
    except Unreadable:  # cut by a crash
        return None
