"""An alarm, and the message that tells it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether it can wait until the morning."""

    CRITICAL = "critical"
    """Nothing goes on until somebody does something: told in quiet hours, too."""
    WARNING = "warning"


@dataclass(frozen=True)
class Alarm:
    """
    Something that is wrong now.

    ``key`` is the same for as long as it lasts; ``words`` say it to people and name no patient; ``page`` is
    where to look, a path of the web page.
    """

    key: str
    words: str
    severity: Severity = Severity.WARNING
    page: str = "/"


class Change(StrEnum):
    """What a message tells of an alarm."""

    RAISED = "raised"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Message:
    """One message to one channel; ``since`` and ``at`` epoch milliseconds."""

    channel: str
    change: Change
    alarm: Alarm
    since: int
    at: int
