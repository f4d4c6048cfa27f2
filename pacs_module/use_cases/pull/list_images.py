"""Which images of a series a PACS has, one by one; a list that it cut in silence is found out (K12)."""

from __future__ import annotations

from collections.abc import Iterable

from ...domain.dicom.attributes import Attributes, clean_uid
from ...domain.errors import PermanentError, RetriableError
from ...domain.find.caps import numbers_to_try
from ...ports import PacsFinder

_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "InstanceNumber")


def list_images(finder: PacsFinder, pacs: str, study_uid: str, series_uid: str) -> tuple[str, ...]:
    """
    The SOPInstanceUIDs of a series.

    Raises:
        PipelineError: The PACS does not answer, or has more images than it lists.
    """
    keys = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid}
    images = finder.find(pacs, "IMAGE", keys, _KEYS)
    listed = _uids_of(images, series_uid)
    for number in numbers_to_try([one.get("InstanceNumber", "") for one in images]):
        if _has_more(finder, pacs, {**keys, "InstanceNumber": number}, listed):
            raise RetriableError(
                f"{pacs} ended its list of images of series {series_uid} after {len(listed)}"
            )
    return tuple(sorted(listed))


def _has_more(finder: PacsFinder, pacs: str, keys: dict[str, str], listed: frozenset[str]) -> bool:
    """Whether the PACS has an image with this number beyond its list; one that refuses the key has not."""
    try:
        images = finder.find(pacs, "IMAGE", keys, _KEYS)
    except PermanentError:
        return False
    return not _uids_of(images, keys["SeriesInstanceUID"]) <= listed


def _uids_of(images: Iterable[Attributes], series_uid: str) -> frozenset[str]:
    """Of the images of this series."""
    ours = (one for one in images if clean_uid(one.get("SeriesInstanceUID", "")) in ("", series_uid))
    return frozenset(uid for one in ours if (uid := clean_uid(one.get("SOPInstanceUID", ""))))
