"""
The body part rule (M4): BodyPartExamined (0018,0015) decides when it is filled, else any keyword in any description.

Real headers need more, each of it a switch: placeholders count as empty, SeriesDescription may overrule a wrong
BodyPartExamined, a description may name something else although a keyword is in it, and a lung window is no lung.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..dicom.attributes import SeriesFacts
from ..dicom.matching import words
from .keywords import Evidence, Keywords, Says

BODY_PART, SERIES = "BodyPartExamined", "SeriesDescription"
KEYWORD_ATTRIBUTES = (BODY_PART, "ProtocolName", "StudyDescription", SERIES, "ImageComments")
ASKED_AT_FIND = KEYWORD_ATTRIBUTES[:4]
"""Those that C-FIND can tell. With one of them untold nobody knows that no keyword is in it (field-notes 2.22: dcmqrscp)."""
_ORDERED = ("StudyDescription", "ProtocolName")
"""What was ordered and how it was scanned: both hold for the whole study or scan, not for the one series."""

_OF_A_WINDOW = 2
"""Words of which the name of a window consists: LUNG WINDOW."""


class Decided(StrEnum):
    """What decided about the body part."""

    KEYWORD = "keyword"
    """``attribute`` has a keyword: taken."""
    BODY_PART = "body part"
    """BodyPartExamined is filled and has none: dropped."""
    AGAINST = "against"
    """``attribute`` has a word that speaks against the chest: dropped."""
    NO_KEYWORD = "no keyword"
    """No attribute has one, and all of them are told: dropped."""
    NOT_TOLD = "not told"
    """A keyword may stand in an attribute that the PACS did not return: nothing is decided."""


@dataclass(frozen=True)
class BodyPart:
    """The decision: ``attribute`` decided, by ``word`` where one did."""

    decided: Decided
    attribute: str = ""
    word: str = ""


@dataclass(frozen=True)
class BodyPartRules:
    """
    The rule as the site wants it for one kind of modality, compiled once.

    Args:
        keywords: What names the chest, and what speaks against it.
        unwanted: Words in a description that drop a series whatever else is in it (biopsies).
        placeholders: Values of BodyPartExamined that say nothing, as ``matching.words``.
        overruled_by: Attributes that may overrule a BodyPartExamined that names another part.
        only_chest: Whether a series whose own description names another part only is dropped.
    """

    keywords: Keywords
    unwanted: Keywords
    placeholders: frozenset[str]
    overruled_by: tuple[str, ...]
    only_chest: bool = False

    def decide(self, series: SeriesFacts) -> BodyPart:
        """Decide by what is told of the series."""
        unwanted = self._unwanted(series)
        if unwanted is not None:
            return unwanted
        examined = self._examined(series)
        described = self._says(series, SERIES)
        if described.says is Says.AGAINST:
            return BodyPart(Decided.AGAINST, SERIES, described.word)
        if examined.says is Says.CHEST or examined.says is Says.WINDOW:
            return BodyPart(Decided.KEYWORD, BODY_PART, examined.word)
        if self.only_chest and described.says is Says.OTHER and not examined.word:
            return BodyPart(Decided.AGAINST, SERIES, described.word)
        if examined.word:
            return self._overruled(series) or BodyPart(Decided.BODY_PART, BODY_PART)
        return self._described(series)

    def _says(self, series: SeriesFacts, attribute: str) -> Evidence:
        return self.keywords.evidence(series.text(attribute))

    def _unwanted(self, series: SeriesFacts) -> BodyPart | None:
        for attribute in (SERIES, *_ORDERED):
            found = self.unwanted.evidence(series.text(attribute))
            if found.says is Says.AGAINST:
                return BodyPart(Decided.AGAINST, attribute, found.word)
        return None

    def _examined(self, series: SeriesFacts) -> Evidence:
        """What BodyPartExamined says; a value that says nothing counts as empty, any other one has its text as the word."""
        text = series.text(BODY_PART)
        if not text or self._is_placeholder(text):
            return Evidence(Says.NOTHING)
        found = self.keywords.evidence(text)
        return found if found.word else Evidence(Says.OTHER, text)

    def _is_placeholder(self, text: str) -> bool:
        plain = words(text).strip()
        return bool(self.placeholders) and (not plain or plain in self.placeholders)

    def _overruled(self, series: SeriesFacts) -> BodyPart | None:
        """
        A keyword in a description that may overrule BodyPartExamined.

        ``LUNG`` may be a window. It counts where what was ordered is told and is no other part of the body, or where nothing
        is told and the description has more than the name of a window (``LUNG AXIAL CT 2.5 MM``).
        """
        ordered = {self._says(series, attribute).says for attribute in _ORDERED if series.text(attribute)}
        for attribute in self.overruled_by:
            found = self._says(series, attribute)
            told = bool(ordered) or _has_several_words(series.text(attribute))
            supported = told and not {Says.OTHER, Says.AGAINST} & ordered
            if found.says is Says.CHEST or (found.says is Says.WINDOW and supported):
                return BodyPart(Decided.KEYWORD, attribute, found.word)
        return None

    def _described(self, series: SeriesFacts) -> BodyPart:
        """BodyPartExamined says nothing: any keyword in any description; a window does not count in a study of another part."""
        told = [attribute for attribute in KEYWORD_ATTRIBUTES if attribute in series.attributes]
        found = {attribute: self._says(series, attribute) for attribute in told[1:] if attribute != BODY_PART}
        elsewhere = any(_names_other_part(found[attribute]) for attribute in _ORDERED if attribute in found)
        for attribute, evidence in found.items():
            if evidence.says is Says.CHEST or _names_lung(attribute, evidence, elsewhere):
                return BodyPart(Decided.KEYWORD, attribute, evidence.word)
        if not told or any(attribute not in series.attributes for attribute in ASKED_AT_FIND):
            return BodyPart(Decided.NOT_TOLD)
        return BodyPart(Decided.NO_KEYWORD)


def _has_several_words(text: str) -> bool:
    """Whether there are words beside the name of a window, units and single letters of kernels left out."""
    return sum(len(word) > len("mm") or word == "ct" for word in words(text).split()) > _OF_A_WINDOW


def _names_other_part(evidence: Evidence) -> bool:
    """What was ordered is another part of the body, and no lung beside it."""
    return evidence.says is Says.OTHER and not evidence.window


def _names_lung(attribute: str, evidence: Evidence, elsewhere: bool) -> bool:
    """Whether a word like ``LUNG`` counts: always in what was ordered, in a series only where nothing names another part."""
    if attribute in _ORDERED:
        return evidence.says is Says.WINDOW or bool(evidence.window)
    return evidence.says is Says.WINDOW and not elsewhere
