"""What was filtered in a span, grouped so that a missing keyword catches the eye."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ..dicom.numbers import read_thickness
from ..rules.body_part import BODY_PART, SERIES
from .record import JudgedHeader, JudgedStudy
from .result import Example

MAX_EXAMPLES = 3
MAX_GROUPS = 500
_LEAST = re.compile(r"(\d+) <")


@dataclass(frozen=True)
class FilteredGroup:
    """
    Series that one rule dropped for one value on one device.

    Args:
        rule: The rule.
        attribute: Which attribute decided; as in the log.
        value: Its value; where BodyPartExamined is empty the SeriesDescription.
        device: Manufacturer, model and station.
        series: How many.
        studies: Of so many studies.
        images: In them.
        suggestion: A change that would take them, as ``KEYWORDS+=THX``; empty where no single one would.
        examples: The newest.
    """

    rule: str
    attribute: str
    value: str
    device: str
    series: int
    studies: int
    images: int
    suggestion: str = ""
    examples: tuple[Example, ...] = ()


@dataclass
class _Group:
    first: JudgedHeader
    series: int = 0
    images: int = 0
    studies: set[str] = field(default_factory=set)
    examples: list[Example] = field(default_factory=list)


@dataclass
class FilteredSeries:
    """Takes studies in one after the other."""

    _groups: dict[tuple[str, str, str, str], _Group] = field(default_factory=dict)

    def take(self, study: JudgedStudy) -> None:
        """Count what was filtered of a study."""
        for uid, one in study.series.items():
            if not one.verdict.taken:
                self._take_series(study, uid, one)

    def _take_series(self, study: JudgedStudy, uid: str, one: JudgedHeader) -> None:
        key = (one.verdict.rule, one.verdict.attribute, _value(one), one.device)
        group = self._groups.setdefault(key, _Group(one))
        images, because = one.facts.instances or 0, one.verdict.because
        group.series += 1
        group.images += images
        group.studies.add(study.study_uid)
        example = Example(study.study_uid, uid, study.day, images, one.facts.text(SERIES), because, "")
        group.examples = [*group.examples, example][-MAX_EXAMPLES:]

    def groups(self) -> list[FilteredGroup]:
        """The largest first."""
        ranked = sorted(self._groups.items(), key=lambda one: (-one[1].series, one[0]))
        return [
            FilteredGroup(
                *key, found.series, len(found.studies), found.images, suggestion(found.first),
                tuple(reversed(found.examples)),
            )
            for key, found in ranked[:MAX_GROUPS]
        ]  # fmt: skip


def suggestion(one: JudgedHeader) -> str:
    """The change of one switch that would take a series which was filtered; empty where there is none."""
    rule = _SUGGESTIONS.get(one.verdict.rule)
    return rule(one) if rule is not None else ""


def _value(one: JudgedHeader) -> str:
    """Descriptions of single studies in a row would make a group of each."""
    if one.verdict.rule == "body part" and one.verdict.attribute != BODY_PART:
        return one.facts.text(SERIES)
    if one.verdict.rule == "min instances":
        return ""
    return one.verdict.value


def _keyword(one: JudgedHeader) -> str:
    examined = one.facts.text(BODY_PART)
    word = examined if one.verdict.attribute == BODY_PART else one.facts.text(SERIES)
    if not word:
        return ""
    return f"KEYWORDS+={word}" if "," not in word else f"KEYWORDS+={json.dumps([word], ensure_ascii=False)}"


def _thickness(one: JudgedHeader) -> str:
    value = read_thickness(one.facts.text("SliceThickness")).value
    return f"SLICE_THICKNESS_MAX={value:g}" if value is not None else ""


def _instances(one: JudgedHeader) -> str:
    found = _LEAST.match(one.verdict.value)
    name = "MIN_INSTANCES_DX" if one.facts.modality in ("DX", "DR", "CR") else "MIN_INSTANCES_CT"
    return f"{name}={found[1]}" if found else ""


def _image_type(one: JudgedHeader) -> str:
    values = [value for value in one.facts.text("ImageType").upper().split("\\") if value][:3]
    return "IMAGE_TYPES_CT+=" + "\\".join(values) if values else ""


_SUGGESTIONS: dict[str, Callable[[JudgedHeader], str]] = {
    "body part": _keyword,
    "modality": lambda one: f"CT_MODALITIES+={one.facts.modality}",
    "slice thickness": _thickness,
    "min instances": _instances,
    "image type": _image_type,
    "kernel": lambda one: "FILTER_KERNEL=false",
    "contrast": lambda one: "FILTER_CONTRAST=false",
}
