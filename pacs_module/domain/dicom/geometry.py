"""
Where slices lie: order along the normal of their plane, spacing, gaps and duplicates (PS3.3 C.7.6.2).

All lengths are in mm. Nothing here depends on the order in which the images are given.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from .images import ImageFacts
from .numbers import read_number, read_whole

Vector = tuple[float, float, float]
SAME_PLACE_MM = 0.01
GAP_FACTOR = 1.5
"""Two neighbours further apart than so many usual spacings have a gap between them."""
SAME_DIRECTION = 0.02
"""
Components of direction cosines that differ by less are the same: a gantry that is set again (1 degree is
0.017).
"""


class OrderedBy(StrEnum):
    """By what images are put in order."""

    NUMBER = "InstanceNumber"
    POSITION = "position along the normal"
    TIME = "acquisition time"
    UID = "SOPInstanceUID"


@dataclass(frozen=True)
class Ordered:
    """SOPInstanceUIDs in order, and by what."""

    uids: tuple[str, ...]
    by: OrderedBy


@dataclass(frozen=True)
class Geometry:
    """
    How the slices of a series lie.

    Args:
        spacing: Usual distance of neighbouring slices, None where it cannot be told.
        gaps: Places where a slice is missing.
        duplicates: Slices that lie where another one does.
        orientations: Different planes.
    """

    spacing: float | None = None
    gaps: int = 0
    duplicates: int = 0
    orientations: int = 0


def order_images(images: Iterable[ImageFacts]) -> Ordered:
    """
    Put the images of a series in order.

    By InstanceNumber where every image has one of its own; else by position along the normal, by acquisition
    time, by SOPInstanceUID: the first of these that every image has and that tells them apart at all.
    """
    found = sorted(images, key=lambda image: image.sop_uid)
    numbers = [_whole(image.number) for image in found]
    if None not in numbers and len(set(numbers)) == len(found):
        return _sorted(found, [float(number or 0) for number in numbers], OrderedBy.NUMBER)
    return _by_place(found) or _by_time(found) or Ordered(_uids(found), OrderedBy.UID)


def _by_place(found: Sequence[ImageFacts]) -> Ordered | None:
    places = distances(found)
    return _sorted(found, places, OrderedBy.POSITION) if places and len(set(places)) > 1 else None


def _by_time(found: Sequence[ImageFacts]) -> Ordered | None:
    times = {image.acquired for image in found}
    alike = "" in times or len(times) < 2
    return None if alike else _sorted(found, [0.0] * len(found), OrderedBy.TIME)


def _uids(found: Sequence[ImageFacts]) -> tuple[str, ...]:
    return tuple(image.sop_uid for image in found)


def _sorted(images: Sequence[ImageFacts], keys: Sequence[float], by: OrderedBy) -> Ordered:
    ranked = sorted(
        zip(keys, images, strict=True), key=lambda pair: (pair[0], pair[1].acquired, pair[1].sop_uid)
    )
    return Ordered(tuple(image.sop_uid for _, image in ranked), by)


def distances(images: Sequence[ImageFacts]) -> list[float] | None:
    """
    The place of each image (its first frame) along the common normal; None when one has none, or the planes
    differ. An image that does not tell its plane lies in that of the others.
    """
    if not images or not all(image.positions for image in images):
        return None
    planes = directions(images)
    if len(set(planes.values())) != 1:
        return None
    normal = normal_of(min(planes))
    places = [along(image.positions[0], normal) for image in images] if normal else []
    return None if not places or None in places else [place or 0.0 for place in places]


def directions(images: Iterable[ImageFacts]) -> dict[str, int]:
    """
    Number of the plane for each ImageOrientationPatient that is a plane; those that are nearly the same have
    one number.
    """
    texts = sorted({image.orientation or "" for image in images})
    planes = {text: _cosines(text) if normal_of(text) is not None else None for text in texts}
    numbers: dict[str, int] = {}
    representatives: list[tuple[float, ...]] = []
    for text, cosines in sorted(planes.items(), key=lambda item: (item[1] or (), item[0])):
        if cosines is not None:
            numbers[text] = _number_of(cosines, representatives)
    return numbers


def _number_of(cosines: tuple[float, ...], planes: list[tuple[float, ...]]) -> int:
    """The place of a plane that is nearly the same; a new one is put at the end."""
    for number, one in enumerate(planes):
        if _near(one, cosines):
            return number
    planes.append(cosines)
    return len(planes) - 1


def geometry_of(images: Sequence[ImageFacts]) -> Geometry:
    """How the slices of images that lie in one plane follow one another, all frames counted."""
    planes = directions(images)
    places = _all_places(images) if len(set(planes.values())) == 1 else []
    if len(places) < 2:
        return Geometry(orientations=len(set(planes.values())))
    steps = [later - earlier for earlier, later in itertools.pairwise(places)]
    apart = [step for step in steps if step > SAME_PLACE_MM]
    if not apart:
        return Geometry(duplicates=len(steps), orientations=1)
    spacing = statistics.median(apart)
    gaps = sum(step > GAP_FACTOR * spacing for step in apart)
    return Geometry(round(spacing, 3), gaps, len(steps) - len(apart), 1)


def _all_places(images: Sequence[ImageFacts]) -> list[float]:
    normal = normal_of(min(directions(images), default=""))
    if normal is None:
        return []
    places = (along(position, normal) for image in images for position in image.positions)
    return sorted(place for place in places if place is not None)


def normal_of(orientation: str) -> Vector | None:
    """The unit normal of a plane, None for what is no plane."""
    cosines = _cosines(orientation)
    if cosines is None:
        return None
    (a, b, c, d, e, f) = cosines
    cross = (b * f - c * e, c * d - a * f, a * e - b * d)
    return _unit(cross)


def _unit(vector: Vector) -> Vector | None:
    """The vector with length 1; None where it is too short for one of two that part a plane."""
    length = math.sqrt(sum(part * part for part in vector))
    return (vector[0] / length, vector[1] / length, vector[2] / length) if length > 0.5 else None


@lru_cache(maxsize=16_384)  # of a series each place is asked for several times
def along(position: str, normal: Vector) -> float | None:
    """The distance of a position from the origin along a normal, rounded to a micrometre."""
    numbers = _numbers(position, 3)
    if numbers is None:
        return None
    x, y, z = numbers
    return round(x * normal[0] + y * normal[1] + z * normal[2], 3)


@lru_cache(maxsize=16_384)
def _whole(text: str) -> int | None:
    return read_whole(text)


def _cosines(text: str) -> tuple[float, ...] | None:
    return _numbers(text, 6)


@lru_cache(maxsize=16_384)
def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    values = tuple(read_number(part) for part in text.split("\\"))
    known = tuple(value for value in values if value is not None)
    return known if len(known) == len(values) == count else None


def _near(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(mine - others) < SAME_DIRECTION for mine, others in zip(one, other, strict=True))
