"""The order of pulls: priority first, then the oldest study (M13)."""

from __future__ import annotations

from .study import Study

# The same order for a store that sorts by itself: (field, +1 ascending or -1 descending).
PULL_ORDER = (("priority", -1), ("studyDate", 1), ("studyTime", 1), ("studyUID", 1))


def pull_key(study: Study) -> tuple[int, str, str, str]:
    """Sort key: smaller is pulled sooner."""
    return (-study.priority, study.study_date, study.study_time, study.study_uid)
