"""
What happens to some studies of a day, and the studies that come because of others: 3D reconstructions and
priors.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hospital_sim.busy_day.day import BusyStudy, Oddity, SeriesArrival, StudyCorrection
from hospital_sim.busy_day.study import a_patient, arrivals_of
from hospital_sim.planned_study import Content, expected_series, stable_uid

# Of all studies that can have it, at least one.
SHARES = {
    Oddity.LATE_SERIES: 0.05,
    Oddity.NEXT_DAY_SERIES: 0.02,
    Oddity.LATE_ARCHIVED: 0.02,
    Oddity.CORRECTED: 0.015,
    Oddity.VANISHES: 0.005,
}
DUPLICATE_SHARE = 0.01
PRIOR_SHARE = 0.25


def with_oddities(rng: np.random.Generator, studies: list[BusyStudy]) -> list[BusyStudy]:
    """Each kind of oddity on its share of the studies that can have it, no study with two of them."""
    taken: set[int] = set()
    for oddity, share in SHARES.items():
        able = [index for index, one in enumerate(studies) if index not in taken and _can(oddity, one)]
        number = min(len(able), max(1, round(share * len(able))))
        for index in rng.choice(able, size=number, replace=False) if able else ():
            taken.add(int(index))
            studies[index] = _ODD[oddity](rng, studies[index])
    return studies


def _can(oddity: Oddity, study: BusyStudy) -> bool:
    if oddity in (Oddity.LATE_SERIES, Oddity.NEXT_DAY_SERIES):
        return len(study.arrivals) > 2 and "CT" in study.modalities
    return True


def _late_one(study: BusyStudy) -> SeriesArrival:
    """The series whose lateness hurts most: the one that is to be computed, else the last."""
    chosen = [one for one in study.arrivals if one.planned.uid in study.expected_series]
    return chosen[0] if chosen else study.arrivals[-1]


def made_late(study: BusyStudy, by: dt.timedelta) -> BusyStudy:
    """One series made and archived later, with a SeriesDate and SeriesTime of its own; the same UIDs."""
    last = _late_one(study)
    made = replace(last.planned, made_at=(study.planned.started_at + by).replace(microsecond=0))
    planned = replace(
        study.planned, series=tuple(made if one.uid == made.uid else one for one in study.planned.series)
    )
    late = SeriesArrival(made, last.begins_at + by, last.ends_at + by)
    arrivals = tuple(late if one is last else one for one in study.arrivals)
    return replace(study, planned=planned, arrivals=arrivals, oddities=study.oddities | {Oddity.LATE_SERIES})


def _late_series(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    return made_late(study, dt.timedelta(minutes=int(rng.integers(60, 300))))


def _next_day_series(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    midnight = dt.datetime.combine(study.arrives_at.date() + dt.timedelta(days=1), dt.time())
    by = midnight - study.arrives_at + dt.timedelta(minutes=int(rng.integers(10, 300)))
    late = made_late(study, by)
    return replace(late, oddities=study.oddities | {Oddity.NEXT_DAY_SERIES})


def _late_archived(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    by = dt.timedelta(minutes=int(rng.integers(120, 480)))
    arrivals = tuple(
        SeriesArrival(one.planned, one.begins_at + by, one.ends_at + by) for one in study.arrivals
    )
    return replace(study, arrivals=arrivals, oddities=study.oddities | {Oddity.LATE_ARCHIVED})


def _corrected(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    at = study.arrives_at + dt.timedelta(minutes=int(rng.integers(5, 120)))
    right = a_patient(rng, 99, int(rng.integers(0, 20_000)), "")
    change = (("PatientID", right.patient_id), ("PatientName", right.name.split("=")[0]))
    return replace(
        study, corrections=(StudyCorrection(at, change),), oddities=study.oddities | {Oddity.CORRECTED}
    )


def _vanishes(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    at = study.complete_at + dt.timedelta(minutes=int(rng.integers(10, 180)))
    return replace(study, vanishes_at=at, oddities=study.oddities | {Oddity.VANISHES})


_ODD: dict[Oddity, Callable[[np.random.Generator, BusyStudy], BusyStudy]] = {
    Oddity.LATE_SERIES: _late_series,
    Oddity.NEXT_DAY_SERIES: _next_day_series,
    Oddity.LATE_ARCHIVED: _late_archived,
    Oddity.CORRECTED: _corrected,
    Oddity.VANISHES: _vanishes,
}


def reconstructions_of(rng: np.random.Generator, studies: list[BusyStudy], number: int) -> list[BusyStudy]:
    """
    3D reconstructions of plain chests, archived as studies of their own under the same AccessionNumber:
    nothing to compute.
    """
    able = [
        index
        for index, one in enumerate(studies)
        if one.chest and "CT" in one.modalities and not one.oddities
    ]
    chosen = rng.choice(able, size=min(number, len(able)), replace=False) if able else ()
    return [_reconstruction(rng, studies[int(index)]) for index in chosen]


def _reconstruction(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    plain = study.planned
    uid = stable_uid("3d", plain.uid)
    template = plain.series[1]
    series = replace(
        template, uid=stable_uid("series", uid), number=1, content=Content.MPR, description="3D VR",
        instances=12,
        image_type=("DERIVED", "SECONDARY", "VRT"), kernel="", thickness_mm=None,
    )  # fmt: skip
    by = dt.timedelta(minutes=int(rng.integers(20, 60)))
    planned = replace(
        plain, uid=uid, label="3D reconstruction of a chest CT", wanted=False, expected_series=(),
        series=(series,),
        started_at=plain.started_at + by, description=f"{plain.description} 3D",
    )  # fmt: skip
    return BusyStudy(
        planned, arrivals_of(rng, planned, study.arrives_at + by), study.oddities | {Oddity.DUPLICATE}
    )


def priors_of(rng: np.random.Generator, study: BusyStudy, begins_at: dt.datetime) -> list[BusyStudy]:
    """One or two examinations of the same patient on the same device, days to years ago, long complete."""
    found = []
    for number in range(int(rng.integers(1, 3))):
        days = int(rng.choice((3, 7, 30, 90, 180, 365, 730)))
        at = begins_at - dt.timedelta(days=days, seconds=int(rng.integers(0, 36_000)))
        uid = stable_uid("prior", study.uid, number)
        series = tuple(
            replace(one, uid=stable_uid("series", uid, one.number), made_at=None)
            for one in study.planned.series
        )
        drawn = int(rng.integers(0, 1_000_000))
        planned = replace(
            study.planned,
            uid=uid,
            accession_number=f"{study.planned.accession_number[:2]}{at:%y%m%d}{drawn:06d}",
            started_at=at,
            series=series,
            expected_series=expected_series(series) if study.chest else (),
        )
        found.append(BusyStudy(planned, arrivals_of(rng, planned, at), frozenset({Oddity.PRIOR})))
    return found
