"""The site's file with its rules, and the history of what was applied."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from ..domain.rehearse.rule_history import RulesEntry
from ..domain.rules.switches import Switches


class SiteRules(Protocol):
    """What of the rules lies on disk."""

    def where(self) -> str:
        """The file, as people name it; empty: the site has none."""
        ...

    def read(self) -> str:
        """
        The text of the site's file.

        Raises:
            ConfigurationError: There is none, or it cannot be read.
        """
        ...

    def switches_of(self, text: str) -> Switches:
        """
        The switches as they would be with this text in the site's file.

        Raises:
            ConfigurationError: It cannot be used: an unknown name, a bad value, no Python.
        """
        ...

    def write(self, text: str) -> None:
        """
        Write the site's file; it is on disk when this returns.

        Raises:
            ConfigurationError: pacs_module may not write there.
        """
        ...

    def history(self) -> Sequence[RulesEntry]:
        """What was applied, oldest first."""
        ...

    def remember(self, entry: RulesEntry) -> None:
        """Write an entry down; it is on disk when this returns."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Nobody else applies rules meanwhile, on this machine."""
        ...
