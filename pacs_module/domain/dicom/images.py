"""What is known of single images: the few attributes by which they agree and are put in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .numbers import read_whole

ENHANCED_CT = frozenset({"1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"})
"""SOPClassUIDs of Enhanced and Legacy Converted Enhanced CT: many frames in an object (PS3.4 B.5)."""

_NO_SLICES = tuple(
    f"1.2.840.10008.5.1.4.1.1.{number}"
    for number in ("7", "7.", "9.", "11.", "66", "66.", "67", "68.", "88.", "104.")
)
"""
Beginnings of SOPClassUIDs of what no scanner makes of a body: secondary captures, waveforms, presentation
states, raw data and segmentations, reports and documents (PS3.4 B.5).
"""

READ_OF_IMAGES = frozenset({
    "SOPInstanceUID", "SOPClassUID", "ImageType", "SliceThickness", "Rows", "Columns",
    "ImageOrientationPatient",
    "ImagePositionPatient", "NumberOfFrames", "InstanceNumber", "AcquisitionDateTime", "AcquisitionDate",
    "AcquisitionTime", "ContentDate", "ContentTime", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
})  # fmt: skip
"""Keywords of the first level that :func:`image_facts` looks at."""

MAX_FRAMES = 65_535
"""
An object that says it has more frames than this says nothing of them: a whole body in slices of 0.1 mm has
20,000.
"""


@dataclass(frozen=True)
class ImageFacts:
    r"""
    One image. None: not read (or not asked for); an empty text: read, and the image has none.

    Args:
        sop_uid: SOPInstanceUID (0008,0018).
        sop_class: SOPClassUID (0008,0016).
        image_type: ImageType (0008,0008); of multi-frame CT the FrameType (0008,9007) of its frames.
        thickness: SliceThickness (0018,0050) as text, in mm; of multi-frame CT that of PixelMeasuresSequence.
        size: Rows and Columns, ``512\512``.
        orientation: ImageOrientationPatient (0020,0037), six numbers separated by backslashes.
        positions: ImagePositionPatient (0020,0032) of each frame, three numbers in mm; none: read, and there
            is none.
        frames: NumberOfFrames (0028,0008), 1 for a single-frame image.
        number: InstanceNumber (0020,0013) as text.
        acquired: AcquisitionDate and AcquisitionTime as text that sorts, ``20261130101530.25``; empty when
            not told.
    """

    sop_uid: str
    sop_class: str = ""
    image_type: str | None = None
    thickness: str | None = None
    size: str | None = None
    orientation: str | None = None
    positions: tuple[str, ...] = field(default=())
    frames: int = 1
    number: str = ""
    acquired: str = ""

    @property
    def enhanced(self) -> bool:
        """Whether one object has many slices."""
        return self.sop_class in ENHANCED_CT or self.frames > 1

    @property
    def no_slice(self) -> bool:
        """Whether it is a page, a capture of a screen or a document, whatever its ImageType says."""
        return any(
            self.sop_class == one or (one.endswith(".") and self.sop_class.startswith(one))
            for one in _NO_SLICES
        )


def image_facts(tags: Mapping[str, Any]) -> ImageFacts:
    """
    Read all attributes of an image.

    Args:
        tags: By keyword; text as text, a sequence as a list of such mappings (Orthanc's ``simplified-tags``).

    Returns:
        The facts; what the image lacks is empty. Never raises, whatever the header.
    """
    shared, frames = (
        _items(tags, "SharedFunctionalGroupsSequence"),
        _items(tags, "PerFrameFunctionalGroupsSequence"),
    )

    def grouped(sequence: str, keyword: str) -> str:
        return _common(
            _text(item, keyword) for group in (*shared, *frames) for item in _items(group, sequence)
        )

    positions = _plane_positions(frames) or _plane_positions(shared)
    plain_position = _text(tags, "ImagePositionPatient")
    return ImageFacts(
        sop_uid=_text(tags, "SOPInstanceUID"),
        sop_class=_text(tags, "SOPClassUID"),
        image_type=grouped("CTImageFrameTypeSequence", "FrameType") or _text(tags, "ImageType"),
        thickness=grouped("PixelMeasuresSequence", "SliceThickness") or _text(tags, "SliceThickness"),
        size=f"{_text(tags, 'Rows')}\\{_text(tags, 'Columns')}",
        orientation=grouped("PlaneOrientationSequence", "ImageOrientationPatient")
        or _text(tags, "ImageOrientationPatient"),
        positions=tuple(positions) or ((plain_position,) if plain_position else ()),
        frames=_frames(tags) or len(frames) or 1,
        number=_text(tags, "InstanceNumber"),
        acquired=_moment(tags),
    )


def _plane_positions(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    """Of frames; an object of one frame may have its own in the shared groups (PS3.3 C.7.6.16.2.3)."""
    return [
        _text(item, "ImagePositionPatient")
        for group in groups
        for item in _items(group, "PlanePositionSequence")
    ]


def index_facts(tags: Mapping[str, Any]) -> ImageFacts:
    """
    Read what Orthanc's index has of an image (``MainDicomTags`` of an instance), which costs no look into the
    file.

    ImageType, SliceThickness and the size are not in it: not read.
    """
    position = _text(tags, "ImagePositionPatient")
    return ImageFacts(
        sop_uid=_text(tags, "SOPInstanceUID"),
        orientation=_text(tags, "ImageOrientationPatient"),
        positions=(position,) if position else (),
        frames=_frames(tags) or 1,
        number=_text(tags, "InstanceNumber"),
    )


def _frames(tags: Mapping[str, Any]) -> int | None:
    """NumberOfFrames where it can be true, else not told."""
    frames = read_whole(_text(tags, "NumberOfFrames"))
    return frames if frames is not None and 1 <= frames <= MAX_FRAMES else None


def _text(tags: Mapping[str, Any], keyword: str) -> str:
    value = tags.get(keyword)
    return value.replace("\0", " ").strip() if isinstance(value, str) else ""


def _items(tags: Mapping[str, Any], keyword: str) -> Sequence[Mapping[str, Any]]:
    value = tags.get(keyword)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _common(texts: Iterable[str]) -> str:
    """The value that most frames have, empty when none has one; of equally many the smallest text."""
    counts = Counter(text for text in texts if text)
    return min(counts, key=lambda text: (-counts[text], text), default="")


def _moment(tags: Mapping[str, Any]) -> str:
    combined = _text(tags, "AcquisitionDateTime")
    if combined:
        return combined
    time = _text(tags, "AcquisitionTime") or _text(tags, "ContentTime")
    day = _text(tags, "AcquisitionDate") or _text(tags, "ContentDate")
    return f"{day}{time}" if time else ""
