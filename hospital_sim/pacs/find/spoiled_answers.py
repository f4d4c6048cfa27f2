"""Habits that spoil an answer of a C-FIND after it has been made."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from hospital_sim.pacs.content.studies import Study
from hospital_sim.pacs.find.query import COUNTS, UIDS, Level, Row
from hospital_sim.pacs.habits import Habits

LONG_TEXT = 60_000
"""Characters; of a LO 64 are allowed (PS3.5 6.2)."""


def is_hit(study: Study, every: int) -> bool:
    """Whether a habit that spoils every n-th study spoils this one."""
    return study.number % every == every - 1


@dataclass
class Draft:
    """
    An answer before it is given.

    Attributes:
        level: Of the query.
        row: What the answer is about.
        values: Keyword to text.
        vrs: VRs other than the dictionary's.
    """

    level: Level
    row: Row
    values: dict[str, str]
    vrs: dict[str, str] = field(default_factory=dict)


def spoil(draft: Draft, habits: Habits) -> None:
    """Change the draft as the habits want it."""
    for habit, change in _CHANGES.items():
        if habit in habits:
            change(habits, draft)


def _no_counts(habits: Habits, draft: Draft) -> None:
    for name in COUNTS:
        draft.values.pop(name, None)


def _counts_fewer(habits: Habits, draft: Draft) -> None:
    fewer = habits.count("counts-fewer") or 1
    for name in ("NumberOfStudyRelatedInstances", "NumberOfSeriesRelatedInstances"):
        if name in draft.values:
            draft.values[name] = str(max(1, int(draft.values[name]) - fewer))


def _counts_as_text(habits: Habits, draft: Draft) -> None:
    kinds = {"spaces": " {} ", "n/a": "n/a", "empty": ""}
    word = habits.word("counts-as-text") or "mixed"
    shape = kinds.get(word) or list(kinds.values())[draft.row.study.number % 3] if word != "empty" else ""
    for name in COUNTS:
        if name in draft.values:
            draft.values[name] = shape.format(draft.values[name])
            draft.vrs[name] = (
                "LO"  # in IS or US 'n/a' would not pass a strict writer; in implicit VR nobody sees
            )


def _empty_uid(habits: Habits, draft: Draft) -> None:
    if draft.level is Level.STUDY:
        _forget_uid(draft, habits.count("empty-uid") or 1)


def _empty_uid_everywhere(habits: Habits, draft: Draft) -> None:
    _forget_uid(draft, habits.count("empty-uid-everywhere") or 1)


def _forget_uid(draft: Draft, every: int) -> None:
    if is_hit(draft.row.study, every) and "StudyInstanceUID" in draft.values:
        draft.values["StudyInstanceUID"] = ""


def _dirty_uid(habits: Habits, draft: Draft) -> None:
    if not is_hit(draft.row.study, habits.count("dirty-uid") or 1):
        return
    for name in UIDS:
        if draft.values.get(name):
            draft.values[name] = re.sub(r"\.(?=\d+$)", ". ", draft.values[name]) + "  "


def _no_modalities(habits: Habits, draft: Draft) -> None:
    draft.values.pop("ModalitiesInStudy", None)


def _single_modality(habits: Habits, draft: Draft) -> None:
    if "ModalitiesInStudy" in draft.values:
        draft.values["ModalitiesInStudy"] = draft.values["ModalitiesInStudy"].split("\\")[-1]


def _modalities_as_text(habits: Habits, draft: Draft) -> None:
    separator = {"comma": ",", "slash": "/"}.get(habits.word("modalities-as-text") or "", "\\")
    if "ModalitiesInStudy" in draft.values:
        draft.values["ModalitiesInStudy"] = draft.values["ModalitiesInStudy"].replace("\\", separator)
        draft.vrs["ModalitiesInStudy"] = (
            "ST" if separator == "\\" else "CS"
        )  # in ST a backslash is text (PS3.5 6.2)


def _long_text(habits: Habits, draft: Draft) -> None:
    if "StudyDescription" in draft.values and is_hit(draft.row.study, habits.count("long-text") or 1):
        draft.values["StudyDescription"] = (draft.values["StudyDescription"] + " ").ljust(LONG_TEXT, "x")


def _patient_id_blanks(habits: Habits, draft: Draft) -> None:
    if "PatientID" in draft.values:
        draft.values["PatientID"] = f" {draft.values['PatientID']}  "


_CHANGES: dict[str, Callable[[Habits, Draft], None]] = {
    "counts-fewer": _counts_fewer,  # first: the others may leave no number
    "no-counts": _no_counts,
    "counts-as-text": _counts_as_text,
    "empty-uid": _empty_uid,
    "empty-uid-everywhere": _empty_uid_everywhere,
    "dirty-uid": _dirty_uid,
    "no-modalities-in-study": _no_modalities,
    "modalities-single": _single_modality,
    "modalities-as-text": _modalities_as_text,
    "patient-id-blanks": _patient_id_blanks,
    "long-text": _long_text,
}
