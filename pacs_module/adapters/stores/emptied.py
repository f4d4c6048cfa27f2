"""
Whether a store that had studies has none any more: documents are never deleted, so somebody has emptied it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.errors import StoreLost


@dataclass
class Emptied:
    """What was seen of a store so far; of one process."""

    had_studies: bool = False
    _gone: bool = False

    def look(self, studies: bool, name: str) -> None:
        """
        Take a look into account.

        Args:
            studies: Whether there is any study now.
            name: Of the store, for people.

        Raises:
            StoreLost: There were some.
        """
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
