"""The page Log: the newest lines of both processes' JSON logs, filtered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...domain.errors import Unreadable
from ...domain.json_messages.kept_json import kept_object

MOST_LINES = 300
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_TOLD_APART = ("at", "level", "line", "event", "text")


class LogTail(Protocol):
    """The ends of the log files."""

    def tail(self) -> Mapping[str, Iterable[str]]:
        """The last lines of each file, oldest first, by the file's name."""
        ...


@dataclass(frozen=True)
class LogLine:
    """One line; ``words`` is the contract's line, or the text of an event; ``values`` what it is about."""

    at: str
    file: str
    level: str
    event: str
    words: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LogView:
    """The page, the newest line first."""

    lines: tuple[LogLine, ...]
    files: tuple[str, ...]
    text: str = ""
    level: str = ""
    file: str = ""


@dataclass(frozen=True)
class ShowLog:
    """Makes the page."""

    logs: LogTail
    pseudonym: Callable[[str], str] = lambda word: ""
    """Under which a word stands in a log without identifiers; empty: there is none."""

    def __call__(self, text: str = "", level: str = "", file: str = "") -> LogView:
        """Make it: lines with every word of ``text``, of ``level`` or worse, of ``file`` or both."""
        tails = self.logs.tail()
        words = [_Word(word.lower(), self.pseudonym(word)) for word in text.split()]
        lines: list[LogLine] = []
        for name in tails.keys() & {file} if file else tails:
            lines.extend(_lines_with(words, level, name, tails[name]))
        lines.sort(key=lambda line: line.at, reverse=True)
        return LogView(tuple(lines[:MOST_LINES]), tuple(tails), text, level, file)


def _at_least(level: str, least: str) -> bool:
    if least not in LEVELS or level not in LEVELS:
        return True
    return LEVELS.index(level) >= LEVELS.index(least)


def _read(file: str, raw: str) -> LogLine | None:
    """A line of JSON; None for one that was cut."""
    try:
        told = kept_object(raw)
    except Unreadable:
        return None
    values = {key: value for key, value in told.items() if key not in _TOLD_APART}
    at, level, event = (str(told.get(name, "")) for name in ("at", "level", "event"))
    return LogLine(at, file, level, event, str(told.get("line") or told.get("text") or ""), values)


@dataclass(frozen=True)
class _Word:
    """What is looked for: as it was typed, or under its pseudonym."""

    typed: str
    hidden: str

    def stands_in(self, lowered: str) -> bool:
        return self.typed in lowered or (bool(self.hidden) and self.hidden in lowered)


def _lines_with(words: Sequence[_Word], level: str, file: str, raw: Iterable[str]) -> Iterator[LogLine]:
    for one in raw:
        lowered = one.lower()
        if not all(word.stands_in(lowered) for word in words):
            continue
        line = _read(file, one)
        if line is not None and _at_least(line.level, level):
            yield line
