"""
Whether a store that had studies has none any more, and nobody removed them by way of the store: somebody has
emptied it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.errors import StoreLost


@dataclass
class Emptied:
    """What was seen of a store so far; of one process."""

    had_studies: bool = False
    _gone: bool = False
    _removals: int = 0
    """Removals by way of the store, of any process, when it was last seen with studies."""

    def look(self, studies: bool, name: str, removals: int = 0) -> None:
        """
        Take a look into account.

        Args:
            studies: Whether there is any study now.
            name: Of the store, for people.
            removals: How often studies were removed by way of the store; it is counted in the store.

        Raises:
            StoreLost: There were some.
        """
        if not studies and removals > self._removals:
            self.had_studies = False  # retention took the last of them
        self._removals = removals
        self._gone = self.had_studies and not studies
        self.had_studies |= studies
        if self._gone:
            raise StoreLost(f"the store {name} had studies and has none any more: somebody has emptied it")

    def accept(self) -> str:
        """Go on with the empty store; in words what that means, empty when it is not empty."""
        if not self._gone:
            return ""
        self.had_studies = self._gone = False
        return "begun anew: its studies are lost"
