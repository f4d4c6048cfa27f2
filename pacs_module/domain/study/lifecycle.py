"""
The life cycle of a study as one table.

A state and an event give the next state; a pair that is not in the table is an error that is logged and
shown. No state is an end: growth at the PACS and manual work lead back from every one (M20).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ..state_table import StateTable


class State(StrEnum):
    """
    The contract's five, and more where these cannot tell the truth. ``NONE`` is written as no state at all.
    """

    NONE = ""
    META_ONLY = "meta_only"
    PULL_DATA = "pull_data"
    PULL_DATA_END = "pull_data_end"
    UNSUPPORTED_SERIES = "unsupported_series"
    COMPLETED = "completed"
    PULL_FAILED = "pull_failed"
    """Every attempt to pull failed; waits for growth or a person."""
    DEAD_LETTER = "dead_letter"
    """Delivery was refused or failed to the limit; the message lies in the dead-letter queue."""
    UNPULLABLE = "unpullable"
    """Wanted, but the PACS gives it no usable StudyInstanceUID."""
    CANCELLED = "cancelled"
    """A person said that it is not to be pulled or computed."""
    DONE_BY_HAND = "done_by_hand"
    """A person said that nothing more is to be done; no backend reported a result."""


class Event(StrEnum):
    """What can happen to a study."""

    WANTED = "wanted"
    NOT_WANTED = "not wanted"
    NO_UID = "no usable UID"
    UID_FOUND = "UID found another way"
    FILTERED_AT_FIND = "all series filtered at find"
    GREW = "grew at the PACS"
    MANUAL = "asked for by a person"
    CANCELLED = "cancelled by a person"
    DONE_BY_HAND = "marked as done by a person"
    OTHER_SERIES_WANTED = "other series wanted by a destination"
    """Beside those to compute: the backend does not get them."""
    ORDER_CORRECTED = "wanted after all by its order"
    PATH_AT_FAULT = "given up for the fault of the path to its PACS"
    PULL_ASKED = "pull asked"
    PULL_AGAIN = "pull to be repeated"
    PULL_GIVEN_UP = "pull given up"
    RECEIVED = "received"
    FILTERED_OUT = "all series filtered after reception"
    NOTHING_NEW_COMPLETED = "nothing new, result is in"
    NOTHING_NEW_WAITING = "nothing new, result is awaited"
    NOTHING_NEW_UNSUPPORTED = "nothing new, still unsupported"
    NOTHING_NEW_DEAD = "nothing new, delivery was given up"
    FILES_LOST = "files lost before the result"
    UPLOAD_FILES_LOST = "files lost before they were uploaded"
    """To a destination; the backend may have had its result before."""
    RESULT_COMPLETED = "result completed"
    RESULT_UNSUPPORTED = "result unsupported_series"
    RESULT_FAILED = "result failed"
    DELIVERY_GIVEN_UP = "delivery given up"


# Groups of states. Each partition has every state in exactly one of its groups, so a new state is one change
# here and the test of the partitions names what else has to say something about it.

NOT_WANTED = (State.NONE,)
UNDER_WAY = (State.META_ONLY, State.PULL_DATA, State.PULL_DATA_END)
"""Something is still to come; the newest hand-over, when there is one, decides what becomes of the study."""
ENDED = (
    State.UNSUPPORTED_SERIES,
    State.COMPLETED,
    State.PULL_FAILED,
    State.DEAD_LETTER,
    State.UNPULLABLE,
    State.CANCELLED,
    State.DONE_BY_HAND,
)
"""Nothing more happens by itself while the PACS has nothing new."""

IN_LINE = (State.META_ONLY, State.PULL_DATA)
"""To be pulled, or being pulled."""
BY_HAND = (State.CANCELLED, State.DONE_BY_HAND)
"""Closed by a person: what was on its way and still arrives is noted and computed no more."""
SETTLED = (
    State.PULL_DATA_END,
    State.UNSUPPORTED_SERIES,
    State.COMPLETED,
    State.PULL_FAILED,
    State.DEAD_LETTER,
    *BY_HAND,
)
"""Nothing is to be pulled; growth at the PACS or a person starts a study again from each of them."""
OUTSIDE = (State.NONE, State.UNPULLABLE)
"""Cannot be pulled, or is not wanted."""

REPAIRABLE = (State.COMPLETED, State.UNSUPPORTED_SERIES, State.PULL_FAILED, State.DEAD_LETTER)
"""Reconciliation may pull it once more."""
LEFT_ALONE = (*NOT_WANTED, *UNDER_WAY, State.UNPULLABLE)
"""Reconciliation has nothing to repair: the study is on its way, or a pull would not help."""

PARTITIONS: Mapping[str, Mapping[str, tuple[State, ...]]] = {
    "what is to come": {"not wanted": NOT_WANTED, "under way": UNDER_WAY, "ended": ENDED},
    "pulling": {"in line": IN_LINE, "settled": SETTLED, "outside": OUTSIDE},
    "repair": {"repairable": REPAIRABLE, "by hand": BY_HAND, "left alone": LEFT_ALONE},
}

# A study that is pulled again hears of its earlier hand-over (a result, a delivery given up): it is recorded
# there, and the state stays. What still comes of a study that a person has closed is recorded as well, and
# the state stays.
TABLE: Mapping[State, Mapping[Event, State]] = {
    State.NONE: {
        Event.WANTED: State.META_ONLY,
        Event.NOT_WANTED: State.NONE,
        Event.NO_UID: State.UNPULLABLE,
        Event.MANUAL: State.META_ONLY,
        Event.RECEIVED: State.PULL_DATA_END,
        Event.FILTERED_OUT: State.UNSUPPORTED_SERIES,
    },
    State.META_ONLY: {
        Event.FILTERED_AT_FIND: State.UNSUPPORTED_SERIES,
        Event.GREW: State.META_ONLY,
        Event.MANUAL: State.META_ONLY,
        Event.CANCELLED: State.CANCELLED,
        Event.DONE_BY_HAND: State.DONE_BY_HAND,
        Event.PULL_ASKED: State.PULL_DATA,
        Event.PULL_AGAIN: State.META_ONLY,
        Event.PULL_GIVEN_UP: State.PULL_FAILED,
        Event.RECEIVED: State.PULL_DATA_END,
        Event.FILTERED_OUT: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_COMPLETED: State.COMPLETED,
        Event.NOTHING_NEW_WAITING: State.PULL_DATA_END,
        Event.NOTHING_NEW_UNSUPPORTED: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_DEAD: State.DEAD_LETTER,
        Event.FILES_LOST: State.META_ONLY,
        Event.UPLOAD_FILES_LOST: State.META_ONLY,
        Event.RESULT_COMPLETED: State.META_ONLY,
        Event.RESULT_UNSUPPORTED: State.META_ONLY,
        Event.RESULT_FAILED: State.META_ONLY,
        Event.DELIVERY_GIVEN_UP: State.META_ONLY,
    },
    State.PULL_DATA: {
        Event.MANUAL: State.PULL_DATA,
        Event.CANCELLED: State.CANCELLED,
        Event.DONE_BY_HAND: State.DONE_BY_HAND,
        Event.PULL_ASKED: State.PULL_DATA,
        Event.PULL_AGAIN: State.META_ONLY,
        Event.PULL_GIVEN_UP: State.PULL_FAILED,
        Event.RECEIVED: State.PULL_DATA_END,
        Event.FILTERED_OUT: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_COMPLETED: State.COMPLETED,
        Event.NOTHING_NEW_WAITING: State.PULL_DATA_END,
        Event.NOTHING_NEW_UNSUPPORTED: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_DEAD: State.DEAD_LETTER,
        Event.FILES_LOST: State.PULL_DATA,
        Event.UPLOAD_FILES_LOST: State.PULL_DATA,
        Event.RESULT_COMPLETED: State.PULL_DATA,
        Event.RESULT_UNSUPPORTED: State.PULL_DATA,
        Event.RESULT_FAILED: State.PULL_DATA,
        Event.DELIVERY_GIVEN_UP: State.PULL_DATA,
    },
    State.PULL_DATA_END: {
        Event.GREW: State.META_ONLY,
        Event.MANUAL: State.META_ONLY,
        Event.OTHER_SERIES_WANTED: State.META_ONLY,
        Event.CANCELLED: State.CANCELLED,
        Event.DONE_BY_HAND: State.DONE_BY_HAND,
        Event.RECEIVED: State.PULL_DATA_END,
        Event.FILTERED_OUT: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_COMPLETED: State.COMPLETED,
        Event.NOTHING_NEW_WAITING: State.PULL_DATA_END,
        Event.NOTHING_NEW_UNSUPPORTED: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_DEAD: State.DEAD_LETTER,
        Event.FILES_LOST: State.META_ONLY,
        Event.UPLOAD_FILES_LOST: State.META_ONLY,
        Event.RESULT_COMPLETED: State.COMPLETED,
        Event.RESULT_UNSUPPORTED: State.UNSUPPORTED_SERIES,
        Event.RESULT_FAILED: State.PULL_DATA_END,
        Event.DELIVERY_GIVEN_UP: State.DEAD_LETTER,
    },
    State.UNSUPPORTED_SERIES: {
        Event.FILTERED_AT_FIND: State.UNSUPPORTED_SERIES,
        Event.GREW: State.META_ONLY,
        Event.MANUAL: State.META_ONLY,
        Event.OTHER_SERIES_WANTED: State.META_ONLY,
        Event.CANCELLED: State.CANCELLED,
        Event.DONE_BY_HAND: State.DONE_BY_HAND,
        Event.ORDER_CORRECTED: State.META_ONLY,
        Event.RECEIVED: State.PULL_DATA_END,
        Event.FILTERED_OUT: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_COMPLETED: State.COMPLETED,
        Event.NOTHING_NEW_WAITING: State.PULL_DATA_END,
        Event.NOTHING_NEW_UNSUPPORTED: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_DEAD: State.DEAD_LETTER,
        Event.UPLOAD_FILES_LOST: State.META_ONLY,
        Event.RESULT_COMPLETED: State.COMPLETED,
        Event.RESULT_UNSUPPORTED: State.UNSUPPORTED_SERIES,
    },
    State.COMPLETED: {
        Event.GREW: State.META_ONLY,
        Event.MANUAL: State.META_ONLY,
        Event.OTHER_SERIES_WANTED: State.META_ONLY,
        Event.CANCELLED: State.CANCELLED,
        Event.DONE_BY_HAND: State.DONE_BY_HAND,
        Event.RECEIVED: State.PULL_DATA_END,
        Event.FILTERED_OUT: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_COMPLETED: State.COMPLETED,
        Event.NOTHING_NEW_WAITING: State.PULL_DATA_END,
        Event.NOTHING_NEW_UNSUPPORTED: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_DEAD: State.DEAD_LETTER,
        Event.UPLOAD_FILES_LOST: State.META_ONLY,
        Event.RESULT_COMPLETED: State.COMPLETED,
        Event.RESULT_UNSUPPORTED: State.UNSUPPORTED_SERIES,
    },
    State.PULL_FAILED: {
        Event.PATH_AT_FAULT: State.META_ONLY,
        Event.GREW: State.META_ONLY,
        Event.MANUAL: State.META_ONLY,
        Event.CANCELLED: State.CANCELLED,
        Event.DONE_BY_HAND: State.DONE_BY_HAND,
        Event.RECEIVED: State.PULL_DATA_END,
        Event.FILTERED_OUT: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_COMPLETED: State.COMPLETED,
        Event.NOTHING_NEW_WAITING: State.PULL_DATA_END,
        Event.NOTHING_NEW_UNSUPPORTED: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_DEAD: State.DEAD_LETTER,
        Event.UPLOAD_FILES_LOST: State.META_ONLY,
        Event.RESULT_COMPLETED: State.COMPLETED,
        Event.RESULT_UNSUPPORTED: State.UNSUPPORTED_SERIES,
    },
    State.DEAD_LETTER: {
        Event.GREW: State.META_ONLY,
        Event.MANUAL: State.META_ONLY,
        Event.OTHER_SERIES_WANTED: State.META_ONLY,
        Event.CANCELLED: State.CANCELLED,
        Event.DONE_BY_HAND: State.DONE_BY_HAND,
        Event.RECEIVED: State.PULL_DATA_END,
        Event.FILTERED_OUT: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_COMPLETED: State.COMPLETED,
        Event.NOTHING_NEW_WAITING: State.PULL_DATA_END,
        Event.NOTHING_NEW_UNSUPPORTED: State.UNSUPPORTED_SERIES,
        Event.NOTHING_NEW_DEAD: State.DEAD_LETTER,
        Event.UPLOAD_FILES_LOST: State.META_ONLY,
        Event.RESULT_COMPLETED: State.COMPLETED,
        Event.RESULT_UNSUPPORTED: State.UNSUPPORTED_SERIES,
    },
    State.UNPULLABLE: {
        Event.WANTED: State.META_ONLY,
        Event.NO_UID: State.UNPULLABLE,
        Event.UID_FOUND: State.NONE,
        Event.GREW: State.UNPULLABLE,
        Event.MANUAL: State.UNPULLABLE,
        Event.CANCELLED: State.CANCELLED,
        Event.DONE_BY_HAND: State.DONE_BY_HAND,
    },
    State.CANCELLED: {
        Event.NO_UID: State.UNPULLABLE,
        Event.GREW: State.META_ONLY,
        Event.MANUAL: State.META_ONLY,
        Event.CANCELLED: State.CANCELLED,
        Event.DONE_BY_HAND: State.DONE_BY_HAND,
        Event.RECEIVED: State.CANCELLED,
        Event.FILTERED_OUT: State.CANCELLED,
        Event.RESULT_COMPLETED: State.CANCELLED,
        Event.RESULT_UNSUPPORTED: State.CANCELLED,
        Event.RESULT_FAILED: State.CANCELLED,
    },
    State.DONE_BY_HAND: {
        Event.NO_UID: State.UNPULLABLE,
        Event.GREW: State.META_ONLY,
        Event.MANUAL: State.META_ONLY,
        Event.CANCELLED: State.CANCELLED,
        Event.DONE_BY_HAND: State.DONE_BY_HAND,
        Event.RECEIVED: State.DONE_BY_HAND,
        Event.FILTERED_OUT: State.DONE_BY_HAND,
        Event.RESULT_COMPLETED: State.DONE_BY_HAND,
        Event.RESULT_UNSUPPORTED: State.DONE_BY_HAND,
        Event.RESULT_FAILED: State.DONE_BY_HAND,
    },
}

STUDY_STATES = StateTable(
    State, TABLE, "a study in state {state!r} cannot take the event {event!r}", __name__, PARTITIONS
)
