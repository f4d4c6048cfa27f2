"""
The failure of a pull's job, read from words.

Orthanc 1.10.1 tells a C-MOVE's end only in words (``ErrorDescription`` and ``ErrorDetails`` of the job): the
signs below are Orthanc's and DCMTK's own, as they were seen with each kind of failure.
"""

from __future__ import annotations

import re

from ..json_messages.pull_failure import FailureKind, PullFailure, kind_of_status

_STATUS = re.compile(
    r"(?:DIMSE status (?:0x)?|status(?: code)?\s*[:=]?\s*0x)([0-9a-f]{4})h?\b", re.IGNORECASE
)
_ALONE = re.compile(r"\b0x([0-9a-f]{4})h?\b|\bstatus\s*[:=]\s*([a-f][0-9a-f]{3})h?\b", re.IGNORECASE)
_DECIMAL = re.compile(r"\bstatus(?: code)?\s*[:=]?\s*(\d{5})\b", re.IGNORECASE)
_FIRST_FAILURE, _LAST_STATUS = 0xA700, 0xFFFF
_NAMES = re.compile(r"""\bAET? (?:title )?(?:"[^"]*"|'[^']*')|/modalities/[^/\s]+""", re.IGNORECASE)
"""Names that a site gives: a PACS may be called TIMEOUT or DATABASE."""
_SIGNS: tuple[tuple[FailureKind, tuple[str, ...]], ...] = (
    (FailureKind.NOT_SUPPORTED, ("not supported by the remote scp", "no presentation context",
                                 "no acceptable presentation",
                                 "no valid presentation context", "sopclassnotsupported",
                                 "sop class not supported")),
    (FailureKind.NO_DESTINATION, ("move dest", "movedestination")),
    (FailureKind.NO_SUB_OPERATIONS, ("outofresourcessuboperations", "unable to perform sub")),
    (FailureKind.REFUSED, ("association rejected", "rejected the association", "association request rejected",
                           "rejected permanent", "rejected transient", "reject permanent",
                           "reject transient",
                           "application context name not supported", "protocol version not supported",
                           "local limit exceeded", "local-limit-exceeded",
                           "temporary congestion", "temporary-congestion", "ae title not recogni")),
    (FailureKind.NOT_AUTHORISED, ("not authorized", "not authorised")),
    (FailureKind.UNREACHABLE, ("tcp initialization error", "connection refused", "no route to host",
                               "network is unreachable",
                               "host not found", "name or service not known", "host unreachable",
                               "host is unreachable",
                               "network is down", "unable to resolve", "name resolution", "certificate",
                               "tls handshake", "tls error", "ssl handshake", "ssl error",
                               "handshake failure", "tlsv1 alert", "could not be resolved", "could not resolve",
                               "getaddrinfo", "econnrefused",
                               "ehostunreach")),
    (FailureKind.TIMEOUT, ("no data available", "timeout", "timed out", "time-out", "no answer to",
                           "etimedout", "deadline exceeded", "artim")),
    (FailureKind.ABORTED, ("aborted", "a-abort", "aborting", "failed to receive message",
                           "failed to send message", "connection closed", "connection reset",
                           "association released", "network closed", "broken pipe", "requested release",
                           "reset by peer", "finite state machine", "a-p-abort", "badly formed message",
                           "unexpected response", "unexpected message")),
    (FailureKind.NO_RESOURCES, ("out of resources", "outofresources", "too many associations",
                                "number of associations", "number of matches", "server busy", "too busy")),
    (FailureKind.BAD_IDENTIFIER, ("identifierdoesnotmatch", "does not match sop class")),
    (FailureKind.CANCELLED, ("cancelindication", "due to cancel", "job was canceled")),
    (FailureKind.SOME_FAILED, ("oneormorefailures", "one or more failures")),
    (FailureKind.NOT_THERE, ("does not have study", "has none of the")),
    (FailureKind.POISON, ("killed orthanc twice",)),
    (FailureKind.NOTHING_CAME, ("no image came",)),
    (FailureKind.UNABLE_TO_PROCESS, ("unabletoprocess", "unable to process")),
    (FailureKind.OURSELVES, ("storage area", "sqlite", "database", "no space left", "disk full",
                             "plugin engine",
                             "unknown modality",
                             "inexistent item", "unknown resource", "dicommodalities",
                             "not enough memory", "cannot allocate memory", "cannot write to file",
                             "too many open files", "input/output error", "read-only file system",
                             "disk quota")),
    (FailureKind.ABORTED, ("error in the network protocol",)),
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
    bare = _NAMES.sub(" ", words)
    status = _STATUS.search(bare)
    if status is not None:
        return _of_status(int(status[1], 16), words)
    said = bare.casefold()
    for kind, signs in _SIGNS:
        if any(sign in said for sign in signs):
            return PullFailure(kind, "", words)
    return _by_a_bare_number(bare, words)


def _by_a_bare_number(bare: str, words: str) -> PullFailure:
    """Where no word says it: a status that stands alone, or in decimal digits."""
    found = _ALONE.search(bare)
    if found is not None:
        return _of_status(int(found[1] or found[2], 16), words)
    decimal = _DECIMAL.search(bare)
    number = int(decimal[1]) if decimal is not None else 0
    if _FIRST_FAILURE <= number <= _LAST_STATUS:
        return _of_status(number, words)
    return PullFailure(FailureKind.OTHER, "", words)


def _of_status(status: int, words: str) -> PullFailure:
    return PullFailure(kind_of_status(status), f"{status:04X}", words)
