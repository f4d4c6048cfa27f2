"""
Whose images are these? (K1)

One hand-over has one study and the images of the PACS that was asked, under the PatientID that this PACS has.
Images are told apart by SOPInstanceUID: Orthanc's own ids contain the PatientID, so that one image may lie
under several of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from ..dicom.attributes import unpadded
from ..json_messages.uid_syntax import is_uid
from .completeness import SHORT, Check, Completeness, Expectations
from .image_origin import Image, KnownSenders, PacsWord, Sender, patient_key


class Rejection(StrEnum):
    """Why an image is not handed over."""

    OTHER_PATIENT = "another PatientID than the PACS has"
    NOT_AT_PACS = "the PACS does not have this image"
    CORRECTED = "the PACS has corrected the PatientID since"
    OTHER_SENDER = "not from the PACS, which was asked for the same image"
    SENT_TWICE = "it came twice in one pull, and nobody can say which one is right"
    SECOND_COPY = "the same SOPInstanceUID is here from the PACS"
    BAD_UID = "its SeriesInstanceUID is none"
    SURPLUS = "not from the PACS, which has sent all that it announced"


PULL_AGAIN = frozenset({Rejection.CORRECTED, Rejection.OTHER_SENDER, Rejection.SENT_TWICE})
"""The PACS has such an image; what is here is not known to be its own."""


@dataclass(frozen=True)
class Rejected:
    """An image that is left out, and why."""

    image: Image
    why: Rejection


@dataclass(frozen=True)
class Provenance:
    """
    Which images are handed over.

    Args:
        accepted: One for each SOPInstanceUID and series.
        rejected: The others.
        question: Only the PACS can say more: it has to be asked before anything is decided.
        certain: Whether all accepted images are known to be the PACS's own.
        learned: Senders that the PACS has confirmed.
        patient_ids: Of the accepted images, that of the hand-over first.
    """

    accepted: tuple[Image, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    question: bool = False
    certain: bool = True
    learned: frozenset[Sender] = frozenset()
    patient_ids: tuple[str, ...] = ()

    @property
    def pull_again(self) -> frozenset[str]:
        """SOPInstanceUIDs that the PACS has to send again."""
        here = {image.sop_uid for image in self.accepted}
        return frozenset(one.image.sop_uid for one in self.rejected if one.why in PULL_AGAIN) - here

    @property
    def counts(self) -> dict[str, int]:
        """Accepted images by SeriesInstanceUID."""
        return dict(self._counts)

    @cached_property
    def _counts(self) -> Mapping[str, int]:
        return Counter(image.series_uid for image in self.accepted)

    @cached_property
    def total(self) -> int:
        """Accepted images, each SOPInstanceUID once although it may lie in two series."""
        return len({image.sop_uid for image in self.accepted})


@dataclass(frozen=True)
class Circumstances:
    """
    What is known of the pull that the images are compared with.

    Args:
        announced: By the PACS, before the pull or when it was asked again.
        counts_agree: The job succeeded and exactly as many images came in it as were announced.
        final: The last attempt: images that came twice from the PACS's own sender go on, as not certain.
        asked_as: PatientID of the study when the pull was asked for; empty: not known.
    """

    announced: Expectations = field(default_factory=Expectations)
    counts_agree: bool = False
    final: bool = False
    asked_as: str = ""


def judge_pulled(
    images: Sequence[Image], known: KnownSenders, word: PacsWord | None, pull: Circumstances | None = None
) -> Provenance:
    """
    Tell the images of the PACS that was asked from others.

    To be believed only when nothing more comes in the pull: until then an unknown sender's copy may still be
    replaced by the PACS's own.

    Args:
        images: All that are here of the study.
        known: Who speaks for that PACS.
        word: What it answered; None: it was not asked yet.
        pull: What was announced, and how the pull ended.
    """
    pull = pull or Circumstances()
    images, unnamed = _with_uid(images)
    own, foreign = _of_known_senders(images, known)
    question = word is None and (bool(foreign) or _identity_is_open(own, pull.asked_as))
    if word is not None and pull.counts_agree and _are_all_that_came(own, foreign, word):
        own, foreign = foreign, []
    word = word or PacsWord()
    accepted, left_out = _accepted(own, word, pull)
    plausible, others = _of_unknown_senders(foreign, accepted, word, pull.announced)
    rejected = (*left_out, *others, *unnamed)
    confirmed = _confirmed(plausible, word, pull.counts_agree and not rejected)
    # The last attempt keeps images that came twice: which of the two is right nobody can say.
    disputed = any(image.came_twice for image in images)
    certain = len(confirmed) == len(plausible) and not any(image.came_twice for image in accepted)
    certain = certain and not (disputed and plausible)
    every = (*accepted, *plausible)
    learned = frozenset(image.sender for image in confirmed)
    if disputed or _is_short(every, pull.announced):
        # Somebody else may have sent the same UIDs: that the PACS lists them says nothing of who sent them.
        learned = frozenset()
    return Provenance(every, rejected, question, certain, learned, _ids(every, word))


def _is_short(images: Sequence[Image], announced: Expectations) -> bool:
    """Whether fewer are here than the PACS announced, of a series or of the study."""
    here = Counter(image.series_uid for image in images)
    if any(here[uid] < number for uid, number in announced.series.items()):
        return True
    return announced.study is not None and len({image.sop_uid for image in images}) < announced.study


def _of_known_senders(images: Sequence[Image], known: KnownSenders) -> tuple[list[Image], list[Image]]:
    """The images of those who speak for the PACS, and the others."""
    ours = {sender for sender in {image.sender for image in images} if known.knows(sender)}
    return _parted(images, lambda image: image.sender in ours)


def _accepted(
    own: Sequence[Image], word: PacsWord, pull: Circumstances
) -> tuple[list[Image], tuple[Rejected, ...]]:
    """Of the PACS's own images one each, and those that are left out."""
    twice, once = ([], own) if pull.final else _parted(own, lambda image: image.came_twice)
    current, corrected = _under_the_current_id(once, word, pull)
    accepted, copies = _one_each(current, word)
    sent_twice = _rejected(twice, Rejection.SENT_TWICE)
    return accepted, (*sent_twice, *_rejected(corrected, Rejection.CORRECTED), *copies)


def judge_pushed(
    images: Sequence[Image], word: PacsWord | None, known: KnownSenders | None = None
) -> Provenance:
    """
    Tell the images of one patient from those of others, of a study that nobody pulled.

    Any device may push. Where a PACS knows the study its PatientID decides; else of several senders with
    different PatientIDs the one that sent most. What one sender sends under two PatientIDs stays together,
    and is told.

    Args:
        images: All that are here of the study.
        word: What the PACS that knows the study says of it, None where none does.
        known: Who speaks for that PACS: what others push may be something else than the PACS has.
    """
    word = word or PacsWord()
    images, unnamed = _with_uid(images)
    told = {patient_key(word.patient_id)} if word.patient_id else set()
    main = told or _of_main_sender(images)
    ours, others = _parted(images, lambda image: image.who in main)
    accepted, copies = _one_each(ours, word)
    rejected = _rejected(others, Rejection.OTHER_PATIENT)
    certain = known is None or all(known.knows(image.sender) for image in accepted)
    return Provenance(
        tuple(accepted), (*rejected, *copies, *unnamed), certain=certain, patient_ids=_ids(accepted, word)
    )


def _parted(images: Iterable[Image], belongs: Callable[[Image], bool]) -> tuple[list[Image], list[Image]]:
    """Those that belong, and the others."""
    those: list[Image] = []
    others: list[Image] = []
    for image in images:
        (those if belongs(image) else others).append(image)
    return those, others


def _rejected(images: Iterable[Image], why: Rejection) -> list[Rejected]:
    return [Rejected(image, why) for image in images]


def _are_all_that_came(own: Sequence[Image], foreign: Sequence[Image], word: PacsWord) -> bool:
    """
    Whether these are the very images that the PACS says it has sent: nothing came from itself, and exactly so
    many from one sender in this pull. An archive node may send headers from before a correction, so that
    their PatientID says nothing against it; its address is not learned by that.
    """
    if own or len({image.sender for image in foreign}) != 1:
        return False
    if not any(word.is_other_patient(image) for image in foreign):
        return False  # then its address is learned
    return all(image.in_pull and not image.repeated and word.has(image) is not False for image in foreign)


def _under_the_current_id(
    own: Sequence[Image], word: PacsWord, pull: Circumstances
) -> tuple[list[Image], list[Image]]:
    """
    The PACS's images, and those that it sent earlier under a PatientID that it does not send any more.

    An earlier image stays where the PACS still has the study under its PatientID: some PACS send two.
    """
    sent_now = {image.who for image in own if image.in_pull}
    told = {patient_key(word.patient_id)} if word.patient_id else set()
    right = sent_now | told
    if not right:
        return list(own), []
    old = _corrected_meanwhile(sent_now, told, pull)
    return _parted(own, lambda image: image.who not in old and (image.in_pull or image.who in right))


def _corrected_meanwhile(sent: set[str], told: set[str], pull: Circumstances) -> set[str]:
    """
    The PatientID from before, where the PACS has corrected it while the pull ran: it has sent both, and tells
    the new one now. The last attempt keeps both: a PACS may send two and tell them in turn.
    """
    before = patient_key(pull.asked_as)
    if pull.final or not before or before in told or not told & sent:
        return set()
    return {before} & sent


def _one_each(images: Sequence[Image], word: PacsWord) -> tuple[list[Image], list[Rejected]]:
    """One copy of each image in a series: the one of this pull, under the PatientID that the PACS told."""
    ranked = sorted(images, key=lambda one: (not one.in_pull, word.is_other_patient(one), one.orthanc_id))
    chosen: dict[tuple[str, str], Image] = {}
    for image in ranked:
        chosen.setdefault((image.series_uid, image.sop_uid), image)
    copies, _ = _parted(images, lambda image: chosen[image.series_uid, image.sop_uid] is not image)
    return list(chosen.values()), _rejected(copies, Rejection.SECOND_COPY)


def _with_uid(images: Sequence[Image]) -> tuple[list[Image], list[Rejected]]:
    """Without images whose SeriesInstanceUID is none: no message about them could be understood."""
    uids = {uid for uid in {image.series_uid for image in images} if is_uid(uid)}
    named, nameless = _parted(images, lambda image: image.series_uid in uids)
    return named, _rejected(nameless, Rejection.BAD_UID)


def _identity_is_open(own: Sequence[Image], asked_as: str) -> bool:
    """Two PatientIDs, or none of this pull's images to say which one the PACS has now."""
    patients = {image.who for image in own}
    nothing_new = bool(own) and not any(image.in_pull for image in own)
    return len(patients) > 1 or (nothing_new and bool(asked_as) and patient_key(asked_as) not in patients)


def _of_unknown_senders(
    foreign: Sequence[Image], own: Sequence[Image], word: PacsWord, announced: Expectations
) -> tuple[list[Image], list[Rejected]]:
    """Those that may be the PACS's, from another of its nodes or through a DICOM router, and the others."""
    company = _Company.of(own, foreign, word, announced)
    plausible, rejected = [], []
    for image in foreign:
        why = company.why_not(image)
        if why is None:
            plausible.append(image)
        else:
            rejected.append(Rejected(image, why))
    chosen, copies = _one_each(plausible, word)
    return chosen, [*rejected, *copies]


@dataclass(frozen=True)
class _Company:
    """
    What an image of an unknown sender is compared with.

    Args:
        word: The PACS's.
        here: SeriesInstanceUID and SOPInstanceUID of its own images.
        patients: PatientIDs of its own images.
        whole: Series of which it has sent all that it announced.
    """

    word: PacsWord
    here: frozenset[tuple[str, str]]
    patients: frozenset[str]
    whole: frozenset[str]

    @classmethod
    def of(
        cls, own: Sequence[Image], foreign: Sequence[Image], word: PacsWord, announced: Expectations
    ) -> _Company:
        """Of the images that the PACS itself has sent."""
        here = frozenset((image.series_uid, image.sop_uid) for image in own)
        patients = frozenset(image.who for image in own)
        of_others = {image.series_uid for image in foreign}
        whole = frozenset(uid for uid in of_others if _is_whole(own, uid, announced))
        return cls(word, here, patients, whole)

    def why_not(self, image: Image) -> Rejection | None:
        """Why an image is left out; None: it may be the PACS's."""
        if self._is_other_patient(image):
            return Rejection.OTHER_PATIENT
        if (image.series_uid, image.sop_uid) in self.here:
            return Rejection.SECOND_COPY
        listed = self.word.has(image)
        if listed is False:
            return Rejection.NOT_AT_PACS
        if listed is None and image.series_uid in self.whole:
            return Rejection.SURPLUS
        # An earlier copy may have been the PACS's own, and what came before the pull is nothing that it sent.
        return Rejection.OTHER_SENDER if image.repeated or not image.in_pull else None

    def _is_other_patient(self, image: Image) -> bool:
        """By the PACS's word; where it told no PatientID, by its own images."""
        if self.word.patient_id:
            return self.word.is_other_patient(image)
        return bool(self.patients) and image.who not in self.patients


def _is_whole(own: Sequence[Image], series_uid: str, announced: Expectations) -> bool:
    """
    Whether the PACS's own images of a series, or where it was not counted of the study, are all that it
    announced.
    """
    of_series = announced.series.get(series_uid)
    if of_series is not None:
        return sum(one.series_uid == series_uid for one in own) >= of_series
    return announced.study is not None and len({one.sop_uid for one in own}) >= announced.study


def _confirmed(images: Sequence[Image], word: PacsWord, counts_agree: bool) -> list[Image]:
    """
    Images that the PACS lists, or that came exactly as it announced them, under its PatientID and from nobody
    else.
    """
    listed = [image for image in images if word.has(image)]
    if len(listed) == len(images):
        return listed
    same_patient = bool(word.patient_id) and not any(word.is_other_patient(image) for image in images)
    one_sender = len({image.sender for image in images}) == 1
    return list(images) if counts_agree and same_patient and one_sender else listed


def _of_main_sender(images: Sequence[Image]) -> set[str]:
    """The PatientIDs of the sender that sent most of the images; of equally many the first by name."""
    if not images:
        return set()
    numbers = Counter(image.sender for image in images)
    main = min(numbers, key=lambda sender: (-numbers[sender], sender))
    return {image.who for image in images if image.sender == main}


def _ids(accepted: Sequence[Image], word: PacsWord) -> tuple[str, ...]:
    """Each once; of one that is written in two ways as the PACS tells it, else as most images have it."""
    numbers = Counter(image.patient for image in accepted)
    of_each = Counter(image.who for image in accepted)
    spellings: dict[str, str] = {}
    as_told = unpadded(word.patient_id or "")
    for patient in sorted(numbers, key=lambda one: (one != as_told, -numbers[one], one)):
        spellings.setdefault(patient_key(patient), patient)
    told = patient_key(word.patient_id or "")
    ranked = sorted(spellings, key=lambda who: (who != told or not told, -of_each[who], who))
    return tuple(spellings[who] for who in ranked)


def missing_of(provenance: Provenance, study_uid: str, dropped: frozenset[str]) -> Completeness | None:
    """
    SHORT by the images that the PACS has to send again, None where there are none.

    Args:
        provenance: Of the study.
        study_uid: StudyInstanceUID.
        dropped: Series that nobody wants.
    """
    wanted = {one.image.sop_uid for one in provenance.rejected if one.image.series_uid not in dropped}
    again = provenance.pull_again & wanted
    if not again:
        return None
    return Completeness(SHORT, (Check("study", study_uid, provenance.total + len(again), provenance.total),))
