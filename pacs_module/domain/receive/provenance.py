"""
Whose images are these? (K1)

One hand-over has one study and the images of the PACS that was asked, under the PatientID that this PACS has.
Images are told apart by SOPInstanceUID: Orthanc's own ids contain the PatientID, so that one image may lie
under several of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address

from ..dicom.attributes import unpadded
from ..wire.syntax import is_uid
from .completeness import SHORT, Check, Completeness, Expectations


@dataclass(frozen=True, order=True)
class Sender:
    """Who sent an image: calling AE title and address of the association; both may be empty."""

    ae_title: str = ""
    address: str = ""

    @property
    def words(self) -> str:
        """``NODE2 at 192.168.1.7``."""
        return f"{self.ae_title or 'no AE title'} at {self.address or 'no address'}"


@dataclass(frozen=True)
class KnownSenders:
    """Senders that speak for a PACS; an empty AE title or address stands for any."""

    entries: frozenset[Sender] = frozenset()

    def knows(self, sender: Sender) -> bool:
        """Whether images of this sender are the PACS's."""
        if not sender.ae_title:
            return False  # not by DICOM
        named = (sender, Sender(sender.ae_title), Sender("", sender.address))
        return any(one in self.entries for one in named)

    def __or__(self, other: KnownSenders) -> KnownSenders:
        return KnownSenders(self.entries | other.entries)


def read_senders(texts: Iterable[str]) -> KnownSenders:
    """Read ``AET``, ``AET@address``, ``@address`` and an IP address."""
    parts = [
        (f"@{text.strip()}" if _is_address(text.strip()) else text.strip()).partition("@") for text in texts
    ]
    found = (Sender(ae_title.strip(), address.strip()) for ae_title, _, address in parts)
    return KnownSenders(frozenset(one for one in found if one != Sender()))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Image:
    """
    One stored image.

    Args:
        orthanc_id: Of this copy.
        sop_uid: SOPInstanceUID.
        series_uid: SeriesInstanceUID.
        patient_id: PatientID (0010,0020) as in the header.
        sender: Who sent this copy.
        in_pull: It came since the pull was asked for; of images without a pull always true.
        repeated: It came more than once since then: an earlier copy was overwritten.
    """

    orthanc_id: str
    sop_uid: str
    series_uid: str
    patient_id: str
    sender: Sender = Sender()
    in_pull: bool = True
    repeated: bool = False

    @property
    def patient(self) -> str:
        """PatientID without its padding; capitals matter (VR LO, PS3.5 6.2)."""
        return unpadded(self.patient_id)


@dataclass(frozen=True)
class PacsWord:
    """
    What the PACS answers when it is asked about a study that is here.

    Args:
        patient_id: Of the study; None: not told.
        study: Instances of the study; None: not told.
        series: Instances by SeriesInstanceUID, as far as told.
        sop_uids: SOPInstanceUIDs by SeriesInstanceUID, of the series that it listed.
    """

    patient_id: str | None = None
    study: int | None = None
    series: Mapping[str, int] = field(default_factory=dict)
    sop_uids: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def has(self, image: Image) -> bool | None:
        """Whether the PACS has this image; None: it did not list its series."""
        listed = self.sop_uids.get(image.series_uid)
        return None if not listed else image.sop_uid in listed

    def is_other_patient(self, image: Image) -> bool:
        """Whether the PACS has the study under another PatientID."""
        return bool(self.patient_id) and unpadded(self.patient_id or "") != image.patient


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
        return dict(Counter(image.series_uid for image in self.accepted))

    @property
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
    own = [image for image in images if known.knows(image.sender)]
    foreign = [image for image in images if not known.knows(image.sender)]
    question = word is None and (bool(foreign) or _identity_is_open(own, pull.asked_as))
    word = word or PacsWord()
    twice = set() if pull.final else {image for image in own if image.repeated and image.in_pull}
    once = [image for image in own if image not in twice]
    current, corrected = _under_the_current_id(once, word)
    accepted, copies = _one_each(current, word)
    plausible, others = _of_unknown_senders(foreign, accepted, word, pull.announced)
    rejected = (
        *(Rejected(image, Rejection.SENT_TWICE) for image in twice),
        *(Rejected(image, Rejection.CORRECTED) for image in corrected),
        *copies,
        *others,
        *unnamed,
    )
    confirmed = _confirmed(plausible, word, pull.counts_agree and not rejected)
    in_doubt = len(confirmed) < len(plausible) or (
        pull.final and any(one.repeated and one.in_pull for one in accepted)
    )
    every = (*accepted, *plausible)
    learned = frozenset(image.sender for image in confirmed)
    return Provenance(every, rejected, question, not in_doubt, learned, _ids(every, word))


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
    told = {unpadded(word.patient_id)} if word.patient_id else set()
    main = told or _of_main_sender(images)
    ours = [image for image in images if image.patient in main]
    accepted, copies = _one_each(ours, word)
    rejected = [Rejected(image, Rejection.OTHER_PATIENT) for image in images if image.patient not in main]
    certain = known is None or all(known.knows(image.sender) for image in accepted)
    return Provenance(
        tuple(accepted), (*rejected, *copies, *unnamed), certain=certain, patient_ids=_ids(accepted, word)
    )


def _under_the_current_id(own: Sequence[Image], word: PacsWord) -> tuple[list[Image], list[Image]]:
    """
    The PACS's images, and those that it sent earlier under a PatientID that it does not send any more.

    An earlier image stays where the PACS still has the study under its PatientID: some PACS send two.
    """
    sent_now = {image.patient for image in own if image.in_pull}
    told = {unpadded(word.patient_id)} if word.patient_id else set()
    right = sent_now | told
    if not right:
        return list(own), []
    outdated = {image for image in own if not image.in_pull and image.patient not in right}
    return [one for one in own if one not in outdated], [one for one in own if one in outdated]


def _one_each(images: Sequence[Image], word: PacsWord) -> tuple[list[Image], list[Rejected]]:
    """One copy of each image in a series: the one of this pull, under the PatientID that the PACS told."""
    ranked = sorted(images, key=lambda one: (not one.in_pull, word.is_other_patient(one), one.orthanc_id))
    chosen: dict[tuple[str, str], Image] = {}
    for image in ranked:
        chosen.setdefault((image.series_uid, image.sop_uid), image)
    kept = set(chosen.values())
    copies = [Rejected(image, Rejection.SECOND_COPY) for image in images if image not in kept]
    return list(chosen.values()), copies


def _with_uid(images: Sequence[Image]) -> tuple[list[Image], list[Rejected]]:
    """Without images whose SeriesInstanceUID is none: no message about them could be understood."""
    named = [image for image in images if is_uid(image.series_uid)]
    return named, [Rejected(image, Rejection.BAD_UID) for image in images if not is_uid(image.series_uid)]


def _identity_is_open(own: Sequence[Image], asked_as: str) -> bool:
    """Two PatientIDs, or none of this pull's images to say which one the PACS has now."""
    patients = {image.patient for image in own}
    nothing_new = bool(own) and not any(image.in_pull for image in own)
    return len(patients) > 1 or (nothing_new and bool(asked_as) and unpadded(asked_as) not in patients)


def _of_unknown_senders(
    foreign: Sequence[Image], own: Sequence[Image], word: PacsWord, announced: Expectations
) -> tuple[list[Image], list[Rejected]]:
    """Those that may be the PACS's, from another of its nodes or through a gateway, and the others."""
    here = {(image.series_uid, image.sop_uid) for image in own}
    patients = {image.patient for image in own}
    whole = {uid: _is_whole(own, uid, announced) for uid in {image.series_uid for image in foreign}}

    def why_not(image: Image) -> Rejection | None:
        if word.is_other_patient(image) or (
            not word.patient_id and patients and image.patient not in patients
        ):
            return Rejection.OTHER_PATIENT
        if (image.series_uid, image.sop_uid) in here:
            return Rejection.SECOND_COPY
        listed = word.has(image)
        if listed is False:
            return Rejection.NOT_AT_PACS
        if listed is None and whole[image.series_uid]:
            return Rejection.SURPLUS
        # An earlier copy may have been the PACS's own, and what came before the pull is nothing that it sent.
        return Rejection.OTHER_SENDER if image.repeated or not image.in_pull else None

    reasons = [(image, why_not(image)) for image in foreign]
    plausible, copies = _one_each([image for image, why in reasons if why is None], word)
    return plausible, [*(Rejected(image, why) for image, why in reasons if why is not None), *copies]


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
    return {image.patient for image in images if image.sender == main}


def _ids(accepted: Sequence[Image], word: PacsWord) -> tuple[str, ...]:
    numbers = Counter(image.patient for image in accepted)
    told = unpadded(word.patient_id or "")
    return tuple(
        sorted(numbers, key=lambda patient: (patient != told or not told, -numbers[patient], patient))
    )


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
