"""
Decides whether an object that a backend sent back is accepted, and gives the reason.

Nothing is guessed: an object that does not say itself that it belongs to this study and patient is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..json_messages.uid_syntax import is_uid
from .kinds import ResultKind, kind_of
from .pseudonyms import PseudonymRecord

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")


class Answer(StrEnum):
    """What becomes of an object."""

    TAKEN = "taken"
    KNOWN = "known already"
    """The same bytes came before."""
    REFUSED = "refused"


@dataclass(frozen=True)
class Incoming:
    """
    What an object says of itself, as it came.

    Args:
        tags: Attributes by keyword.
        sha256: Of its bytes.
        size: In bytes.
    """

    tags: Mapping[str, str]
    sha256: str
    size: int = 0

    def text(self, keyword: str) -> str:
        """An attribute, empty when it is absent."""
        return self.tags.get(keyword, "").strip()


@dataclass(frozen=True)
class Expected:
    """
    What it is judged by.

    Args:
        study_uid: Of the study.
        pseudonym_uid: As the backend knows the study; empty: it was not anonymised.
        patient_ids: PatientIDs of the images that were handed over.
        series: SeriesInstanceUIDs that the PACS has.
        images: SOPInstanceUIDs of the images that were handed over, where they are known.
        taken: SHA-256 of the objects that were taken before, by SOPInstanceUID.
        kinds: Kinds that the site lets through.
        identity: Who stands behind the pseudonyms; None: not known.
    """

    study_uid: str
    pseudonym_uid: str = ""
    patient_ids: frozenset[str] = frozenset()
    series: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    taken: Mapping[str, str] = field(default_factory=dict)
    kinds: frozenset[ResultKind] = frozenset(ResultKind)
    identity: PseudonymRecord | None = None

    def under_pseudonyms(self, incoming: Incoming) -> bool:
        """Whether the object names the study by its pseudonym."""
        return bool(self.pseudonym_uid) and incoming.text("StudyInstanceUID") == self.pseudonym_uid

    def original(self, uid: str) -> str:
        """A UID without its pseudonym."""
        return uid if self.identity is None else self.identity.original(uid)


@dataclass(frozen=True)
class Judgement:
    """The answer, and the attribute and value that decided."""

    answer: Answer
    why: str = ""
    attribute: str = ""
    value: str = ""

    @property
    def words(self) -> str:
        """For people."""
        told = f"{self.attribute} {self.value or 'is empty'}".strip() if self.attribute else ""
        return ": ".join(part for part in (self.why, told) if part)


def judge(incoming: Incoming, expected: Expected) -> Judgement:
    """Say whether an object is taken; the first of the checks that speaks decides."""
    for check in _CHECKS:
        said = check(incoming, expected)
        if said is not None:
            return said
    return Judgement(Answer.TAKEN)


def _refused(why: str, attribute: str = "", value: str = "") -> Judgement:
    return Judgement(Answer.REFUSED, why, attribute, value)


def _uids(incoming: Incoming, _: Expected) -> Judgement | None:
    wrong = next((name for name in UIDS if not is_uid(incoming.text(name))), None)
    return None if wrong is None else _refused("no UID", wrong, incoming.text(wrong)[:80])


def _kind(incoming: Incoming, expected: Expected) -> Judgement | None:
    sop_class = incoming.text("SOPClassUID")
    kind = kind_of(sop_class)
    if kind is None:
        return _refused("a result is never of this SOP class", "SOPClassUID", sop_class)
    return (
        None
        if kind in expected.kinds
        else _refused(f"{kind} is not let through here", "SOPClassUID", sop_class)
    )


def _study(incoming: Incoming, expected: Expected) -> Judgement | None:
    told = incoming.text("StudyInstanceUID")
    if expected.under_pseudonyms(incoming):
        unknown = expected.identity is None
        return (
            _refused("nobody knows who stands behind this pseudonym", "StudyInstanceUID", told)
            if unknown
            else None
        )
    return (
        None if told == expected.study_uid else _refused("it is of another study", "StudyInstanceUID", told)
    )


def _patient(incoming: Incoming, expected: Expected) -> Judgement | None:
    told = incoming.text("PatientID")
    if expected.under_pseudonyms(incoming) and expected.identity is not None:
        # A backend may leave the pseudonym out: the study is told by its UID, the patient by our own record.
        fits = told in ("", expected.identity.patient)
    else:
        fits = told in expected.patient_ids
    return None if fits else _refused("it is of another patient, or of none", "PatientID", told)


def _place(incoming: Incoming, expected: Expected) -> Judgement | None:
    series = incoming.text("SeriesInstanceUID")
    if expected.original(series) in expected.series:
        return _refused("it would be put in a series of the PACS", "SeriesInstanceUID", series)
    sop = incoming.text("SOPInstanceUID")
    if sop in expected.images or expected.original(sop) != sop:
        return _refused("an image of the PACS has this UID", "SOPInstanceUID", sop)
    return None


def _new_or_equal(incoming: Incoming, expected: Expected) -> Judgement | None:
    sop = incoming.text("SOPInstanceUID")
    before = expected.taken.get(sop)
    if before is None:
        return None
    if before == incoming.sha256:
        return Judgement(Answer.KNOWN)
    return _refused("another object with this UID was taken before", "SOPInstanceUID", sop)


_CHECKS: tuple[Callable[[Incoming, Expected], Judgement | None], ...] = (
    _uids, _kind, _study, _patient, _place, _new_or_equal,
)  # fmt: skip
