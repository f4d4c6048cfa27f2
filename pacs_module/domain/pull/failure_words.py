"""
The failure of a pull's job, read from words.

Orthanc 1.10.1 tells a C-MOVE's end only in words (``ErrorDescription`` and ``ErrorDetails`` of the job): the
signs below are Orthanc's and DCMTK's own, as they were seen with each kind of failure.
"""

from __future__ import annotations

import re

from ..wire.pull_failure import FailureKind, PullFailure, kind_of_status

_STATUS = re.compile(r"(?:DIMSE status (?:0x)?|status:? 0x)([0-9a-f]{4})h?\b", re.IGNORECASE)
_SIGNS: tuple[tuple[FailureKind, tuple[str, ...]], ...] = (
    (FailureKind.NOT_SUPPORTED, ("not supported by the remote scp", "no presentation context",
                                 "no acceptable presentation",
                                 "no valid presentation context")),
    (FailureKind.NO_DESTINATION, ("move destination unknown", "unknown move destination")),
    (FailureKind.REFUSED, ("association rejected", "rejected the association", "association request rejected",
                           "rejected permanent", "rejected transient", "local limit exceeded",
                           "temporary congestion", "ae title not recognized")),
    (FailureKind.UNREACHABLE, ("tcp initialization error", "connection refused", "no route to host",
                               "network is unreachable",
                               "host not found", "name or service not known", "host unreachable",
                               "host is unreachable",
                               "network is down", "unable to resolve", "name resolution", "certificate",
                               "tls handshake")),
    (FailureKind.TIMEOUT, ("no data available", "timeout", "timed out", "time-out", "no answer to")),
    (FailureKind.ABORTED, ("aborted", "connection closed", "connection reset", "association released",
                           "network closed",
                           "broken pipe", "requested release")),
    (FailureKind.NO_RESOURCES, ("out of resources",)),
    (FailureKind.NOT_THERE, ("does not have study", "has none of the")),
    (FailureKind.POISON, ("killed orthanc twice",)),
    (FailureKind.NOTHING_CAME, ("no image came",)),
    (FailureKind.OURSELVES, ("storage area", "sqlite", "database", "no space left", "plugin engine",
                             "unknown modality",
                             "inexistent item", "unknown resource", "dicommodalities")),
)  # fmt: skip
"""What stands in the words, in small letters, of each kind; the first that fits counts."""


def read_failure(words: str) -> PullFailure:
    """
    Read what Orthanc or the plugins say of a pull that failed.

    Args:
        words: ``ErrorDescription`` and ``ErrorDetails`` of a job, the message of a pull report, or a line of
        a study's history.

    Returns:
        The failure, with the words; OTHER where they are none of the known ones.
    """
    status = _STATUS.search(words)
    if status is not None:
        digits = status.group(1).upper()
        return PullFailure(kind_of_status(int(digits, 16)), digits, words)
    said = words.casefold()
    for kind, signs in _SIGNS:
        if any(sign in said for sign in signs):
            return PullFailure(kind, "", words)
    return PullFailure(FailureKind.OTHER, "", words)
