"""
Which images of a series agree (K3): one image does not speak for a series.

A scout, a dose page or slices of another thickness may lie in one SeriesInstanceUID with the images that are
read. The largest group (by frames) that agrees in ImageType, plane, size and thickness is the series, among
groups that the rules want where there is one; the others are odd, each with a reason. The order in which the
images come makes no difference.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
    Vector,
    along,
    directions,
    geometry_of,
    normal_of,
    order_images,
)
from ..dicom.images import ImageFacts
from ..dicom.numbers import read_thickness

SAME_THICKNESS_MM = 0.05
_TYPE_VALUES = 3
"""Of ImageType; what vendors append differs within a series (PS3.3 C.7.6.1.1.2)."""
_PAGES = frozenset({"SCREEN SAVE", "DOSE_INFO", "DOSE", "REPORT", "JUSTIFIED", "PASTED", "FRAME_RPT"})
_FEW = 0.1
_FLAVOURS = frozenset({"AXIAL", "HELICAL", "LOCALIZER", "VOLUME", "MPR", "MIP", "REFORMATTED"})
_AXIAL = 0.7
"""
The part of a plane's normal that lies along the body, from which on it is axial: a gantry tilts by 30
degrees.
"""
_READ_EVERY = 8
"""Images that are read of a plane whose slices follow one another evenly."""


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


@dataclass(frozen=True)
class _Kind:
    """
    What has to be equal; numbers stand for values that are nearly the same, None for what an image does not
    tell.
    """

    image_type: tuple[str, ...]
    plane: int | None
    size: str
    thickness: int | None
    no_slice: bool = False


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
    found = _filled(_distinct(images))
    if not found:
        return None
    kinds = _kinds(found)
    best = _largest(found, kinds, wanted, least)
    of_group = {kind for kind in set(kinds.values()) if _joins(kind, best)}
    joining = [image for image in found if kinds[image.sop_uid] in of_group]
    pages = _pages(joining)
    group = [image for image in joining if image.sop_uid not in pages]
    return _agreement(found, group, _odd_ones(found, group, pages, kinds, best))


def _odd_ones(
    found: Sequence[ImageFacts],
    group: Sequence[ImageFacts],
    pages: Collection[str],
    kinds: Mapping[str, _Kind],
    best: _Kind,
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


def _planes(images: Sequence[ImageFacts]) -> dict[tuple[int, int, bool], list[ImageFacts]]:
    numbers = directions(images)
    planes: dict[tuple[int, int, bool], list[ImageFacts]] = defaultdict(list)
    for image in images:
        planes[numbers.get(image.orientation or "", -1), image.frames, bool(image.positions)].append(image)
    return planes


def _filled(images: list[ImageFacts]) -> list[ImageFacts]:
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


def _kinds(images: Sequence[ImageFacts]) -> dict[str, _Kind]:
    """By SOPInstanceUID. What is compared is told in few ways, and each of them is read once."""
    read = _reader_of_kinds(images)
    known: dict[tuple[str | None, ...], _Kind] = {}
    kinds: dict[str, _Kind] = {}
    for image in images:
        told = _told_of(image)
        if told not in known:
            known[told] = read(image)
        kinds[image.sop_uid] = known[told]
    return kinds


def _told_of(image: ImageFacts) -> tuple[str | None, ...]:
    """What its kind is read out of."""
    return image.image_type, image.orientation, image.size, image.thickness, image.sop_class


def _reader_of_kinds(images: Sequence[ImageFacts]) -> Callable[[ImageFacts], _Kind]:
    """Reads the kind of one of these images; planes and steps of thickness are those of all together."""
    planes, thickness = directions(images), _thickness_by_text(images)
    levels = _levels(thickness.values())

    def read(image: ImageFacts) -> _Kind:
        return _Kind(
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


def _joins(kind: _Kind, best: _Kind) -> bool:
    """Whether an image is one of the group; what either does not tell does not speak against it."""
    if kind.image_type not in (best.image_type, ()) or kind.no_slice is not best.no_slice:
        return False
    return not (_other_plane(kind, best) or _other_size(kind, best) or _other_thickness(kind, best))


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


def _other_plane(kind: _Kind, best: _Kind) -> bool:
    return None not in (kind.plane, best.plane) and kind.plane != best.plane


def _other_size(kind: _Kind, best: _Kind) -> bool:
    return "" not in (kind.size, best.size) and kind.size != best.size


def _other_thickness(kind: _Kind, best: _Kind) -> bool:
    return None not in (kind.thickness, best.thickness) and kind.thickness != best.thickness


def _largest(
    images: Sequence[ImageFacts],
    kinds: Mapping[str, _Kind],
    wanted: Callable[[ImageFacts], bool],
    least: int,
) -> _Kind:
    """
    The wanted kind of slices with most frames; of equals one that is no localizer, then the axial one, then
    the thinner one, then by the first UID.
    """
    frames: dict[_Kind, int] = defaultdict(int)
    first: dict[_Kind, ImageFacts] = {}
    for image in images:
        kind = kinds[image.sop_uid]
        frames[kind] += image.frames
        first.setdefault(kind, image)

    def rank(kind: _Kind) -> tuple[object, ...]:
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


def _odd(image: ImageFacts, kind: _Kind, best: _Kind) -> OddImage:
    values = split_image_type(image.image_type or "")
    if kind.no_slice and not best.no_slice:
        return OddImage(image.sop_uid, Oddity.PAGE, image.sop_class)
    if kind.image_type not in (best.image_type, ()):
        return OddImage(image.sop_uid, _other_type(image, values), image.image_type or "")
    if _other_plane(kind, best):
        return OddImage(image.sop_uid, Oddity.ORIENTATION, image.orientation or "")
    if _other_size(kind, best):
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


def _thickness_by_text(images: Iterable[ImageFacts]) -> dict[str, float | None]:
    return {text: read_thickness(text).value for text in {image.thickness or "" for image in images}}
