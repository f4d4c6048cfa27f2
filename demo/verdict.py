"""
Was every wanted study computed, whole and once, and nothing else?

Judged from the PACS's content, the department's ground truth and the backend's record. The pipeline's own
documents give the reasons and the times in the table, never the verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pacs_module.domain.dicom.text_repair import readable

from .truth import Computed, PacsStudy


@dataclass(frozen=True)
class Expected:
    """
    What should become of a study.

    ``series`` None: nobody knows (the user's own files); then what was computed must be one or more whole
    series of the PACS.
    """

    study_uid: str
    label: str
    wanted: bool
    series: tuple[str, ...] | None


@dataclass(frozen=True)
class Row:
    """One line of the table; ``fault`` is empty when all is well."""

    label: str
    taken: str
    filtered: str
    images: str
    stages: tuple[float | None, ...]
    outcome: str
    fault: str


STAGES = ("to pull", "to receive", "to backend", "in all")
"""
Seconds: last image of the series in the PACS until pull asked, until handed over, until the backend accepts;
their sum.
"""


def judge(
    expected: Expected,
    pacs: PacsStudy | None,
    computed: Iterable[Computed],
    document: Mapping[str, Any] | None,
    sent_at: Mapping[str, float],
) -> Row:
    """
    Make one study's row.

    Args:
        expected: What should become of it.
        pacs: What the PACS has of it.
        computed: The backend's record of this study, oldest first.
        document: The pipeline's document, for reasons and times.
        sent_at: When the last image of each of its series was in the PACS, epoch seconds by
            SeriesInstanceUID.
    """
    done = list(computed)
    document = document or {}
    taken = _taken(pacs, done)
    return Row(
        label=expected.label,
        taken="\n".join(taken) or "-",
        filtered=_filtered(document) or "-",
        images=_images(pacs, done),
        stages=_stages(document, _last_image_at(pacs, done, sent_at)) if done else (None,) * len(STAGES),
        outcome=str(document.get("state", "not wanted")),
        fault=_fault(expected, pacs, done, document),
    )


def _fault(
    expected: Expected, pacs: PacsStudy | None, done: list[Computed], document: Mapping[str, Any]
) -> str:
    if pacs is None:
        return "not in the PACS"
    if not expected.wanted and done:
        return "computed, but should not be"
    if not expected.wanted or (expected.series is None and not done):
        return ""
    if not done:
        return "not computed"
    read = done[-1].instances
    if expected.series is not None:
        want = {uid for series in expected.series for uid in pacs.series[series].instances}
        if want != read:
            return f"backend read {len(read)} images, {len(want & read)} of the {len(want)} wanted"
    elif not read or not _whole_series(pacs, done[-1]):
        return "backend did not read whole series"
    if document.get("state") != "completed":
        return f"state is {document.get('state')}"
    return _computed_again(done)


def _computed_again(done: list[Computed]) -> str:
    """More images, or others, are computed anew with good reason; the same ones never are."""
    (instances, times), *_ = Counter(one.instances for one in done).most_common(1)
    return f"the same {len(instances)} images were computed {times} times" if times > 1 else ""


def _whole_series(pacs: PacsStudy, done: Computed) -> bool:
    touched = [series.instances for series in pacs.series.values() if series.instances & done.instances]
    return set().union(*touched) == done.instances


def _taken(pacs: PacsStudy | None, done: list[Computed]) -> list[str]:
    if pacs is None or not done:
        return []
    taken = [series for series in pacs.series.values() if series.instances & done[-1].instances]
    return [f"{readable(series.description) or series.uid} ({len(series.instances)})" for series in taken]


def _images(pacs: PacsStudy | None, done: list[Computed]) -> str:
    if pacs is None or not done:
        return "-"
    ours = done[-1].instances
    theirs = sum(len(series.instances) for series in pacs.series.values() if series.instances & ours)
    return f"{len(ours)} / {theirs}"


def _filtered(document: Mapping[str, Any]) -> str:
    reasons = Counter(
        series["because"] for series in document.get("series", {}).values() if not series["taken"]
    )
    if not reasons and "state" not in document and document:
        return str(document.get("why", ""))
    return "\n".join(f"{count} x {reason}" if count > 1 else reason for reason, count in reasons.items())


def _last_image_at(
    pacs: PacsStudy | None, done: list[Computed], sent_at: Mapping[str, float]
) -> float | None:
    """When the last image of the series that were taken came into the PACS."""
    taken = (
        [series.uid for series in pacs.series.values() if series.instances & done[-1].instances]
        if pacs
        else []
    )
    return max((sent_at[uid] for uid in taken if uid in sent_at), default=None)


def _stages(document: Mapping[str, Any], last_image_at: float | None) -> tuple[float | None, ...]:
    handovers = document.get("handovers", [])
    accepted = handovers[-1].get("acceptedAt") if handovers else None
    pull = _pull_of(document, handovers[-1]) if handovers else None
    if last_image_at is None or not accepted or pull is None:
        return (None,) * len(STAGES)
    asked, received, at_backend = (
        _seconds(text) for text in (pull["askedAt"], handovers[-1]["receivedAt"], accepted)
    )
    return (asked - last_image_at, received - asked, at_backend - received, at_backend - last_image_at)


def _pull_of(document: Mapping[str, Any], handover: Mapping[str, Any]) -> Mapping[str, Any] | None:
    pulls = [*document.get("pulls", ()), *([document["pull"]] if "pull" in document else [])]
    return next((pull for pull in pulls if pull["request"]["pullID"] == handover["message"]["pullID"]), None)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
