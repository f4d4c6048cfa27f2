"""
Whose images a backend got under pseudonyms: written when the copies are made, read when results come back.

The pseudonyms are keyed hashes, which nobody can turn round: without this record a result cannot be given to
its patient, and it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ALWAYS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "AccessionNumber", "StudyID", "ReferringPhysicianName",
)  # fmt: skip
"""Type 2 of the patient and general study modules (PS3.3 C.7.1.1, C.7.2.1): there, or there and empty."""
WHERE_TOLD = (
    "IssuerOfPatientID", "StudyDescription", "PatientAge", "PatientSize", "PatientWeight", "PatientComments",
)  # fmt: skip
"""There where the images had them."""
CHARSET = "SpecificCharacterSet"
READ_OF_IMAGES = (CHARSET, *ALWAYS, *WHERE_TOLD)
MADE_ANONYMOUS = (
    "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
)  # fmt: skip
"""Not true of a result any more that has its patient back."""


@dataclass(frozen=True)
class PseudonymRecord:
    """
    Of one hand-over.

    Args:
        study_uid: StudyInstanceUID, the PACS's own.
        pseudonym_uid: As the backend knows it.
        patient: Pseudonym of PatientID.
        attributes: :data:`READ_OF_IMAGES` by keyword, as the images had them; those that they lacked are
            absent.
        uids: All UIDs of the images by their pseudonyms.
    """

    study_uid: str
    pseudonym_uid: str
    patient: str
    attributes: dict[str, str] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)

    def original(self, uid: str) -> str:
        """The UID of an image's pseudonym; any other UID stays as it is."""
        return self.uids.get(uid, uid)


def joined(newest: PseudonymRecord, others: Mapping[str, str]) -> PseudonymRecord:
    """The newest word on the patient, with the UIDs of the study's other hand-overs."""
    return PseudonymRecord(
        newest.study_uid, newest.pseudonym_uid, newest.patient, newest.attributes, {**others, **newest.uids}
    )
