"""
The states of a hand-over's folder in the plugins' journal.

::

    given -> released    pacs_module needs it no more
          -> lost        its files are gone: with the RAM disk, or removed by somebody
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ..state_table import StateTable


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


TABLE: Mapping[FolderState, Mapping[FolderEvent, FolderState]] = {
    FolderState.GIVEN: {
        FolderEvent.RELEASE: FolderState.RELEASED,
        FolderEvent.LOSE: FolderState.LOST,
    },
    FolderState.RELEASED: {},
    FolderState.LOST: {},
}
"""Every pair that is allowed; any other is an error."""

NEEDED = (FolderState.GIVEN,)
OVER = (FolderState.RELEASED, FolderState.LOST)
PARTITIONS: Mapping[str, Mapping[str, tuple[FolderState, ...]]] = {
    "are its files needed": {"needed": NEEDED, "over": OVER},
}
"""Each state is in exactly one group."""

FOLDER_STATES = StateTable(
    FolderState, TABLE, "a hand-over that is {state} cannot {event}", __name__, PARTITIONS
)
