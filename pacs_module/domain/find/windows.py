"""
Windows: the part of a PACS's studies that one C-FIND asks for, and how a part that is too large for the PACS
is split (M10).

A PACS that caps its answers does so silently. What gives it away: an error status, a number it is known to
stop at, a round number, a list that is never exceeded, or a split that brings more than the whole. Each way
of splitting works only at a PACS that honours the key; answers from outside of what was asked tell that it
does not.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from ..dicom.attributes import FoundStudy

DAY_SECONDS = 24 * 3600
SHORTEST_S = 60
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PREFIXES = ("AccessionNumber", "PatientID")
FEW = 10
"""Studies that a control asks for by their names."""
MIN_BESIDE = 8
"""So many answers beside the question are more than a slip."""
KEYS = {"time": "StudyTime", "modality": "ModalitiesInStudy", **{name: name for name in PREFIXES}}
"""The matching key of each way of splitting."""


@dataclass(frozen=True)
class Window:
    """
    One day's studies, or a part of them.

    ``since`` and ``until`` are seconds of the day (both included), ``modality`` one of ModalitiesInStudy,
    ``prefixes`` the beginnings of AccessionNumber and PatientID.
    """

    day: date
    since: int = 0
    until: int = DAY_SECONDS - 1
    modality: str = ""
    prefixes: tuple[tuple[str, str], ...] = ()

    @property
    def whole_day(self) -> bool:
        """Whether nothing but the day is asked for."""
        return self == Window(self.day)

    @property
    def all_day(self) -> bool:
        """Whether no time is asked for."""
        return (self.since, self.until) == (0, DAY_SECONDS - 1)

    def query(self) -> dict[str, str]:
        """The matching keys (PS3.4 C.2.2.2): single date, time range, wildcards."""
        keys = {"StudyDate": self.day.strftime("%Y%m%d")}
        if not self.all_day:
            keys["StudyTime"] = f"{clock_of(self.since)}-{clock_of(self.until)}"
        if self.modality:
            keys["ModalitiesInStudy"] = self.modality
        return {**keys, **{key: f"{prefix}*" for key, prefix in self.prefixes}}

    def prefix(self, key: str) -> str:
        """The asked beginning of a key, empty when it is not asked for."""
        return dict(self.prefixes).get(key, "")

    def holds(self, found: FoundStudy) -> bool:
        """
        Whether a study that the PACS answered is one of those that were asked for; what was not told speaks
        for it.
        """
        second = seconds_of(found.study_time)
        in_time = second is None or self.since <= second <= self.until
        in_modality = not self.modality or not found.modalities or self.modality in found.modalities
        return in_time and in_modality and all(_begins(found, key, prefix) for key, prefix in self.prefixes)


def dimensions(window: Window, answers: Collection[FoundStudy]) -> tuple[str, ...]:
    """
    Ways to split a window, the cheapest first.

    Halves of the time cost two queries each, modalities one each; a letter more of a name costs one for each
    letter, so the name that differs earliest goes first (many sites begin every AccessionNumber with the
    date).
    """

    def common(key: str) -> int:
        values = [_value(study, key).upper() for study in answers] or [""]
        pairs = zip(min(values), max(values), strict=False)
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)) - len(
            window.prefix(key)
        )

    return ("time", "modality", *sorted(PREFIXES, key=common))


def split(
    window: Window, dimension: str, answers: Iterable[FoundStudy], modalities: Iterable[str]
) -> tuple[Window, ...]:
    """
    Split a window along one dimension.

    Args:
        window: What was too large.
        dimension: One of those that :func:`dimensions` gives.
        answers: What the PACS answered to the whole: its values show which letters occur.
        modalities: The wanted modalities; a split by modality leaves the others out.

    Returns:
        The parts; empty when the window cannot be split that way, or when some answers have no value there to
        be found by. Of names nobody knows the usual letters are tried.
    """
    found = list(answers)
    if dimension == "time":
        return () if any(seconds_of(study.study_time) is None for study in found) else _halves(window)
    if dimension == "modality":
        untold = any(not study.modalities for study in found)
        return (
            ()
            if window.modality or untold
            else tuple(replace(window, modality=modality) for modality in modalities)
        )
    return _longer_prefixes(window, dimension, found)


def not_honoured(dimension: str, beside: int, received: int) -> bool:
    """
    Whether a PACS does not honour the key that a part was asked by.

    Some answer a few rows that nobody asked for; one that ignores the key answers the whole list again. A
    modality beside the question may come of a PACS that matches all of a study's modalities and tells one:
    that split would lose studies.

    Args:
        dimension: That the window was split along.
        beside: Answers to the part that are not in it.
        received: Length of the whole list.
    """
    if dimension == "modality":
        return beside > 0
    return beside >= MIN_BESIDE and 4 * beside >= received


def overlap(parts: Iterable[Collection[FoundStudy]]) -> bool:
    """Whether a study came in two parts that exclude each other."""
    uids = [uid for found in parts for uid in {study.study_uid for study in found if study.study_uid}]
    return len(uids) != len(set(uids))


def lost(whole: Iterable[FoundStudy], parts: Mapping[Window, Collection[FoundStudy]]) -> bool:
    """
    Whether a study of the whole is in none of the parts, although one of them asks for it: the PACS matches
    that key oddly.
    """
    got = {study.study_uid for found in parts.values() for study in found}
    return any(window.holds(study) and study.study_uid not in got for study in whole for window in parts)


def few_named(found: Iterable[FoundStudy], key: str) -> str:
    """
    The beginning of a name that some ten of these studies have, at most; empty when none has that name.

    Args:
        found: Studies.
        key: ``AccessionNumber`` or ``PatientID``.
    """
    values = sorted(value for study in found if (value := _value(study, key).upper()) and "*" not in value)
    if not values:
        return ""
    middle = values[len(values) // 2]
    lengths = range(1, len(middle))
    return middle[: next((one for one in lengths if _begin_alike(values, middle[:one]) <= FEW), len(middle))]


def _begin_alike(values: Iterable[str], prefix: str) -> int:
    return sum(value.startswith(prefix) for value in values)


def seconds_of(time: str) -> int | None:
    """HHMMSS as seconds of the day, None when it is empty or no time."""
    if len(time) != len("HHMMSS") or not time.isdigit():
        return None
    seconds = int(time[:2]) * 3600 + int(time[2:4]) * 60 + int(time[4:])
    return seconds if seconds < DAY_SECONDS else None


def clock_of(seconds: int) -> str:
    """Seconds of the day as HHMMSS."""
    return f"{seconds // 3600:02d}{seconds % 3600 // 60:02d}{seconds % 60:02d}"


def _begins(found: FoundStudy, key: str, prefix: str) -> bool:
    return _value(found, key).upper().startswith(prefix.upper())


def _value(found: FoundStudy, key: str) -> str:
    return found.accession_number if key == "AccessionNumber" else found.patient_id


def _halves(window: Window) -> tuple[Window, ...]:
    """The two halves of a window's time; empty when it is too short for that."""
    if window.until - window.since < SHORTEST_S:
        return ()
    middle = (window.since + window.until) // 2
    return (replace(window, until=middle), replace(window, since=middle + 1))


def equal_parts(window: Window, number: int) -> tuple[Window, ...]:
    """A window's time in so many parts."""
    length = window.until + 1 - window.since
    edges = [window.since + length * part // number for part in range(number + 1)]
    return tuple(replace(window, since=since, until=end - 1) for since, end in itertools.pairwise(edges))


def halved_among(window: Window, found: Iterable[FoundStudy]) -> tuple[Window, ...]:
    """
    The two parts of a window's time that hold half of these studies each.

    Empty when a study without a time would be in neither, or when all of them are of one moment.
    """
    seconds = sorted(map(_second_of, found))
    if not seconds or seconds[0] < window.since or seconds[0] == seconds[-1]:
        return ()
    middle = _middle_of(seconds)
    return (replace(window, until=middle), replace(window, since=middle + 1))


def _middle_of(seconds: list[int]) -> int:
    """The median of several, sorted; never the last moment, so that something is behind it."""
    middle = seconds[(len(seconds) - 1) // 2]
    return middle if middle < seconds[-1] else max(second for second in seconds if second < middle)


def _second_of(study: FoundStudy) -> int:
    """Of its day; -1 where it tells no time."""
    second = seconds_of(study.study_time)
    return -1 if second is None else second


def around(window: Window, study: FoundStudy) -> tuple[Window, ...]:
    """The parts of a window's time before and after the moment of a study; none where that is not told."""
    second = seconds_of(study.study_time)
    if second is None or not window.since <= second <= window.until:
        return ()
    before, after = replace(window, until=second - 1), replace(window, since=second + 1)
    return tuple(part for part in (before, after) if part.since <= part.until)


def around_and_at(window: Window, study: FoundStudy) -> tuple[Window, ...]:
    """:func:`around`, and the moment itself: all of a window, at a PACS that gives one study a list."""
    second, beside = seconds_of(study.study_time), around(window, study)
    return () if second is None or not beside else (*beside, replace(window, since=second, until=second))


def _longer_prefixes(window: Window, key: str, found: list[FoundStudy]) -> tuple[Window, ...]:
    begun = window.prefix(key)
    values = [_value(study, key) for study in found]
    if any(len(value) <= len(begun) for value in values):
        return ()  # such a one would be in no part
    letters = sorted({*LETTERS, *(value[len(begun)].upper() for value in values)} - set("*?\\"))
    return tuple(_with_prefix(window, key, begun + letter) for letter in letters)


def _with_prefix(window: Window, key: str, prefix: str) -> Window:
    others = tuple(one for one in window.prefixes if one[0] != key)
    return replace(window, prefixes=(*others, (key, prefix)))
