"""
Which images of a series agree (K3): one image does not speak for a series.

A scout, a dose page or slices of another thickness may lie in one SeriesInstanceUID with the images that are
read. The largest group (by frames) that agrees in ImageType, plane, size and thickness is the series, among
groups that the rules want where there is one; the others are odd, each with a reason. The order in which the
images come makes no difference.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ..dicom.attributes import (
    AGREEING,
    DUPLICATE_POSITIONS,
    FRAMES,
    MULTI_FRAME,
    ORIENTATIONS,
    POSITION_GAPS,
    SLICE_SPACING,
    SeriesFacts,
    split_image_type,
)
from ..dicom.geometry import (
    Geometry,
    OrderedBy,
    directions,
    geometry_of,
    normal_of,
    order_images,
)
from ..dicom.images import ImageFacts
from ..dicom.numbers import read_thickness
from .image_kinds import ImageKind, joins, kinds_of, other_plane, other_size
from .unread_images import with_neighbours

_PAGES = frozenset({"SCREEN SAVE", "DOSE_INFO", "DOSE", "REPORT", "JUSTIFIED", "PASTED", "FRAME_RPT"})
_FEW = 0.1
_AXIAL = 0.7
"""
The part of a plane's normal that lies along the body, from which on it is axial: a gantry tilts by 30
degrees.
"""


class Oddity(StrEnum):
    """Why an image is not one of the group."""

    LOCALIZER = "localizer"
    PAGE = "dose page or screen"
    IMAGE_TYPE = "other ImageType"
    ORIENTATION = "other orientation"
    SIZE = "other size"
    THICKNESS = "other thickness"
    UNREADABLE = "not readable"
    """Nested too deeply for whoever reads it: never handed over, whatever a switch or a person says."""


@dataclass(frozen=True)
class OddImage:
    """An image that does not agree with the group, why, and the value that differs."""

    sop_uid: str
    why: Oddity
    value: str


@dataclass(frozen=True)
class Agreement:
    """
    What the images of a series have in common.

    Args:
        images: SOPInstanceUIDs of the group, in order.
        odd: The others, by SOPInstanceUID.
        frames: Slices of the group; a multi-frame object has many.
        all_frames: Slices of all images.
        image_type: Of the group, as told by most of its images.
        thickness: The same, as text; empty when none tells a thickness that can be true.
        geometry: How the group's slices lie; its ``orientations`` are those of all images.
        ordered_by: What the order rests on.
        multi_frame: Whether the group's objects have many frames.
    """

    images: tuple[str, ...]
    odd: tuple[OddImage, ...]
    frames: int
    all_frames: int
    image_type: str
    thickness: str
    geometry: Geometry
    ordered_by: OrderedBy
    multi_frame: bool = False

    @property
    def words(self) -> str:
        """``24 of 25 images``, and why the others do not agree."""
        total = len(self.images) + len(self.odd)
        if not self.odd:
            return f"{total} images"
        counts = Counter(one.why for one in self.odd)
        reasons = ", ".join(f"{counts[why]} {why}" for why in Oddity if counts[why])
        return f"{len(self.images)} of {total} images ({reasons})"


def agree(
    images: Iterable[ImageFacts], wanted: Callable[[ImageFacts], bool] = lambda image: True, least: int = 1
) -> Agreement | None:
    """
    Find the largest group of images that agree, among those that are wanted where there is one.

    Args:
        images: Of one series, in any order; an image that is given twice counts once.
        wanted: Whether the filter rules have nothing against an image's ImageType and thickness: forty
            reformats do not hide the 24 slices that they were made of.
        least: Slices that a group must have to be preferred because it is wanted.

    Returns:
        The group and the odd ones, None where there is no image.
    """
    found = with_neighbours(_distinct(images))
    if not found:
        return None
    kinds = kinds_of(found)
    best = _largest(found, kinds, wanted, least)
    of_group = {kind for kind in set(kinds.values()) if joins(kind, best)}
    joining = [image for image in found if kinds[image.sop_uid] in of_group]
    pages = _pages(joining)
    group = [image for image in joining if image.sop_uid not in pages]
    return _agreement(found, group, _odd_ones(found, group, pages, kinds, best))


def _odd_ones(
    found: Sequence[ImageFacts],
    group: Sequence[ImageFacts],
    pages: Collection[str],
    kinds: Mapping[str, ImageKind],
    best: ImageKind,
) -> tuple[OddImage, ...]:
    """The images that are not in the group, each with the reason."""
    in_group = {image.sop_uid for image in group}
    odd: list[OddImage] = []
    for image in found:
        if image.sop_uid in pages:
            odd.append(OddImage(image.sop_uid, Oddity.PAGE, image.image_type or ""))
        elif image.sop_uid not in in_group:
            odd.append(_odd(image, kinds[image.sop_uid], best))
    return tuple(odd)


def _agreement(found: list[ImageFacts], group: list[ImageFacts], odd: tuple[OddImage, ...]) -> Agreement:
    """What the group has in common."""
    ordered = order_images(group)
    readable = [image for image in group if read_thickness(image.thickness or "").value is not None]
    orientations = len(set(directions(found).values()))
    return Agreement(
        images=ordered.uids,
        odd=odd,
        frames=sum(image.frames for image in group),
        all_frames=sum(image.frames for image in found),
        image_type=_most_told(image.image_type for image in group),
        thickness=_most_told(image.thickness for image in readable),
        geometry=replace(geometry_of(group), orientations=orientations),
        ordered_by=ordered.by,
        multi_frame=any(image.enhanced for image in group),
    )


def without(agreement: Agreement, unreadable: Iterable[str], value: str) -> Agreement:
    """
    The same with images that cannot be read among the odd ones.

    Args:
        agreement: Of the images that can be read.
        unreadable: SOPInstanceUIDs of the others.
        value: Why they cannot be read.
    """
    odd = tuple(OddImage(uid, Oddity.UNREADABLE, value) for uid in sorted(unreadable))
    return replace(agreement, odd=(*agreement.odd, *odd), all_frames=agreement.all_frames + len(odd))


def agreed_facts(series: SeriesFacts, agreement: Agreement, final: bool) -> SeriesFacts:
    """
    The series as its group shows it, for the filter rules and the choice.

    Args:
        series: From one image; its descriptions hold for the whole series.
        agreement: Of its images.
        final: Whether no more images come; else those that were announced and are not here count with the
            group.

    Returns:
        The same with ImageType, SliceThickness, the number of slices and the geometry of the group.
    """
    announced = (series.instances or 0) - len(agreement.odd)
    frames = agreement.frames if final else max(agreement.frames, announced)
    told = {
        "ImageType": agreement.image_type,
        "SliceThickness": agreement.thickness or series.text("SliceThickness"),
        AGREEING: agreement.words if agreement.odd else "",
        FRAMES: str(frames),
        MULTI_FRAME: "yes" if agreement.multi_frame else "",
        **_told_of_geometry(agreement.geometry),
    }
    return replace(series, attributes={**series.attributes, **_filled_only(told)})


def _filled_only(told: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in told.items() if text}


def _told_of_geometry(geometry: Geometry) -> dict[str, str]:
    return {
        SLICE_SPACING: "" if geometry.spacing is None else f"{geometry.spacing:g}",
        POSITION_GAPS: str(geometry.gaps),
        DUPLICATE_POSITIONS: str(geometry.duplicates),
        ORIENTATIONS: str(geometry.orientations),
    }


def _distinct(images: Iterable[ImageFacts]) -> list[ImageFacts]:
    """Each image once, by UID; of the same one twice that which was read stays."""
    distinct: dict[str, ImageFacts] = {}
    for image in images:
        known = distinct.get(image.sop_uid)
        if known is None or (known != image and _told(known) < _told(image)):
            distinct[image.sop_uid] = image
    return [distinct[uid] for uid in sorted(distinct)]


def _told(image: ImageFacts) -> tuple[bool, str]:
    return (image.image_type is not None, repr(image))


def _pages(group: Sequence[ImageFacts]) -> frozenset[str]:
    """
    A few images that lie nowhere and have no thickness, among slices that do: screens or pages, although
    their ImageType is that of a slice.
    """
    blank = frozenset(
        image.sop_uid
        for image in group
        if not image.positions and normal_of(image.orientation or "") is None and not image.thickness
    )
    return blank if len(blank) <= _FEW * len(group) else frozenset()


def _largest(
    images: Sequence[ImageFacts],
    kinds: Mapping[str, ImageKind],
    wanted: Callable[[ImageFacts], bool],
    least: int,
) -> ImageKind:
    """
    The wanted kind of slices with most frames; of equals one that is no localizer, then the axial one, then
    the thinner one, then by the first UID.
    """
    frames: dict[ImageKind, int] = defaultdict(int)
    first: dict[ImageKind, ImageFacts] = {}
    for image in images:
        kind = kinds[image.sop_uid]
        frames[kind] += image.frames
        first.setdefault(kind, image)

    def rank(kind: ImageKind) -> tuple[object, ...]:
        return (
            not (frames[kind] >= least and wanted(first[kind])),
            kind.no_slice,
            -frames[kind],
            "LOCALIZER" in kind.image_type,
            not _is_axial(first[kind]),
            kind.thickness is None,
            kind.thickness or 0,
            first[kind].sop_uid,
        )

    return min(frames, key=rank)


def _is_axial(image: ImageFacts) -> bool:
    normal = normal_of(image.orientation or "")
    return normal is not None and abs(normal[2]) > _AXIAL


def _odd(image: ImageFacts, kind: ImageKind, best: ImageKind) -> OddImage:
    values = split_image_type(image.image_type or "")
    if kind.no_slice and not best.no_slice:
        return OddImage(image.sop_uid, Oddity.PAGE, image.sop_class)
    if kind.image_type not in (best.image_type, ()):
        return OddImage(image.sop_uid, _other_type(image, values), image.image_type or "")
    if other_plane(kind, best):
        return OddImage(image.sop_uid, Oddity.ORIENTATION, image.orientation or "")
    if other_size(kind, best):
        return OddImage(image.sop_uid, Oddity.SIZE, image.size or "")
    return OddImage(image.sop_uid, Oddity.THICKNESS, image.thickness or "")


def _other_type(image: ImageFacts, values: tuple[str, ...]) -> Oddity:
    if "LOCALIZER" in values:
        return Oddity.LOCALIZER
    return Oddity.PAGE if _PAGES & set(values) or not image.positions else Oddity.IMAGE_TYPE


def _most_told(texts: Iterable[str | None]) -> str:
    counts: dict[str, int] = defaultdict(int)
    for text in texts:
        if text:
            counts[text] += 1
    return min(counts, key=lambda text: (-counts[text], text), default="")
