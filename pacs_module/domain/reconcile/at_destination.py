"""
What a destination has of a study, by its own list, beside what was sent there and what the PACS has.

What counts as sent is what was verified at the time. A destination may lose it later, or have counted it
before it was safe.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

MOST_NAMED = 20


class There(StrEnum):
    """How a study stands at a destination."""

    EQUAL = "equal"
    LACKS = "lacks images"
    ON_ITS_WAY = "on its way"
    GIVEN_UP = "given up"
    """Waits for a person on the destinations' page."""
    DROPPED = "dropped"
    NO_LIST = "no list"
    """It offers none, or the names that were given are not known any more."""
    AWAY = "not asked"
    """It does not answer."""


@dataclass(frozen=True)
class AtDestination:
    """
    One study at one destination.

    Args:
        study_uid: StudyInstanceUID.
        accession_number: Of the study.
        destination: Its name.
        verdict: How it stands.
        in_pacs: Images of these series at the PACS; None: not told.
        sent: Images that were sent and verified.
        there: Images that the destination lists; None: not known.
        lacking: SOPInstanceUIDs that the PACS has and the destination has not, the first ones.
        why: In words.
    """

    study_uid: str
    accession_number: str
    destination: str
    verdict: There
    in_pacs: int | None = None
    sent: int = 0
    there: int | None = None
    lacking: tuple[str, ...] = ()
    why: str = ""

    @property
    def lacks(self) -> bool:
        """Whether sending again would help."""
        return self.verdict is There.LACKS


def compared(
    line: AtDestination, listed: Collection[str] | None, in_pacs: Collection[str] | None
) -> AtDestination:
    """
    The line, judged by the destination's list.

    Args:
        line: What was sent.
        listed: SOPInstanceUIDs of the study at the destination; None: it offers no list.
        in_pacs: Those that the PACS lists of the same series; None: not asked, or it cannot tell.
    """
    if listed is None:
        return replace(line, verdict=There.NO_LIST, why="the destination offers no list")
    there, meant = len(listed), max(line.sent, len(set(in_pacs or ())))
    if there >= meant:
        return replace(line, verdict=There.EQUAL, there=there)
    lacking = tuple(sorted(set(in_pacs or ()) - set(listed)))
    why = f"{there} of {meant} images" + (f", without {lacking[0]}" if lacking else "")
    return replace(line, verdict=There.LACKS, there=there, lacking=lacking[:MOST_NAMED], why=why)
