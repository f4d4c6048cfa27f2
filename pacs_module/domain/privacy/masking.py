"""
A log line without patients' identifiers: each is replaced by its pseudonym, so that the lines of one study
can still be followed.

Replaced: what stands under a key of a patient's name or number, in values and in texts that quote them; the
numbers in front of the contract's lines of the filter; and every UID of a study, series or image wherever it
stands. Free text that people write (a reason, a description) may still name somebody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .pseudonym import Pseudonyms

_NAMED = (
    r"patient_?ids?|other_?patient_?ids?|patient_?s?_?name|patient_?birth_?date|patient"
    r"|accession_?number|accession"
)
_KEY = re.compile(_NAMED, re.IGNORECASE)
_QUOTED = re.compile(rf"\b({_NAMED})(['\"]?\s*[:=]\s*|\s+)(['\"])(.*?)\3", re.IGNORECASE)
"""``'patientID': 'X'`` and ``PatientID: 'X'``."""
_LIST = re.compile(rf"\b({_NAMED})(['\"]?\s*[:=]\s*[\[(])(.*?)([\])])", re.IGNORECASE)
"""``'patientIDs': ['X', 'Y']``."""
_ITEM = re.compile(r"(['\"])(.*?)\1")
_UID = re.compile(r"(?<![\d.])\d+(?:\.\d+){4,}")
_OF_STANDARD = "1.2.840.10008."
"""SOP classes and transfer syntaxes name nobody."""
_STABLE = re.compile(r"^patientID (.*?) accessionNumber (.*?) studyuid ")
_FILTERED = re.compile(r"^(.*?)(?=\d+(?:\.\d+){2,} .*(?:filter because|study is filtered out))")


@dataclass(frozen=True)
class Masking:
    """Replaces identifiers."""

    pseudonyms: Pseudonyms

    def values(self, told: Mapping[str, object]) -> dict[str, object]:
        """The values of an event."""
        return {self.text(key): self._value(key, value) for key, value in told.items()}

    def line(self, text: str) -> str:
        """A line of the contract."""
        found = _STABLE.match(text)
        if found:
            first, second = (self.pseudonyms.of(part) for part in found.groups())
            text = f"patientID {first} accessionNumber {second} studyuid {text[found.end() :]}"
        elif found := _FILTERED.match(text):
            numbers = " ".join(self.pseudonyms.of(part) for part in found[1].split(" "))
            text = numbers + text[found.end() :]
        return self.text(text)

    def text(self, text: str) -> str:
        """Any other text."""
        named = _LIST.sub(lambda one: f"{one[1]}{one[2]}{self._items(one[3])}{one[4]}", text)
        named = _QUOTED.sub(lambda one: f"{one[1]}{one[2]}{one[3]}{self._number(one[4])}{one[3]}", named)
        return _UID.sub(lambda one: self._uid(one[0]), named)

    def _value(self, key: str, value: object) -> object:
        if isinstance(value, Mapping):
            return {self.text(str(name)): self._value(key if _is_named(key) else str(name), inner)
                    for name, inner in value.items()}  # fmt: skip
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(key, one) for one in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._number(str(value)) if _is_named(key) else self.text(str(value))

    def _items(self, text: str) -> str:
        return _ITEM.sub(lambda one: f"{one[1]}{self._number(one[2])}{one[1]}", text)

    def _number(self, text: str) -> str:
        return text if text.startswith("p-") else self.pseudonyms.of(text)

    def _uid(self, text: str) -> str:
        return text if text.startswith(_OF_STANDARD) else self.pseudonyms.of(text)


def _is_named(key: str) -> bool:
    return _KEY.fullmatch(key) is not None
