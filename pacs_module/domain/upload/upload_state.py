"""
Where a hand-over stands at one destination, as one table.

::

    queued -> uploading -> uploaded -> verified    found to be there, image by image, as it is here
    queued <- uploading, uploaded                  failed, or something lacks there: again after a pause
    dead                                           refused for good, or tried too often; a person may queue
                                                   it again
    dropped                                        given up by a person, or by a limit of the cache where the
                                                   site lets it; or it was verified, and is not there any
                                                   more: its series are sent anew
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ..state_table import StateTable


class UploadState(StrEnum):
    """``state`` of an upload in the study's document."""

    QUEUED = "queued"
    UPLOADING = "uploading"
    """A worker sends its files, or died over it."""
    UPLOADED = "uploaded"
    """Everything was sent; the destination has not been asked yet whether it has it."""
    VERIFIED = "verified"
    """The destination has every image, whole."""
    DEAD = "dead"
    DROPPED = "dropped"


class UploadEvent(StrEnum):
    """What moves it on."""

    BEGIN = "begin"
    SEND = "be sent"
    VERIFY = "be verified"
    FAIL = "fail"
    GIVE_UP = "be given up"
    DROP = "be dropped"
    LOSE = "be lost there"
    """Reconciliation did not find it at the destination; its series are sent anew."""
    RETRY = "be queued again"
    """A person asks for it."""


_S, _E = UploadState, UploadEvent
TABLE: Mapping[UploadState, Mapping[UploadEvent, UploadState]] = {
    _S.QUEUED: {
        _E.BEGIN: _S.UPLOADING,
        _E.FAIL: _S.QUEUED,
        _E.GIVE_UP: _S.DEAD,
        _E.DROP: _S.DROPPED,
        _E.RETRY: _S.QUEUED,
    },
    _S.UPLOADING: {
        _E.BEGIN: _S.UPLOADING,
        _E.SEND: _S.UPLOADED,
        _E.FAIL: _S.QUEUED,
        _E.GIVE_UP: _S.DEAD,
        _E.DROP: _S.DROPPED,
    },
    _S.UPLOADED: {
        _E.VERIFY: _S.VERIFIED,
        _E.FAIL: _S.QUEUED,
        _E.GIVE_UP: _S.DEAD,
        _E.DROP: _S.DROPPED,
    },
    _S.VERIFIED: {_E.LOSE: _S.DROPPED},
    _S.DEAD: {_E.RETRY: _S.QUEUED, _E.DROP: _S.DROPPED},
    _S.DROPPED: {},
}
"""Every pair that is allowed; any other is an error."""

OPEN = (_S.QUEUED, _S.UPLOADING, _S.UPLOADED)
"""Something is still to be done by itself: its files are kept."""
STUCK = (_S.DEAD,)
"""Only a person can move it on."""
ENDED = (_S.VERIFIED, _S.DROPPED)
PARTITIONS: Mapping[str, Mapping[str, tuple[UploadState, ...]]] = {
    "who moves it on": {"the service": OPEN, "a person": STUCK, "nobody": ENDED},
    "does the destination have it": {"yes": (_S.VERIFIED,), "not for certain": (*OPEN, *STUCK, _S.DROPPED)},
}
"""Each state is in exactly one group of each."""

UPLOAD_STATES = StateTable(
    UploadState, TABLE, "an upload that is {state} cannot {event}", __name__, PARTITIONS
)
