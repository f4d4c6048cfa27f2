"""
Sentences with values in the reader's language.

A study's document, the plugins and other servers tell their reasons in English words with values in them, as
the operator contract has it. The catalogue has each of these sentences with placeholders as its message id
(``tests/support/sentences.py`` collects them from the code): the sentence that a text is made of is found
again, the id is translated, and the values are put into the translation. Nothing but a page reads a sentence
so; what is not known stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "locale" / "sentences.txt"
"""Message ids with placeholders, one a line."""
MOST = 1000
"""Characters of a text that is looked at; nobody writes a longer reason."""
_LIGHT = 11
"""A sentence of fewer letters is met by chance: its values are single words, such as numbers and names."""
_DEEP = 4
"""A value may be a sentence itself, and so on."""
_PLACE = re.compile(r"\{(\w+)\}")
_REST = ""
"""The name of what comes after a sentence that ends with a colon."""
_JOINTS = (("; ", "；"), (": ", "："), (", ", "，"))
Translate = Callable[[str], str]


@dataclass(frozen=True)
class Template:
    """A message id: the words around its values, and their names."""

    message_id: str
    words: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, message_id: str) -> Template:
        """Split it; after one that ends with a colon anything may come."""
        open_end = [_REST, ""] if message_id.endswith(": ") else []
        parts = [*_PLACE.split(message_id), *open_end]
        return cls(message_id, tuple(parts[::2]), tuple(parts[1::2]))

    @property
    def weight(self) -> int:
        """How many letters must be met: the sentence with the most is tried first."""
        return sum(map(len, self.words))

    @property
    def telling(self) -> str:
        """The longest of its words, which most texts do not have."""
        return max(self.words, key=len)

    def values_in(self, text: str) -> dict[str, str] | None:
        """The values where the text is this sentence, or None; each value ends where the next words begin."""
        first, *rest = self.words
        if not text.startswith(first):
            return None
        at, values = len(first), {}
        for name, words, last in zip(self.names, rest, _last(len(rest)), strict=True):
            end = _end_of_value(text, at, words, last=last)
            if end <= at or not self._may_be(text[:at], text[at:end], words):
                return None
            values[name], at = text[at:end], end + len(words)
        return values

    def _may_be(self, before: str, value: str, after: str) -> bool:
        """Whether this may be a value of it, or is another sentence that stands before or around it."""
        if self.light and " " in value and not before.endswith(": "):
            return False
        goes_on = after.startswith((";", ":", ",", "(", " ("))
        return bool(before) or goes_on or not any(joint in value for joint, _ in _JOINTS)

    @property
    def light(self) -> bool:
        """Whether it has few words of its own; what follows a colon may be anything all the same."""
        return self.weight < _LIGHT


def _last(number: int) -> Iterator[bool]:
    return (place == number - 1 for place in range(number))


def _end_of_value(text: str, at: int, words: str, *, last: bool) -> int:
    """Where the words after a value begin; -1 where they are not there."""
    if last:
        return len(text) - len(words) if text.endswith(words) else -1
    return text.find(words, at + 1)


@cache
def templates() -> tuple[Template, ...]:
    """All of the catalogue, those with the most words first."""
    ids = FILE.read_text(encoding="utf-8").splitlines()
    return tuple(sorted(map(Template.of, ids), key=lambda one: -one.weight))


def sentences_in(translate: Translate) -> Translate:
    """
    A function that says a text in another language.

    Args:
        translate: Gives the translation of a message id, or the id itself.
    """

    @lru_cache(maxsize=4096)
    def said(text: str) -> str:
        return _said(text, translate, _DEEP) if len(text) <= MOST else text

    return said


def _said(text: str, translate: Translate, deep: int) -> str:
    exact = translate(text) if text else ""
    if exact != text or deep == 0 or not text:
        return exact
    for template in templates():
        values = template.values_in(text) if template.telling in text else None
        if values is not None:
            filled = {name: _said(value, translate, deep - 1) for name, value in values.items()}
            return _filled(translate(template.message_id), filled) + filled.get(_REST, "")
    return _joined(text, translate, deep)


def _filled(sentence: str, values: dict[str, str]) -> str:
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), sentence)


def _joined(text: str, translate: Translate, deep: int) -> str:
    """Of a text that was joined of several: each part that is known in its own words."""
    for joint, theirs in _JOINTS:
        parts = text.split(joint)
        said = [_said(part, translate, deep - 1) for part in parts]
        if len(parts) > 1 and said != parts:
            return theirs.join(said)
    return text
