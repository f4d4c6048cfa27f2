"""
Why a pull brought nothing, or not all: the C-MOVE's DIMSE status (PS3.4 C.4.2.1.5), or what became of the
association.

Some failures say something of the study, most of them something of the way between the PACS and us: a study
is charged with an attempt for the first kind only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """What went wrong, as the one who has to mend it would name it."""

    NO_DESTINATION = "no_destination"
    """0xA801: the PACS does not know our AE title as a move destination."""
    NO_SUB_OPERATIONS = "no_sub_operations"
    """
    0xA702: the PACS could not send to us; as a rule it cannot reach our port, or we refused its association.
    """
    NO_RESOURCES = "no_resources"
    """0xA7xx, 0x0213: the PACS is overloaded."""
    BAD_IDENTIFIER = "bad_identifier"
    """0xA9xx, 0x0120 and others: the PACS does not take the keys of the request."""
    NOT_SUPPORTED = "not_supported"
    """0x0122, 0x0118, 0x0211, 0xA800: the PACS does not offer this C-MOVE."""
    NOT_AUTHORISED = "not_authorised"
    """0x0124: the PACS offers it to others."""
    UNABLE_TO_PROCESS = "unable_to_process"
    """0xCxxx, 0x0110, a private status, and other failures without a reason."""
    CANCELLED = "cancelled"
    """0xFE00: somebody at the PACS ended it."""
    SOME_FAILED = "some_failed"
    """0xBxxx: some of the images could not be sent."""
    REFUSED = "refused"
    """The PACS is there and refused the association, or the presentation context."""
    UNREACHABLE = "unreachable"
    """Nobody answers at the address of the PACS."""
    ABORTED = "aborted"
    """The association ended before the last response, or with one that says "pending"."""
    TIMEOUT = "timeout"
    """The PACS was silent for longer than the DICOM time-out."""
    NOT_THERE = "not_there"
    """The PACS does not have what was asked for."""
    NOTHING_CAME = "nothing_came"
    """The C-MOVE ended with success, and no image came."""
    OURSELVES = "ourselves"
    """Orthanc or the plugins could not do their part: disk, database, their own REST API."""
    POISON = "poison"
    """Orthanc died twice while it received this study."""
    NOT_TAKEN_IN = "not_taken_in"
    """Its images came, and their reception failed at every try while others came through."""
    OTHER = "other"
    """None of these; ``words`` say more."""

    @classmethod
    def _missing_(cls, value: object) -> FailureKind | None:
        """Of a newer version on the other side: its words still help."""
        return cls.OTHER if isinstance(value, str) else None


_OF_STATUS = {
    0x0105: FailureKind.BAD_IDENTIFIER,
    0x0106: FailureKind.BAD_IDENTIFIER,
    0x0110: FailureKind.UNABLE_TO_PROCESS,
    0x0115: FailureKind.BAD_IDENTIFIER,
    0x0118: FailureKind.NOT_SUPPORTED,
    0x0120: FailureKind.BAD_IDENTIFIER,
    0x0121: FailureKind.BAD_IDENTIFIER,
    0x0122: FailureKind.NOT_SUPPORTED,
    0x0124: FailureKind.NOT_AUTHORISED,
    0x0211: FailureKind.NOT_SUPPORTED,
    0x0213: FailureKind.NO_RESOURCES,
    0xA702: FailureKind.NO_SUB_OPERATIONS,
    0xA800: FailureKind.NOT_SUPPORTED,
    0xA801: FailureKind.NO_DESTINATION,
}
"""By PS3.7 annex C, and PS3.4 C.4.2.1.5 for C-MOVE."""
_OF_RANGE = (
    (0x0001, 0x0FFF, FailureKind.UNABLE_TO_PROCESS),
    (0xA700, 0xA7FF, FailureKind.NO_RESOURCES),
    (0xA900, 0xA9FF, FailureKind.BAD_IDENTIFIER),
    (0xB000, 0xBFFF, FailureKind.SOME_FAILED),
    (0xFE00, 0xFEFF, FailureKind.CANCELLED),
    (0xFF00, 0xFFFF, FailureKind.ABORTED),
)
"""
First and last status of each class; a "pending" that is the last response says that the PACS broke off. Any
other status is the PACS's own: it could not do what it was asked.
"""


@dataclass(frozen=True)
class PullFailure:
    """
    What the end of a pull says of its cause.

    Args:
        kind: One of the kinds.
        status: The C-MOVE's DIMSE status, four hexadecimal digits in capitals (``A801``), empty where there
            was no response.
        words: For people, as the PACS, the DICOM toolkit or Orthanc put it.
        completed: Sub-operations that the last response counts as done, None where it does not say.
        failed: Sub-operations that it counts as failed, None where it does not say.
    """

    kind: FailureKind
    status: str = ""
    words: str = ""
    completed: int | None = None
    failed: int | None = None


def kind_of_status(status: int) -> FailureKind:
    """Name the kind of a DIMSE status that is a failure or a warning; a private one by its class."""
    known = _OF_STATUS.get(status)
    if known is not None:
        return known
    ranges = (kind for first, last, kind in _OF_RANGE if first <= status <= last)
    return next(ranges, FailureKind.UNABLE_TO_PROCESS if status else FailureKind.OTHER)
