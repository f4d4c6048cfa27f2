"""
What a description says of the chest: a keyword, a word that speaks against it, a window, another part, or
nothing.

Keywords are parts of words (``LUNG`` is in ``LowDoseLung``), but for those that are whole words only (``CAP``
is not in ``ESCAPE``). A phrase against the chest is taken out first: in ``胸椎`` no ``胸`` is left, in
``胸部及胸椎`` one is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from ..dicom.text_folding import START, Folded, fold, fold_all, of_words, words
from .keyword_regex import any_at_first_letters, any_of, by_first_letter

_CACHE = 8192
_LONG = 4
"""Letters from which on a word within a phrase is the beginning of one, too; ``t`` of ``t spine`` is not."""


class Says(StrEnum):
    """What one text says."""

    CHEST = "chest"
    WINDOW = "window"
    """A word that names the lung or only the window in which something else is shown (``LUNG``, ``肺``)."""
    OTHER = "other"
    AGAINST = "against"
    PROTOCOL = "protocol"
    """
    The name of a protocol that is one of the chest where no other part is named beside it (``HRCT``, also of
    the temporal bone).
    """
    UNWANTED = "unwanted"
    """A word that drops a series whatever else is in its description."""
    NOTHING = "nothing"


class Evidence(NamedTuple):
    """
    What a text says, the word of the list that decided, and the name of a window that stands beside another
    part.
    """

    says: Says
    word: str = ""
    window: str = ""


NOTHING = Evidence(Says.NOTHING)
_WEIGHTIEST_FIRST = (Says.UNWANTED, Says.CHEST, Says.AGAINST, Says.OTHER, Says.WINDOW, Says.PROTOCOL)
_FOR_THE_CHEST = frozenset({Says.CHEST, Says.WINDOW, Says.PROTOCOL})


class Keywords:
    """
    The lists of one modality, compiled once.

    Args:
        parts: Keywords that may be parts of words.
        whole: Keywords that are whole words or rows of whole words.
        against: Phrases that name something else although a keyword is in them.
        windows: Those of ``parts`` that are names of a window, too.
        other: Beginnings of words for other parts of the body.
        unwanted: Beginnings of words that drop a series whatever else is said.
        chance: Words that contain a keyword by chance; ``*`` stands for any letters.
        protocols: Whole words or rows of them that name a protocol of the chest where nothing else is named.
    """

    def __init__(
        self,
        parts: Iterable[str],
        whole: Iterable[str] = (),
        against: Iterable[str] = (),
        windows: Iterable[str] = (),
        other: Iterable[str] = (),
        unwanted: Iterable[str] = (),
        chance: Iterable[str] = (),
        protocols: Iterable[str] = (),
    ) -> None:
        whole, protocols, against, unwanted = map(tuple, (whole, protocols, against, unwanted))
        weak = {fold(window) for window in windows}
        keywords = [_Keyword(fold(keyword), words(keyword).strip(), keyword) for keyword in parts if keyword]
        self._strong = _Parts(keyword for keyword in keywords if keyword.text not in weak)
        self._windows = _Parts(keyword for keyword in keywords if keyword.text in weak)
        self._whole = _WholeWords(whole)
        self._protocols = _WholeWords(protocols)
        self._against = _Phrases(against)
        self._other = _Phrases(other)
        self._unwanted = _Phrases(unwanted)
        self._starts = self._whole.starts.union(
            *(one.starts for one in (self._protocols, self._against, self._other, self._unwanted))
        )
        self._short = any(one.short for one in (self._against, self._other, self._unwanted))
        self._chance = _by_chance(chance)
        self.dropping = _hint((), [*against, *unwanted])
        needles = {keyword.text for keyword in keywords}
        self.deciding = _hint(needles, [*whole, *protocols, *against, *unwanted])
        self.evidence = lru_cache(maxsize=_CACHE)(self._evidence)

    def may_decide(self, plain: str) -> bool:
        """
        Whether texts may say anything but OTHER or NOTHING.

        One pass over all of them together; true says only that each must be read.

        Args:
            plain: ASCII, lower case; several texts with a line feed between them.
        """
        return self.deciding.search(plain) is not None

    def may_drop(self, plain: str) -> bool:
        """Whether texts may say UNWANTED or AGAINST; as :meth:`may_decide`."""
        return self.dropping.search(plain) is not None

    def names_chest(self, text: str) -> bool:
        """Whether a text has a keyword, a lung's and a protocol's included."""
        return self.evidence(text).says in _FOR_THE_CHEST

    def _evidence(self, text: str) -> Evidence:
        """Return what a text says; of the forms of a damaged text the one that says most decides."""
        if not text:
            return NOTHING
        found = [self._of(form) for form in fold_all(text)]
        if len(found) == 1:
            return found[0]
        for says in _WEIGHTIEST_FIRST:
            for evidence in found:
                if evidence.says is says:
                    return evidence
        return NOTHING

    def _of(self, form: Folded) -> Evidence:
        found = self._looked_at(form)
        if self._chance is None or found.says not in _FOR_THE_CHEST:
            return found
        meant = self._chance.sub("", form.words)
        return found if meant == form.words else self._looked_at(of_words("", meant.split()))

    def _looked_at(self, form: Folded) -> Evidence:
        if self._has_parts_only(form):
            return self._of_parts(form)
        unwanted = self._unwanted.found_in(form)
        if unwanted:
            return Evidence(Says.UNWANTED, unwanted)
        spoken = self._against.found_in(form)
        if spoken:
            form = self._against.taken_out(form)
        chest = self._strong.found_in(form) or self._whole.found_in(form)
        if chest:
            return Evidence(Says.CHEST, chest)
        return self._of_other_words(form, spoken)

    def _of_other_words(self, form: Folded, spoken: str) -> Evidence:
        """Of a text without a word that is the chest's alone; ``spoken``: what it says against it."""
        window = self._windows.found_in(form)
        other = self._other.found_in(form)
        if spoken and (other or not window):
            return Evidence(Says.AGAINST, spoken)
        if other:
            return Evidence(Says.OTHER, other, window)
        if window:
            return Evidence(Says.WINDOW, window)
        protocol = self._protocols.found_in(form)
        return Evidence(Says.PROTOCOL, protocol) if protocol else NOTHING

    def _has_parts_only(self, form: Folded) -> bool:
        """Look at the first letters of each word: most texts have no phrase and no whole word."""
        return not self._short and form.words.isascii() and self._starts.isdisjoint(form.starts)

    def _of_parts(self, form: Folded) -> Evidence:
        chest = self._strong.found_in(form)
        if chest:
            return Evidence(Says.CHEST, chest)
        window = self._windows.found_in(form)
        return Evidence(Says.WINDOW, window) if window else NOTHING


class _Keyword(NamedTuple):
    """A keyword folded, as words, and as the site wrote it."""

    text: str
    words: str
    written: str


class _Parts:
    """Keywords that may be parts of words."""

    def __init__(self, keywords: Iterable[_Keyword]) -> None:
        self._all = tuple(keywords)
        self._ascii = re.compile(any_of(keyword.text for keyword in self._all if keyword.text.isascii()))

    def found_in(self, form: Folded) -> str:
        """
        The first that is in the text; what is left of it when a phrase was taken out is known by its words
        only.
        """
        text = form.text
        if text.isascii() and text and self._ascii.search(text) is None:
            return ""
        for keyword in self._all:
            if (keyword.text in text) if text else (keyword.words and keyword.words in form.words):
                return keyword.written
        return ""


class _WholeWords:
    """Keywords that are whole words (``CAP``) or rows of them (``C A P``)."""

    def __init__(self, keywords: Iterable[str]) -> None:
        self._single: dict[str, str] = {}
        self._rows: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for keyword in keywords:
            plain = words(keyword).split()
            if len(plain) == 1:
                self._single.setdefault(plain[0], keyword)
            elif plain:
                self._rows[plain[0]].append((words(keyword), keyword))
        self.starts = frozenset(word[:START] for word in (*self._single, *self._rows))

    def found_in(self, form: Folded) -> str:
        """The first that is in the text, as the site wrote it."""
        for word in form.split:
            if word in self._single:
                return self._single[word]
            for row, keyword in self._rows.get(word, ()):
                if row in form.words:
                    return keyword
        return ""


class _Phrases:
    """
    Beginnings of words, in ideographs any place: ``biops`` finds ``biopsies``, ``thorac spin`` finds
    ``thoracic spine``, ``胸椎`` also within ``颈胸椎``.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        folded = {words(phrase).strip() for phrase in phrases} - {""}
        plain = sorted(folded, key=lambda phrase: (-len(phrase), phrase))
        latin = [phrase for phrase in plain if not _ideographic(phrase)]
        self.starts = frozenset(phrase.split()[0][:START] for phrase in latin)
        self.short = any(len(phrase) < START for phrase in latin)
        self._pattern = re.compile(_phrases_pattern(plain, latin)) if plain else None

    def found_in(self, form: Folded) -> str:
        """The first phrase of the text with the rest of its last word, empty when there is none."""
        if self._pattern is None:
            return ""
        found = self._pattern.search(form.words)
        return found[0].strip() if found is not None else ""

    def taken_out(self, form: Folded) -> Folded:
        """What is left of a text; its punctuation is lost."""
        left = self._pattern.sub(" ", form.words) if self._pattern is not None else form.words
        return of_words("", left.split())


def _by_chance(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """Whole words, ``*`` for any letters: ``*chester`` is Manchester, too."""
    parts = ["\\w*".join(words(part).strip() for part in pattern.split("*")) for pattern in patterns]
    return re.compile(rf"(?<= )(?:{'|'.join(parts)})(?= )") if parts else None


def _phrases_pattern(plain: list[str], latin: list[str]) -> str:
    ideographs = [re.escape(phrase) for phrase in plain if _ideographic(phrase)]
    rests = by_first_letter((phrase[0], _rest_of(phrase)) for phrase in latin)
    return "|".join([*([rf"(?<= )(?:{rests})"] if latin else []), *ideographs])


def _rest_of(phrase: str) -> str:
    """The pattern of a phrase after its first letter."""
    *first, last = phrase.split()
    inner = [rf"{word}\w* " if len(word) >= _LONG else f"{word} " for word in first]
    return rf"{''.join(inner)}{last}\w*"[1:]


def _hint(needles: Iterable[str], phrases: Iterable[str]) -> re.Pattern[str]:
    """
    What must stand in an ASCII text of which a keyword or a phrase is found.

    Words are runs of letters of the text, with none or anything but letters between them (``LungCT`` has
    two): those of a phrase stand in it in their order, each with the rest of its word.
    """
    found = {needle for needle in needles if needle.isascii()}
    rows = []
    for phrase in phrases:
        plain = words(phrase).split()
        if not plain or not "".join(plain).isascii():
            continue
        if len(plain) == 1:
            found.add(plain[0])
        else:
            rows.append((plain[0][0], _row_pattern(plain)))
    return re.compile(any_at_first_letters(found, rows))


def _row_pattern(plain: Sequence[str]) -> str:
    """The words of a phrase in their order, without the first letter."""
    inner = "".join(f"{word}{'[a-z]*' if len(word) >= _LONG else ''}[^a-z]*" for word in plain[:-1])
    return f"{inner}{plain[-1]}"[1:]


def _ideographic(phrase: str) -> bool:
    """Whether the words of its script stand without spaces: from CJK radicals on (Unicode block 2E80)."""
    return phrase[0] >= "\u2e80"
