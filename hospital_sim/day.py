"""
The plan of the department's day: which studies are sent, in which parts, and which series an AI backend must
get in the end.

Pure: same kind, date, seed and time give the same plan, UIDs included. Nothing is rendered here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hospital_sim.acquisition import (
    ct_descriptions,
    image_type_of,
    kernel_of,
    made_as,
    modality_of,
    thickness_of,
)
from hospital_sim.day_catalogue import RECIPES, Recipe
from hospital_sim.planned_study import (
    Content,
    Patient,
    PlannedSeries,
    PlannedStudy,
    expected_series,
    stable_uid,
)


@dataclass(frozen=True)
class Slice:
    """Instances ``begin`` to ``end`` (exclusive, from 0) of one series."""

    series: PlannedSeries
    begin: int
    end: int


@dataclass(frozen=True)
class Part:
    """
    What goes through one association.

    Attributes:
        study: The study.
        slices: What of it is sent.
        pause: Least time since the previous part of the same study.
    """

    study: PlannedStudy
    slices: tuple[Slice, ...]
    pause: dt.timedelta = dt.timedelta(0)

    @property
    def instances(self) -> int:
        """Number of images of this part."""
        return sum(one.end - one.begin for one in self.slices)


@dataclass(frozen=True)
class DayPlan:
    """A day: the studies, and the parts in the order in which they are sent."""

    kind: str
    date: dt.date
    seed: int
    studies: tuple[PlannedStudy, ...]
    parts: tuple[Part, ...]

    @property
    def instances(self) -> int:
        """Number of images of the day."""
        return sum(study.instances for study in self.studies)

    def as_json(self) -> list[dict[str, Any]]:
        """Ground truth for a checker: one object a study."""
        return [_study_as_json(study) for study in self.studies]


def _study_as_json(study: PlannedStudy) -> dict[str, Any]:
    return {
        "studyUID": study.uid,
        "label": study.label,
        "wanted": study.wanted,
        "expectedSeries": list(study.expected_series),
        "patientID": study.patient.patient_id,
        "accessionNumber": study.accession_number,
        "studyDate": study.started_at.date().isoformat(),
        "description": study.description,
        "manufacturer": study.device.manufacturer,
        "instances": study.instances,
        "series": [
            {
                "uid": one.uid,
                "description": one.description,
                "modality": one.modality,
                "instances": one.instances,
                "thickness": one.thickness_mm,
                "kernel": one.kernel,
                "imageType": "\\".join(one.image_type),
                "content": one.content.value,
            }
            for one in study.series
        ],
    }


SMALL_BASE_SLICES = 12


@dataclass(frozen=True)
class _Size:
    """How big the images and the pauses of a day are."""

    matrix: int
    spread: dt.timedelta
    pause: dt.timedelta


SIZES = {
    "demo": _Size(512, dt.timedelta(minutes=45), dt.timedelta(seconds=4)),
    "small": _Size(64, dt.timedelta(minutes=20), dt.timedelta(seconds=2)),
}


def plan_day(kind: str, date: dt.date, *, seed: int = 1, now: dt.time = dt.time(10, 0)) -> DayPlan:
    """
    Plan a day.

    Args:
        kind: ``demo`` (18 studies, some 2,000 images of 512 x 512) or ``small`` (7 studies, some 160 of 64 x
            64).
        date: StudyDate of every study, in the hospital's time zone.
        seed: Another seed gives other UIDs and other patients.
        now: The hospital's time of day; StudyTimes lie in the minutes before it, on the same date.

    Raises:
        ValueError: Unknown kind.
    """
    if kind not in RECIPES:
        raise ValueError(f"unknown day {kind!r}; allowed: {', '.join(RECIPES)}")
    size = SIZES[kind]
    recipes = RECIPES[kind]
    end = dt.datetime.combine(date, now)
    spread = min(size.spread, end - dt.datetime.combine(date, dt.time()))
    studies = []
    for order, recipe in enumerate(recipes):
        started = (end - spread * (len(recipes) - order) / (len(recipes) + 1)).replace(microsecond=0)
        if kind == "small" and recipe.base_slices > 20:
            recipe = replace(recipe, base_slices=SMALL_BASE_SLICES)
        studies.append(_study(recipe, order, size.matrix, started, seed))
    parts = _in_sending_order(recipes, studies, size.pause)
    return DayPlan(kind, date, seed, tuple(studies), parts)


def _study(recipe: Recipe, order: int, matrix: int, started_at: dt.datetime, seed: int) -> PlannedStudy:
    uid = stable_uid("study", recipe.key, started_at.date(), seed, matrix)
    series = tuple(
        _series(recipe, uid, number, content) for number, content in enumerate(recipe.contents, start=1)
    )
    number = int(hashlib.sha256(f"{recipe.key}/{seed}".encode()).hexdigest()[:6], 16)
    patient = Patient(
        f"{10_000_000 + number}",
        recipe.name,
        "MF"[number % 2],
        dt.date(1940 + number % 60, 1 + number % 12, 15),
    )
    return PlannedStudy(
        uid=uid,
        label=recipe.label,
        wanted=recipe.wanted,
        expected_series=expected_series(series) if recipe.wanted else (),
        device=recipe.device,
        region=recipe.region,
        patient=patient,
        accession_number=f"{recipe.modality}{started_at:%y%m%d}{seed % 100:02d}{order + 1:02d}",
        started_at=started_at,
        description=gbk_taken_for_latin1(recipe.description) if recipe.damaged_text else recipe.description,
        character_set=recipe.character_set,
        matrix=matrix,
        base_slices=recipe.base_slices,
        series=series,
        seed=seed * 1000 + order,
    )


def _series(recipe: Recipe, study_uid: str, number: int, content: Content) -> PlannedSeries:
    device = recipe.device
    content = made_as(device, content)
    planned = PlannedSeries(
        uid=stable_uid("series", study_uid, content.value),
        number=number if content not in (Content.DOSE_REPORT, Content.DOSE_PICTURE) else 999,
        content=content,
        modality=modality_of(content, recipe.modality),
        description=_description(recipe, content),
        protocol=recipe.protocol,
        body_part=recipe.body_part,
        instances=_count(recipe.base_slices, content),
        image_type=image_type_of(device, content),
        thickness_mm=thickness_of(device, content),
        kernel=kernel_of(device, content),
    )
    return (
        replace(planned, description=gbk_taken_for_latin1(planned.description))
        if recipe.damaged_text
        else planned
    )


def _count(base_slices: int, content: Content) -> int:
    counts = {
        Content.THIN_SOFT: base_slices,
        Content.THIN_SHARP: base_slices,
        Content.THICK: base_slices // 2 if base_slices > 20 else max(10, base_slices // 2),
        Content.MPR: 30,
        Content.SCOUT: 2 if base_slices > 90 else 1,
        Content.BREAST: 4,
        Content.MR: base_slices,
    }
    return counts.get(content, 1)


def _description(recipe: Recipe, content: Content) -> str:
    if content in recipe.texts:
        return recipe.texts[content]
    device, part = recipe.device, recipe.region.value.capitalize()
    texts = {
        **ct_descriptions(device, part, device.sharp_kernel),
        Content.DOSE_REPORT: "Patient Protocol" if device.manufacturer == "SIEMENS" else "Dose Report",
        Content.DOSE_PICTURE: "Dose Report",
        Content.PRESENTATION_STATE: "Presentation State",
        Content.FRONTAL: "Chest PA",
        Content.LATERAL: "Chest LAT",
        Content.HAND: "Hand PA",
        Content.BREAST: "R CC, L CC, R MLO, L MLO",
        Content.MR: "t2_tse_tra",
    }
    return texts[content]


def gbk_taken_for_latin1(text: str) -> str:
    """
    What `胸` becomes at some sites: GBK bytes d0 d8 declared Latin-1, then written as UTF-8 (c3 90 c3 98).
    """
    return text.encode("gbk").decode("latin-1")


def _in_sending_order(
    recipes: Sequence[Recipe], studies: Sequence[PlannedStudy], pause: dt.timedelta
) -> tuple[Part, ...]:
    """Each study in one part; the later parts of a growing one come after other studies."""
    parts: list[Part] = []
    waiting: list[Part] = []
    for recipe, study in zip(recipes, studies, strict=True):
        own = [
            _part(study, spec, pause if index else dt.timedelta(0)) for index, spec in enumerate(recipe.parts)
        ] or [Part(study, tuple(Slice(one, 0, one.instances) for one in study.series))]
        parts.append(own[0])
        if waiting:
            parts.append(waiting.pop(0))
        waiting.extend(own[1:])
    return (*parts, *waiting)


def _part(study: PlannedStudy, spec: Sequence[tuple[Content, float, float]], pause: dt.timedelta) -> Part:
    by_content = {one.content: one for one in study.series}
    slices = []
    for content, begin, end in spec:
        one = by_content[content]
        slices.append(Slice(one, round(begin * one.instances), round(end * one.instances)))
    return Part(study, tuple(slices), pause)
