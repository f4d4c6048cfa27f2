"""
What a description says of the chest: a keyword, a word that speaks against it, a window, another part, or nothing.

Keywords are parts of words (``LUNG`` is in ``LowDoseLung``), but for those that are whole words only (``CAP`` is not in
``ESCAPE``). A phrase against the chest is taken out first: in ``胸椎`` no ``胸`` is left, in ``胸部及胸椎`` one is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from ..dicom.matching import Folded, fold, folded, words

_CACHE = 8192


class Says(StrEnum):
    """What one text says."""

    CHEST = "chest"
    WINDOW = "window"
    """A word that names the lung or only the window in which something else is shown (``LUNG``, ``肺``)."""
    OTHER = "other"
    AGAINST = "against"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Evidence:
    """What a text says, the word of the list that decided, and the name of a window that stands beside another part."""

    says: Says
    word: str = ""
    window: str = ""


_NOTHING = Evidence(Says.NOTHING)


class Keywords:
    """
    The lists of one modality, compiled once.

    Args:
        parts: Keywords that may be parts of words.
        whole: Keywords that are whole words or rows of whole words.
        against: Phrases that name something else although a keyword is in them.
        windows: Those of ``parts`` that are names of a window, too.
        other: Beginnings of words for other parts of the body.
    """

    def __init__(
        self,
        parts: Iterable[str],
        whole: Iterable[str] = (),
        against: Iterable[str] = (),
        windows: Iterable[str] = (),
        other: Iterable[str] = (),
    ) -> None:
        weak = {fold(window) for window in windows}
        keywords = tuple((fold(keyword), words(keyword).strip(), keyword) for keyword in parts if keyword)
        self._strong = tuple(keyword for keyword in keywords if keyword[0] not in weak)
        self._windows = tuple(keyword for keyword in keywords if keyword[0] in weak)
        self._whole = tuple((words(keyword), keyword) for keyword in whole if words(keyword).strip())
        self._against = _phrases(against)
        self._other = _phrases(other)
        self.evidence = lru_cache(maxsize=_CACHE)(self._evidence)

    def names_chest(self, text: str) -> bool:
        """Whether a text has a keyword, a lung's included."""
        return self.evidence(text).says in (Says.CHEST, Says.WINDOW)

    def _evidence(self, text: str) -> Evidence:
        """Return what a text says; of several forms of a damaged text the first that says something decides."""
        if not text:
            return _NOTHING
        found = [self._of(form) for form in folded(text)]
        for says in (Says.CHEST, Says.AGAINST, Says.OTHER, Says.WINDOW):
            for evidence in found:
                if evidence.says is says:
                    return evidence
        return _NOTHING

    def _of(self, form: Folded) -> Evidence:
        spoken = self._against.search(form.words) if self._against is not None else None
        if spoken is not None and self._against is not None:
            form = Folded("", self._against.sub(" ", form.words))
        chest = _part(self._strong, form) or next((keyword for word, keyword in self._whole if word in form.words), "")
        if chest:
            return Evidence(Says.CHEST, chest)
        window = _part(self._windows, form)
        other = self._other.search(form.words) if self._other is not None else None
        if spoken is not None and (other is not None or not window):
            return Evidence(Says.AGAINST, spoken[0].strip())
        if other is not None:
            return Evidence(Says.OTHER, other[0].strip(), window)
        return Evidence(Says.WINDOW, window) if window else _NOTHING


def _part(keywords: tuple[tuple[str, str, str], ...], form: Folded) -> str:
    """The first keyword in the text; what is left of it when a phrase was taken out is known by its words only."""
    for text, plain, keyword in keywords:
        if (text in form.text) if form.text else (plain and plain in form.words):
            return keyword
    return ""


def _phrases(phrases: Iterable[str]) -> re.Pattern[str] | None:
    """Beginnings of words, in ideographs any place: ``biops`` finds ``biopsies``, ``胸椎`` also within ``颈胸椎``."""
    plain = sorted({words(phrase).strip() for phrase in phrases} - {""}, key=lambda phrase: (-len(phrase), phrase))
    if not plain:
        return None
    return re.compile("|".join(re.escape(one) if _ideographic(one) else rf"(?<= ){re.escape(one)}\w*" for one in plain))


def _ideographic(phrase: str) -> bool:
    """Whether the words of its script stand without spaces: from CJK radicals on (Unicode block 2E80)."""
    return phrase[0] >= "\u2e80"
