"""
The life cycle of a study as one table.

A state and an event give the next state; a pair that is not in the table is an error that is logged and shown. No state is an
end: growth at the PACS and manual work lead back from every one (M20).
"""

from __future__ import annotations

from enum import StrEnum

from ..errors import InvalidTransition


class State(StrEnum):
    """The contract's five, and more where these cannot tell the truth. ``NONE`` is written as no state at all."""

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
    ORDER_CORRECTED = "wanted after all by its order"
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
    RESULT_COMPLETED = "result completed"
    RESULT_UNSUPPORTED = "result unsupported_series"
    RESULT_FAILED = "result failed"
    DELIVERY_GIVEN_UP = "delivery given up"


_S, _E = State, Event
BY_HAND = (_S.CANCELLED, _S.DONE_BY_HAND)
"""Closed by a person: what was on its way and still arrives is noted and computed no more."""
_MACHINE = (_S.PULL_DATA_END, _S.UNSUPPORTED_SERIES, _S.COMPLETED, _S.PULL_FAILED, _S.DEAD_LETTER)
SETTLED = (*_MACHINE, *BY_HAND)
"""Nothing is to be pulled; growth at the PACS or a person starts a study again from each of them."""
_KNOWN = (_S.META_ONLY, _S.PULL_DATA, *_MACHINE)


def _rows() -> dict[tuple[State, Event], State]:
    table: dict[tuple[State, Event], State] = {
        (_S.NONE, _E.NOT_WANTED): _S.NONE,
        (_S.NONE, _E.WANTED): _S.META_ONLY,
        (_S.UNPULLABLE, _E.WANTED): _S.META_ONLY,
        (_S.NONE, _E.NO_UID): _S.UNPULLABLE,
        (_S.UNPULLABLE, _E.NO_UID): _S.UNPULLABLE,
        (_S.UNPULLABLE, _E.UID_FOUND): _S.NONE,
        (_S.META_ONLY, _E.FILTERED_AT_FIND): _S.UNSUPPORTED_SERIES,
        (_S.UNSUPPORTED_SERIES, _E.FILTERED_AT_FIND): _S.UNSUPPORTED_SERIES,
        (_S.META_ONLY, _E.GREW): _S.META_ONLY,
        (_S.META_ONLY, _E.PULL_ASKED): _S.PULL_DATA,
        (_S.PULL_DATA, _E.PULL_ASKED): _S.PULL_DATA,
        (_S.PULL_DATA, _E.MANUAL): _S.PULL_DATA,
        (_S.PULL_DATA, _E.PULL_AGAIN): _S.META_ONLY,
        (_S.META_ONLY, _E.PULL_AGAIN): _S.META_ONLY,
        (_S.PULL_DATA, _E.PULL_GIVEN_UP): _S.PULL_FAILED,
        (_S.META_ONLY, _E.PULL_GIVEN_UP): _S.PULL_FAILED,
        (_S.PULL_DATA_END, _E.FILES_LOST): _S.META_ONLY,
        (_S.META_ONLY, _E.FILES_LOST): _S.META_ONLY,
        (_S.PULL_DATA, _E.FILES_LOST): _S.PULL_DATA,
        (_S.PULL_DATA_END, _E.DELIVERY_GIVEN_UP): _S.DEAD_LETTER,
        (_S.PULL_DATA_END, _E.RESULT_FAILED): _S.PULL_DATA_END,
    }
    for settled in SETTLED:
        table[settled, _E.GREW] = _S.META_ONLY
    for state in (_S.NONE, _S.META_ONLY, *SETTLED):
        table[state, _E.MANUAL] = _S.META_ONLY
    for state in (_S.NONE, *_KNOWN):
        table[state, _E.RECEIVED] = _S.PULL_DATA_END
        table[state, _E.FILTERED_OUT] = _S.UNSUPPORTED_SERIES
    for state in _KNOWN:
        table[state, _E.NOTHING_NEW_COMPLETED] = _S.COMPLETED
        table[state, _E.NOTHING_NEW_WAITING] = _S.PULL_DATA_END
        table[state, _E.NOTHING_NEW_UNSUPPORTED] = _S.UNSUPPORTED_SERIES
        table[state, _E.NOTHING_NEW_DEAD] = _S.DEAD_LETTER
    for state in _MACHINE:
        table[state, _E.RESULT_COMPLETED] = _S.COMPLETED
        table[state, _E.RESULT_UNSUPPORTED] = _S.UNSUPPORTED_SERIES
    # A study that is being pulled again hears of its earlier hand-over: recorded there, the state stays.
    for state in (_S.META_ONLY, _S.PULL_DATA):
        for event in (_E.RESULT_COMPLETED, _E.RESULT_UNSUPPORTED, _E.RESULT_FAILED, _E.DELIVERY_GIVEN_UP):
            table[state, event] = state
    table.update(_by_hand())
    return table


def _by_hand() -> dict[tuple[State, Event], State]:
    """What a person closes, and what still comes in of a study that a person has closed: recorded, the state stays."""
    rows: dict[tuple[State, Event], State] = {}
    for state in (*_KNOWN, *BY_HAND, _S.UNPULLABLE):
        rows[state, _E.CANCELLED] = _S.CANCELLED
        rows[state, _E.DONE_BY_HAND] = _S.DONE_BY_HAND
    for state in BY_HAND:
        for event in (_E.RECEIVED, _E.FILTERED_OUT, _E.RESULT_COMPLETED, _E.RESULT_UNSUPPORTED, _E.RESULT_FAILED):
            rows[state, event] = state
    rows[_S.UNPULLABLE, _E.MANUAL] = _S.UNPULLABLE
    rows[_S.UNPULLABLE, _E.GREW] = _S.UNPULLABLE
    for state in BY_HAND:
        rows[state, _E.NO_UID] = _S.UNPULLABLE
    rows[_S.UNSUPPORTED_SERIES, _E.ORDER_CORRECTED] = _S.META_ONLY
    return rows


TABLE = _rows()


def next_state(state: State, event: Event) -> State:
    """
    Look the next state up.

    Raises:
        InvalidTransition: When the table has no such row; the study stays as it is.
    """
    try:
        return TABLE[state, event]
    except KeyError:
        raise InvalidTransition(f"a study in state {state.value or 'none'!r} cannot take the event {event.value!r}") from None
