"""What a PACS tells of a study besides its images: dates, numbers and names as one value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol


class _Named(Protocol):
    """A study, or an answer of a find."""

    @property
    def study_date(self) -> str: ...
    @property
    def study_time(self) -> str: ...
    @property
    def accession_number(self) -> str: ...
    @property
    def patient_id(self) -> str: ...
    @property
    def study_description(self) -> str: ...


@dataclass(frozen=True)
class Correction:
    """
    ``name`` (an attribute of :class:`StudyNames`) was told as ``old`` before and is told as ``new`` now;
    neither is empty.
    """

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class StudyNames:
    """
    Names and dates of a study as one source tells them; an empty text was not told.

    ``study_date`` is YYYY-MM-DD, ``study_time`` HHMMSS. False in a condition when nothing was told.
    """

    study_date: str = ""
    study_time: str = ""
    accession_number: str = ""
    patient_id: str = ""
    study_description: str = ""

    @classmethod
    def of(cls, named: _Named) -> StudyNames:
        """The names of a study, or of an answer of a find."""
        return cls(**{name: getattr(named, name) for name in NAMES})

    def __bool__(self) -> bool:
        """Whether anything was told."""
        return any(getattr(self, name) for name in NAMES)

    def told_over(self, before: StudyNames) -> StudyNames:
        """What is told replaces what was told before; what is not told stays."""
        return StudyNames(**{name: getattr(self, name) or getattr(before, name) for name in NAMES})

    def corrections_of(self, before: StudyNames) -> tuple[Correction, ...]:
        """Where both tell something, and it differs."""
        pairs = [(name, getattr(before, name), getattr(self, name)) for name in NAMES]
        return tuple(Correction(name, old, new) for name, old, new in pairs if old and new and old != new)


NAMES = tuple(field.name for field in fields(StudyNames))
"""The attributes of :class:`StudyNames`, which :class:`Study` and ``FoundStudy`` have, too."""
