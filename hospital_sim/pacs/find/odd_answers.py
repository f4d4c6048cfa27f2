"""Habits that add answers to a list or change its order: not asked for, or told twice. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hospital_sim.pacs.find.query import Answer, Level, Row
from hospital_sim.pacs.find.spoiled_answers import is_hit
from hospital_sim.pacs.habits import Habits

FEW = "2"
"""Images of the second row of a flapping study."""
UID_OF = {Level.STUDY: "StudyInstanceUID", Level.SERIES: "SeriesInstanceUID", Level.IMAGE: "SOPInstanceUID"}
BAD_UIDS = {
    "star": "*",
    "list": "1.2\\1.3",
    "path": "../../../etc/passwd",
    "long": "1." + "2" * 60_000,
    "dots": "1..2.3",
    "text": "n/a",
}


@dataclass(frozen=True)
class Told:
    """One answer and what it is about."""

    row: Row
    answer: Answer


@dataclass(frozen=True)
class Listing:
    """One list of answers: at which level, and the how-many-eth C-FIND of this PACS (from 1)."""

    level: Level
    number: int
    told: tuple[Told, ...]


def made_odd(listing: Listing, habits: Habits) -> list[Answer]:
    """The answers as the habits want them."""
    for habit, change in _CHANGES.items():
        if habit in habits:
            listing = replace(listing, told=tuple(change(habits, listing)))
    return [one.answer for one in listing.told]


def _changed(told: Told, **values: str) -> Told:
    """The same row, these values otherwise where they were asked for."""
    asked = {name: value for name, value in values.items() if name in told.answer.values}
    return Told(told.row, replace(told.answer, values={**told.answer.values, **asked}))


def _flapping_rows(habits: Habits, listing: Listing) -> Sequence[Told]:
    if listing.level is not Level.STUDY:
        return listing.told
    every = habits.count("flapping-rows") or 1
    rows: list[Told] = []
    for one in listing.told:
        if not is_hit(one.row.study, every):
            rows.append(one)
            continue
        few = _changed(one, NumberOfStudyRelatedInstances=FEW, NumberOfStudyRelatedSeries="1")
        rows += [one, few] if listing.number % 2 else [few, one]
    return rows


def _flapping_text(habits: Habits, listing: Listing) -> Sequence[Told]:
    every = habits.count("flapping-text") or 1
    if listing.number % 2:
        return listing.told
    return [
        _changed(one, StudyDescription="") if is_hit(one.row.study, every) else one for one in listing.told
    ]


def _bad_uids(habits: Habits, listing: Listing) -> Sequence[Told]:
    name = UID_OF.get(listing.level)
    if name is None or not listing.told:
        return listing.told
    word = habits.word("bad-uid-answers") or "all"
    bad = [uid for kind, uid in BAD_UIDS.items() if word in ("all", kind)]
    return [*listing.told, *(_changed(listing.told[0], **{name: uid}) for uid in bad)]


def _shuffled(habits: Habits, listing: Listing) -> Sequence[Told]:
    del habits
    order = np.random.default_rng(listing.number).permutation(len(listing.told))
    return [listing.told[int(place)] for place in order]


_CHANGES: dict[str, Callable[[Habits, Listing], Sequence[Told]]] = {
    "flapping-rows": _flapping_rows,
    "flapping-text": _flapping_text,
    "bad-uid-answers": _bad_uids,
    "answers-shuffled": _shuffled,
}
