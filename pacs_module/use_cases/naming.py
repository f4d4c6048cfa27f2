"""A study by the name that somebody else has for it."""

from __future__ import annotations

from ..domain.study import Study
from ..ports import StudyStore


def study_named(store: StudyStore, uid: str) -> Study | None:
    """The study with this StudyInstanceUID, or with this pseudonym of it; None when there is none."""
    if not uid:
        return None
    return store.get(uid) or next(iter(store.find({"pseudonymUID": uid}, limit=1)), None)
