"""
What a pull that failed says of the way to the PACS and back, and what of its study (K4).

A study is charged with an attempt only for what is its own fault. Some failures can only be the path's (the
PACS does not know our AE title), some only the study's (the PACS does not have it). The others are judged by
their company: see :mod:`pacs_module.domain.pull.move_circuit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..json_messages.messages import PullReport
from ..json_messages.pull_failure import FailureKind, PullFailure
from .failure_words import read_failure


class Blames(StrEnum):
    """Whose fault a failure is."""

    PATH = "path"
    """Every pull from this PACS would fail in the same way."""
    STUDY = "study"
    """The path has worked: images came, or the PACS said that it does not have the study."""
    EITHER = "either"
    """The path's until another study comes through."""
    UNTOLD = "untold"
    """Nobody said why: the study's until others fail as well."""


@dataclass(frozen=True)
class Us:
    """The receiving Orthanc as the PACS has to know it; ``port`` 0 and ``host`` empty: not known here."""

    ae_title: str = "AIPULL"
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        """As people need it for the PACS's configuration."""
        if not self.port:
            return self.ae_title
        return f"{self.ae_title} at {self.host or 'this host'}:{self.port}"


@dataclass(frozen=True)
class Blame:
    """
    Whose fault a failure is, and what a person can do.

    ``cause`` is short and stable (a DIMSE status, or a kind of failure); ``words`` say what is wrong and
    ``to_do`` what to do. ``at_once``: one such failure is proof, no second one is waited for.
    """

    blames: Blames
    cause: str
    words: str
    to_do: str = ""
    at_once: bool = False

    @property
    def told(self) -> str:
        """In one line."""
        return f"{self.words}: {self.to_do}" if self.to_do else self.words


_REACH_US = (
    "check that {pacs} reaches that address and port (its entry for us, firewall), and that Orthanc "
    "accepts its images"
)
_WAIT = "look at its load; tried again by itself"
_ASK_PACS = "ask who runs {pacs}; its own log names the reason"
_AE_TITLES = (
    "check our calling AE title {aet} there and the AE title of {pacs} in Orthanc's DicomModalities, "
    "and how many associations {pacs} allows"
)
_ALLOW = "have C-MOVE allowed there for AE title {aet}"

_P, _E, _K = Blames.PATH, Blames.EITHER, FailureKind


@dataclass(frozen=True)
class _Row:
    """``at_once``: one such failure is proof."""

    blames: Blames
    words: str
    to_do: str = ""
    at_once: bool = False


_NO_MOVE = _Row(_P, "{pacs} does not offer C-MOVE", _ALLOW, at_once=True)
_NOT_SENT = _Row(_E, "{pacs} could not send the images to {us}", _REACH_US)
_TABLE: dict[FailureKind, _Row] = {
    _K.NO_DESTINATION: _Row(_P, "{pacs} does not know our AE title {us}", "register it as a move destination",
                            at_once=True),
    _K.NO_SUB_OPERATIONS: _NOT_SENT,
    _K.SOME_FAILED: _NOT_SENT,
    _K.NO_RESOURCES: _Row(_E, "{pacs} is out of resources", _WAIT),
    _K.BAD_IDENTIFIER: _Row(_E, "{pacs} does not understand what is asked for", _ASK_PACS),
    _K.NOT_SUPPORTED: _NO_MOVE,
    _K.NOT_AUTHORISED: _Row(_P, "{pacs} does not allow us to pull", _ALLOW, at_once=True),
    _K.UNABLE_TO_PROCESS: _Row(_E, "{pacs} could not do the C-MOVE", _ASK_PACS),
    _K.CANCELLED: _Row(_E, "the C-MOVE was cancelled at {pacs}", _ASK_PACS),
    _K.REFUSED: _Row(_P, "{pacs} rejects our association for a C-MOVE", _AE_TITLES),
    _K.UNREACHABLE: _Row(_P, "{pacs} cannot be reached for a C-MOVE",
                         "check the network, and its address and port"),
    _K.ABORTED: _Row(_E, "{pacs} broke the C-MOVE off", _ASK_PACS),
    _K.TIMEOUT: _Row(_E, "{pacs} did not answer the C-MOVE in time", _WAIT),
    _K.NOT_THERE: _Row(Blames.STUDY, "{pacs} does not have the study"),
    _K.NOTHING_CAME: _Row(_E, "{pacs} reported success, and no image came to {us}", _REACH_US),
    _K.OURSELVES: _Row(_P, "the receiving Orthanc failed", "see its log"),
    _K.POISON: _Row(
        Blames.STUDY, "the receiving Orthanc died each time that {pacs} sent it: set aside",
        "have its objects looked at; a person may pull it again",
    ),
    _K.NOT_TAKEN_IN: _Row(
        Blames.STUDY, "the receiving Orthanc could not take in what {pacs} sent",
        "see reception_given_up in its log, and have the objects looked at",
    ),
    _K.OTHER: _Row(Blames.UNTOLD, "the pull failed"),
}  # fmt: skip
"""By kind: whose fault it is, what is wrong, and what to do (PS3.4 C.4.2.1.5, PS3.7 annex C)."""
_OF_THE_IMAGES = (_K.POISON, _K.OURSELVES, _K.NOT_TAKEN_IN)
"""Kinds that stay what they are when images came all the same."""


def judge_blame(
    failure: PullFailure, pacs: str, us: Us, new_images: int = 0, disk_full: bool = False
) -> Blame:
    """
    Say whose fault the failure of a pull is.

    Args:
        failure: As the plugins reported it.
        pacs: Name of the PACS.
        us: The move destination.
        new_images: Images that this pull brought all the same: then the path works, unless the failure proves
            the contrary.
        disk_full: Whether the RAM disk is full: then Orthanc refuses what the PACS sends.
    """
    row = _TABLE[failure.kind]
    cause = failure.status or failure.kind.value
    told = {"pacs": pacs, "us": str(us), "aet": us.ae_title}
    words = row.words.format(**told)
    if failure.status and row.blames is not _P:
        words = f"{words} (DIMSE status {failure.status})"
    if new_images > 0 and not row.at_once and failure.kind not in _OF_THE_IMAGES:
        return Blame(Blames.STUDY, cause, f"{words}; {new_images} images came")
    if disk_full and row.blames is _E:
        words = f"the RAM disk is full: {us} refuses images"
        return Blame(_P, cause, words, "see what fills it; results may be late")
    return Blame(row.blames, cause, words, row.to_do.format(**told), row.at_once)


def failure_of(report: PullReport) -> PullFailure | None:
    """
    Why a pull failed; None when its job did not.

    Plugins of an earlier version say it only in the message of a failed pull.
    """
    if report.failure is not None or report.outcome not in ("failed", "short"):
        return report.failure
    read = read_failure(report.message)
    return None if report.outcome == "short" and read.kind is FailureKind.OTHER else read
