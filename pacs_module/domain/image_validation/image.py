"""
What validation knows of an image: how it came, and what its file says, without the meaning of its pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..receive.image_origin import Sender

MULTI_FRAME = "NumberOfFrames"
READ_OF_PIXELS = (
    "Rows", "Columns", "SamplesPerPixel", "BitsAllocated", MULTI_FRAME, "PhotometricInterpretation",
)  # fmt: skip
"""What the length of the pixels follows from (PS3.5 8.1.1, PS3.3 C.7.6.3)."""
UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""UIDs that every object has (PS3.3 C.7.2.1, C.7.3.1, C.12.1)."""
MAY_HAVE_UIDS = ("FrameOfReferenceUID", "TransferSyntaxUID", "MediaStorageSOPInstanceUID")
"""UIDs whose syntax is looked at where they are."""

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_IMAGE_CLASSES = frozenset(
    {
        "1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "2", "2.1", "2.2", "3", "3.1", "4",
        "4.1", "4.3", "4.4", "6", "6.1", "6.2", "6.3", "7", "7.1", "7.2", "7.3", "7.4", "12.1",
        "12.1.1", "12.2", "12.2.1", "12.3", "13.1.1", "13.1.2", "13.1.3", "13.1.4", "13.1.5",
        "14.1", "14.2", "20", "30", "66.4", "77.1.1", "77.1.1.1", "77.1.2", "77.1.2.1", "77.1.3",
        "77.1.4", "77.1.4.1", "77.1.5.1", "77.1.5.2", "77.1.5.4", "77.1.6", "128", "128.1", "130",
        "481.1", "481.2",
    }
)  # fmt: skip
"""Storage SOP classes whose objects are images (PS3.4 B.5); others (SR, PR, RT plans ...) have no pixels."""


@dataclass(frozen=True)
class Pixels:
    """
    The element with the pixels as it stands in the file.

    Args:
        there: Bytes of it that the file has.
        told: Bytes that its length field promises; None: encapsulated, without a length.
        fragments: Of encapsulated pixels, those with content.
        ended: Whether encapsulated pixels have their end mark.
        bits: Of one sample where the element says it (float and double float pixels), 0 where BitsAllocated
            does.
    """

    there: int
    told: int | None
    fragments: int = 0
    ended: bool = True
    bits: int = 0


@dataclass(frozen=True)
class ImageRead:
    """
    A file as it was read.

    Args:
        values: Text by keyword, of what was asked for; what is absent is not in it, what is empty is empty.
        syntax: Transfer syntax.
        pixels: None: it has none.
        unreadable: Why it could not be read to its end, without values of the file; empty: it could.
        dataset_at: Where the dataset begins, behind the file meta information.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    syntax: str = ""
    pixels: Pixels | None = None
    unreadable: str = ""
    dataset_at: int = 0

    def text(self, keyword: str) -> str:
        """A value, empty when it is absent."""
        return self.values.get(keyword, "")


@dataclass(frozen=True)
class Origin:
    """
    How an image came; ``sender`` without AE title: not by DICOM. ``called``: the AE title that was called.
    """

    sender: Sender = field(default_factory=Sender)
    called: str = ""


def must_have_pixels(image: ImageRead) -> bool:
    """Whether an object is an image: by its SOP class, or because it says how many rows it has."""
    sop_class = image.text("SOPClassUID")
    if sop_class.startswith(_STORAGE):
        return sop_class.removeprefix(_STORAGE) in _IMAGE_CLASSES or bool(image.text("Rows"))
    return bool(image.text("Rows"))
