"""At which station of a study's way a log line was written: for people who read one study's lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Station(StrEnum):
    """The stations, in the order of the way."""

    FIND = "find"
    PULL = "pull"
    RECEIVE = "receive"
    FILTER = "filter"
    DELIVER = "deliver"
    OTHER = "other"


_WORDS = {
    Station.FILTER: ("filter because", "study is filtered out", "rules_"),
    Station.DELIVER: (
        "rabbitmq", "send_to_backend", "upload_image", "deliver", "handover", "result", "publish", "backend",
        "release",
    ),
    Station.RECEIVE: (
        "new study", "stable study", "completeness", "where study", "thickest", "inform", "notif",
        "reception",
        "concluded", "images_",
    ),
    Station.PULL: ("move", "pull"),
    Station.FIND: ("find", "is stable: instances", "not in local db", "study_", "growth"),
}  # fmt: skip
"""In the order in which they are looked for."""
_PATTERNS = {station: re.compile("|".join(map(re.escape, words))) for station, words in _WORDS.items()}


def station_of(line: Mapping[str, Any]) -> Station:
    """By its stable key where it has one, else by the words of the contract's line; the first that fits."""
    text = str(line.get("event") or line.get("line") or line.get("text") or "")
    return next((station for station, pattern in _PATTERNS.items() if pattern.search(text)), Station.OTHER)
