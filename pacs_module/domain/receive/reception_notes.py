"""What a reader of a study's history must know of its images, in words (K1)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from ..json_messages.messages import ReceptionNote
from .completeness import MORE, Completeness
from .image_origin import Image, patient_key
from .provenance import Provenance, Rejected, Rejection

_KINDS = {
    Rejection.CORRECTED: "patient_id_corrected",
    Rejection.OTHER_PATIENT: "set_aside",
    Rejection.NOT_AT_PACS: "set_aside",
    Rejection.SURPLUS: "set_aside",
    Rejection.BAD_UID: "set_aside",
    Rejection.SECOND_COPY: "set_aside",
    Rejection.OTHER_SENDER: "not_from_pacs",
    Rejection.SENT_TWICE: "sent_twice",
}


def notes_of(
    provenance: Provenance, completeness: Completeness, asked_as: str = ""
) -> tuple[ReceptionNote, ...]:
    """
    Say what is unusual about the images of a study; nothing of an ordinary one.

    Args:
        provenance: Which images are handed over, and which not.
        completeness: As judged.
        asked_as: PatientID with which the pull was asked for, empty when not known.
    """
    notes = [*_rejected(provenance.rejected), *_patients(provenance, asked_as), *_senders(provenance)]
    twice = sum(provenance.counts.values()) - provenance.total
    if twice:
        notes.append(ReceptionNote("same_image_twice", f"{twice} images lie in two series: each counts once"))
    if completeness.verdict == MORE:
        notes.append(
            ReceptionNote(
                "more_than_announced", f"the PACS was asked again and has not so many: {completeness.words}"
            )
        )
    return tuple(notes)


def _rejected(rejected: Iterable[Rejected]) -> Iterable[ReceptionNote]:
    groups: dict[tuple[Rejection, str, str], int] = defaultdict(int)
    for one in rejected:
        groups[one.why, one.image.sender.words, one.image.patient] += 1
    for (why, sender, patient), number in sorted(groups.items()):
        words = (
            f"{number} images from {sender} under PatientID {patient or '(empty)'} are left out: {why.value}"
        )
        yield ReceptionNote(_KINDS[why], words)


def _patients(provenance: Provenance, asked_as: str) -> Iterable[ReceptionNote]:
    numbers = Counter(image.who for image in provenance.accepted)
    if len(numbers) > 1:
        parts = ", ".join(
            f"{patient or '(empty)'} ({numbers[patient_key(patient)]} images)"
            for patient in provenance.patient_ids
        )
        yield ReceptionNote(
            "patient_ids_differ", f"the PACS sends this study under {len(numbers)} PatientIDs: {parts}"
        )
    yield from _corrected(provenance, asked_as)


def _corrected(provenance: Provenance, asked_as: str) -> Iterable[ReceptionNote]:
    now = provenance.patient_ids[0] if provenance.patient_ids else ""
    if now and patient_key(asked_as) not in ("", patient_key(now)):
        yield ReceptionNote(
            "patient_id_corrected", f"PatientID {asked_as.strip()} when it was found, {now} in the images"
        )


def _senders(provenance: Provenance) -> Iterable[ReceptionNote]:
    for sender in sorted(provenance.learned):
        yield ReceptionNote(
            "sender_learned", f"the PACS sends from {sender.words}, too: it has confirmed the images"
        )


def sources_of(images: Iterable[Image]) -> list[dict[str, object]]:
    """Who sent how many of the images, most first, for the manifest."""
    numbers = Counter(image.sender for image in images)
    ordered = sorted(numbers, key=lambda sender: (-numbers[sender], sender))
    return [{"aeTitle": one.ae_title, "address": one.address, "images": numbers[one]} for one in ordered]
