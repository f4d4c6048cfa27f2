"""
Whose images were computed: judged image by image, by PatientID and by the hash of the pixels.

Part of the auditor: imports nothing of the pipeline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_DEATHS = 3
"""That one poisoned study may cost a process."""
MOST_NAMED = 3
"""Images of one computation that are told one by one."""
COMPLETE, UNVERIFIED = "COMPLETE", "UNVERIFIED"


@dataclass(frozen=True)
class Truth:
    """
    What is true of a study's images: from who made them, not from the pipeline.

    Attributes:
        pixels: SOPInstanceUID to the hash of PixelData, of all images in the PACS; empty: not judged.
        patient_ids: Every PatientID that the PACS has had for the study, the last one last.
    """

    pixels: Mapping[str, str] = field(default_factory=dict)
    patient_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Poisoned:
    """A study that kills or blocks whoever reads it."""

    study_uid: str
    label: str


@dataclass(frozen=True)
class AtPlatform:
    """
    What a platform shows.

    Attributes:
        images: StudyInstanceUID to SOPInstanceUID to PatientID and hash of the pixels.
        half_seen: Names under which something else was seen than its sender had said.
    """

    images: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)
    half_seen: tuple[str, ...] = ()


def wrong_at_platform(
    truth: Truth, expected: frozenset[str], shown: Mapping[str, tuple[str, str]]
) -> list[str]:
    """
    What is wrong with a study's images at the platform.

    Args:
        truth: Of the study.
        expected: SOPInstanceUIDs of the series that was handed over, as the PACS has them.
        shown: SOPInstanceUID to PatientID and hash of the pixels.
    """
    strangers = sorted(set(shown) - expected)
    named = [f"{uid} is at the platform, and was not wanted there" for uid in strangers[:MOST_NAMED]]
    return named + wrong_images(truth, {"images": shown})


def pixels_of(image: Any) -> str:
    """The hash of a dataset's PixelData; empty where it has none."""
    data = image.get("PixelData")
    return hashlib.sha256(bytes(data)).hexdigest() if data is not None else ""


def other_pixels(truth: Truth, computed: Mapping[str, Any]) -> list[str]:
    """
    SOPInstanceUIDs of one computation that have other pixels than in the PACS.

    Where the hand-over says that its images are not certain (UNVERIFIED: a push that no pull has confirmed)
    this is no fault: nobody can see it in an image of the right PatientID.
    """
    images: Mapping[str, Sequence[str]] = computed.get("images", {})
    return [uid for uid, (_, pixels) in sorted(images.items()) if truth.pixels.get(uid, pixels) != pixels]


def wrong_images(truth: Truth, computed: Mapping[str, Any], completeness: str = "") -> list[str]:
    """
    What is wrong with the images of one computation.

    Args:
        truth: Of the study.
        computed: An entry of the backend's record; ``images``: SOPInstanceUID to PatientID and hash.
        completeness: What the hand-over was called.
    """
    if not truth.pixels or "images" not in computed:
        return []
    images: Mapping[str, Sequence[str]] = computed["images"]
    wrong = list(_each(truth, images, completeness == UNVERIFIED))
    told = wrong[:MOST_NAMED] + ([f"and {len(wrong) - MOST_NAMED} more"] if len(wrong) > MOST_NAMED else [])
    patients = sorted({patient.strip() for patient, _ in images.values()})
    if len(patients) > 1:
        told.append(
            f"images of {len(patients)} PatientIDs in one hand-over: {', '.join(map(repr, patients))}"
        )
    return told


def _each(truth: Truth, images: Mapping[str, Sequence[str]], uncertain: bool) -> Iterator[str]:
    for uid, (patient, pixels) in sorted(images.items()):
        if uid not in truth.pixels:
            yield f"{uid} is in no PACS"
        elif pixels != truth.pixels[uid] and not uncertain:
            yield f"{uid} has other pixels than in the PACS"
        elif truth.patient_ids and patient.strip() not in truth.patient_ids:
            yield f"{uid} is of {patient!r}, in the PACS of {truth.patient_ids[-1]!r}"


def wrong_complete(
    last: Mapping[str, Any],
    expected: frozenset[str],
    computed: Mapping[str, Any] | None,
    wrong: Sequence[str],
) -> str:
    """
    Why the last hand-over of a study must not be called COMPLETE; empty when it is not, or rightly.

    Args:
        last: The hand-over in the study's document.
        expected: SOPInstanceUIDs of the series to be computed, as the PACS has them now.
        computed: What the backend read of it.
        wrong: What is wrong with its images.
    """
    if computed is None or last.get("completeness") != COMPLETE:
        return ""
    got = frozenset(computed["sopInstanceUIDs"])
    if got != expected:
        return (
            f"called COMPLETE, and {len(got & expected)} of {len(expected)} images, "
            f"{len(got - expected)} others"
        )
    return f"called COMPLETE, and {wrong[0]}" if wrong else ""


def living_poison(
    poisoned: Sequence[Poisoned], deaths: Mapping[str, int], unfinished: Mapping[str, str]
) -> list[str]:
    """
    Poison that goes on doing harm.

    Args:
        poisoned: The studies.
        deaths: By process how often it died and nobody had killed it.
        unfinished: By StudyInstanceUID what the pipeline still does with it; empty text when nothing.
    """
    allowed = MOST_DEATHS * len(poisoned)
    found = [
        f"{name} died {number} times by itself, of {len(poisoned)} poisoned studies"
        for name, number in sorted(deaths.items())
        if number > allowed
    ]
    return found + [
        f"{one.label} ({one.study_uid}): {unfinished[one.study_uid]}"
        for one in poisoned
        if unfinished.get(one.study_uid)
    ]
