"""
Which series the studies of a device usually end with (N1).

A CT sends its thick series first and the thin one minutes later. Nothing that is announced then says that a
better one is to come; what the device's last studies ended with does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..dicom.attributes import SeriesFacts, parse_thickness
from ..rules.choice import Candidate, choose, decided_by
from ..rules.kernel_and_contrast import candidate_here
from ..rules.switches import Switches

REMEMBERED = 10
"""Kinds that none of the last so many studies ended with are forgotten."""
KIND = ("Modality", "SliceThickness", "ConvolutionKernel", "ImageType", "SeriesDescription", "ProtocolName")
"""The attributes by which the choice tells series apart."""
_SAME_KIND = ("SliceThickness", "ConvolutionKernel")
_MOMENTS = ("SeriesDate", "SeriesTime")
_BETTER_BY = frozenset({"thickness", "instances", "kernel", "kernel class", "image type", "contrast"})


@dataclass(frozen=True)
class Usual:
    """
    What a study of a device ended with: the attributes of the series, its ``instances``, how many series were
    ``alike``, and how many studies ago (``age``). ``in_thick``: its instances for each one of the thickest
    series of the study; 0: there was no thicker one.
    """

    attributes: Mapping[str, str]
    instances: int
    alike: int = 1
    age: int = 0
    in_thick: float = 0.0


def device_of(facts: SeriesFacts) -> str:
    """
    Who made a series, as far as the PACS tells: StationName (0008,1010), else maker and model, else the
    modality.
    """
    made_by = f"{facts.text('Manufacturer')} {facts.text('ManufacturerModelName')}".strip()
    return facts.text("StationName") or made_by or facts.modality or "unknown"


def protocol_of(facts: SeriesFacts) -> str:
    """What a device was set to: the key under which its usual series are kept."""
    return f"{device_of(facts)} | {facts.text('ProtocolName')}"


def alike(facts: SeriesFacts, series: Sequence[SeriesFacts]) -> int:
    """How many of these have the same thickness and kernel: phases of a contrast study, for one."""
    kind = tuple(facts.text(name) for name in _SAME_KIND)
    return sum(tuple(one.text(name) for name in _SAME_KIND) == kind for one in series)


def thickness_of(facts: SeriesFacts) -> float:
    """In mm; 0: it is not told."""
    return parse_thickness(facts.text("SliceThickness")) or 0.0


def thickest_of(series: Sequence[SeriesFacts]) -> SeriesFacts | None:
    """The series with the thickest slices, of those the one with the most; None: no thickness is told."""
    told = [facts for facts in series if thickness_of(facts) and facts.instances]
    return max(told, key=lambda facts: (thickness_of(facts), facts.instances or 0), default=None)


def in_thick(best: SeriesFacts, series: Sequence[SeriesFacts]) -> float:
    """How many instances a series has for each one of the thickest of its study; 0: none is thicker."""
    thick = thickest_of(series)
    if thick is None or not thickness_of(best) or thickness_of(thick) <= thickness_of(best):
        return 0.0
    return (best.instances or 0) / (thick.instances or 1)


def learned(
    known: Sequence[Usual], best: SeriesFacts, number: int, final: bool, in_thick: float = 0.0
) -> tuple[Usual, ...]:
    """
    The usual series after one more study.

    Args:
        known: Those before it.
        best: What it ended with.
        number: How many series there were like it.
        final: It has stopped growing; else there may come more like it.
        in_thick: As :func:`in_thick` says.
    """
    attributes = {name: best.text(name) for name in KIND if best.text(name)}
    before = next((one.alike for one in known if one.attributes == attributes), 0)
    newest = Usual(
        attributes, best.instances or 0, number if final else max(number, before), in_thick=in_thick
    )
    older = [replace(one, age=one.age + 1) for one in known if one.attributes != attributes]
    return (newest, *(one for one in older if one.age < REMEMBERED))


def awaited(best: SeriesFacts, number: int, usual: Sequence[Usual], switches: Switches) -> str:
    """
    What the device's studies usually have and this one has not yet, in words; empty: nothing.

    Args:
        best: The best series so far.
        number: How many there are like it.
        usual: What the last studies of the device ended with.
        switches: CHOICE_ORDER and the preferences.
    """
    for one in usual:
        if _beats(one, best, switches):
            return f"studies of this device end with {_words(one)}"
        if _is_of_kind(one, best) and one.alike > number:
            return f"studies of this device have {one.alike} series of this kind, {number} are here"
    return ""


def expected_instances(best: SeriesFacts, usual: Sequence[Usual]) -> int:
    """How many instances a series of this kind usually has; 0: not known."""
    return next((one.instances for one in usual if _is_of_kind(one, best)), 0)


def slices_in_thick(facts: SeriesFacts, usual: Sequence[Usual]) -> float:
    """How many instances a series of this kind has for each one of the thickest; 0: not known."""
    return next((one.in_thick for one in usual if one.in_thick and _is_of_kind(one, facts)), 0.0)


def _is_of_kind(one: Usual, facts: SeriesFacts) -> bool:
    return all(one.attributes.get(name, "") == facts.text(name) for name in _SAME_KIND)


def _beats(one: Usual, best: SeriesFacts, switches: Switches) -> bool:
    """By a criterion of the choice; what only breaks ties is no reason to wait."""
    number = best.instances or 1
    moments = {name: best.attributes[name] for name in _MOMENTS if name in best.attributes}
    phantom = _candidate(SeriesFacts("usual", {**one.attributes, **moments}, number), number, switches)
    here = _candidate(best, number, switches)
    (winner,) = choose([phantom, here], dx=False, switches=switches).series
    return winner == phantom and decided_by(phantom, here, [phantom, here], switches) in _BETTER_BY


def _candidate(facts: SeriesFacts, number: int, switches: Switches) -> Candidate:
    return candidate_here(facts, number, switches, final=True)


def _words(one: Usual) -> str:
    told = [one.attributes.get(name, "") for name in ("SliceThickness", "ConvolutionKernel")]
    thickness, kernel = told
    words = [f"{thickness} mm"] if thickness else []
    return " ".join([*words, kernel] if kernel else words) or "another series"


def usual_memo(usual: Sequence[Usual]) -> list[dict[str, object]]:
    """As it is kept."""
    return [
        {
            "attributes": dict(one.attributes),
            "instances": one.instances,
            "alike": one.alike,
            "age": one.age,
            "inThick": one.in_thick,
        }
        for one in usual
    ]


def usual_of(memo: object) -> tuple[Usual, ...]:
    """As it was kept; what cannot be read is not known."""
    if not isinstance(memo, list):
        return ()
    read = [_read(one) for one in memo if isinstance(one, Mapping)]
    return tuple(one for one in read if one is not None)


def _read(memo: Mapping[str, object]) -> Usual | None:
    attributes = memo.get("attributes")
    numbers = [memo.get(key) for key in ("instances", "alike", "age")]
    if not isinstance(attributes, Mapping) or not all(isinstance(one, int) for one in numbers):
        return None
    instances, number, age = (one if isinstance(one, int) else 0 for one in numbers)
    told = memo.get("inThick")
    slices = float(told) if isinstance(told, int | float) and 0 <= told < math.inf else 0.0
    return Usual({str(key): str(text) for key, text in attributes.items()}, instances, number, age, slices)
