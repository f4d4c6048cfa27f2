"""From a date, a number of studies and a seed to the day."""

from __future__ import annotations

import datetime as dt

import numpy as np

from hospital_sim.busy_day.catalogue import KINDS, Kind
from hospital_sim.busy_day.day import BusyDay, BusyStudy
from hospital_sim.busy_day.oddities import (
    DUPLICATE_SHARE,
    PRIOR_SHARE,
    priors_of,
    reconstructions_of,
    with_oddities,
)
from hospital_sim.busy_day.study import DaySettings, plain_study

# Studies begun in each hour of the day, relative; two peaks with a lunch break, emergencies at night.
HOURLY = (
    2.0, 1.5, 1.0, 1.0, 1.0, 1.5, 3.0, 6.0, 10.0, 11.0, 11.0, 9.0,
    5.0, 5.0, 9.0, 10.0, 9.0, 7.0, 4.0, 3.5, 3.0, 3.0, 2.5, 2.0,
)  # fmt: skip

EVENING = dt.timedelta(hours=6)  # before the first midnight
NIGHT = dt.timedelta(hours=6)  # after the second


def plan_busy_day(
    date: dt.date, studies: int = 800, *, seed: int = 1, matrix: int = 64, max_slices: int | None = None
) -> BusyDay:
    """
    Plan a busy day, from 18:00 of the evening before to 06:00 of the morning after.

    Args:
        date: The day in the middle, in the hospital's time zone.
        studies: New studies in these 36 hours; the priors of their patients come on top (some 35 %).
        seed: Another seed, another day.
        matrix: Rows and columns of the images, in pixels.
        max_slices: The most images of one series; None: as many as in life (thin series of 240 to 420). At
            least 12.

    Raises:
        ValueError: No study, or fewer than 12 slices.
    """
    if studies < 1:
        raise ValueError(f"a day of {studies} studies; at least one is needed")
    if max_slices is not None and max_slices < 12:
        raise ValueError(f"max_slices {max_slices}: at least 12, or no series is long enough to be computed")
    settings = DaySettings(date, seed, matrix, max_slices)
    midnight = dt.datetime.combine(date, dt.time())
    begins_at, ends_at = midnight - EVENING, midnight + dt.timedelta(days=1) + NIGHT
    rng = np.random.default_rng([seed, date.toordinal(), studies])
    duplicates = max(1, round(DUPLICATE_SHARE * studies)) if studies >= 20 else 0
    times = _times(rng, begins_at, ends_at, studies - duplicates)
    new = with_oddities(rng, _plain_studies(rng, settings, times))
    new += reconstructions_of(rng, new, duplicates)
    priors = [one for study in new if rng.random() < PRIOR_SHARE for one in priors_of(rng, study, begins_at)]
    in_order = sorted([*priors, *new], key=lambda one: (one.arrives_at, one.uid))
    return BusyDay(date, seed, begins_at, ends_at, tuple(in_order))


def _plain_studies(
    rng: np.random.Generator, settings: DaySettings, times: list[dt.datetime]
) -> list[BusyStudy]:
    """A study for each moment; nothing is odd about them yet."""
    kinds = _kinds(rng, len(times))
    return [
        plain_study(rng, settings, kind, number, at)
        for number, (kind, at) in enumerate(zip(kinds, times, strict=True))
    ]


def _times(
    rng: np.random.Generator, begins_at: dt.datetime, ends_at: dt.datetime, number: int
) -> list[dt.datetime]:
    """
    Moments of the day by the profile, at whole seconds, the last half hour left free for the images to
    arrive.
    """
    hours = int((ends_at - begins_at).total_seconds() // 3600)
    weights = np.array([HOURLY[(begins_at.hour + hour) % 24] for hour in range(hours)])
    chosen = rng.choice(hours, size=number, p=weights / weights.sum())
    seconds = np.minimum(chosen * 3600 + rng.integers(0, 3600, size=number), hours * 3600 - 1800)
    return [begins_at + dt.timedelta(seconds=int(one)) for one in sorted(seconds)]


def _kinds(rng: np.random.Generator, number: int) -> list[Kind]:
    """The mix by its shares, in any order; of a day of 100 studies and more every kind at least once."""
    least = 1 if number >= 100 else 0
    quotas = [max(least, round(kind.share * number)) for kind in KINDS]
    quotas[0] += max(0, number - sum(quotas))  # what rounding leaves are chest CTs
    pool = [index for index, quota in enumerate(quotas) for _ in range(quota)]
    return [KINDS[pool[int(place)]] for place in rng.permutation(len(pool))[:number]]
