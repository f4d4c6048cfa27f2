"""How a use case changes a study document: read, edit, write back; again when somebody wrote in between."""

from __future__ import annotations

from collections.abc import Callable

from ..domain.errors import InvalidTransition, RetriableError
from ..domain.study.history import Note
from ..domain.study.study import Study
from ..ports import StudyStore

_TRIES = 50


def update_study(store: StudyStore, study_uid: str, edit: Callable[[Study], bool]) -> Study | None:
    """
    Edit a study so that no other writer's change is lost.

    Args:
        store: The store.
        study_uid: Which study.
        edit: Changes the study it is given and returns True, or returns False when there is nothing to
            change. It may be called again with a newer copy, so it must have no other effect.

    Returns:
        The study as it is stored now, None when there is no such study.

    Raises:
        RetriableError: Others wrote all the time.
        InvalidTransition: The life cycle has no such row. The study stays as it is, and its history says so.
    """
    for _ in range(_TRIES):
        study = store.get(study_uid)
        if study is None:
            return None
        try:
            changed = edit(study)
        except InvalidTransition as error:
            note_impossible(store, study_uid, error)
            raise
        if not changed or store.replace(study):
            return study
    raise RetriableError(f"study {study_uid} is being changed by others all the time")


def note_impossible(store: StudyStore, study_uid: str, error: InvalidTransition) -> None:
    """
    An event that cannot happen did: shown in the study's history, once in a row, for whoever looks why
    nothing moves.
    """
    study = store.get(study_uid)
    if study is None or (
        study.history and study.history[-1].tells(Note.IMPOSSIBLE) and study.history[-1].why == str(error)
    ):
        return
    study.note(Note.IMPOSSIBLE, str(error), error.at)
    store.replace(study)  # somebody else wrote: then there is something newer to read
