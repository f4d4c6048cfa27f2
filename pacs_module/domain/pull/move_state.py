"""
The states of a pull in the plugins' journal.

::

    new -> submitted -> ended     its C-MOVEs run and have ended; nothing more comes
    new -> ended                  nothing is to be moved, or it cannot be
    submitted -> new              the process that moved has died: moved again
    any -> new                    the RAM disk was emptied before the pull was reported
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ..state_table import StateTable


class MoveState(StrEnum):
    """Where the moving of a pull stands."""

    NEW = "new"
    """Journaled, waits for its turn."""
    SUBMITTED = "submitted"
    """Its C-MOVEs run."""
    ENDED = "ended"
    """No more images come from it."""


class MoveEvent(StrEnum):
    """What moves a pull on."""

    SUBMIT = "submit"
    END = "end"
    RESTART = "restart"
    """It begins anew: the process died, or what it brought was lost."""


_S, _E = MoveState, MoveEvent
TABLE: Mapping[MoveState, Mapping[MoveEvent, MoveState]] = {
    _S.NEW: {
        _E.SUBMIT: _S.SUBMITTED,
        _E.END: _S.ENDED,
        _E.RESTART: _S.NEW,
    },
    _S.SUBMITTED: {
        _E.END: _S.ENDED,
        _E.RESTART: _S.NEW,
    },
    _S.ENDED: {
        _E.RESTART: _S.NEW,
    },
}
"""Every pair that is allowed; any other is an error."""

UNDER_WAY = (_S.NEW, _S.SUBMITTED)
"""Images may still come."""
OVER = (_S.ENDED,)
PARTITIONS: Mapping[str, Mapping[str, tuple[MoveState, ...]]] = {
    "may images still come": {"under way": UNDER_WAY, "over": OVER},
}
"""Each state is in exactly one group."""

MOVE_STATES = StateTable(MoveState, TABLE, "a pull that is {state} cannot {event}", __name__, PARTITIONS)
