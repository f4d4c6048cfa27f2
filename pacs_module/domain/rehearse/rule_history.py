"""The history of the applied rules: who changed what and why, and what undo goes back to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RulesEntry:
    """
    Rules that were applied.

    Args:
        number: RULES_VERSION; counted up by undo, too.
        version: As it stands in verdicts.
        at: ISO 8601 UTC.
        by: Who.
        why: Why.
        changes: As they were written; of an undo what it put back.
        undoes: The number that it takes back; None: it takes nothing back.
        before: The switches that were applied before, by name: where undo goes back to.
        values: Those that are applied now.
    """

    number: int
    version: str
    at: str
    by: str
    why: str
    changes: tuple[str, ...] = ()
    undoes: int | None = None
    before: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def to_undo(entries: Sequence[RulesEntry]) -> RulesEntry | None:
    """The newest change that stands; several undos go back one by one."""
    standing: list[RulesEntry] = []
    for entry in entries:
        if entry.undoes is None:
            standing.append(entry)
        elif standing:
            standing.pop()
    return standing[-1] if standing else None


def undone(entry: RulesEntry) -> tuple[str, ...]:
    """What taking an entry back does, in words."""
    return tuple(f"takes back {change}" for change in entry.changes)
