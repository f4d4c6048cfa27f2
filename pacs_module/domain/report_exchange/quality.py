"""
Quality data (E8): what people counted, and the three scores.

- image quality score = (total points - defect points) / total points
- report accuracy = correct reports / all reports
- spot-check pass rate = passed / checked
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..errors import MessageError
from ..json_messages.documents import to_document, wire_names
from ..json_messages.reading import read_message
from .entry import Content, EntryKind
from .report import MAX_WORDS, checked_day, checked_key

MAX_COUNT = 10**9


class QualityKind(StrEnum):
    """What was looked at."""

    IMAGE_QUALITY = "image_quality"
    REPORT_ACCURACY = "report_accuracy"
    SPOT_CHECK = "spot_check"


COUNTS: Mapping[QualityKind, tuple[str, str]] = {
    QualityKind.IMAGE_QUALITY: ("total", "defectPoints"),
    QualityKind.REPORT_ACCURACY: ("all", "correct"),
    QualityKind.SPOT_CHECK: ("checked", "passed"),
}
"""By kind: the names of the whole and of the part, as they are sent."""

GROUPS = ("month", "department", "device", "doctor")


@dataclass(frozen=True)
class QualityRecord:
    """
    One record.

    Args:
        id: The sender's own; with it the record is known again.
        kind: What was looked at.
        day: YYYY-MM-DD.
        counts: The whole and the part by the names of :data:`COUNTS`.
        version: Counted by the sender; 0: not counted.
        department: Of the hospital.
        device: Station name or serial number.
        doctor: Who wrote or checked.
        study_uid: StudyInstanceUID, where it is about one.
        remark: In words.
    """

    id: str
    kind: str
    day: str
    counts: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    department: str = ""
    device: str = ""
    doctor: str = ""
    study_uid: str = ""
    remark: str = ""

    @property
    def whole(self) -> float:
        """What there was in all: points, reports or checks."""
        return float(self.counts[COUNTS[QualityKind(self.kind)][0]])

    @property
    def good(self) -> float:
        """What of it was good."""
        part = float(self.counts[COUNTS[QualityKind(self.kind)][1]])
        return self.whole - part if self.kind == QualityKind.IMAGE_QUALITY else part

    def content(self, source: str) -> Content:
        """What the ledger keeps of it."""
        body = to_document(self)
        del body["version"]
        return Content(EntryKind.QUALITY, self.id, self.day, body, self.version, source)


def read_quality(message: Any) -> QualityRecord:
    """
    Read a record from JSON: the counts stand beside the other keys (``{"kind": "spot_check", "checked": 20,
    "passed": 19}``).

    Raises:
        MessageError: A value is missing, of another kind, or cannot be so.
    """
    if not isinstance(message, Mapping):
        raise MessageError("record", message, "an object with named values")
    kind = _kind_of(message.get("kind"))
    names = COUNTS[kind]
    told = {"counts": {name: message[name] for name in names if name in message}} | dict(message)
    record = read_message(QualityRecord, told)
    checked_key("id", record.id)
    checked_day("day", record.day)
    for name in ("department", "device", "doctor", "remark"):
        if len(getattr(record, name)) > MAX_WORDS:
            raise MessageError(name, getattr(record, name), f"at most {MAX_WORDS} characters")
    _check_counts(record.counts, *names)
    return record


def _kind_of(value: Any) -> QualityKind:
    try:
        return QualityKind(value)
    except ValueError:
        raise MessageError("kind", value, ", ".join(QualityKind)) from None


def _check_counts(counts: Mapping[str, Any], whole: str, part: str) -> None:
    for name in (whole, part):
        value: Any = counts.get(name)
        if not _is_count(value):
            raise MessageError(name, value, f"a number from 0 to {MAX_COUNT}")
    if counts[whole] == 0:
        raise MessageError(whole, 0, "more than 0: nothing was counted")
    if counts[part] > counts[whole]:
        raise MessageError(part, counts[part], f"at most {whole}, which is {counts[whole]}")


def _is_count(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= MAX_COUNT


@dataclass(frozen=True)
class Score:
    """
    Of one group: how many records, what there was in all, what of it was good, and their ratio (0 to 1).
    """

    group: str
    records: int
    whole: float
    good: float

    @property
    def rate(self) -> float:
        """What was good of the whole."""
        return self.good / self.whole


_KEYS: Mapping[str, Callable[[QualityRecord], str]] = {
    "month": lambda record: record.day[:7],
    "department": lambda record: record.department,
    "device": lambda record: record.device,
    "doctor": lambda record: record.doctor,
}


def scores(records: Iterable[QualityRecord], by: str) -> dict[QualityKind, list[Score]]:
    """
    The scores by month, department, device or doctor: the sum of what was good over the sum of the whole.

    Args:
        records: Any.
        by: One of :data:`GROUPS`.

    Returns:
        By kind the groups in the order of their names; a record that does not name its group is under "".
    """
    sums: dict[tuple[QualityKind, str], list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for record in records:
        of_group = sums[QualityKind(record.kind), _KEYS[by](record)]
        of_group[0] += 1
        of_group[1] += record.whole
        of_group[2] += record.good
    found: dict[QualityKind, list[Score]] = {kind: [] for kind in QualityKind}
    for (kind, group), (number, whole, good) in sorted(sums.items()):
        found[kind].append(Score(group, int(number), whole, good))
    return found


def record_of(body: Mapping[str, Any]) -> QualityRecord:
    """A record back from the ledger, which has only what was checked when it came."""
    return QualityRecord(
        **{name: body[key] for name, key in wire_names(QualityRecord).items() if key in body}
    )
