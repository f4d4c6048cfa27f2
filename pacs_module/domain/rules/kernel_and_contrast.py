"""
How a CT series was made, out of its attributes: class of the kernel, contrast phase, moment of the
reconstruction.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from ..dicom.attributes import (
    RECEIVED_FACTS,
    SLICE_SPACING,
    SeriesFacts,
    dashed_date,
    parse_thickness,
    plain_time,
)
from ..dicom.numbers import read_thickness
from ..dicom.text_folding import contains_keyword, fold
from .choice import DETAILS, INSTANCES, THICKNESS, Candidate
from .switches import Switches

LUNG, MEDIASTINUM = "lung", "mediastinum"
_NEEDS = {
    THICKNESS: ("SliceThickness",),
    "kernel": ("ConvolutionKernel",),
    "kernel class": ("ConvolutionKernel",),
    "image type": ("ImageType",),
    "contrast": ("SeriesDescription",),
    "latest": ("SeriesDate", "SeriesTime"),
}
"""The attributes that a criterion of CHOICE_ORDER rests on."""
_NO_DETAILS = frozenset(
    {
        "AccessionNumber",
        "PatientID",
        "StudyDate",
        "StudyTime",
        "StudyDescription",
        "StudyInstanceUID",
        "SeriesInstanceUID",
    }
    | {
        "Modality",
        "SpecificCharacterSet",
        "NumberOfSeriesRelatedInstances",
        "QueryRetrieveLevel",
        "RetrieveAETitle",
    }
    | {"Manufacturer", "ManufacturerModelName", "StationName"}
    | RECEIVED_FACTS
)
"""What tells no two series of a study apart, or nothing of how they were made."""


def candidate_here(facts: SeriesFacts, instances: int, switches: Switches, final: bool) -> Candidate:
    """
    A series whose first image is here; ``final``: its number of instances is known, not only what has come so
    far.
    """
    return _candidate(facts, instances, switches, frozenset() if final else frozenset({INSTANCES}))


def candidate_announced(facts: SeriesFacts, switches: Switches) -> Candidate:
    """A series that the PACS announced and that is not here: an attribute that it left empty is not known."""
    untold = {
        criterion for criterion, names in _NEEDS.items() if not all(facts.text(name) for name in names)
    } | {DETAILS}
    if facts.slices is None:
        untold.add(INSTANCES)
    return _candidate(facts, facts.slices or 0, switches, frozenset(untold))


def _candidate(facts: SeriesFacts, instances: int, switches: Switches, untold: frozenset[str]) -> Candidate:
    told = facts.text("SliceThickness")
    thickness = read_thickness(told)
    spacing = parse_thickness(facts.text(SLICE_SPACING))
    return Candidate(
        series_uid=facts.series_uid,
        thickness=spacing if thickness.value is None else thickness.value,
        thickness_why=thickness.why if told else "",
        instances=instances,
        kernel=facts.text("ConvolutionKernel"),
        kernel_class=kernel_class(facts.text("ConvolutionKernel"), switches),
        image_type=facts.text("ImageType"),
        phase=contrast_phase(facts, switches),
        made_at=made_at(facts),
        untold=untold,
        details=tuple(
            (name, facts.text(name)) for name in sorted(facts.attributes) if name not in _NO_DETAILS
        ),
    )


def kernel_class(kernel: str, switches: Switches) -> str:
    """
    ``lung`` or ``mediastinum`` by the site's patterns (``*`` and ``?``, capitals do not matter); empty when
    none fits.
    """
    return _class_of(kernel, switches.kernels_lung, switches.kernels_mediastinum)


@lru_cache(maxsize=4096)
def _class_of(kernel: str, lung: tuple[str, ...], mediastinum: tuple[str, ...]) -> str:
    names = [fold(name).strip().upper() for name in kernel.split("\\") if name.strip()]
    for word, patterns in ((LUNG, lung), (MEDIASTINUM, mediastinum)):
        if any(fnmatchcase(name, pattern.upper()) for name in names for pattern in patterns):
            return word
    return ""


def contrast_phase(facts: SeriesFacts, switches: Switches) -> str:
    """
    ``arterial``, ``venous`` or ``delayed`` by the site's keywords in SeriesDescription and ProtocolName.

    Else ``contrast`` when an agent (0018,0010) or one of CONTRAST_KEYWORDS is in it, else ``plain``.
    """
    texts = [facts.text("SeriesDescription"), facts.text("ProtocolName")]
    phases = (
        ("arterial", switches.contrast_arterial_keywords),
        ("venous", switches.contrast_venous_keywords),
        ("delayed", switches.contrast_delayed_keywords),
    )
    for phase, keywords in phases:
        if any(contains_keyword(text, keywords) for text in texts):
            return phase
    agent = facts.text("ContrastBolusAgent") or contains_keyword(texts[0], switches.contrast_keywords)
    return "contrast" if agent else "plain"


def made_at(facts: SeriesFacts) -> str:
    """
    SeriesDate and SeriesTime as YYYYMMDDHHMMSS, empty when they cannot be read: later reconstructions have a
    later one.
    """
    day, time = dashed_date(facts.text("SeriesDate")).replace("-", ""), plain_time(facts.text("SeriesTime"))
    return day + time if day and time else ""
