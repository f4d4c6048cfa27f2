"""
Images of which only the index was read: which must be read in full; the others are as their neighbours (K3).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from ..dicom.geometry import (
    Vector,
    along,
    directions,
    geometry_of,
    normal_of,
    order_images,
)
from ..dicom.images import ImageFacts

_READ_EVERY = 8
"""Images that are read of a plane whose slices follow one another evenly."""


def to_read(images: Sequence[ImageFacts], read: Collection[str] = frozenset()) -> tuple[str, ...]:
    """
    Say which images must be read in full, when only the index was looked at (``index_facts``).

    Args:
        images: Of one series.
        read: SOPInstanceUIDs of those that were read already: one of them will do for its neighbours.

    Returns:
        SOPInstanceUIDs: of each plane whose slices follow one another evenly a few spread over its length,
        its ends among them; every image that lies unevenly, or nowhere.
    """
    wanted: set[str] = set()
    for plane in _planes(images).values():
        geometry = geometry_of(plane)
        even = geometry.spacing is not None and not geometry.gaps and not geometry.duplicates
        uids = order_images(plane).uids
        wanted |= _spread(uids, read) if even else set(uids)
    return tuple(sorted(wanted))


def _spread(uids: Sequence[str], read: Collection[str]) -> set[str]:
    """A few of a row of images: both ends, and between them rather those that were read already."""
    last = len(uids) - 1
    step = max(1, last // (_READ_EVERY - 1))
    known = [place for place, uid in enumerate(uids) if uid in read]
    wanted = {uids[0], uids[last]}
    for place in range(step, last, step):
        near = _nearest_place(known, place)
        wanted.add(uids[near if 2 * abs(near - place) < step else place])
    return wanted


def _nearest_place(known: Sequence[int], place: int) -> int:
    """The nearest of some ascending places; the place itself where there is none."""
    at = bisect_left(known, place)
    return min(known[max(0, at - 1) : at + 1], key=lambda one: abs(one - place), default=place)


def _planes(images: Sequence[ImageFacts]) -> dict[tuple[int, int, bool], list[ImageFacts]]:
    numbers = directions(images)
    planes: dict[tuple[int, int, bool], list[ImageFacts]] = defaultdict(list)
    for image in images:
        planes[numbers.get(image.orientation or "", -1), image.frames, bool(image.positions)].append(image)
    return planes


def with_neighbours(images: list[ImageFacts]) -> list[ImageFacts]:
    """Images that were not read, with what the nearest read one of their plane has."""
    filled = {image.sop_uid: image for image in images}
    for plane in _planes(images).values():
        filled.update((image.sop_uid, image) for image in _filled_of_plane(plane))
    return [filled[image.sop_uid] for image in images]


def _filled_of_plane(plane: Sequence[ImageFacts]) -> Iterator[ImageFacts]:
    """The images of one plane that were not read; none where no other one was."""
    read = [image for image in plane if image.image_type is not None]
    unread = [image for image in plane if image.image_type is None]
    if read and unread:
        for image, near in zip(unread, _nearest_of(unread, read), strict=True):
            yield _as_near(image, near)


def _nearest_of(unread: Sequence[ImageFacts], read: Sequence[ImageFacts]) -> list[ImageFacts]:
    """For each image of a plane the nearest one that was read; any, where they do not differ."""
    told = {(one.image_type, one.thickness, one.size, one.sop_class) for one in read}
    if len(told) == 1:
        return [read[0]] * len(unread)
    normal = normal_of(read[0].orientation or "")
    places = sorted((_place(image, normal), image.sop_uid, image) for image in read)
    return [_nearest(places, _place(image, normal)) for image in unread]


def _as_near(image: ImageFacts, near: ImageFacts) -> ImageFacts:
    return ImageFacts(
        image.sop_uid, image.sop_class or near.sop_class, near.image_type, near.thickness, near.size,
        image.orientation, image.positions, image.frames, image.number, image.acquired,
    )  # fmt: skip


def _place(image: ImageFacts, normal: Vector | None) -> float:
    place = along(image.positions[0], normal) if normal is not None and image.positions else None
    return 0.0 if place is None else place


def _nearest(places: Sequence[tuple[float, str, ImageFacts]], place: float) -> ImageFacts:
    """The nearest of some images in order of place; of two at the same distance the lower one."""
    behind = bisect_left(places, (place,))
    around = places[max(0, behind - 1) : behind + 1] or places[-1:]
    return min(around, key=lambda one: (abs(one[0] - place), one[0], one[1]))[2]
