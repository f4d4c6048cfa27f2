"""The filter explorer: what was filtered in a span, by rule, attribute and value (M36)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...domain.explain.listing import RowVerdict
from ...domain.explain.series_story import Standing
from ...domain.rehearse.filtered import FilteredGroup
from ...ports import StudyStore

MOST_GROUPS = 300
MOST_EXAMPLES = 5
KEYWORD_ATTRIBUTES = ("BodyPartExamined", "SeriesDescription", "ProtocolName", "StudyDescription")


@dataclass
class FilterGroup:
    """Series that one rule dropped for one value; ``suggestion``: a change of the switches, empty when none helps."""

    rule: str
    attribute: str
    value: str
    series: int = 0
    studies: int = 0
    modality: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    """Series by device, where the recorded headers tell it."""
    examples: list[str] = field(default_factory=list)
    suggestion: str = ""

    def add(self, study_uid: str, verdict: RowVerdict, first_of_study: bool) -> None:
        """Count a series."""
        self.series += 1
        self.modality[verdict.modality] = self.modality.get(verdict.modality, 0) + 1
        if first_of_study:
            self.studies += 1
            self.examples = [*self.examples, study_uid][:MOST_EXAMPLES]


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


@dataclass(frozen=True)
class ShowFilters:
    """Makes the page."""

    store: StudyStore

    def __call__(self, first_day: str, last_day: str, rule: str = "", text: str = "") -> FiltersView:
        """
        Make it.

        Args:
            first_day: YYYY-MM-DD.
            last_day: YYYY-MM-DD, included.
            rule: Only what this rule dropped.
            text: Only values with this text, case ignored.

        Raises:
            RetriableError: The store is away.
        """
        found = self.store.lists.verdicts_between(first_day, last_day)
        standings = dict(Counter(verdict.standing for _, verdicts in found for verdict in verdicts))
        groups = grouped(found)
        shown = [one for one in groups if rule in ("", one.rule) and text.lower() in one.value.lower()]
        filtered = standings.get(Standing.FILTERED.value, 0)
        return FiltersView(
            first_day,
            last_day,
            sum(standings.values()),
            filtered,
            standings,
            tuple(shown[:MOST_GROUPS]),
            text,
        )


def grouped(found: Iterable[tuple[str, tuple[RowVerdict, ...]]]) -> list[FilterGroup]:
    """What was filtered, by rule, attribute and value, the most series first."""
    groups: dict[tuple[str, str, str], FilterGroup] = {}
    for study_uid, verdicts in found:
        seen: set[tuple[str, str, str]] = set()
        for verdict in verdicts:
            if verdict.standing != Standing.FILTERED.value:
                continue
            key = (verdict.rule, verdict.attribute, verdict.value)
            group = groups.get(key)
            if group is None:
                group = groups[key] = FilterGroup(*key, suggestion=_suggestion(verdict))
            group.add(study_uid, verdict, key not in seen)
            seen.add(key)
    return sorted(groups.values(), key=lambda one: (-one.series, one.rule, one.value))


def with_devices(view: FiltersView, recorded: Iterable[FilteredGroup]) -> FiltersView:
    """The groups with the devices and the suggestions that the recorded headers tell."""
    found = {(one.rule, one.attribute, one.value): one for one in view.groups}
    for told in recorded:
        group = found.get((told.rule, told.attribute, told.value))
        if group is not None:
            name = told.device or "not told"
            group.devices[name] = group.devices.get(name, 0) + told.series
            group.suggestion = told.suggestion or group.suggestion
    return view


def _suggestion(verdict: RowVerdict) -> str:
    """A keyword that would take such series; a person decides whether it should."""
    if verdict.attribute in KEYWORD_ATTRIBUTES and verdict.value:
        return f"KEYWORDS+={verdict.value}"
    return ""
