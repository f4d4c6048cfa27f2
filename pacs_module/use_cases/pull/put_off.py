"""Give the claim on a pull back: it is due again after a pause, with the reason in the study's document."""

from __future__ import annotations

from datetime import timedelta

from ...domain.instants import milliseconds
from ...domain.study.study import PULL, Study
from ...ports import Clock, StudyStore
from ..update_study import update_study

Claim = tuple[str, int] | None
"""Who has claimed the pull, and until when (epoch milliseconds): what :meth:`Study.claim_on` says."""


def put_off(
    store: StudyStore, clock: Clock, study_uid: str, claim: Claim, pause: timedelta, why: str
) -> None:
    """
    Give a claim back.

    A claim that another has by now, or that somebody has decided since, is left as it is.

    Args:
        store: The studies.
        clock: For now.
        study_uid: Which study.
        claim: As it was when it was taken.
        pause: After which the pull is due again.
        why: The reason, for people.
    """
    at = clock.now() + milliseconds(pause)

    def edit(study: Study) -> bool:
        if claim is None or study.claim_on(PULL) != claim:
            return False
        study.why = why
        study.schedule(PULL, at)
        return True

    update_study(store, study_uid, edit)
