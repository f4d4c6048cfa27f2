"""What answers say of counts, return keys, matching, caps and UIDs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ..dicom.attributes import parse_count
from ..find.windows import Window
from .findings import Answer, Verdict, uid_of

ENOUGH = 100
"""Caps in the wild begin here; fewer answers say nothing about a cap."""
FEW = 3
"""So many answers without an attribute may be chance: a scout has no slice thickness."""
UID_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def judge_counts(values: Sequence[str | None]) -> tuple[Verdict, str]:
    """
    How a PACS tells numbers of instances.

    Args:
        values: One an answer; None where the key did not come.

    Returns:
        The verdict, and ``number``, ``text`` (not a plain number in some answers), ``empty``, ``absent`` or
        ``""``.
    """
    if not values:
        return Verdict.NOT_TOLD, ""
    told = [value for value in values if value is not None]
    if not told:
        return Verdict.NO, "absent"
    if not any(told):
        return Verdict.NO, "empty"
    readable = [value for value in told if parse_count(value) is not None]
    if len(readable) == len(values) and all(map(_is_plain_number, told)):
        return Verdict.YES, "number"
    verdict = Verdict.PARTLY if readable else Verdict.NO
    return verdict, "text" if len(told) == len(values) else "sometimes"


def _is_plain_number(value: str) -> bool:
    return value.isdigit() and value.isascii()


def judge_key(values: Sequence[str | None]) -> tuple[Verdict, str]:
    """
    How a key comes back: ``filled``, ``empty`` (returned, never with a value) or ``absent``; few answers show
    no absence.
    """
    if any(values):
        return Verdict.YES, "filled"
    if len(values) < FEW:
        return Verdict.NOT_TOLD, ""
    return (Verdict.NO, "absent") if all(value is None for value in values) else (Verdict.PARTLY, "empty")


def judge_modalities(
    values: Sequence[str | None], by_series: Sequence[tuple[str | None, Collection[str]]]
) -> tuple[Verdict, str]:
    r"""
    How ModalitiesInStudy comes back.

    Args:
        values: One an answer.
        by_series: For some studies the value, and the modalities that SERIES level gave.

    Returns:
        The verdict, and ``list`` (``CT\PR``), ``comma``/``slash`` text, ``single``, ``one each`` (no study
        seemed to have more), ``absent``.
    """
    verdict, kind = judge_key(values)
    if kind != "filled":
        return verdict, kind
    joined = _joined_by("".join(value for value in values if value))
    if joined:
        return Verdict.PARTLY, joined
    if any(value and "\\" in value for value in values):
        return Verdict.YES, "list"
    if any(value and len(set(modalities)) > 1 for value, modalities in by_series):
        return Verdict.NO, "single"
    return Verdict.NOT_TOLD, "one each"


def _joined_by(together: str) -> str:
    """The sign that some PACS put between values instead of a backslash; empty: none."""
    signs = {",": "comma", "/": "slash", ";": "semicolon"}
    return next((name for sign, name in signs.items() if sign in together), "")


class Match(StrEnum):
    """What a PACS did with a matching key."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    NOTHING = "matches nothing"
    PARTLY = "some are missing"
    NOT_TOLD = "not told"


MATCH_VERDICT = {
    Match.HONOURED: Verdict.YES,
    Match.IGNORED: Verdict.NO,
    Match.NOTHING: Verdict.NO,
    Match.PARTLY: Verdict.PARTLY,
    Match.NOT_TOLD: Verdict.NOT_TOLD,
}


def judge_match(
    wanted: Collection[str], others: Collection[str], got: Collection[str], *, cut: bool = False
) -> Match:
    """
    Whether a matching key was honoured.

    Args:
        wanted: Known studies that match.
        others: Known studies that do not match but fulfil all the query's other keys.
        got: What came.
        cut: The list is as long as lists get at this PACS: what is missing says nothing.
    """
    if not wanted:
        return Match.NOT_TOLD
    if set(got) & set(others):
        return Match.IGNORED
    if not got:
        return Match.NOTHING
    if not set(wanted) <= set(got) and not cut:
        return Match.PARTLY
    return Match.HONOURED if others else Match.NOT_TOLD


_WORST_FIRST = (Match.IGNORED, Match.NOTHING, Match.PARTLY, Match.NOT_TOLD)


def worst_match(matches: Iterable[Match]) -> Match:
    """What several parts say of one key together: the worst that any of them says."""
    found = set(matches)
    return next((match for match in _WORST_FIRST if match in found), Match.HONOURED)


class DateRange(StrEnum):
    """What a PACS did with a range of two days."""

    HONOURED = "honoured"
    CUT = "cut"
    """Only one of the days came, in a list that may be cut."""
    FIRST_DAY = "first day"
    LAST_DAY = "last day"
    NOTHING = "nothing"


def judge_date_range(
    day: Collection[str], before: Collection[str], got: Collection[str], *, cut: bool
) -> DateRange:
    """
    Say what came of a range of two days.

    Args:
        day: Studies known of the last day.
        before: Studies known of the first day; there may be none.
        got: What came.
        cut: The list is as long as lists get at this PACS.
    """
    of_day, of_before = bool(set(got) & set(day)), bool(set(got) & set(before))
    if of_day and (of_before or not before):
        return DateRange.HONOURED
    if got and cut:
        return DateRange.CUT
    if not got:
        return DateRange.NOTHING
    return DateRange.FIRST_DAY if of_before else DateRange.LAST_DAY


def time_parts(day: date, seconds: Iterable[int]) -> tuple[Window, Window]:
    """Two parts of a day, each with some of these times (seconds of the day, at least two different ones)."""
    told = sorted(seconds)
    middle = told[(len(told) - 1) // 2]
    if middle == told[-1]:
        middle = max(second for second in told if second < middle)
    return Window(day, until=middle), Window(day, since=middle + 1)


def best_prefix(values: Iterable[str]) -> str:
    """The beginning that parts the values most evenly, empty when none parts them at all."""
    told = [value for value in values if value and not set(value) & set("*?\\")]
    counts = Counter(value[:length] for value in told for length in range(1, len(value) + 1))
    return _parting_best({prefix: count for prefix, count in counts.items() if count < len(told)}, len(told))


def _parting_best(counts: Mapping[str, int], number: int) -> str:
    """The one that half of the values have, or nearly; the shorter one of equals."""
    return min(counts, key=lambda prefix: (abs(2 * counts[prefix] - number), len(prefix), prefix), default="")


@dataclass(frozen=True)
class Whole:
    """A list that a PACS gave, and how many studies are known to belong there from other queries."""

    answers: int
    known: int
    cut: bool = False


def judge_cap(lists: Sequence[Whole]) -> tuple[Verdict, int]:
    """
    Whether a PACS cuts its answers.

    Returns:
        YES and the number at which it stops, 0 where it cut lists before the first answer, which is no
        number; NO and the longest list that was shown to be whole; NOT_TOLD and the longest.
    """
    cut = [whole.answers for whole in lists if whole.cut or 0 < whole.answers < whole.known]
    longest = max((whole.answers for whole in lists), default=0)
    if cut:
        return Verdict.YES, max(cut)
    if longest < ENOUGH:
        return Verdict.NOT_TOLD, longest
    return Verdict.NO, longest


def dirty_uids(answers: Iterable[Answer]) -> Counter[str]:
    """Count what is wrong with UIDs: ``empty``, ``spaces``, ``other characters``; ``all``: all UIDs."""
    wrong: Counter[str] = Counter()
    for answer in answers:
        for keyword in UID_KEYS:
            if keyword in answer:
                wrong["all"] += 1
                wrong[_what_is_wrong(answer[keyword])] += 1
    del wrong[""]
    return wrong


def _what_is_wrong(raw: bytes) -> str:
    value = raw.removesuffix(b"\0").decode("latin-1")
    if not value.strip():
        return "empty"
    if any(character.isspace() for character in value):
        return "spaces"
    return "" if re.fullmatch(r"[0-9.]+", value) else "other characters"


def duplicates(answers: Iterable[Answer], keyword: str = "StudyInstanceUID") -> int:
    """How many answers of one list came once more."""
    uids = Counter(uid for answer in answers if (uid := uid_of(answer, keyword)))
    return sum(times - 1 for times in uids.values())
