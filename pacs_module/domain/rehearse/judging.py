"""
A recorded study judged by given rules, with the very functions that judge: ``judge_series``, the rule that
radiography goes whole, and ``decide``, which chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..receive.completeness import COMPLETE, Completeness
from ..receive.decision import Asked, Decision, decide
from ..receive.judged import Judged, with_whole_study
from ..rules.filters import NAMED, judge_series
from ..rules.switches import Switches
from ..rules.verdict import Verdict
from .record import JudgedHeader, JudgedStudy

_WHOLE = Completeness(COMPLETE)
_ASKED = Asked(final=True)
HANDED_OVER = "handed_over"


@dataclass(frozen=True)
class Outcome:
    """
    What rules make of a study.

    Args:
        verdicts: By SeriesInstanceUID.
        chosen: Series that are handed over.
        why: Of the choice, or why there is none.
    """

    verdicts: Mapping[str, Verdict]
    chosen: tuple[str, ...]
    why: str


def verdicts_by(study: JudgedStudy, switches: Switches) -> dict[str, Verdict]:
    """The verdict on each series; one that a person named stays taken, whatever the rules are."""
    judged = {
        uid: Judged(one.facts, one.verdict if _is_named(one) else judge_series(one.facts, switches))
        for uid, one in study.series.items()
    }
    return {uid: one.verdict for uid, one in with_whole_study(judged, switches).items()}


def choose_by(study: JudgedStudy, verdicts: Mapping[str, Verdict], switches: Switches) -> Outcome:
    """The series that would be handed over, where all images of the study had come."""
    judged = {uid: Judged(study.series[uid].facts, verdict) for uid, verdict in verdicts.items()}
    counts = {uid: max(one.facts.instances or 0, 1) for uid, one in judged.items()}
    decision: Decision = decide(counts, judged, _WHOLE, _ASKED, None, switches)
    chosen = decision.choice.series if decision.choice is not None else ()
    return Outcome(verdicts, tuple(one.series_uid for one in chosen), decision.why)


def as_recorded(study: JudgedStudy) -> Outcome:
    """What was decided at the time."""
    verdicts = {uid: one.verdict for uid, one in study.series.items()}
    chosen = tuple(uid for uid, one in study.series.items() if one.outcome == HANDED_OVER)
    return Outcome(verdicts, chosen, "as it was decided")


def _is_named(one: JudgedHeader) -> bool:
    return one.verdict.rule == NAMED
