"""
The filter rules, each a verdict that names the rule, the attribute and the value that decided (M2-M5).

The same rules judge a SERIES level answer before the pull and the first image of a series after it. A rule
judges only what was told: an attribute that the PACS did not return drops nothing, the received image will be
judged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..dicom.attributes import (
    AGREEING,
    FRAMES,
    SeriesFacts,
    unpadded,
)
from ..dicom.text_repair import shown
from .attribute_rules import (
    NO_KEYWORD,
    RULES_CT,
    RULES_DX,
    Rule,
    body_part_rules,
    filters_body_part,
    judge_modality,
    shown_of,
)
from .body_part import ASKED_AT_FIND, BODY_PART, KEYWORD_ATTRIBUTES, Decided
from .switches import Switches
from .verdict import Verdict

__all__ = ["ASKED_AT_FIND", "KEYWORD_ATTRIBUTES"]


_NOTHING_AGAINST = Verdict(True, "all", "", "no rule speaks against it")
WHOLE_STUDY = "whole study"
NAMED = "named"
ACCOMPANYING = frozenset({"SR", "PR", "KO", "SEG", "REG", "DOC", "FID", "RTSTRUCT", "RTPLAN", "RTDOSE"})
"""Modalities of objects that belong to images of another modality (PS3.3 C.7.3.1.1.1)."""

_UNKNOWN: Any = object()

_SAID = ("Modality", *KEYWORD_ATTRIBUTES)
_SERIES = _SAID.index("SeriesDescription")
_TOLD = 1 + len(ASKED_AT_FIND)
"""The first so many of them can be told by C-FIND."""


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
    if not filters_body_part(dx, switches):
        return None
    alone = body_part_rules(dx, switches).alone(series)
    if alone is None:
        return None
    return _Examined(dx, _by_examined(dx, alone.decided, series, switches), alone.unless)


def _by_examined(dx: bool, decided: Decided, series: SeriesFacts, switches: Switches) -> _ByText | None:
    """The verdict of BodyPartExamined; None: it has no keyword and decides nothing."""
    if decided not in (Decided.KEYWORD, Decided.BODY_PART):
        return None
    taken = decided is Decided.KEYWORD
    verdict = Verdict(taken, "body part", BODY_PART, shown_of(series, BODY_PART), rules=switches.version)
    return _ByText(dx, None, verdict) if taken else _ByText(dx, verdict, _NOTHING_AGAINST)


def _judge_descriptions(
    examined: _Examined, said: _Said, series: SeriesFacts, switches: Switches
) -> _ByText | None:
    """With one look at the descriptions together; None: each is to be read."""
    if examined.unless is not None and _may_speak_against(examined.unless, said):
        return None
    if examined.verdict is not None:
        return examined.verdict
    if body_part_rules(examined.dx, switches).names_other(said[_SERIES] or "") or None in said[:_TOLD]:
        return None
    told = _described(said)
    verdict = Verdict(False, "body part", NO_KEYWORD, told, rules=switches.version)
    return _ByText(examined.dx, verdict, _NOTHING_AGAINST)


def _may_speak_against(unless: re.Pattern[str], said: _Said) -> bool:
    """Whether the descriptions may decide otherwise; those that are no plain ASCII always may."""
    together = "\n".join([text for text in said[2:] if text])
    return not together.isascii() or "\x1b" in together or unless.search(together.lower()) is not None


def _described(said: _Said) -> str:
    """As ``_descriptions``, of values that are ASCII."""
    protocol, study, series, comments = [(text and shown(unpadded(text))) or "" for text in said[2:]]
    texts = f"ProtocolName:{protocol} StudyDescription:{study}"
    return f"{texts} SeriesDescription:{series} ImageComments:{comments}"


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
    if verdict.taken or verdict.attribute != NO_KEYWORD or series.modality not in switches.dx_modalities:
        return verdict
    if switches.body_part_dx.decide(series).decided is Decided.AGAINST:
        return verdict
    why = f"no word of another body part, and {taken} is taken"
    return Verdict(True, WHOLE_STUDY, "", why, rules=switches.version)


def named_by_person(switches: Switches) -> Verdict:
    """Take a series that a person named: it skips the filter (M8)."""
    return Verdict(True, NAMED, "", "a person named this series", rules=switches.version)
