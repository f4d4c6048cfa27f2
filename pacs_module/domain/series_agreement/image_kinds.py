"""
What kind of image each one of a series is: its ImageType, plane, size and thickness, as far as told (K3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..dicom.attributes import (
    split_image_type,
)
from ..dicom.geometry import (
    directions,
)
from ..dicom.images import ImageFacts
from ..dicom.numbers import read_thickness

SAME_THICKNESS_MM = 0.05
_TYPE_VALUES = 3
"""Of ImageType; what vendors append differs within a series (PS3.3 C.7.6.1.1.2)."""
_FLAVOURS = frozenset({"AXIAL", "HELICAL", "LOCALIZER", "VOLUME", "MPR", "MIP", "REFORMATTED"})


@dataclass(frozen=True)
class ImageKind:
    """
    What has to be equal; numbers stand for values that are nearly the same, None for what an image does not
    tell.
    """

    image_type: tuple[str, ...]
    plane: int | None
    size: str
    thickness: int | None
    no_slice: bool = False


def kinds_of(images: Sequence[ImageFacts]) -> dict[str, ImageKind]:
    """By SOPInstanceUID. What is compared is told in few ways, and each of them is read once."""
    read = _reader_of_kinds(images)
    known: dict[tuple[str | None, ...], ImageKind] = {}
    kinds: dict[str, ImageKind] = {}
    for image in images:
        told = _told_of(image)
        if told not in known:
            known[told] = read(image)
        kinds[image.sop_uid] = known[told]
    return kinds


def _told_of(image: ImageFacts) -> tuple[str | None, ...]:
    """What its kind is read out of."""
    return image.image_type, image.orientation, image.size, image.thickness, image.sop_class


def _reader_of_kinds(images: Sequence[ImageFacts]) -> Callable[[ImageFacts], ImageKind]:
    """Reads the kind of one of these images; planes and steps of thickness are those of all together."""
    planes, thickness = directions(images), _thickness_by_text(images)
    levels = _levels(thickness.values())

    def read(image: ImageFacts) -> ImageKind:
        return ImageKind(
            _flavour(image.image_type or ""),
            planes.get(image.orientation or ""),
            (image.size or "").strip("\\"),
            levels.get(thickness[image.thickness or ""]),
            image.no_slice,
        )

    return read


def _flavour(text: str) -> tuple[str, ...]:
    """
    ORIGINAL or DERIVED, PRIMARY or SECONDARY, and what the image shows, wherever in ImageType it stands; a
    helical slice is an axial one, and an axial localizer a localizer.
    """
    values = split_image_type(text)
    flavours = [value for value in values[_TYPE_VALUES - 1 :] if value in _FLAVOURS]
    named = "LOCALIZER" if "LOCALIZER" in flavours else next(iter(flavours), "")
    third = (named or values[_TYPE_VALUES - 1],) if len(values) >= _TYPE_VALUES else ()
    return (*values[: _TYPE_VALUES - 1], *("AXIAL" if one == "HELICAL" else one for one in third))


def _levels(values: Iterable[float | None]) -> dict[float | None, int]:
    """Number of the level for each thickness; neighbours closer than the tolerance are one."""
    levels: dict[float | None, int] = {}
    last = None
    for value in sorted({value for value in values if value is not None}):
        near = last is not None and value - last < SAME_THICKNESS_MM
        levels[value] = max(levels.values(), default=-1) + (0 if near else 1)
        last = value
    return levels


def joins(kind: ImageKind, best: ImageKind) -> bool:
    """Whether an image is one of the group; what either does not tell does not speak against it."""
    if kind.image_type not in (best.image_type, ()) or kind.no_slice is not best.no_slice:
        return False
    return not (other_plane(kind, best) or other_size(kind, best) or _other_thickness(kind, best))


def other_plane(kind: ImageKind, best: ImageKind) -> bool:
    """Whether both tell a plane, and not the same one."""
    return None not in (kind.plane, best.plane) and kind.plane != best.plane


def other_size(kind: ImageKind, best: ImageKind) -> bool:
    """Whether both tell a size, and not the same one."""
    return "" not in (kind.size, best.size) and kind.size != best.size


def _other_thickness(kind: ImageKind, best: ImageKind) -> bool:
    return None not in (kind.thickness, best.thickness) and kind.thickness != best.thickness


def _thickness_by_text(images: Iterable[ImageFacts]) -> dict[str, float | None]:
    return {text: read_thickness(text).value for text in {image.thickness or "" for image in images}}
