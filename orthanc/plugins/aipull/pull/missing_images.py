"""
What a study that came short lacks: worked out of what is here in the moment of the next pull, so that it is
always true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.decision import expectations, needed_series_of
from pacs_module.domain.receive.reception_state import WAITING_FOR_IMAGES

from ..journal.receptions import Reception, ReceptionRows
from ..journal.rules import Rules
from ..server.orthanc_client import OrthancClient


@dataclass(frozen=True)
class Lacking:
    """
    Series that must be whole and are not.

    Args:
        here: SOPInstanceUIDs that are here, by SeriesInstanceUID; empty for a series of which nothing came.
        by_image: Whether the PACS can move single images.
    """

    here: dict[str, frozenset[str]]
    by_image: bool


class MissingImages:
    """
    Compares what is here with what was announced.

    Args:
        rest: Orthanc.
        receptions: Where in Orthanc the short study lies, and its verdicts.
        rules: In force and of earlier versions.
    """

    def __init__(self, rest: OrthancClient, receptions: ReceptionRows, rules: Rules) -> None:
        self._rest = rest
        self._receptions = receptions
        self._rules = rules

    def lacking(self, request: PullRequest) -> Lacking | None:
        """What is missing; None where that is not known and all of the request is to be pulled."""
        reception = self._receptions.of_study(request.study_uid, *WAITING_FOR_IMAGES)
        expected = expectations(request).series
        if request.repair == "STUDY" or reception is None or not expected:
            return None
        here = self._here(reception)
        needed = self._needed(reception, request, here)
        if not here or not needed <= expected.keys():
            return None
        of_needed = {uid: frozenset(here.get(uid, ())) for uid in needed}
        return Lacking(_short(of_needed, request, expected), request.repair == "IMAGE")

    def _needed(
        self, reception: Reception, request: PullRequest, here: Mapping[str, set[str]]
    ) -> frozenset[str]:
        """Series that must be whole, judged by the rules of the request."""
        counts = {uid: len(uids) for uid, uids in here.items()}
        judged, rules = self._receptions.judged(reception), self._rules.of(request.rules)
        return needed_series_of(counts, judged, request, True, rules).needed

    def _here(self, reception: Reception) -> dict[str, set[str]]:
        """The SOPInstanceUIDs that Orthanc has, by series."""
        here: dict[str, set[str]] = {}
        for orthanc_id in reception.orthanc_ids:
            for series in self._rest.series_of(orthanc_id):
                images = self._rest.instances_of(series.orthanc_id)
                here.setdefault(series.series_uid, set()).update(one.sop_instance_uid for one in images)
        return here


def _short(
    here: Mapping[str, frozenset[str]], request: PullRequest, expected: Mapping[str, int]
) -> dict[str, frozenset[str]]:
    """The series that are here with fewer images than expected; images that nobody lists do not count."""
    short = {}
    for series_uid, uids in here.items():
        listed = request.expected_instances.get(series_uid)
        counted = uids if listed is None else uids & set(listed)
        if len(counted) < expected[series_uid]:
            short[series_uid] = uids
    return short
