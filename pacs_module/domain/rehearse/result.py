"""What a rehearsal found, as values: for the table, the page and JSON alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What would have been different."""

    NEWLY_TAKEN = "newly_taken"
    """A series that is dropped today passes the filter."""
    NEWLY_DROPPED = "newly_dropped"
    NEWLY_COMPUTED = "newly_computed"
    """A study of which nothing is handed over today has a series to compute."""
    NO_LONGER_COMPUTED = "no_longer_computed"
    CHOSEN_DIFFERENTLY = "chosen_differently"
    """Another series of the study is computed."""


@dataclass(frozen=True)
class Example:
    """
    One study or series: ``before`` and ``after`` are the reasons in the words of the log, ``description`` is
    its SeriesDescription.
    """

    study_uid: str
    series_uid: str
    day: str
    images: int
    description: str
    before: str
    after: str


@dataclass(frozen=True)
class Group:
    """
    What differs for the same reason on the same device.

    Args:
        kind: What differs.
        device: Manufacturer, model and station.
        rule: The rule that decided, by the verdict that drops; ``choice`` where another series is chosen.
        because: Attribute and value that decided.
        series: How many.
        studies: Of so many studies.
        images: In these series; of a study, in those that would be computed or are no longer.
        results: What the AI said of those that were computed, and how often.
        examples: A few of them, the newest first.
    """

    kind: Kind
    device: str
    rule: str
    because: str
    series: int
    studies: int
    images: int
    examples: tuple[Example, ...] = ()
    results: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Count:
    """Series, studies and images of one kind."""

    series: int = 0
    studies: int = 0
    images: int = 0


@dataclass(frozen=True)
class Rehearsal:
    """
    The whole of it.

    Args:
        changes: As they were written.
        rules_now: Version of the rules that it is compared with; empty: what was decided at the time.
        rules_then: Version of the changed rules; the number in it is that of the rules they were made from.
        first: First day, YYYY-MM-DD; empty where nothing is recorded.
        last: Last day.
        days: Days with a recorded study.
        studies: Looked at.
        series: Looked at.
        kinds: Totals by kind.
        groups: Largest first.
        more_groups: So many were left out.
        taken_images_a_day: Images of series that pass the filter, more (or fewer) a day: what the PACS has to
            send where it is asked for single series.
        computed_images_a_day: Images that the AI computes, more (or fewer) a day.
        unreadable: Records that could not be read.
        seconds: How long it took.
    """

    changes: tuple[str, ...]
    rules_now: str
    rules_then: str
    first: str = ""
    last: str = ""
    days: int = 0
    studies: int = 0
    series: int = 0
    kinds: Mapping[str, Count] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    more_groups: int = 0
    taken_images_a_day: float = 0.0
    computed_images_a_day: float = 0.0
    unreadable: int = 0
    seconds: float = 0.0
