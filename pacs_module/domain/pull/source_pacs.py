"""
From which PACS a study is moved (M6): the fullest reachable copy, random among equals; after a failure
another one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ..study.pull_state import Charge, PullOutcome
from ..study.study import Study


def choose_pacs(
    study: Study, allowed: Collection[str], unreachable: Collection[str], pick: Callable[[Sequence[str]], str]
) -> str | None:
    """
    Choose the PACS to move a study from.

    Args:
        study: With the PACS that have it and their counts.
        allowed: PACS that may be asked now.
        unreachable: Those of them that did not answer lately; taken only when no other has the study.
        pick: Picks one of several equal ones (random on site).

    Returns:
        A name, or None when none of the allowed ones has the study. One it is gone from only when
        it is gone from all of them.
    """
    known = [name for name in sorted(study.pacs) if name in allowed]
    having = [name for name in known if not study.pacs[name].gone_at] or known
    reachable = [name for name in having if name not in unreachable] or having
    candidates = [name for name in reachable if name != failed_last_at(study)] or reachable
    if not candidates:
        return None
    fullest = max(study.pacs[name].count or 0 for name in candidates)
    return pick([name for name in candidates if (study.pacs[name].count or 0) == fullest])


def failed_last_at(study: Study) -> str | None:
    """
    Name the PACS that the last attempt failed at, charged or not; None when it did not fail, or its receiver
    was away.
    """
    pull = study.pull
    if pull is None or pull.left or pull.outcome is not PullOutcome.FAILED:
        return None
    return pull.request.pacs if study.attempts or pull.charge is not Charge.CHARGED else None
