"""Habits about what a PACS holds: each changes the studies of a planned day before the PACS opens."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hospital_sim.busy_day.day import BusyDay, BusyStudy
from hospital_sim.pacs.content.enhanced import EnhancedImages
from hospital_sim.pacs.content.odd_images import BOMB, DEEP, DOSE_PAGE, SCOUT, OddImage, OddSeries, Template
from hospital_sim.pacs.content.studies import Series, Study
from hospital_sim.pacs.habits import Habits
from hospital_sim.planned_study import AXIAL, stable_uid

MOVED_AFTER = dt.timedelta(minutes=30)
"""After its last image."""
ANOTHER_THICKNESS = "10"
"""In mm."""


@dataclass(frozen=True)
class Chosen:
    """A wanted study of the day: its plan, and what the PACS holds of it."""

    busy: BusyStudy
    study: Study

    @property
    def series(self) -> list[Series]:
        """The series to be computed, as the PACS holds them."""
        return [one for one in self.study.series if one.uid in self.busy.expected_series]


def make_odd(studies: Sequence[Study], day: BusyDay, habits: Habits) -> list[Study]:
    """
    Change the studies, in the order of the day, as the habits want it.

    Returns:
        Those that come on top.
    """
    wanted = {one.uid for one in day.wanted if one.chest}
    chosen = [
        Chosen(busy, study) for busy, study in zip(day.studies, studies, strict=True) if busy.uid in wanted
    ]
    for habit, change in _CHANGES.items():
        if habit in habits:
            change(habits, chosen)
    days = habits.count("other-study-date") or 0
    for study in studies if days else ():
        date = _earlier(study.attributes["StudyDate"], days)
        study.attributes = {**study.attributes, "StudyDate": date}
    every = habits.count("moved-uid")
    hit = chosen[every - 1 :: every] if every else []
    return [_moved(one, len(studies) + place) for place, one in enumerate(hit)]


def _moved(one: Chosen, number: int) -> Study:
    """The study under another StudyInstanceUID, from the moment on at which it is gone under the old one."""
    old, uid = one.study, stable_uid("moved", one.study.uid)
    at = one.busy.complete_at + MOVED_AFTER
    old.vanishes_at = at
    new = replace(old, number=number, uid=uid, appears_at=at, vanishes_at=None, series=[])
    new.attributes = {**old.attributes, "StudyInstanceUID": uid}
    for series in old.series:
        images = OddSeries(_template(series), series.uid)
        images.changes.append(lambda index: {"StudyInstanceUID": uid})
        new.series.append(replace(series, images=images))
    return new


def _earlier(date: str, days: int) -> str:
    return f"{dt.date.fromisoformat(date) - dt.timedelta(days=days):%Y%m%d}"


def _of_ct(chosen: Iterable[Chosen]) -> Iterator[Chosen]:
    return (one for one in chosen if "CT" in one.busy.modalities)


def _odd(series: Series) -> OddSeries:
    """The images of a series as those of an odd one; of one that is odd already these."""
    if isinstance(series.images, OddSeries):
        return series.images
    series.images = OddSeries(_template(series), series.uid)
    return series.images


def _template(series: Series) -> Template:
    base: Template = series.images  # type: ignore[assignment]  # a planned day has no others
    return base


def _inside(odd: OddImage, name: str) -> Callable[[Habits, Sequence[Chosen]], None]:
    def change(habits: Habits, chosen: Sequence[Chosen]) -> None:
        for one in _of_ct(chosen):
            for images in map(_odd, one.series):
                (images.first if habits.word(name) == "first" else images.last).append(odd)

    return change


def _thickness(habits: Habits, chosen: Sequence[Chosen]) -> None:
    every = habits.count("thickness-inside") or 1

    def other(index: int) -> Mapping[str, str]:
        return {"SliceThickness": ANOTHER_THICKNESS} if index % every == every - 1 else {}

    for one in _of_ct(chosen):
        for images in map(_odd, one.series):
            images.changes.append(other)


def _poison(odd: OddImage, name: str) -> Callable[[Habits, Sequence[Chosen]], None]:
    def change(habits: Habits, chosen: Sequence[Chosen]) -> None:
        every = habits.count(name) or 1
        for one in chosen[every - 1 :: every]:
            _odd(one.series[-1]).last.append(odd)

    return change


def _private(habits: Habits, chosen: Sequence[Chosen]) -> None:
    every = habits.count("poison-private") or 1
    for one in chosen[every - 1 :: every]:
        for images in map(_odd, one.series):
            images.private = True


def _enhanced(habits: Habits, chosen: Sequence[Chosen]) -> None:
    every = habits.count("enhanced-ct") or 1
    for one in list(_of_ct(chosen))[every - 1 :: every]:
        axial = {
            arrival.planned.uid: arrival for arrival in one.busy.arrivals if arrival.planned.content in AXIAL
        }
        for series in one.study.series:
            if series.uid in axial:
                images = EnhancedImages(one.busy.planned, axial[series.uid])
                series.images = images
                series.attributes = images.series_attributes(series.attributes)


_CHANGES: dict[str, Callable[[Habits, Sequence[Chosen]], None]] = {
    "enhanced-ct": _enhanced,  # first: the others change what is there then
    "scout-inside": _inside(SCOUT, "scout-inside"),
    "dose-page-inside": _inside(DOSE_PAGE, "dose-page-inside"),
    "thickness-inside": _thickness,
    "poison-deep": _poison(DEEP, "poison-deep"),
    "poison-bomb": _poison(BOMB, "poison-bomb"),
    "poison-private": _private,
}
