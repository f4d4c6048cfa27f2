"""
The operator contract's log lines as a grammar (``tests/data/log_grammar.toml``), and lines held against it.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parents[1] / "data" / "log_grammar.toml"
LOGS = ("orthanc-python.log", "dcm_end.log")


@dataclass(frozen=True)
class Row:
    """One line shape."""

    log: str
    name: str
    pattern: re.Pattern[str]


def grammar() -> list[Row]:
    """All rows of both logs."""
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    parts = data["parts"]

    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(re.sub(rf"\b({'|'.join(parts)})\b", lambda found: str(parts[found[0]]), pattern))

    return [Row(log, row["name"], compiled(row["pattern"])) for log in LOGS for row in data[log]]


def matching(log: str, line: str) -> list[str]:
    """Names of the rows that the whole line matches."""
    return [row.name for row in grammar() if row.log == log and row.pattern.fullmatch(line)]


def check(log: str, lines: Iterable[str]) -> dict[str, int]:
    """
    Hold every line against the grammar.

    Returns:
        How often each row occurred.
    """
    rows = [row for row in grammar() if row.log == log]
    counts = {row.name: 0 for row in rows}
    for line in lines:
        names = [row.name for row in rows if row.pattern.fullmatch(line)]
        assert len(names) == 1, f"{log}: {line!r} matches {names or 'no row of the grammar'}"
        counts[names[0]] += 1
    return counts
