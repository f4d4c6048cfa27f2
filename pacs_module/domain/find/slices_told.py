"""
How many slices a series has, before any of its images is here.

A PACS counts objects, and an object of Enhanced CT has many slices (PS3.3 A.38). SERIES level tells it only
where it returns ImageType; IMAGE level tells it by SOPClassUID (0008,0016) and NumberOfFrames (0028,0008).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from ..dicom.attributes import FRAMES, MULTI_FRAME, Attributes, SeriesFacts, clean_uid
from ..dicom.images import ENHANCED_CT, MAX_FRAMES
from ..dicom.numbers import read_whole
from ..rules.switches import Switches
from ..rules.verdict import Verdict

IMAGE_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "NumberOfFrames")
"""What is asked of each object of a series."""


def is_by_objects(facts: SeriesFacts, verdict: Verdict, switches: Switches) -> bool:
    """
    Say whether nothing but a number of objects speaks against a series of which nobody told what its objects
    are.

    Args:
        facts: From a SERIES level answer.
        verdict: On it.
        switches: The site's.
    """
    if verdict.taken or verdict.attribute != "instance nums":
        return False
    return not facts.text("ImageType") and facts.modality not in switches.dx_modalities


def with_slices(facts: SeriesFacts, images: Sequence[Attributes]) -> SeriesFacts:
    """
    The series with the number of its slices.

    Args:
        facts: From a SERIES level answer.
        images: The IMAGE level answers, with :data:`IMAGE_KEYS`; empty where the PACS gives none. Those of
            other series are left out, of several about one object the one with most frames holds.

    Returns:
        Unchanged where every object is told to be one slice; else with the frames of all together, or without
        any number where an object tells neither its class nor its frames: the images will tell.
    """
    objects = _frames_by_object(facts.series_uid, images)
    if len(objects) < (facts.instances or 0) or None in objects:
        return replace(facts, instances=None)
    frames = [number for number in objects if number is not None]
    if max(frames, default=1) == 1:
        return facts
    counted = {FRAMES: str(sum(frames)), MULTI_FRAME: "yes"}
    return replace(facts, attributes={**facts.attributes, **counted})


def _frames_by_object(series_uid: str, images: Sequence[Attributes]) -> list[int | None]:
    """Of each object of the series; None where an answer tells neither its class nor its frames."""
    ours = [one for one in images if clean_uid(one.get("SeriesInstanceUID", "")) in ("", series_uid)]
    rows: dict[str, list[Attributes]] = defaultdict(list)
    for number, one in enumerate(ours):
        rows[clean_uid(one.get("SOPInstanceUID", "")) or str(number)].append(one)
    return [_most_frames(told) for told in rows.values()]


def _most_frames(rows: Sequence[Attributes]) -> int | None:
    """Of the rows of one object, in whichever order."""
    return max((frames for row in rows if (frames := _frames(row)) is not None), default=None)


def _frames(image: Attributes) -> int | None:
    """Frames of an object; None where nobody knows."""
    frames = read_whole(image.get("NumberOfFrames", ""))
    if frames is not None and 1 <= frames <= MAX_FRAMES:
        return frames
    sop_class = clean_uid(image.get("SOPClassUID", ""))
    return None if not sop_class or sop_class in ENHANCED_CT else 1
