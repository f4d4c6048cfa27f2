"""What is uploaded: one image with its name at the destination, and what a destination says of it."""

from __future__ import annotations

from dataclasses import dataclass

from .storage_path import StoragePath


@dataclass(frozen=True)
class UploadFile:
    """
    One image.

    Args:
        name: At the destination, without a leading slash.
        path: Here.
        size: Bytes.
        study_uid: StudyInstanceUID.
        series_uid: SeriesInstanceUID.
        sop_uid: SOPInstanceUID.
        sop_class: SOPClassUID.
        transfer_syntax: Of the file.
    """

    name: str
    path: str
    size: int
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    transfer_syntax: str


@dataclass(frozen=True)
class ImagePlace:
    """
    Where images of one study lie at a destination.

    Args:
        study_uid: StudyInstanceUID.
        series_uids: Of the series that were sent.
        folders: That their names are in; empty where names are not ours.
        names: The rule by which they were made.
    """

    study_uid: str
    series_uids: tuple[str, ...]
    folders: tuple[str, ...]
    names: StoragePath


@dataclass(frozen=True)
class Lacking:
    """An image that a destination has not, or not as it is here; ``why`` in words."""

    file: UploadFile
    why: str


def lacking_words(lacking: list[Lacking], of: int) -> str:
    """In words for people, with the first as an example."""
    first = lacking[0]
    return f"{len(lacking)} of {of} images: {first.why} ({first.file.sop_uid})"
