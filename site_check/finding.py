"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What a finding means for the start of the stack."""

    OK = "ok"
    WARNING = "warning"
    """It starts; somebody should look."""
    ERROR = "error"
    """It does not start, or does not work."""


@dataclass(frozen=True)
class Finding:
    """What was looked at, what is there, and what is allowed or should be done."""

    level: Level
    name: str
    """The variable of .env, or what of the machine."""
    value: str
    """As it is; never a secret's."""
    words: str
    """What is allowed, or what to do; for ``ok`` what was seen."""


def error(name: str, value: str, words: str) -> Finding:
    """The stack does not work with this."""
    return Finding(Level.ERROR, name, value, words)


def warning(name: str, value: str, words: str) -> Finding:
    """Somebody should look at this."""
    return Finding(Level.WARNING, name, value, words)


def fine(name: str, value: str, words: str = "") -> Finding:
    """Looked at and good."""
    return Finding(Level.OK, name, value, words)
