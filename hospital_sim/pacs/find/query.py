"""What a C-FIND asks: the level, the keys; what an answer is about; and how one is refused (PS3.4 C.4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from hospital_sim.pacs.content.studies import Series, Study
from hospital_sim.pacs.wire.text import TextCoding

# Patient root and study root (PS3.4 C.6.1, C.6.2).
FIND_CLASSES = ("1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.2.1")
OUT_OF_RESOURCES = 0xA700  # status of C-FIND, PS3.4 C.4.1.1.4
DOES_NOT_MATCH = 0xA900
COUNTS = (
    "NumberOfPatientRelatedStudies", "NumberOfPatientRelatedSeries", "NumberOfPatientRelatedInstances",
    "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "NumberOfSeriesRelatedInstances",
)  # fmt: skip
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_NOT_MATCHED = frozenset({"QueryRetrieveLevel", "SpecificCharacterSet", "TimezoneOffsetFromUTC", *COUNTS})


class QueryRefusedError(Exception):
    """The query is answered with this failure status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Level(IntEnum):
    """QueryRetrieveLevel, from the top."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    IMAGE = 3

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Level:
        """
        From the identifier's values.

        Raises:
            QueryRefusedError: No such level.
        """
        try:
            return cls[values.get("QueryRetrieveLevel", "").strip().upper()]
        except KeyError:
            raise QueryRefusedError(DOES_NOT_MATCH, "no QueryRetrieveLevel that we know") from None


@dataclass(frozen=True)
class Query:
    """
    One C-FIND request.

    Attributes:
        level: What is asked for.
        keys: Keyword to key, universal ones as empty text; in the order of the request.
    """

    level: Level
    keys: Mapping[str, str]

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Query:
        """
        From the identifier's values.

        Raises:
            QueryRefusedError: No such level.
        """
        return cls(Level.of(values), values)

    @property
    def filled(self) -> dict[str, str]:
        """The keys that restrict something."""
        return {name: key for name, key in self.keys.items() if key and name not in _NOT_MATCHED}


@dataclass(frozen=True)
class Answer:
    """
    One answer before it is encoded: values as text, how text is written, and VRs other than the dictionary's.
    """

    values: dict[str, str]
    coding: TextCoding
    vrs: Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """What an answer is about."""

    study: Study
    series: Series | None = None
    index: int | None = None
