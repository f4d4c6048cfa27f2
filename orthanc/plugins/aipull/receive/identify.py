"""
Whose images are these? Looks at what is here, asks the PACS where only it can say, and learns its senders
(K1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.completeness import Expectations
from pacs_module.domain.receive.decision import Asked
from pacs_module.domain.receive.image_origin import Image, KnownSenders, PacsWord, Sender
from pacs_module.domain.receive.provenance import Circumstances, Provenance, judge_pulled, judge_pushed

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
        self.senders.note(_senders_of(census))
        request = asked.request
        if request is None or not request.pacs or (pull is None and arrival.row.is_push):
            return self._pushed(census, request)
        known = self.senders.of(request)
        images = self._images(census, pull.asked_at if pull is not None else 0, known)
        counts_agree = _counts_agree(images, pull, expected)
        circumstances = Circumstances(expected, counts_agree, asked.final, request.patient_id)
        found = judge_pulled(images, known, None, circumstances)
        if not (ended and (found.question or ask)):
            return Identified(census, found)
        word = self.answers.word(self._question(arrival, request, images, known))
        if word is None:
            return Identified(census, found, waiting=True)
        found = judge_pulled(images, known, word, circumstances)
        self.senders.learn(request.pacs, found.learned)
        return Identified(census, found, word)

    def _pushed(self, census: Census, request: PullRequest | None) -> Identified:
        """Images that came unasked; ``request``: what a PACS has of the study, where one knows it."""
        images = self._images(census, 0, None)
        if request is None or not request.pacs:
            return Identified(census, judge_pushed(images, None))
        word = PacsWord(request.patient_id or None)
        return Identified(census, judge_pushed(images, word, self.senders.of(request)), word)

    def _images(self, census: Census, since: int, known: KnownSenders | None) -> list[Image]:
        """``since``: when the pull was asked for, epoch milliseconds; 0 where there is none."""
        senders = {pair: Sender(*pair) for pair in _senders_of(census)}
        doubted = self._doubted(senders, since, known)
        began = since // _SECOND_MS * _SECOND_MS
        images = []
        for orthanc_id, one in census.images.items():
            pair = one.ae_title, one.address
            twice = since > 0 and (pair in doubted or self.arrival_counts.since(orthanc_id, since) > 1)
            image = Image(
                orthanc_id,
                one.sop_instance_uid,
                census.series[orthanc_id],
                census.patients[orthanc_id],
                senders[pair],
                in_pull=one.received_at is None or one.received_at >= began,
                repeated=twice,
            )
            images.append(image)
        return images

    def _doubted(
        self, senders: Mapping[tuple[str, str], Sender], since: int, known: KnownSenders | None
    ) -> set[tuple[str, str]]:
        """After a restart nobody knows whether a copy of an unknown sender replaced the PACS's own."""
        if not since or known is None or self.arrival_counts.covers(since):
            return set()
        return {pair for pair, sender in senders.items() if not known.knows(sender)}

    def _question(
        self, arrival: ArrivingStudy, request: PullRequest, images: list[Image], known: KnownSenders
    ) -> Question:
        doubted: dict[str, set[str]] = {}
        for image in images:
            if not known.knows(image.sender):
                doubted.setdefault(image.series_uid, set()).add(image.sop_uid)
        return Question(
            arrival.row.study_uid,
            request.pacs,
            frozenset(doubted) | frozenset(request.expected_instances),
            (request.pull_id, *arrival.state),
            within_s=request.find_timeout_s,
            doubted={uid: frozenset(uids) for uid, uids in doubted.items()},
        )


def _counts_agree(images: list[Image], pull: Pull | None, expected: Expectations) -> bool:
    """The job succeeded, and what came in it is what was announced."""
    if pull is None or pull.error or not expected.known:
        return False
    counts = _counts_in_pull(images)
    if expected.series:
        return counts == dict(expected.series)
    return sum(counts.values()) == expected.study


def _counts_in_pull(images: list[Image]) -> dict[str, int]:
    """Images that came in the pull, by SeriesInstanceUID; one that came twice once."""
    came: dict[str, set[str]] = {}
    for image in images:
        if image.in_pull:
            came.setdefault(image.series_uid, set()).add(image.sop_uid)
    return {uid: len(uids) for uid, uids in came.items()}


def _senders_of(census: Census) -> set[tuple[str, str]]:
    """AE title and address of all who sent."""
    return {(one.ae_title, one.address) for one in census.images.values()}
