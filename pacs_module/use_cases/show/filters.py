"""The filter explorer: what was filtered in a span, by rule, attribute and value (M36)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...domain.explain.listing import MOST_EXAMPLES, JudgedOfDay
from ...domain.explain.series_story import Standing
from ...domain.rehearse.filtered import FilteredGroup
from ...ports import StudyStore

MOST_GROUPS = 300
KEYWORD_ATTRIBUTES = ("BodyPartExamined", "SeriesDescription", "ProtocolName", "StudyDescription")


@dataclass
class FilterGroup:
    """
    Series that one rule dropped for one value; ``suggestion``: a change of the switches, empty when none
    helps.
    """

    rule: str
    attribute: str
    value: str
    series: int = 0
    studies: int = 0
    modality: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    """Series by device; under the empty text those whose device nobody told."""
    examples: list[str] = field(default_factory=list)
    suggestion: str = ""

    def add(self, judged: JudgedOfDay) -> None:
        """Count what was judged on a day."""
        self.series += judged.series
        self.modality[judged.modality] = self.modality.get(judged.modality, 0) + judged.series
        self.devices[judged.device] = self.devices.get(judged.device, 0) + judged.series
        self.studies += judged.studies
        self.examples = [*self.examples, *judged.examples][:MOST_EXAMPLES]


@dataclass(frozen=True)
class FiltersView:
    """The page: the groups, the largest first, and how many series were judged and filtered."""

    first_day: str
    last_day: str
    judged: int
    filtered: int
    by_standing: dict[str, int]
    groups: tuple[FilterGroup, ...]
    text: str = ""
    device: str = ""


@dataclass(frozen=True)
class ShowFilters:
    """Makes the page."""

    store: StudyStore

    def __call__(
        self, first_day: str, last_day: str, rule: str = "", text: str = "", device: str = ""
    ) -> FiltersView:
        """
        Make it.

        Args:
            first_day: YYYY-MM-DD.
            last_day: YYYY-MM-DD, included.
            rule: Only what this rule dropped.
            text: Only values with this text, case ignored.
            device: Only series of this device.

        Raises:
            RetriableError: The store is away.
        """
        found = self.store.lists.judged_between(first_day, last_day)
        if device:
            found = [one for one in found if one.device == device]
        standings = _by_standing(found)
        shown = [
            one for one in grouped(found) if rule in ("", one.rule) and text.lower() in one.value.lower()
        ]
        return FiltersView(
            first_day,
            last_day,
            sum(standings.values()),
            standings.get(Standing.FILTERED.value, 0),
            standings,
            tuple(shown[:MOST_GROUPS]),
            text,
            device,
        )


def _by_standing(found: Iterable[JudgedOfDay]) -> dict[str, int]:
    """How many series became what."""
    numbers: Counter[str] = Counter()
    for one in found:
        numbers[one.standing] += one.series
    return dict(numbers)


def grouped(found: Iterable[JudgedOfDay]) -> list[FilterGroup]:
    """What was filtered, by rule, attribute and value, the most series first."""
    groups: dict[tuple[str, str, str], FilterGroup] = {}
    for one in found:
        if one.standing == Standing.FILTERED.value:
            _group_of(groups, one).add(one)
    return sorted(groups.values(), key=lambda one: (-one.series, one.rule, one.value))


def _group_of(groups: dict[tuple[str, str, str], FilterGroup], one: JudgedOfDay) -> FilterGroup:
    key = (one.rule, one.attribute, one.value)
    if key not in groups:
        groups[key] = FilterGroup(*key, suggestion=_suggestion(one))
    return groups[key]


def with_suggestions(view: FiltersView, recorded: Iterable[FilteredGroup]) -> FiltersView:
    """The groups with the suggestions that the recorded headers tell."""
    found = {(one.rule, one.attribute, one.value): one for one in view.groups}
    for told in recorded:
        group = found.get((told.rule, told.attribute, told.value))
        if group is not None:
            group.suggestion = told.suggestion or group.suggestion
    return view


def _suggestion(judged: JudgedOfDay) -> str:
    """A keyword that would take such series; a person decides whether it should."""
    if judged.attribute in KEYWORD_ATTRIBUTES and judged.value:
        return f"KEYWORDS+={judged.value}"
    return ""
