"""
Which hand-overs go to a destination: a rule in the filter's vocabulary, and the decision as a value.

Each part of a rule that is empty lets everything through. If one series of a hand-over matches (a DX study
has several), the whole hand-over is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..dicom.text_folding import contains_keyword

BODY_PART = "BodyPartExamined"
DESCRIBED_BY = ("ProtocolName", "StudyDescription", "SeriesDescription")
"""Where a body part is looked for when BodyPartExamined is empty."""
DEVICE = ("Manufacturer", "ManufacturerModelName", "StationName")
READ = ("Modality", BODY_PART, *DESCRIBED_BY, *DEVICE)
"""Of the first image of each series."""


class Arrival(StrEnum):
    """How images may have come to us."""

    ANY = "any"
    PULLED = "pulled"
    PUSHED = "pushed"


@dataclass(frozen=True)
class DestinationRule:
    """
    What goes to a destination.

    Args:
        modalities: Modality (0008,0060).
        body_parts: Keywords: parts of BodyPartExamined, or of the descriptions where that is empty.
        devices: Keywords: parts of manufacturer, model or station name.
        priorities: 0 routine, 1 green channel, 2 emergency, 4 manual.
        pacs: Names of PACS that the study was pulled from.
        arrival: Pulled, pushed, or any.
    """

    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    priorities: tuple[int, ...] = ()
    pacs: tuple[str, ...] = ()
    arrival: Arrival = Arrival.ANY


@dataclass(frozen=True)
class HandedOver:
    """
    What a rule judges.

    Args:
        series: The attributes of :data:`READ` of the first image of each series, by keyword.
        priority: Of the hand-over.
        pacs: Where it was pulled from; empty for images that came unasked.
    """

    series: tuple[Mapping[str, str], ...]
    priority: int = 0
    pacs: str = ""


@dataclass(frozen=True)
class Routing:
    """Whether a destination gets a hand-over, and the rule, attribute and value that decided."""

    taken: bool
    rule: str = ""
    attribute: str = ""
    value: str = ""

    @property
    def words(self) -> str:
        """For people."""
        if not self.rule:
            return "everything goes there"
        return f"{self.rule}: {self.attribute} {self.value}".strip()


def route(rule: DestinationRule, handed_over: HandedOver) -> Routing:
    """Say whether a destination gets a hand-over; of several parts that fit, the last one is told."""
    decided = Routing(True)
    for one in (_arrival, _pacs, _priority):
        said = one(rule, handed_over)
        if said is not None:
            decided = said
            if not said.taken:
                return said
    return _series(rule, handed_over.series, decided)


def _arrival(rule: DestinationRule, handed_over: HandedOver) -> Routing | None:
    came = Arrival.PULLED if handed_over.pacs else Arrival.PUSHED
    if rule.arrival is Arrival.ANY:
        return None
    return Routing(rule.arrival is came, "arrival", "images were", came.value)


def _pacs(rule: DestinationRule, handed_over: HandedOver) -> Routing | None:
    if not rule.pacs:
        return None
    return Routing(handed_over.pacs in rule.pacs, "pacs", "pulled from", handed_over.pacs or "none")


def _priority(rule: DestinationRule, handed_over: HandedOver) -> Routing | None:
    if not rule.priorities:
        return None
    return Routing(handed_over.priority in rule.priorities, "priority", "priority", str(handed_over.priority))


def _series(rule: DestinationRule, series: Sequence[Mapping[str, str]], before: Routing) -> Routing:
    if not (rule.modalities or rule.body_parts or rule.devices):
        return before
    said = [_of_series(rule, one) for one in series]
    return next(
        (one for one in said if one.taken), said[0] if said else Routing(False, "series", "series", "none")
    )


def _of_series(rule: DestinationRule, series: Mapping[str, str]) -> Routing:
    decided = Routing(True)
    for judge in (_modality, _body_part, _device):
        said = judge(rule, series)
        if said is not None:
            decided = said
            if not said.taken:
                return said
    return decided


def _modality(rule: DestinationRule, series: Mapping[str, str]) -> Routing | None:
    if not rule.modalities:
        return None
    value = series.get("Modality", "").strip().upper()
    return Routing(value in rule.modalities, "modality", "Modality", value)


def _body_part(rule: DestinationRule, series: Mapping[str, str]) -> Routing | None:
    if not rule.body_parts:
        return None
    filled = series.get(BODY_PART, "").strip()
    looked_in = (BODY_PART,) if filled else DESCRIBED_BY
    return _first_with_keyword("body_part", rule.body_parts, looked_in, series)


def _device(rule: DestinationRule, series: Mapping[str, str]) -> Routing | None:
    return _first_with_keyword("device", rule.devices, DEVICE, series) if rule.devices else None


def _first_with_keyword(
    rule: str, keywords: tuple[str, ...], attributes: Sequence[str], series: Mapping[str, str]
) -> Routing:
    for attribute in attributes:
        value = series.get(attribute, "")
        if contains_keyword(value, keywords) is not None:
            return Routing(True, rule, attribute, value)
    told = ", ".join(value for name in attributes if (value := series.get(name, "").strip()))
    return Routing(False, rule, attributes[0], told or "empty")
