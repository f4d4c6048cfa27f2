"""
The body part rule (M4): BodyPartExamined (0018,0015) decides when it is filled, else any keyword in any
description.

Real headers need more, each of it a switch: placeholders count as empty, SeriesDescription may overrule a
wrong BodyPartExamined, a description may name something else although a keyword is in it, and a lung window
is no lung.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from ..dicom.anatomy import REGIONS
from ..dicom.attributes import SeriesFacts, unpadded
from ..dicom.text_folding import words
from .keywords import NOTHING, Evidence, Keywords, Says

BODY_PART, SERIES = "BodyPartExamined", "SeriesDescription"
KEYWORD_ATTRIBUTES = (BODY_PART, "ProtocolName", "StudyDescription", SERIES, "ImageComments")
ASKED_AT_FIND = KEYWORD_ATTRIBUTES[:4]
"""
Those that C-FIND can tell. With one of them untold nobody knows that no keyword is in it (field-notes 2.22:
dcmqrscp).
"""
_ORDERED = ("StudyDescription", "ProtocolName")
"""What was ordered and how it was scanned: both hold for the whole study or scan, not for the one series."""

_DESCRIPTIONS = (SERIES, *_ORDERED)
_ELSEWHERE = frozenset({Says.OTHER, Says.AGAINST, Says.UNWANTED})
_CHEST = frozenset({Says.CHEST, Says.WINDOW, Says.PROTOCOL})
_OF_A_WINDOW = 2
"""Words of which the name of a window consists: LUNG WINDOW."""
Said = Mapping[str, Evidence]
"""What each attribute that is filled says."""


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
class Alone:
    """
    What BodyPartExamined decides, as long as ``unless`` is not found in the descriptions (ASCII, lower case).
    """

    decided: Decided
    unless: re.Pattern[str]


@dataclass(frozen=True)
class BodyPartRules:
    """
    The rule as the site wants it for one kind of modality, compiled once.

    Args:
        keywords: What names the chest, and what speaks against it.
        placeholders: Values of BodyPartExamined that say nothing, as ``matching.words``; so does a value that
            consists of such words (``ADULT BODY``).
        overruled_by: Attributes that may overrule a BodyPartExamined that names another part.
        believed: Words of a BodyPartExamined that is never overruled (limbs).
        only_chest: Whether a series whose own description names another part only is dropped.
    """

    keywords: Keywords
    placeholders: frozenset[str]
    overruled_by: tuple[str, ...]
    believed: Keywords
    only_chest: bool = False

    def decide(self, series: SeriesFacts) -> BodyPart:
        """Decide by what is told of the series."""
        texts = {name: unpadded(text) for name in KEYWORD_ATTRIBUTES if (text := series.attributes.get(name))}
        if BODY_PART in texts:
            texts[BODY_PART] = _as_words(texts[BODY_PART])
        together = "\n".join(texts.values())
        if together.isascii() and "\x1b" not in together:
            plainly = self._decided_plainly(series, texts, together.lower())
            if plainly is not None:
                return plainly
        said = {name: self.keywords.evidence(text) for name, text in texts.items() if text}
        return (
            self._against(said)
            or self._by_examined(series, texts, said)
            or self._by_series(said)
            or _described(said)
            or BodyPart(_without_keyword(series))
        )

    def _by_examined(self, series: SeriesFacts, texts: Mapping[str, str], said: Said) -> BodyPart | None:
        """By BodyPartExamined, where it is filled with more than a placeholder."""
        examined = texts.get(BODY_PART, "")
        if not examined or self._is_placeholder(examined):
            return None
        if said[BODY_PART].says in _CHEST:
            return BodyPart(Decided.KEYWORD, BODY_PART, said[BODY_PART].word)
        return self._overruled(series, texts, said) or BodyPart(Decided.BODY_PART, BODY_PART)

    def _by_series(self, said: Said) -> BodyPart | None:
        """By another part of the body in SeriesDescription, where that is not to be the chest's."""
        if self.only_chest and said.get(SERIES, NOTHING).says is Says.OTHER:
            return BodyPart(Decided.AGAINST, SERIES, said[SERIES].word)
        return None

    def alone(self, series: SeriesFacts) -> Alone | None:
        """
        What BodyPartExamined decides by itself, and what in the descriptions may decide otherwise.

        None: it is read together with them.
        """
        examined = _as_words(unpadded(series.attributes.get(BODY_PART) or ""))
        if not examined.isascii() or "\x1b" in examined:
            return None
        plain, keywords = examined.lower(), self.keywords
        decides = keywords.may_decide(plain)
        if not examined or self._is_placeholder(examined):
            return None if decides else Alone(Decided.NO_KEYWORD, keywords.deciding)
        if not decides:
            return Alone(Decided.BODY_PART, keywords.deciding)
        chest = keywords.evidence(examined).says in _CHEST and not keywords.may_drop(plain)
        return Alone(Decided.KEYWORD, keywords.dropping) if chest else None

    def names_other(self, text: str) -> bool:
        """Whether the series' own description names another part of the body, where that drops it."""
        return self.only_chest and self.keywords.evidence(unpadded(text)).says is Says.OTHER

    def _decided_plainly(
        self, series: SeriesFacts, texts: Mapping[str, str], together: str
    ) -> BodyPart | None:
        """
        Decide without reading each text, where one look at all of them is enough; None: it is not.

        Args:
            series: The series.
            texts: What is told of it.
            together: The same in one text, ASCII in lower case.
        """
        if not self.keywords.may_decide(together):
            return self._without_chest(series, texts)
        examined = texts.get(BODY_PART, "")
        if not examined or self.keywords.may_drop(together) or self._is_placeholder(examined):
            return None
        found = self.keywords.evidence(examined)
        return BodyPart(Decided.KEYWORD, BODY_PART, found.word) if found.says in _CHEST else None

    def _without_chest(self, series: SeriesFacts, texts: Mapping[str, str]) -> BodyPart:
        """Decide where no text has a word that can take the series, or drop it whatever else is said."""
        examined = texts.get(BODY_PART, "")
        if examined and not self._is_placeholder(examined):
            return BodyPart(Decided.BODY_PART, BODY_PART)
        own = self.keywords.evidence(texts.get(SERIES, "")) if self.only_chest else NOTHING
        if own.says is Says.OTHER:
            return BodyPart(Decided.AGAINST, SERIES, own.word)
        return BodyPart(_without_keyword(series))

    def _against(self, said: Said) -> BodyPart | None:
        """Whether a description is unwanted, or the series' own one names something else."""
        for name in _DESCRIPTIONS:
            if said.get(name, NOTHING).says is Says.UNWANTED:
                return BodyPart(Decided.AGAINST, name, said[name].word)
        if said.get(SERIES, NOTHING).says is Says.AGAINST:
            return BodyPart(Decided.AGAINST, SERIES, said[SERIES].word)
        return None

    def _is_placeholder(self, text: str) -> bool:
        return bool(self.placeholders) and _consists_of(text, self.placeholders)

    def _overruled(self, series: SeriesFacts, texts: Mapping[str, str], said: Said) -> BodyPart | None:
        """
        A keyword in a description that may overrule BodyPartExamined.

        ``LUNG`` may be a window. It counts where what was ordered is told and is no other part of the body,
        or where nothing is told and the description has more than the name of a window (``LUNG AXIAL CT 2.5
        MM``). Where the PACS left out what was ordered the received image will be judged.
        """
        if self.believed.evidence(texts[BODY_PART]).says is Says.AGAINST:
            return None
        ordered = {said[name].says for name in _ORDERED if name in said}
        for name in self.overruled_by:
            found = said.get(name, NOTHING)
            told = bool(ordered) or _has_several_words(texts.get(name, ""))
            supported = told and ordered.isdisjoint(_ELSEWHERE)
            if found.says is Says.CHEST or (found.says is Says.WINDOW and supported):
                return BodyPart(Decided.KEYWORD, name, found.word)
            if found.says is Says.WINDOW and not told and _order_is_left_out(series):
                return BodyPart(Decided.NOT_TOLD)
        return None


def _as_words(examined: str) -> str:
    """A BodyPartExamined that is a code of the chest (``T-D3000``) as the term that it stands for."""
    return REGIONS.get(examined.upper(), examined)


def _described(said: Said) -> BodyPart | None:
    """
    Any keyword in any description, where BodyPartExamined says nothing.

    A lung in what was ordered counts always, in a series only where what was ordered is no other part. A
    protocol (``HRCT``) counts where no attribute names another part.
    """
    elsewhere = any(_names_other_part(said[name]) for name in _ORDERED if name in said)
    nothing_else = not any(one.says in _ELSEWHERE for one in said.values())
    for name, found in said.items():
        if name != BODY_PART and _is_chest(name in _ORDERED, found, elsewhere, nothing_else):
            return BodyPart(Decided.KEYWORD, name, found.word)
    return None


def _is_chest(in_order: bool, found: Evidence, elsewhere: bool, nothing_else: bool) -> bool:
    """
    Whether a description speaks of the chest.

    Args:
        in_order: It tells what was ordered.
        found: What was read in it.
        elsewhere: What was ordered is another part.
        nothing_else: No attribute names another part.
    """
    match found.says:
        case Says.CHEST:
            return True
        case Says.WINDOW:
            return in_order or not elsewhere
        case Says.PROTOCOL if nothing_else:
            return True
    return in_order and bool(found.window)


def _order_is_left_out(series: SeriesFacts) -> bool:
    return any(name not in series.attributes for name in _ORDERED)


@lru_cache(maxsize=2048)
def _consists_of(text: str, placeholders: frozenset[str]) -> bool:
    """Whether it is one of them, or only words of them."""
    plain = words(text).strip()
    return plain in placeholders or all(word in placeholders for word in plain.split())


def _without_keyword(series: SeriesFacts) -> Decided:
    told = all(name in series.attributes for name in ASKED_AT_FIND)
    return Decided.NO_KEYWORD if told else Decided.NOT_TOLD


def _has_several_words(text: str) -> bool:
    """Whether there are words beside the name of a window, units and single letters of kernels left out."""
    return sum(len(word) > len("mm") or word == "ct" for word in words(text).split()) > _OF_A_WINDOW


def _names_other_part(evidence: Evidence) -> bool:
    """What was ordered is another part of the body, and no lung beside it."""
    return evidence.says is Says.OTHER and not evidence.window
