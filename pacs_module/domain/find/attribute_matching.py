"""
Does an answer of a C-FIND match the keys that were asked? (PS3.4 C.2.2.2)

A PACS may ignore a key, match it oddly, or answer a row that nobody asked for. So each answer is matched
again here. What differs from a key is no answer to the question. What the PACS did not tell can be neither
proved nor refuted: it is kept, and named, and whoever must be certain asks for more.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..dicom.attributes import (
    FULL_WIDTH,
    Attributes,
    clean_uid,
    split_values,
    unpadded,
    without_unseen,
)
from ..dicom.date_times import Range, date_of, moment_of, range_of, time_of
from ..dicom.numbers import read_number
from ..dicom.text_repair import forms
from ..dicom.value_representations import Representation, representation
from ..json_messages.uid_syntax import is_uid

UID_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_UNIQUE = {"STUDY": UID_KEYS[:1], "SERIES": UID_KEYS[:2], "IMAGE": UID_KEYS}
# What says nothing of a study: it stands in every answer (PS3.4 C.4.1.1.3.2), or tells how the rest is
# written.
_ABOUT_THE_ANSWER = frozenset({
    "QueryRetrieveLevel", "RetrieveAETitle", "SpecificCharacterSet", "InstanceAvailability",
    "StorageMediaFileSetID", "StorageMediaFileSetUID", "TimezoneOffsetFromUTC",
})  # fmt: skip
NOT_MATCHED = frozenset({"QueryRetrieveLevel", "SpecificCharacterSet"})
_NARROW = {code: plain for code, plain in FULL_WIDTH.items() if plain not in tuple(map(ord, "*?\\"))}
EMPTY_VALUE = '""'
"""Empty value matching (PS3.4 C.2.2.2.7): two quotes ask for what has no value."""


@dataclass(frozen=True)
class Judged:
    """
    What is to be thought of one answer.

    ``malformed``: why it is no answer at all, empty when it is one. ``differs``: asked keys with another
    value in it.
    ``untold``: asked keys that it tells nothing of.
    """

    malformed: str = ""
    differs: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()

    @property
    def matches(self) -> bool:
        """Whether nothing in it speaks against its being an answer to the question."""
        return not self.malformed and not self.differs

    @property
    def proved(self) -> bool:
        """Whether it tells every asked key, and all of them match."""
        return self.matches and not self.untold


def judge_answer(level: str, query: Mapping[str, str], answer: Attributes) -> Judged:
    """
    Match one answer against the keys that were asked.

    Args:
        level: PATIENT, STUDY, SERIES or IMAGE.
        query: Matching keys as they were sent, keyword to value; an empty value matches everything.
        answer: What the PACS returned, keyword to text.
    """
    malformed = _malformed(level, answer)
    if malformed:
        return Judged(malformed)
    differs, untold = [], []
    for keyword, asked in query.items():
        if keyword in NOT_MATCHED or _is_universal(asked):
            continue
        matched = _matched(keyword, query, answer)
        if matched is None:
            untold.append(keyword)
        elif not matched:
            differs.append(keyword)
    return Judged("", tuple(differs), tuple(untold))


def _matched(keyword: str, query: Mapping[str, str], answer: Attributes) -> bool | None:
    """By the key alone or, for a time, together with its date."""
    matched = matches(keyword, query[keyword], answer.get(keyword))
    return _as_one_moment(keyword, query, answer) if matched is False else matched


def matches(keyword: str, asked: str, told: str | None) -> bool | None:
    r"""
    Whether a value matches a key; None when the value was not told, or cannot be read.

    Several values in an answer (``CT\\PR``) match when one of them does (PS3.4 C.2.2.2.1), and several in the
    question when one of them is told (C.2.2.2.8).
    """
    if asked == EMPTY_VALUE:
        return None if told is None else not unpadded(told)
    if told is None or not unpadded(told):
        return None  # a key that the PACS does not support comes back without a value (PS3.4 C.2.2.1.3)
    kind = representation(keyword)
    if kind is Representation.UID:
        return _is_among(asked, told)
    if kind in _RANGES:
        return _in_range(kind, asked, told)
    wishes = _wishes(kind, asked)
    return _any(_one_value(kind, wish, value) for wish in wishes for value in _readings(kind, told))


def _is_among(asked: str, told: str) -> bool:
    """Whether one of the UIDs that are told was asked for."""
    wanted = {clean_uid(uid) for uid in asked.split("\\")}
    return any(clean_uid(uid) in wanted for uid in told.split("\\"))


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    """True where one is; else None where one could not be told, or none was."""
    found = set(verdicts)
    return True if True in found else None if None in found or not found else False


def _malformed(level: str, answer: Attributes) -> str:
    if not any(unpadded(value) for keyword, value in answer.items() if keyword not in _ABOUT_THE_ANSWER):
        return "it tells nothing"
    for keyword in _UNIQUE.get(level, ()):
        uid = clean_uid(answer.get(keyword, ""))
        if uid and not is_uid(uid):
            return f"{keyword} is no UID"
    return ""


def asks_for_many(value: str) -> bool:
    """
    Whether a value would be no single one as a key: a wildcard in any width, a list, or two quotes, which ask
    for all that has no value.
    """
    return value.strip() == EMPTY_VALUE or bool(set(value.translate(FULL_WIDTH)) & set("*?\\"))


def _is_universal(asked: str) -> bool:
    """An empty key, or one of asterisks only, matches everything (PS3.4 C.2.2.2.3 and C.2.2.2.4)."""
    return not asked.strip("* ")


def _as_one_moment(keyword: str, query: Mapping[str, str], answer: Attributes) -> bool | None:
    """
    Whether a range of dates and one of times, matched as one moment (PS3.4 C.2.2.2.5.4), hold an answer whose
    time alone is beside the range of times.
    """
    if representation(keyword) is not Representation.TIME:
        return False
    day_key = keyword.replace("Time", "Date")
    days, times = range_of(query.get(day_key, ""), date_of), range_of(query[keyword], time_of)
    if days is None or days.first == days.last:
        return False
    day, time = date_of(answer.get(day_key, "")), time_of(answer.get(keyword, ""))
    if times is None or not (day and time):
        return None
    return _one_range(days, times).holds(day + time)


def _one_range(days: Range, times: Range) -> Range:
    """From the first day's first time to the last day's last; an open end stays open."""
    first = days.first and days.first + times.first
    last = days.last and days.last + (times.last or "~")
    return Range(first, last)


_RANGES: Mapping[Representation, Callable[..., str]] = {
    Representation.DATE: date_of,
    Representation.TIME: time_of,
    Representation.MOMENT: moment_of,
}


def _in_range(kind: Representation, asked: str, told: str) -> bool | None:
    read = _RANGES[kind]
    ranges = [range_of(part, read) for part in asked.split("\\") if part.strip()]
    values = [read(part) for part in told.split("\\") if unpadded(part)]
    return _any(
        wanted.holds(value) if wanted is not None and value else None for wanted in ranges for value in values
    )


def _wishes(kind: Representation, asked: str) -> Sequence[str]:
    """The values of a key: one of them is to be told."""
    if kind is Representation.MODALITY and not _is_pattern(asked):
        return split_values(asked)
    return [_plain(value) for value in asked.split("\\")]


def _readings(kind: Representation, told: str) -> Sequence[str]:
    """The values of an attribute, as they came and as they were meant (a damaged character set is undone)."""
    if kind is Representation.MODALITY:
        return split_values(told)
    return [_plain(text) for value in told.split("\\") for text in forms(value)]


def _one_value(kind: Representation, asked: str, told: str) -> bool | None:
    if kind is Representation.PERSON:
        return _is_person(asked, told)
    if kind is Representation.NUMBER:
        number = read_number(asked)
        return told == asked if number is None else read_number(told) == number
    if kind in (Representation.MODALITY, Representation.CODE) or _is_pattern(asked):
        # Codes are in capitals (PS3.5 6.2); a data base that is filled by hand has others. Our own parts of a
        # list ask for names by their beginning in capitals, and many a data base compares without case.
        return _fits(asked.upper(), told.upper())
    return told == asked


def _is_pattern(asked: str) -> bool:
    return "*" in asked or "?" in asked


def _plain(text: str) -> str:
    """
    A value without padding and what nobody sees; letters and digits of full width as others, accents as one
    character each. A wildcard of full width is none: no PACS takes it for one.
    """
    if text.isascii():
        return unpadded(text)
    return unpadded(without_unseen(unicodedata.normalize("NFC", text.translate(_NARROW))))


def _is_person(asked: str, told: str) -> bool | None:
    """
    Match a PN group by group (PS3.4 C.2.2.2.1): letters, ideographs, sounds.

    A group that either does not tell says nothing; a name of one group only may be any of them.
    """
    wishes, groups = _folded_groups(asked), _folded_groups(told)
    if min(len(wishes), len(groups)) == 1:
        return any(_fits(wish, group) for wish in wishes if wish for group in groups if group)
    pairs = [(wish, group) for wish, group in zip(wishes, groups, strict=False) if wish and group]
    return all(_fits(wish, group) for wish, group in pairs) if pairs else None


def _folded_groups(name: str) -> list[str]:
    """The groups of a PN without case, accents and empty components, as a PACS may match it."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return ["^".join(part.strip() for part in group.split("^")).rstrip("^") for group in bare.split("=")]


def _fits(pattern: str, text: str) -> bool:
    """
    Wildcard matching (PS3.4 C.2.2.2.4): ``*`` any run of characters, ``?`` any one; no more than linear in
    memory.
    """
    reached = {0}  # ends of what the pattern so far may have matched
    for letter in pattern:
        if letter == "*":
            reached = set(range(min(reached), len(text) + 1))
        else:
            reached = {end + 1 for end in reached if end < len(text) and letter in ("?", text[end])}
        if not reached:
            return False
    return len(text) in reached


def naming(query: Mapping[str, str]) -> frozenset[str]:
    """
    The keys of a query that name one thing: a single value, neither a range, nor a beginning, nor one of the
    modalities.
    """
    ranges = {key for key, value in query.items() if representation(key) in _RANGES and "-" in value}
    patterns = {key for key, value in query.items() if "*" in value or "?" in value}
    return frozenset(query.keys() - ranges - patterns - {"ModalitiesInStudy"})
