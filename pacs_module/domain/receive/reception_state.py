"""
The states of a reception: one arrival of a study in Orthanc, from its first image until it is gone.

::

    open -> concluded -> deleting -> closed    handed over, filtered out or nothing new; deleted when nothing
                                               more comes
            concluded -> retained              the same, where DELETE_AFTER_SEND is off
            concluded -> open                  more images came after all
    open -> short -> closed                    images are missing: they stay until the next pull, which is a
                                               new reception
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from ..state_table import StateTable


class ReceptionState(StrEnum):
    """Where a reception stands."""

    OPEN = "open"
    """Images arrive, or it is not yet known whether all are here."""
    CONCLUDED = "concluded"
    """Handed over, filtered out or nothing new; the images are still here."""
    SHORT = "short"
    """Images are missing; those that came wait for the next pull."""
    RETAINED = "retained"
    """As concluded, and the images stay in Orthanc (DELETE_AFTER_SEND is off)."""
    DELETING = "deleting"
    """Its images are being deleted."""
    CLOSED = "closed"
    """Nothing of it is left, or a newer reception of the study has taken its images over."""


class ReceptionEvent(StrEnum):
    """What moves a reception on."""

    CONCLUDE = "conclude"
    FALL_SHORT = "fall short"
    GROW = "grow"
    """More images came after the conclusion."""
    RETAIN = "retain"
    DELETE = "delete"
    DELETED = "deleted"
    SUPERSEDE = "supersede"
    """A newer reception of the study takes its images over."""
    VANISH = "vanish"
    """Orthanc has no image of it any more."""
    INDEX_LOST = "index lost"
    """Orthanc's index is new: what lay on the RAM disk is gone."""


_S, _E = ReceptionState, ReceptionEvent
TABLE: Mapping[ReceptionState, Mapping[ReceptionEvent, ReceptionState]] = {
    _S.OPEN: {
        _E.CONCLUDE: _S.CONCLUDED,
        _E.FALL_SHORT: _S.SHORT,
        _E.VANISH: _S.CLOSED,
        _E.INDEX_LOST: _S.CLOSED,
    },
    _S.CONCLUDED: {
        _E.GROW: _S.OPEN,
        _E.RETAIN: _S.RETAINED,
        _E.DELETE: _S.DELETING,
        _E.SUPERSEDE: _S.CLOSED,
        _E.VANISH: _S.CLOSED,
        _E.INDEX_LOST: _S.CLOSED,
    },
    _S.SHORT: {
        _E.DELETE: _S.DELETING,
        _E.SUPERSEDE: _S.CLOSED,
        _E.INDEX_LOST: _S.CLOSED,
    },
    _S.RETAINED: {
        _E.SUPERSEDE: _S.CLOSED,
        _E.INDEX_LOST: _S.CLOSED,
    },
    _S.DELETING: {
        _E.DELETED: _S.CLOSED,
        _E.INDEX_LOST: _S.CLOSED,
    },
    _S.CLOSED: {},
}
"""Every pair that is allowed; any other is an error."""

UNDER_WAY = (_S.OPEN, _S.CONCLUDED)
"""The reception worker looks at these in every step."""
SETTLED = (_S.SHORT, _S.RETAINED, _S.DELETING)
"""Images are in Orthanc, and nothing is to be judged until something happens."""
GONE = (_S.CLOSED,)
PARTITIONS: Mapping[str, Mapping[str, tuple[ReceptionState, ...]]] = {
    "where its images are": {"under way": UNDER_WAY, "settled": SETTLED, "gone": GONE},
}
"""Each state is in exactly one group."""

SUPERSEDED = (_S.CONCLUDED, _S.SHORT, _S.RETAINED)
"""A new reception of the study takes the images of these over."""
WAITING_FOR_IMAGES = (_S.OPEN, _S.SHORT)
"""What the PACS still has to send may be worked out of these."""
HERE = (_S.OPEN, _S.CONCLUDED, _S.SHORT, _S.RETAINED)
"""The images are in Orthanc and stay there for now."""
TO_DELETE = (_S.CONCLUDED, _S.DELETING)
"""Their images go soon."""

FORMER_WORDS = MappingProxyType(
    {"spent": _S.CONCLUDED, "parked": _S.SHORT, "kept": _S.RETAINED, "doomed": _S.DELETING}
)
"""What journals of earlier versions say."""

RECEPTION_STATES = StateTable(
    ReceptionState, TABLE, "a reception that is {state} cannot {event}", __name__, PARTITIONS
)
