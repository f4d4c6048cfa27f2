"""Our number of instances against the PACS's, for reconciliation (M15, M26)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..dicom.attributes import FoundStudy
from ..receive.completeness import COMPLETE, SHORT, UNVERIFIED
from ..study.study import Study

NOT_PULLED, EQUAL, GROWN, UNTOLD, ANNOUNCED = "not pulled", "equal", "grown", "not told", "announces more"


@dataclass(frozen=True)
class Counts:
    """
    Instances: ``in_pacs`` of the whole study as the PACS says now, ``asked`` of what our last pull was for,
    ``received`` by us.

    ``verdict``: not pulled, equal (to what was asked for), short, grown (the PACS has more than when it was
    pulled), not told (the PACS gives no counts), or announces more (the study's count is larger than the sum
    of its series, which we have).
    """

    in_pacs: int | None = None
    asked: int | None = None
    received: int | None = None
    verdict: str = NOT_PULLED
    words: str = ""

    @property
    def lacking(self) -> bool:
        """Whether images are at the PACS that were not received."""
        return self.verdict in (SHORT.lower(), GROWN)


def counts_of(study: Study | None, copies: Sequence[FoundStudy]) -> Counts:
    """
    Compare.

    Args:
        study: Our document, None when there is none.
        copies: What the PACS that list it say now.
    """
    in_pacs = max((copy.count for copy in copies if copy.count), default=None)
    if study is None:
        return Counts(in_pacs)
    pulled = study.pull is not None and not study.pull.running
    asked = study.pull.request.expected if study.pull is not None and pulled else None
    received, completeness = _received(study)
    grown = _grown(study, copies)
    if grown:
        return Counts(in_pacs, asked, received, GROWN, grown)
    if completeness.startswith(SHORT):
        return Counts(in_pacs, asked, received, SHORT.lower(), completeness.lower())
    if received is None:
        return Counts(in_pacs, asked)
    why, words = _against_pacs(study, received, completeness, in_pacs)
    return Counts(in_pacs, asked, received, why, words)


def _against_pacs(study: Study, received: int, completeness: str, in_pacs: int | None) -> tuple[str, str]:
    """What was received against what the PACS says now."""
    if completeness == UNVERIFIED:
        return UNTOLD, "the PACS gives no counts"
    if completeness == COMPLETE and _whole(study) and in_pacs is not None and received < in_pacs:
        return ANNOUNCED, f"{in_pacs} announced, its series have {received}"
    return EQUAL, ""


def _received(study: Study) -> tuple[int | None, str]:
    """What the newest reception brought, and how complete it was; (None, "") before the first."""
    ended = [pull for pull in (*study.pulls, study.pull) if pull is not None and pull.received]
    if ended:
        return ended[-1].received, ended[-1].completeness
    told = [record.received for record in study.series.values() if record.received]
    last = study.last_handover
    return (sum(told), last.completeness if last else "") if told else (None, "")


def _whole(study: Study) -> bool:
    """Whether the last pull was for the whole study."""
    return study.pull is not None and study.pull.request.level == "STUDY"


def _grown(study: Study, copies: Sequence[FoundStudy]) -> str:
    """
    How a PACS has more than when the study was last pulled or judged; a mirror that was tried with that
    number is no growth.

    Before the first pull there is nothing to have grown from.
    """
    known = study.baseline
    if known is None:
        return ""
    for copy in copies:
        tried = study.pacs[copy.pacs].tried if copy.pacs in study.pacs else None
        if copy.count is not None and copy.count > max(known, tried or 0):
            return f"{copy.pacs} has {copy.count} instances, {known} when last pulled"
    return ""
