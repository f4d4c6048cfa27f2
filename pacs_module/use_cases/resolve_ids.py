"""A study, or a hand-over, by the name that somebody else has for it."""

from __future__ import annotations

from ..domain.study.handover import HandOver
from ..domain.study.study import Study
from ..ports import StudyStore


def study_named(store: StudyStore, uid: str) -> Study | None:
    """The study with this StudyInstanceUID, or with this pseudonym of it; None when there is none."""
    if not uid:
        return None
    return store.get(uid) or store.of_pseudonym(uid)


def handover_named(store: StudyStore, handover_id: str) -> HandOver | None:
    """The hand-over with this id, whichever study's it is; None when there is none."""
    study = store.of_handover(handover_id)
    return study.handover(handover_id) if study else None
