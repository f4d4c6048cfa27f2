"""
The states of a hand-over's folder in the plugins' journal.

::

    given -> released    pacs_module needs it no more
          -> lost        its files are gone: with the RAM disk, or removed by somebody
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from ..errors import InvalidTransition


class FolderState(StrEnum):
    """Where a hand-over's folder stands."""

    GIVEN = "given"
    """Its files are still needed."""
    RELEASED = "released"
    """Let go of: they are removed."""
    LOST = "lost"
    """They are gone although they were needed."""


class FolderEvent(StrEnum):
    """What moves it on."""

    RELEASE = "release"
    LOSE = "lose"


TRANSITIONS = MappingProxyType(
    {
        (FolderState.GIVEN, FolderEvent.RELEASE): FolderState.RELEASED,
        (FolderState.GIVEN, FolderEvent.LOSE): FolderState.LOST,
    }
)
"""Every pair that is allowed; any other is an error."""

NEEDED = (FolderState.GIVEN,)
OVER = (FolderState.RELEASED, FolderState.LOST)
PARTITION = (NEEDED, OVER)
"""Each state is in exactly one of these groups."""


def next_state(state: FolderState, event: FolderEvent) -> FolderState:
    """
    Give the state after an event.

    Raises:
        InvalidTransition: The table has no such pair.
    """
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise InvalidTransition(f"a hand-over that is {state.value} cannot {event.value}")
    return after
