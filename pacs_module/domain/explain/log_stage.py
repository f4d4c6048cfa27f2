"""At which station of a study's way a log line was written: for people who read one study's lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Stage(StrEnum):
    """The stations, in the order of the way."""

    FIND = "find"
    PULL = "pull"
    RECEIVE = "receive"
    FILTER = "filter"
    DELIVER = "deliver"
    OTHER = "other"


_WORDS = {
    Stage.FILTER: ("filter because", "study is filtered out", "rules_"),
    Stage.DELIVER: (
        "rabbitmq", "send_to_backend", "upload_image", "deliver", "handover", "result", "publish", "backend",
        "release",
    ),
    Stage.RECEIVE: (
        "new study", "stable study", "completeness", "where study", "thickest", "inform", "notif",
        "reception",
        "concluded", "images_",
    ),
    Stage.PULL: ("move", "pull"),
    Stage.FIND: ("find", "is stable: instances", "not in local db", "study_", "growth"),
}  # fmt: skip
"""In the order in which they are looked for."""
_PATTERNS = {stage: re.compile("|".join(map(re.escape, words))) for stage, words in _WORDS.items()}


def stage_of(line: Mapping[str, Any]) -> Stage:
    """By its stable key where it has one, else by the words of the contract's line; the first that fits."""
    text = str(line.get("event") or line.get("line") or line.get("text") or "")
    return next((stage for stage, pattern in _PATTERNS.items() if pattern.search(text)), Stage.OTHER)
