"""
What happens, line by line: read from the two contract logs, the department's events and the backend's record.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

_Show = tuple[str, str]
"""What happened (one word, it has a colour) and the rest of the line."""

COLOURS = {
    "found": "cyan",
    "stable": "cyan",
    "pulled": "blue",
    "filtered": "yellow",
    "complete": "green",
    "short": "red",
    "handed over": "magenta",
    "again": "magenta",
    "computed": "bold green",
    "failed": "bold red",
}


class Tail:
    """The new whole lines of a file that grows, and may not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def lines(self) -> Iterator[str]:
        """Lines since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                yield line.decode("utf-8", "replace").rstrip("\n")


def from_log(line: str, label: Callable[[str], str]) -> _Show | None:
    """
    A contract line as people like to see it, or None for one that would only be noise here.

    Args:
        line: Of orthanc-python.log or dcm_end.log.
        label: The study's name for a StudyInstanceUID, or for a SeriesInstanceUID of it.
    """
    for pattern, show in _PATTERNS:
        match = pattern.fullmatch(line)
        if match:
            return show(match, label)
    return None


def from_record(line: str, label: Callable[[str], str]) -> _Show | None:
    """A line of the backend's record."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if entry.get("event") != "computed":
        return None
    numbers = ", ".join(f"{key} {value}" for key, value in entry.get("answer", {}).get("result", {}).items())
    return (
        "computed",
        f"{label(entry['studyUID'])}: {_images(entry['files'])} read, {numbers or entry.get('message', '')}",
    )


def _number(number: object, one: str, more: str) -> str:
    return f"{number} {one if str(number) == '1' else more}"


def _images(number: object) -> str:
    return _number(number, "image", "images")


def _inform(match: re.Match[str], label: Callable[[str], str]) -> _Show | None:
    message: Mapping[str, object] = ast.literal_eval(match[1])
    if message["statecode"] != 800:
        return None
    return (
        "handed over",
        (
            f"{label(str(message['studyUID']))}: {_images(message['numberReceived'])}, "
            f"{message.get('completeness')}"
        ),
    )


def _row(
    pattern: str, show: Callable[[re.Match[str], Callable[[str], str]], _Show | None]
) -> tuple[re.Pattern[str], Callable[[re.Match[str], Callable[[str], str]], _Show | None]]:
    return re.compile(pattern), show


_PATTERNS = (
    _row(
        r"actually add new number: (?!0$)(\d+)",
        lambda m, label: ("found", f"{_number(m[1], 'new study', 'new studies')} with a wanted modality"),
    ),
    _row(
        r"patientID .* studyuid (\S+) is stable: instances num: (\S+)",
        lambda m, label: ("stable", f"{label(m[1])}: {_images(m[2])} in the PACS"),
    ),
    _row(
        r"move: (\S+) from (\S+) takes: (\S+)",
        lambda m, label: ("pulled", f"{label(m[1])} from {m[2]} in {m[3]} s"),
    ),
    _row(r"\S* \S* (\S+) \S+ filter because (.*)", lambda m, label: ("filtered", f"{label(m[1])}: {m[2]}")),
    _row(
        r"\S* \S* (\S+) study is filtered out",
        lambda m, label: ("filtered", f"{label(m[1])}: the whole study"),
    ),
    _row(
        r"completeness check failed: (series|study) (\S+) in pacs is (\d+),  we have (\d+)",
        lambda m, label: ("short", f"{label(m[2])}: {m[1]} has {m[4]} of {_images(m[3])}"),
    ),
    _row(
        r"study (\S+) thickest series is (\S+), instances num is (\d+)",
        lambda m, label: ("complete", f"{label(m[1])}: chosen the series with {m[3]} images"),
    ),
    _row(r"inform pacs_module (\{.*\})", _inform),
    _row(
        r"reinform (\S+) last is (\d+);now \S+ \S+ is (\d+)",
        lambda m, label: ("again", f"{label(m[1])}: {_images(m[3])}, last time {m[2]}"),
    ),
    _row(r"(orthanc move failed!)", lambda m, label: ("failed", m[1])),
)
