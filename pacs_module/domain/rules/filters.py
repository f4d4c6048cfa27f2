"""
The filter rules, each a verdict that names the rule, the attribute and the value that decided (M2-M5).

The same rules judge a SERIES level answer before the pull and the first image of a series after it. A rule
judges only what was told: an attribute that the PACS did not return drops nothing, the received image will be
judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..dicom.attributes import (
    AGREEING,
    FRAMES,
    MISSING_IMAGES,
    MULTI_FRAME,
    SLICE_SPACING,
    SeriesFacts,
    parse_thickness,
    split_image_type,
    unpadded,
)
from ..dicom.images import ImageFacts
from ..dicom.text_folding import contains_keyword
from ..dicom.text_repair import shown
from .body_part import ASKED_AT_FIND, BODY_PART, KEYWORD_ATTRIBUTES, BodyPart, BodyPartRules, Decided
from .switches import Switches

__all__ = ["ASKED_AT_FIND", "KEYWORD_ATTRIBUTES"]


@dataclass(frozen=True)
class Verdict:
    """
    Take or filter, and why.

    ``because`` is what follows ``filter because`` in the log: attribute and value that decided, letter by
    letter as on site. ``images`` says for how many of the series' images the verdict holds (``24 of 25 images
    (1 localizer)``), where not for all. ``rules`` is the version of the rules that judged
    (``Switches.version``); empty in what older versions wrote.
    """

    taken: bool
    rule: str
    attribute: str
    value: str
    images: str = ""
    rules: str = field(default="", compare=False)

    @property
    def because(self) -> str:
        """The reason in the words of the log."""
        return f"{self.attribute} {self.value}" if self.attribute else self.value

    @classmethod
    def of_text(cls, text: str) -> Verdict:
        """Read a series dropped at find out of a request of an earlier version: the reason alone."""
        return cls(False, "find", "", text)


_NOTHING_AGAINST = Verdict(True, "all", "", "no rule speaks against it")
_NO_KEYWORD = "BodyPartExamined:"
"""What decides where BodyPartExamined is empty and no attribute has a keyword."""
WHOLE_STUDY = "whole study"
NAMED = "named"
ACCOMPANYING = frozenset({"SR", "PR", "KO", "SEG", "REG", "DOC", "FID", "RTSTRUCT", "RTPLAN", "RTDOSE"})
"""Modalities of objects that belong to images of another modality (PS3.3 C.7.3.1.1.1)."""

_AXIAL_FLAVOURS = {"AXIAL", "HELICAL"}

_UNKNOWN: Any = object()

_SAID = ("Modality", *KEYWORD_ATTRIBUTES)
_SERIES = _SAID.index("SeriesDescription")
_TOLD = 1 + len(ASKED_AT_FIND)
"""The first so many of them can be told by C-FIND."""

Rule = Callable[[SeriesFacts, Switches], "Verdict | None"]


def judge_modalities(modalities: tuple[str, ...], switches: Switches) -> Verdict:
    r"""
    Judge a study by ModalitiesInStudy (0008,0061): it must *contain* a wanted modality (``CT\PR`` does).

    A study whose PACS does not tell its modalities is taken: SERIES level or the images will tell. So is one
    with nothing but objects that go with images: there are PACS that tell only the modality of the last
    series.
    """
    told = "\\".join(modalities)
    if set(modalities) <= ACCOMPANYING:
        return Verdict(True, "modality", "ModalitiesInStudy", told or "not told", rules=switches.version)
    wanted = [
        modality for modality in modalities if modality in switches.ct_modalities + switches.dx_modalities
    ]
    return Verdict(bool(wanted), "modality", "ModalitiesInStudy", told, rules=switches.version)


def is_dx(modalities: tuple[str, ...] | list[str], switches: Switches) -> bool:
    """
    Whether a study is handled as radiography: it has a DX modality and no CT (pulled at once and handed over
    whole, M12).
    """
    return any(m in switches.dx_modalities for m in modalities) and not any(
        m in switches.ct_modalities for m in modalities
    )


def judge_series(series: SeriesFacts, switches: Switches) -> Verdict:
    """
    Judge one series by every rule that is switched on; the first rule that drops it decides. CT and DX have
    rules of their own.

    A rule's verdict depends on a few attributes only, and devices write the same values again and again: what
    was judged is remembered by these values (:func:`judge_plainly` is the same without memory).

    Args:
        series: From a SERIES level find or from the first image of the series.
        switches: The site's switches.

    Returns:
        A verdict, also for the strangest header: never an exception.
    """
    if series.raw:  # its bytes are shown in the verdict
        return judge_plainly(series, switches)
    memory, said = switches.memory, tuple(map(series.attributes.get, _SAID))
    by_text = memory.texts.get(said) or memory.keep(memory.texts, said, _judge_text(said, series, switches))
    dropped = by_text.dropped or _judge_images(by_text.dx, series, switches)
    return _of_images(dropped or by_text.reason, series)


def _judge_images(dx: bool, series: SeriesFacts, switches: Switches) -> Verdict | None:
    """What the rules say that read the images: those of single values first, then the one that counts."""
    memory, get = switches.memory, series.attributes.get
    frames = get(FRAMES)
    slices = int(frames) if frames and frames.isdecimal() else _slices(series)
    counted = slices if switches.thin_only else None
    image = (dx, not frames or not frames.strip(), counted, *map(get, switches.judged_by_image))
    dropped = _remembered(memory.images, image, _rules(dx)[2:-1], series, switches)
    return dropped or _remembered(memory.counts, (dx, slices), _rules(dx)[-1:], series, switches)


def _remembered(
    known: dict[Any, Any], key: object, rules: Sequence[Rule], series: SeriesFacts, switches: Switches
) -> Verdict | None:
    """What these rules have said of the same values, or say now."""
    dropped: Verdict | None = known.get(key, _UNKNOWN)
    if dropped is not _UNKNOWN:
        return dropped
    judged: Verdict | None = switches.memory.keep(known, key, _first_dropping(rules, series, switches))
    return judged


def _slices(series: SeriesFacts) -> int | None:
    """As ``series.slices``, sooner where each instance is one image."""
    get = series.attributes.get
    if get(FRAMES) or "VOLUME" in (get("ImageType") or "").upper():
        return series.slices
    return series.instances


def judge_plainly(series: SeriesFacts, switches: Switches) -> Verdict:
    """Judge one series, rule by rule."""
    verdict = _first_against(series, switches)
    agreeing = series.text(AGREEING)
    return Verdict(verdict.taken, verdict.rule, verdict.attribute, verdict.value, agreeing, switches.version)


def _first_against(series: SeriesFacts, switches: Switches) -> Verdict:
    reason = _NOTHING_AGAINST
    for rule in _rules(series.modality in switches.dx_modalities):
        verdict = rule(series, switches)
        if verdict is None:
            continue
        if not verdict.taken:
            return verdict
        if verdict.rule == "body part":
            reason = verdict
    return reason


class _ByText(NamedTuple):
    """
    What modality and descriptions say: the verdict that drops the series, or why it is taken if nothing else
    does.
    """

    dx: bool
    dropped: Verdict | None
    reason: Verdict


_Said = tuple[str | None, ...]
"""Values in the order of ``_SAID``."""


@dataclass(frozen=True)
class _Examined:
    """
    What modality and BodyPartExamined decide, as long as ``unless`` is not found in the descriptions.

    ``verdict`` None: no keyword is anywhere. ``unless`` None: whatever is in them.
    """

    dx: bool
    verdict: _ByText | None
    unless: re.Pattern[str] | None


def _judge_text(said: _Said, series: SeriesFacts, switches: Switches) -> _ByText:
    """Most series by one look at their descriptions, the others by reading each."""
    memory, key = switches.memory, said[:2]
    examined = memory.examined.get(key, _UNKNOWN)
    if examined is _UNKNOWN:
        examined = memory.keep(memory.examined, key, _judge_examined(series, switches))
    decided = None if examined is None else _judge_descriptions(examined, said, series, switches)
    return decided or _read_texts(series, switches)


def _judge_examined(series: SeriesFacts, switches: Switches) -> _Examined | None:
    """What modality and BodyPartExamined decide alone; None: each text is to be read."""
    dx = series.modality in switches.dx_modalities
    dropped = _first_dropping((judge_modality,), series, switches)
    if dropped is not None:
        return _Examined(dx, _ByText(dx, dropped, _NOTHING_AGAINST), None)
    if not _filters_body_part(dx, switches):
        return None
    alone = _body_part(dx, switches).alone(series)
    if alone is None:
        return None
    return _Examined(dx, _by_examined(dx, alone.decided, series, switches), alone.unless)


def _by_examined(dx: bool, decided: Decided, series: SeriesFacts, switches: Switches) -> _ByText | None:
    """The verdict of BodyPartExamined; None: it has no keyword and decides nothing."""
    if decided not in (Decided.KEYWORD, Decided.BODY_PART):
        return None
    taken = decided is Decided.KEYWORD
    verdict = Verdict(taken, "body part", BODY_PART, _shown(series, BODY_PART), rules=switches.version)
    return _ByText(dx, None, verdict) if taken else _ByText(dx, verdict, _NOTHING_AGAINST)


def _body_part(dx: bool, switches: Switches) -> BodyPartRules:
    return switches.body_part_dx if dx else switches.body_part_ct


def _filters_body_part(dx: bool, switches: Switches) -> bool:
    return switches.filter_body_part_dx if dx else switches.filter_body_part


def _judge_descriptions(
    examined: _Examined, said: _Said, series: SeriesFacts, switches: Switches
) -> _ByText | None:
    """With one look at the descriptions together; None: each is to be read."""
    if examined.unless is not None and _may_speak_against(examined.unless, said):
        return None
    if examined.verdict is not None:
        return examined.verdict
    if _body_part(examined.dx, switches).names_other(said[_SERIES] or "") or None in said[:_TOLD]:
        return None
    told = _described(said)
    verdict = Verdict(False, "body part", _NO_KEYWORD, told, rules=switches.version)
    return _ByText(examined.dx, verdict, _NOTHING_AGAINST)


def _may_speak_against(unless: re.Pattern[str], said: _Said) -> bool:
    """Whether the descriptions may decide otherwise; those that are no plain ASCII always may."""
    together = "\n".join([text for text in said[2:] if text])
    return not together.isascii() or "\x1b" in together or unless.search(together.lower()) is not None


def _described(said: _Said) -> str:
    """As ``_descriptions``, of values that are ASCII."""
    protocol, study, series, comments = [(text and shown(unpadded(text))) or "" for text in said[2:]]
    return f"ProtocolName:{protocol} StudyDescription:{study} SeriesDescription:{series} ImageComments:{comments}"


def _read_texts(series: SeriesFacts, switches: Switches) -> _ByText:
    dx = series.modality in switches.dx_modalities
    reason = _NOTHING_AGAINST
    for rule in _rules(dx)[:2]:
        verdict = rule(series, switches)
        if verdict is not None and not verdict.taken:
            return _ByText(dx, _stamped(verdict, switches), reason)
        if verdict is not None and verdict.rule == "body part":
            reason = verdict
    return _ByText(dx, None, _stamped(reason, switches))


def _first_dropping(rules: Sequence[Rule], series: SeriesFacts, switches: Switches) -> Verdict | None:
    for rule in rules:
        verdict = rule(series, switches)
        if verdict is not None and not verdict.taken:
            return _stamped(verdict, switches)
    return None


def _stamped(verdict: Verdict, switches: Switches) -> Verdict:
    told = verdict
    return Verdict(told.taken, told.rule, told.attribute, told.value, told.images, switches.version)


def _of_images(verdict: Verdict, series: SeriesFacts) -> Verdict:
    agreeing = series.attributes.get(AGREEING)
    return verdict if not agreeing else replace(verdict, images=unpadded(agreeing))


def _rules(dx: bool) -> tuple[Rule, ...]:
    return RULES_DX if dx else RULES_CT


def goes_with(series: SeriesFacts, verdict: Verdict, taken: str, switches: Switches) -> Verdict:
    """
    Judge a series of radiography again beside one of its study that is taken.

    Frontal and lateral may lie in different series, and only the algorithm can tell them apart (field case
    16): a series of which nobody says that it is something else is handed over, too.

    Args:
        series: The series.
        verdict: On it alone.
        taken: SeriesInstanceUID of the one that is taken.
        switches: The site's.
    """
    if verdict.taken or verdict.attribute != _NO_KEYWORD or series.modality not in switches.dx_modalities:
        return verdict
    if switches.body_part_dx.decide(series).decided is Decided.AGAINST:
        return verdict
    why = f"no word of another body part, and {taken} is taken"
    return Verdict(True, WHOLE_STUDY, "", why, rules=switches.version)


def named_by_person(switches: Switches) -> Verdict:
    """Take a series that a person named: it skips the filter (M8)."""
    return Verdict(True, NAMED, "", "a person named this series", rules=switches.version)


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
    if not _filters_body_part(dx, switches):
        return None
    return _verdict_on_body_part(series, _body_part(dx, switches).decide(series))


def _verdict_on_body_part(series: SeriesFacts, found: BodyPart) -> Verdict | None:
    match found.decided:
        case Decided.NOT_TOLD:
            return None
        case Decided.NO_KEYWORD:
            return Verdict(False, "body part", _NO_KEYWORD, _descriptions(series))
        case Decided.AGAINST:
            return _against(series, found)
    taken = found.decided is Decided.KEYWORD
    attribute = found.attribute if taken else BODY_PART
    return Verdict(taken, "body part", attribute, _shown(series, attribute))


def _against(series: SeriesFacts, found: BodyPart) -> Verdict:
    """In the shapes that the log has for a BodyPartExamined that is filled and for one that is empty."""
    why = f"{found.attribute} says {shown(found.word)}"
    if series.text(BODY_PART):
        return Verdict(False, "body part", BODY_PART, f"{_shown(series, BODY_PART)}, but {why}")
    return Verdict(False, "body part", _NO_KEYWORD, f"{_descriptions(series)} ({why})")


def _descriptions(series: SeriesFacts) -> str:
    return " ".join(f"{attribute}:{_shown(series, attribute)}" for attribute in KEYWORD_ATTRIBUTES[1:])


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
    return Verdict(found is not None, "contrast", "SeriesDescription", _shown(series, "SeriesDescription"))


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


def _shown(series: SeriesFacts, attribute: str) -> str:
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
