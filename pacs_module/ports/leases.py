"""Mutual exclusion between the processes on one store, and what they write down for each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Lease:
    """
    Who does something alone, and what was written down beside it (plain JSON values).

    ``beat`` is counted up whenever the lease is taken, also by who has it already: one that goes on changing
    has a living owner. There is no time in it, so no two clocks are ever compared. The first one is any
    number: a lease that was removed and made anew is not taken for the old one.
    """

    name: str
    owner: str
    beat: int
    memo: Mapping[str, object]


Memo = Mapping[str, object]


class Leases(Protocol):
    """
    What only one of the processes on a store does at a time; in the store, so that a dead owner's work is
    taken over.
    """

    def take(self, name: str, owner: str, over: int | None = None) -> Lease:
        """
        Take a lease that is free, one's own already, or another's that has not been renewed since one looked.

        Args:
            name: What it is for.
            owner: Who takes it; different for each process.
            over: The beat at which it stood when its owner was found dead; None: of a living one it is not
                taken.

        Returns:
            The lease as it stands now: another owner's when it was not to be had.
        """
        ...

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go, with a new memo or the old one; nothing happens when another has it."""
        ...

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo; nothing happens when another has it."""
        ...

    def remove(self, name: str, owner: str) -> None:
        """
        Let a lease go that nobody will ask for again, with its memo; nothing happens when another has it.
        """
        ...

    def memo(self, name: str) -> Memo:
        """Read a memo, whoever holds the lease; empty when there is none."""
        ...

    def edit(self, name: str, change: Callable[[Memo], Memo]) -> Memo:
        """
        Read a memo, change it and write it, so that no other writer's change is lost; no lease is needed or
        taken.

        Args:
            name: What it is for.
            change: Gets the memo as it stands, and gives the new one. It may be called again with a newer
                one, so it must have no other effect.

        Returns:
            The memo as it stands now.
        """
        ...

    def all(self) -> Sequence[Lease]:
        """Those that there are, held or not."""
        ...
