"""The rules that look at one attribute each, with the verdict or None where it speaks for nothing (M2-M5)."""

from __future__ import annotations

from collections.abc import Callable

from ..dicom.attributes import (
    FRAMES,
    MISSING_IMAGES,
    MULTI_FRAME,
    SLICE_SPACING,
    SeriesFacts,
    parse_thickness,
    split_image_type,
)
from ..dicom.images import ImageFacts
from ..dicom.text_folding import contains_keyword
from ..dicom.text_repair import shown
from .body_part import BODY_PART, KEYWORD_ATTRIBUTES, BodyPart, BodyPartRules, Decided
from .switches import Switches
from .verdict import Verdict

NO_KEYWORD = "BodyPartExamined:"
"""What decides where BodyPartExamined is empty and no attribute has a keyword."""

_AXIAL_FLAVOURS = {"AXIAL", "HELICAL"}

Rule = Callable[[SeriesFacts, Switches], "Verdict | None"]


def body_part_rules(dx: bool, switches: Switches) -> BodyPartRules:
    """The body part rule of radiography, or of CT."""
    return switches.body_part_dx if dx else switches.body_part_ct


def filters_body_part(dx: bool, switches: Switches) -> bool:
    """Whether that rule is switched on."""
    return switches.filter_body_part_dx if dx else switches.filter_body_part


def judge_modality(series: SeriesFacts, switches: Switches) -> Verdict | None:
    """
    Modality (0008,0060) is one of CT_MODALITIES or DX_MODALITIES; it is never empty where it was told (type
    1).
    """
    if not series.modality:
        return None
    wanted = series.modality in switches.ct_modalities + switches.dx_modalities
    return Verdict(wanted, "modality", "Modality", shown(series.modality))


def judge_body_part(series: SeriesFacts, switches: Switches) -> Verdict | None:
    """
    BodyPartExamined (0018,0015) decides when it is filled, else any keyword in any description
    (``body_part.py``).
    """
    dx = series.modality in switches.dx_modalities
    if not filters_body_part(dx, switches):
        return None
    return _verdict_on_body_part(series, body_part_rules(dx, switches).decide(series))


def _verdict_on_body_part(series: SeriesFacts, found: BodyPart) -> Verdict | None:
    match found.decided:
        case Decided.NOT_TOLD:
            return None
        case Decided.NO_KEYWORD:
            return Verdict(False, "body part", NO_KEYWORD, _descriptions(series))
        case Decided.AGAINST:
            return _against(series, found)
    taken = found.decided is Decided.KEYWORD
    attribute = found.attribute if taken else BODY_PART
    return Verdict(taken, "body part", attribute, shown_of(series, attribute))


def _against(series: SeriesFacts, found: BodyPart) -> Verdict:
    """In the shapes that the log has for a BodyPartExamined that is filled and for one that is empty."""
    why = f"{found.attribute} says {shown(found.word)}"
    if series.text(BODY_PART):
        return Verdict(False, "body part", BODY_PART, f"{shown_of(series, BODY_PART)}, but {why}")
    return Verdict(False, "body part", NO_KEYWORD, f"{_descriptions(series)} ({why})")


def _descriptions(series: SeriesFacts) -> str:
    return " ".join(f"{attribute}:{shown_of(series, attribute)}" for attribute in KEYWORD_ATTRIBUTES[1:])


def judge_image_type(series: SeriesFacts, switches: Switches) -> Verdict | None:
    r"""
    ImageType (0008,0008) has every value of one wanted type, in any position:
    ``ORIGINAL\PRIMARY\AXIAL\CT_SOM5 SPI``; one with fewer values, all of them of a wanted type, is not told
    whole and speaks against nothing.
    """
    dx = series.modality in switches.dx_modalities
    wanted = switches.wanted_types_dx if dx else switches.wanted_types_ct
    present = series.text("ImageType")
    if not switches.filter_image_type or not wanted or not present:
        return None
    values = _values_of(present, series)
    # What stops before its third value (``ORIGINAL\\PRIMARY``) does not say that it is anything else.
    taken = any(kind <= values or values <= kind for kind in wanted)
    return Verdict(taken, "image type", "ImageType", shown(present))


def _values_of(image_type: str, series: SeriesFacts) -> set[str]:
    """The values of ImageType; a volume is axial, too."""
    values = set(split_image_type(image_type))
    return values | _AXIAL_FLAVOURS if "VOLUME" in values and series.volume else values


def judge_thickness(series: SeriesFacts, switches: Switches) -> Verdict | None:
    """
    SliceThickness (0018,0050) in mm, where it is absent or absurd the spacing of the slices.

    Where neither is known and only thin series are wanted, the number of slices decides.
    """
    if not switches.filter_slice_thickness:
        return None
    limit = switches.thin_slice_max if switches.thin_only else switches.slice_thickness_max
    told, thickness = _thickness_told(series)
    if thickness is not None:
        return Verdict(thickness <= limit, "slice thickness", "SliceThickness", shown(told))
    if switches.thin_only and series.slices is not None:
        return _enough(series.slices, switches.thin_min_instances, "slice thickness")
    return None


def _thickness_told(series: SeriesFacts) -> tuple[str, float | None]:
    """SliceThickness, or the spacing of the slices in the log's shape: one word behind the attribute."""
    told = series.text("SliceThickness")
    thickness = parse_thickness(told)
    if thickness is not None:
        return told, thickness
    told = f"spacing:{series.text(SLICE_SPACING)}"
    return told, parse_thickness(series.text(SLICE_SPACING))


def wants_image(image: ImageFacts, switches: Switches) -> bool:
    """Whether neither ImageType nor thickness of a CT image speaks against it (``agreement.agree``)."""
    told = {"ImageType": image.image_type or "", FRAMES: str(image.frames)}
    if image.enhanced:
        told[MULTI_FRAME] = "yes"
    by_type = judge_image_type(SeriesFacts("", told, None), switches)
    by_thickness = judge_thickness(SeriesFacts("", {"SliceThickness": image.thickness or ""}, None), switches)
    return all(verdict is None or verdict.taken for verdict in (by_type, by_thickness))


def judge_kernel(series: SeriesFacts, switches: Switches) -> Verdict | None:
    """ConvolutionKernel (0018,1210) is none of the unwanted ones."""
    kernel = series.text("ConvolutionKernel")
    if not switches.filter_kernel or not kernel:
        return None
    unwanted = contains_keyword(kernel, switches.kernels_unwanted)
    return Verdict(unwanted is None, "kernel", "ConvolutionKernel", shown(kernel))


def judge_contrast(series: SeriesFacts, switches: Switches) -> Verdict | None:
    """SeriesDescription (0008,103E) has a contrast keyword; only where no other series are computed."""
    if not switches.filter_contrast or "SeriesDescription" not in series.attributes:
        return None
    found = contains_keyword(series.text("SeriesDescription"), switches.contrast_keywords)
    return Verdict(found is not None, "contrast", "SeriesDescription", shown_of(series, "SeriesDescription"))


def judge_instances(series: SeriesFacts, switches: Switches) -> Verdict | None:
    """Enough instances: a scout has one or two."""
    if not switches.filter_min_instances or series.slices is None:
        return None
    dx = series.modality in switches.dx_modalities
    return _enough(
        series.slices, switches.min_instances_dx if dx else switches.min_instances_ct, "min instances"
    )


def judge_gap(series: SeriesFacts, switches: Switches) -> Verdict | None:
    """
    Images that follow one another without a gap; off by default.

    Needs the fact ``missing images`` (a count of holes in InstanceNumber), which only the receiving side
    knows.
    """
    holes = series.attributes.get(MISSING_IMAGES)
    if not switches.filter_consecutive_images or holes is None:
        return None
    return Verdict(holes == "0", "consecutive images", "consecutive images missing", shown(holes))


def _enough(instances: int, least: int, rule: str) -> Verdict:
    if instances >= least:
        return Verdict(True, rule, "instance nums", str(instances))
    return Verdict(False, rule, "instance nums", f"{instances} < {least}")


def shown_of(series: SeriesFacts, attribute: str) -> str:
    """An attribute of a series as logs and pages show it."""
    return shown(series.text(attribute), series.raw.get(attribute))


RULES_CT: tuple[Rule, ...] = (
    judge_modality,
    judge_body_part,
    judge_image_type,
    judge_thickness,
    judge_kernel,
    judge_contrast,
    judge_gap,
    judge_instances,
)
RULES_DX: tuple[Rule, ...] = (
    judge_modality,
    judge_body_part,
    judge_image_type,
    judge_instances,
)
"""A radiograph has no thickness, no kernel, no phase, and its views are numbered as they were taken."""
