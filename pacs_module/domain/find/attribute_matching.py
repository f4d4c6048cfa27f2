"""
Does an answer of a C-FIND match the keys that were asked? (PS3.4 C.2.2.2)

A PACS may ignore a key, match it oddly, or answer a row that nobody asked for. So each answer is matched
again here. What differs from a key is no answer to the question. What the PACS did not tell can be neither
proved nor refuted: it is kept, and named, and whoever must be certain asks for more.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..dicom.attributes import Attributes, clean_uid, dashed_date, split_values, unpadded
from ..dicom.text_repair import forms
from ..wire.syntax import is_uid

UID_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_UNIQUE = {"STUDY": UID_KEYS[:1], "SERIES": UID_KEYS[:2], "IMAGE": UID_KEYS}
# What says nothing of a study: it stands in every answer (PS3.4 C.4.1.1.3.2), or tells how the rest is
# written.
_ABOUT_THE_ANSWER = frozenset({
    "QueryRetrieveLevel", "RetrieveAETitle", "SpecificCharacterSet", "InstanceAvailability",
    "StorageMediaFileSetID", "StorageMediaFileSetUID", "TimezoneOffsetFromUTC",
})  # fmt: skip
_DATES = frozenset(
    {"StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "PatientBirthDate", "InstanceCreationDate"}
)
_TIMES = frozenset(
    {"StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "PatientBirthTime", "InstanceCreationTime"}
)
_PERSONS = frozenset({"PatientName", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName"})
_CODES = frozenset({"ModalitiesInStudy", "Modality"})
_COUNTS = ("NumberOfStudyRelated", "NumberOfSeriesRelated", "NumberOfPatientRelated")
NOT_MATCHED = frozenset({"QueryRetrieveLevel", "SpecificCharacterSet"})
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
        if keyword in NOT_MATCHED or _is_universal(asked) or _is_half_of_a_moment(keyword, query):
            continue
        matched = matches(keyword, asked, answer.get(keyword))
        if matched is None:
            untold.append(keyword)
        elif not matched:
            differs.append(keyword)
    return Judged("", tuple(differs), tuple(untold))


def matches(keyword: str, asked: str, told: str | None) -> bool | None:
    r"""
    Whether a value matches a key; None when the value was not told, or cannot be read.

    Several values in an answer (``CT\\PR``) match when one of them does (PS3.4 C.2.2.2.1).
    """
    if asked == EMPTY_VALUE:
        return None if told is None else not unpadded(told)
    if told is None or not unpadded(told):
        return None  # a key that the PACS does not support comes back without a value (PS3.4 C.2.2.1.3)
    if keyword in UID_KEYS or keyword.endswith("UID"):
        return clean_uid(told) in {clean_uid(uid) for uid in asked.split("\\")}
    if keyword in _DATES or keyword in _TIMES:
        return _in_range(keyword, asked, told)
    return any(_one_value(keyword, asked, value) for value in _readings(keyword, told))


def _malformed(level: str, answer: Attributes) -> str:
    if not any(unpadded(value) for keyword, value in answer.items() if keyword not in _ABOUT_THE_ANSWER):
        return "it tells nothing"
    for keyword in _UNIQUE.get(level, ()):
        uid = clean_uid(answer.get(keyword, ""))
        if uid and not is_uid(uid):
            return f"{keyword} is no UID"
    return ""


def _is_universal(asked: str) -> bool:
    """An empty key, or one of asterisks only, matches everything (PS3.4 C.2.2.2.3 and C.2.2.2.4)."""
    return not asked.strip("* ")


def _is_half_of_a_moment(keyword: str, query: Mapping[str, str]) -> bool:
    """
    A range of dates and one of times may be matched as one moment (PS3.4 C.2.2.2.5.4): the time alone tells
    nothing.
    """
    if keyword not in _TIMES:
        return False
    first, hyphen, last = query.get(keyword.replace("Time", "Date"), "").partition("-")
    return bool(hyphen) and first.strip() != last.strip()


def _in_range(keyword: str, asked: str, told: str) -> bool | None:
    read = _date if keyword in _DATES else _time
    value = read(told, False)
    if not value:
        return None
    first, hyphen, last = (part.strip() for part in asked.partition("-"))
    if not hyphen:
        first = last = asked
    low, high = read(first, False), read(last, True)
    if (first and not low) or (last and not high):
        return None
    return (not low or low <= value) and (not high or value <= high)


def _date(text: str, end: bool) -> str:
    return dashed_date(text)


def _time(text: str, end: bool) -> str:
    """
    HHMMSS; a time that stops at the hour or the minute lasts until its end. The fraction of a second decides
    nothing.
    """
    digits = text.split(".")[0].replace(":", "").strip()
    if not digits.isdigit() or len(digits) not in (2, 4, 6):
        return ""
    return digits + ("235959" if end else "000000")[len(digits) :]


def _readings(keyword: str, told: str) -> Sequence[str]:
    """The values of an attribute, as they came and as they were meant (a damaged character set is undone)."""
    if keyword in _CODES:
        return split_values(told)
    return [unpadded(text) for value in told.split("\\") for text in forms(value)]


def _one_value(keyword: str, asked: str, told: str) -> bool:
    wanted = unpadded(asked)
    if keyword in _CODES:  # codes are in capitals (PS3.5 6.2); a data base that is filled by hand has others
        return any(_fits(one, told) for one in split_values(wanted))
    if keyword.startswith(_COUNTS):
        return told.lstrip("0") == wanted.lstrip("0")
    if keyword in _PERSONS:
        name = _folded_name(told)
        return any(_fits(_folded_name(wanted), group) for group in (name, *name.split("=")))
    if "*" in wanted or "?" in wanted:
        # Our own parts of a list ask for names by their beginning in capitals, and many a data base compares
        # without case.
        return _fits(wanted.upper(), told.upper())
    return told == wanted


def _folded_name(name: str) -> str:
    """A PN without case, accents and empty components, as a PACS may match it (PS3.4 C.2.2.2.1)."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    groups = ("^".join(part.strip() for part in group.split("^")).rstrip("^") for group in bare.split("="))
    return "=".join(groups).rstrip("=")


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
    ranges = {key for key, value in query.items() if (key in _DATES or key in _TIMES) and "-" in value}
    patterns = {key for key, value in query.items() if "*" in value or "?" in value}
    return frozenset(query.keys() - ranges - patterns - {"ModalitiesInStudy"})
