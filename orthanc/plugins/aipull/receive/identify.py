"""
Whose images are these? Looks at what is here, asks the PACS where only it can say, and learns its senders
(K1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pacs_module.domain.receive.completeness import Expectations
from pacs_module.domain.receive.decision import Asked
from pacs_module.domain.receive.provenance import (
    Circumstances,
    Image,
    KnownSenders,
    PacsWord,
    Provenance,
    Sender,
    judge_pulled,
    judge_pushed,
)
from pacs_module.domain.wire.messages import PullRequest

from ..journal.pulls import Pull
from ..server.orthanc_client import InstanceHere, OrthancClient
from .arrival_counts import ArrivalCounts
from .arriving_study import ArrivingStudy, Census
from .ask_pacs import Answers, Question
from .senders import Senders

_SECOND_MS = 1000
"""Orthanc notes the moment of reception in whole seconds."""


@dataclass(frozen=True)
class Identified:
    """
    The images that may be handed over.

    Args:
        census: All images here.
        provenance: Which of them, and why the others not.
        word: What the PACS said, None while it was not asked or has not answered.
        waiting: The PACS is being asked: nothing is to be decided now.
    """

    census: Census
    provenance: Provenance
    word: PacsWord | None = None
    waiting: bool = False

    @property
    def clear(self) -> bool:
        """Whether nothing about the images is unusual, so that they may go out while others still come."""
        found = self.provenance
        return found.certain and not (self.waiting or found.question or found.rejected or found.learned)

    def images(self, series_uid: str) -> list[InstanceHere]:
        """The images of a series that may be handed over."""
        return [self.census.images[image.orthanc_id] for image in self._by_series.get(series_uid, ())]

    def sop_uids(self, series_uid: str) -> frozenset[str]:
        """Their SOPInstanceUIDs."""
        return self._sop_uids.get(series_uid, frozenset())

    @cached_property
    def _by_series(self) -> dict[str, list[Image]]:
        found: dict[str, list[Image]] = {}
        for image in self.provenance.accepted:
            found.setdefault(image.series_uid, []).append(image)
        return found

    @cached_property
    def _sop_uids(self) -> dict[str, frozenset[str]]:
        return {uid: frozenset(one.sop_uid for one in images) for uid, images in self._by_series.items()}


@dataclass(frozen=True)
class Identify:
    """
    Tells the PACS's images from others.

    Args:
        rest: Orthanc.
        senders: Who sends for which PACS.
        arrival_counts: How often each image came.
        answers: Asks the PACS.
    """

    rest: OrthancClient
    senders: Senders
    arrival_counts: ArrivalCounts
    answers: Answers

    def __call__(
        self,
        arrival: ArrivingStudy,
        asked: Asked,
        pull: Pull | None,
        expected: Expectations,
        ended: bool,
        ask: bool = False,
    ) -> Identified:
        """
        Look at all images of a study.

        Args:
            arrival: The study.
            asked: What was asked for; the request of an earlier pull where images came after its end.
            pull: The pull that runs or has just ended; None for images that came without one.
            expected: What was announced.
            ended: Whether nothing more comes: only then the PACS is asked.
            ask: Ask in any case, because more came than was announced.
        """
        census = arrival.census(self.rest)
        self.senders.note({(one.ae_title, one.address) for one in census.images.values()})
        request = asked.request
        if request is None or not request.pacs or (pull is None and arrival.row.is_push):
            word = PacsWord(request.patient_id or None) if request is not None and request.pacs else None
            known = self.senders.of(request) if request is not None and request.pacs else None
            return Identified(census, judge_pushed(self._images(census, 0, None), word, known), word)
        known = self.senders.of(request)
        images = self._images(census, pull.asked_at if pull is not None else 0, known)
        circumstances = Circumstances(
            expected, _counts_agree(images, pull, expected), asked.final, request.patient_id
        )
        found = judge_pulled(images, known, None, circumstances)
        if not (ended and (found.question or ask)):
            return Identified(census, found)
        word = self.answers.word(self._question(arrival, request, images, known))
        if word is None:
            return Identified(census, found, waiting=True)
        found = judge_pulled(images, known, word, circumstances)
        self.senders.learn(request.pacs, found.learned)
        return Identified(census, found, word)

    def _images(self, census: Census, since: int, known: KnownSenders | None) -> list[Image]:
        """``since``: when the pull was asked for, epoch milliseconds; 0 where there is none."""
        senders = {
            pair: Sender(*pair) for pair in {(one.ae_title, one.address) for one in census.images.values()}
        }
        # After a restart nobody knows whether a stranger's copy has replaced the PACS's own.
        unwatched = bool(since) and known is not None and not self.arrival_counts.covers(since)
        doubted = {pair for pair, one in senders.items() if unwatched and known and not known.knows(one)}
        began = since // _SECOND_MS * _SECOND_MS
        images = []
        for orthanc_id, one in census.images.items():
            pair = one.ae_title, one.address
            images.append(
                Image(
                    orthanc_id,
                    one.sop_instance_uid,
                    census.series[orthanc_id],
                    census.patients[orthanc_id],
                    senders[pair],
                    in_pull=one.received_at is None or one.received_at >= began,
                    repeated=bool(since)
                    and (pair in doubted or self.arrival_counts.since(orthanc_id, since) > 1),
                )
            )
        return images

    def _question(
        self, arrival: ArrivingStudy, request: PullRequest, images: list[Image], known: KnownSenders
    ) -> Question:
        unknown = frozenset(image.series_uid for image in images if not known.knows(image.sender))
        listed = frozenset(request.expected_instances)
        state = (request.pull_id, *arrival.state)
        return Question(arrival.row.study_uid, request.pacs, unknown | listed, state)


def _counts_agree(images: list[Image], pull: Pull | None, expected: Expectations) -> bool:
    """The job succeeded, and what came in it is what was announced."""
    if pull is None or pull.error or not expected.known:
        return False
    came: dict[str, set[str]] = {}
    for image in images:
        if image.in_pull:
            came.setdefault(image.series_uid, set()).add(image.sop_uid)
    counts: Mapping[str, int] = {uid: len(uids) for uid, uids in came.items()}
    if expected.series:
        return counts == dict(expected.series)
    return sum(counts.values()) == expected.study
