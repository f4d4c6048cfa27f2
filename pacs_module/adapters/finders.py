"""The finder of each PACS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..domain.errors import PermanentError
from ..domain.values import Attributes
from ..ports import PacsFinder


class FinderByPacs:
    """One finder out of several: each PACS is asked by the one that the configuration chose for it."""

    def __init__(self, finders: Mapping[str, PacsFinder]) -> None:
        self._finders = dict(finders)

    def find(self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()) -> list[Attributes]:
        """Ask the PACS's own finder."""
        if pacs not in self._finders:
            raise PermanentError(f"no PACS {pacs!r} is configured, only {', '.join(sorted(self._finders))}")
        return self._finders[pacs].find(pacs, level, query, return_keys)
