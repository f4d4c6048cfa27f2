"""Lines of a log that name somebody: found by whole words, and taken out of a file."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MIN_ALONE = 4
"""A shorter number stands in many lines that are not about the patient: it counts only where it is quoted."""


@dataclass(frozen=True)
class Words:
    """What names somebody; ``quoted`` ones count only between quotation marks."""

    alone: frozenset[str]
    quoted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, words: Iterable[str]) -> Words:
        """The words by their length."""
        there = {word for word in words if word}
        long = {word for word in there if len(word) >= MIN_ALONE}
        return cls(frozenset(long), frozenset(there - long))

    def named_in(self, raw: str) -> bool:
        """Whether a line has one of them."""
        return any(stands_alone(raw, word) for word in self.alone) or any(
            f'"{word}"' in raw or f"'{word}'" in raw for word in self.quoted
        )


def stands_alone(raw: str, word: str) -> bool:
    """``1.2.3`` does not stand in ``1.2.34`` nor in ``11.2.3``."""
    place = raw.find(word)
    while place >= 0:
        end = place + len(word)
        if not _goes_on(raw[place - 1 : place] if place else "") and not _goes_on(raw[end : end + 1]):
            return True
        place = raw.find(word, place + 1)
    return False


def _goes_on(character: str) -> bool:
    return character.isalnum() or character == "."


def without_lines(path: Path, named: Callable[[str], bool]) -> int:
    """
    Write a log, also one that is compressed, without some of its lines; whole or not at all.

    Returns:
        How many lines are gone.
    """
    draft, gone = path.with_name(f".{path.name}.draft"), 0
    mode, times = path.stat().st_mode & 0o777, (path.stat().st_atime, path.stat().st_mtime)
    with _opened(path, "rt") as source, _opened(draft, "wt", path.suffix) as target:
        for raw in source:
            if named(raw):
                gone += 1
            else:
                target.write(raw)
    if not gone:
        draft.unlink()
        return 0
    draft.chmod(mode)
    os.utime(draft, times)
    draft.replace(path)
    return gone


def _opened(path: Path, mode: str, suffix: str = "") -> IO[str]:
    """Bytes that are no UTF-8 stay as they are; a line ends with a line feed and nothing else."""
    if (suffix or path.suffix) == ".gz":
        return gzip.open(path, mode, encoding="utf-8", errors="surrogateescape", newline="\n")  # type: ignore[return-value]
    return path.open(mode, encoding="utf-8", errors="surrogateescape", newline="\n")
