"""
Where the message of a hand-over stands, as one table.

::

    held -> owed -> queued -> accepted -> done    copied without names first, published, taken by the backend,
                                                  its result is in
    owed <- queued, accepted                      the delivery failed, or no result came: published again
                                                  after a pause
    dead, lost, cancelled                         settled without a result; one that comes late still counts
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ..state_table import StateTable


class MessageState(StrEnum):
    """``messageState`` of a hand-over in the study's document."""

    HELD = "held"
    """To be copied without names before anything goes out."""
    OWED = "owed"
    """To be published to RabbitMQ."""
    QUEUED = "queued"
    """RabbitMQ has confirmed it; no worker has written anything down yet."""
    ACCEPTED = "accepted"
    """The backend said 2xx; its result is awaited."""
    DONE = "done"
    """The backend's result is in."""
    DEAD = "dead"
    """Delivery was given up; the message lies among the dead letters."""
    LOST = "lost"
    """Its files went with the RAM disk before a result; the study is pulled again."""
    CANCELLED = "cancelled"
    """A person closed the study, or the images that were pushed are another patient's."""


class MessageEvent(StrEnum):
    """What moves it on."""

    HOLD = "hold back"
    OWE = "owe"
    """The copy without names is there, or it is to be published again."""
    PUBLISH = "publish"
    ACCEPT = "be accepted"
    RESULT = "take a result"
    GIVE_UP = "be given up"
    LOSE = "lose its files"
    CANCEL = "be cancelled"


_S, _E = MessageState, MessageEvent
TABLE: Mapping[MessageState, Mapping[MessageEvent, MessageState]] = {
    _S.HELD: {
        _E.OWE: _S.OWED,
        _E.RESULT: _S.DONE,
        _E.GIVE_UP: _S.DEAD,
        _E.CANCEL: _S.CANCELLED,
    },
    _S.OWED: {
        _E.HOLD: _S.HELD,
        _E.OWE: _S.OWED,
        _E.PUBLISH: _S.QUEUED,
        _E.ACCEPT: _S.ACCEPTED,
        _E.RESULT: _S.DONE,
        _E.GIVE_UP: _S.DEAD,
        _E.LOSE: _S.LOST,
        _E.CANCEL: _S.CANCELLED,
    },
    _S.QUEUED: {
        _E.OWE: _S.OWED,
        _E.ACCEPT: _S.ACCEPTED,
        _E.RESULT: _S.DONE,
        _E.GIVE_UP: _S.DEAD,
        _E.LOSE: _S.LOST,
        _E.CANCEL: _S.CANCELLED,
    },
    _S.ACCEPTED: {
        _E.OWE: _S.OWED,
        _E.ACCEPT: _S.ACCEPTED,
        _E.RESULT: _S.DONE,
        _E.GIVE_UP: _S.DEAD,
        _E.LOSE: _S.LOST,
        _E.CANCEL: _S.CANCELLED,
    },
    _S.DONE: {},
    _S.DEAD: {_E.RESULT: _S.DONE},
    _S.LOST: {_E.RESULT: _S.DONE},
    _S.CANCELLED: {_E.RESULT: _S.DONE},
}
"""Every pair that is allowed; any other is an error."""

OPEN = (_S.HELD, _S.OWED, _S.QUEUED, _S.ACCEPTED)
"""A result is still to come."""
SETTLED = (_S.DONE, _S.DEAD, _S.LOST, _S.CANCELLED)
"""Nothing more is to come, and the folder goes after its retention."""

NOT_SENT = (_S.HELD, _S.OWED)
"""RabbitMQ does not have it: what it says can still be changed."""
AT_THE_BACKEND = (_S.QUEUED, _S.ACCEPTED)
"""The backend may have it: it may answer before we have written down that it accepted."""
PUBLISHABLE = (_S.OWED, _S.QUEUED, _S.ACCEPTED)
"""Its message may be in RabbitMQ, or is to go there."""
GIVEN_UP = (_S.DEAD, _S.LOST)
"""What it was handed over for has not been done: the same images may be handed over again."""

PARTITIONS: Mapping[str, Mapping[str, tuple[MessageState, ...]]] = {
    "is a result to come": {"open": OPEN, "settled": SETTLED},
    "where the message is": {"not sent": NOT_SENT, "at the backend": AT_THE_BACKEND, "settled": SETTLED},
    "the site's isloading": {
        "0": (_S.HELD, _S.OWED, _S.QUEUED),
        "1": (_S.ACCEPTED,),
        "2": (_S.DONE,),
        "3": (_S.DEAD, _S.LOST, _S.CANCELLED),
    },
}
"""Each state is in exactly one group of each."""

IS_LOADING: Mapping[MessageState, int] = {
    state: int(number) for number, states in PARTITIONS["the site's isloading"].items() for state in states
}
"""The site's number for where a hand-over stands: 0 waiting, 1 at the backend, 2 result in, 3 given up."""

MESSAGE_STATES = StateTable(
    MessageState, TABLE, "a hand-over that is {state} cannot {event}", __name__, PARTITIONS
)
