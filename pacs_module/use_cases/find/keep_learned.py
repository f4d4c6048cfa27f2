"""What the answers of each PACS have taught, kept beside the leases for the next start (K2, K12)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...domain.errors import PipelineError
from ...domain.find.learned import FORGOTTEN, LearnedTraits, learned_memo, take_memo
from ...domain.instants import milliseconds
from ...ports import Clock, Leases

_SINCE = "learnedSince"


@dataclass
class KeepLearned:
    """Written when it changes; a store that is away costs only what is learned again."""

    leases: Leases
    clock: Clock
    _kept: dict[str, dict[str, object]] = field(default_factory=dict)
    _since: dict[str, int] = field(default_factory=dict)

    def recall(self, pacs: str, learned: LearnedTraits) -> None:
        """Add what an earlier process has learned, unless that is too old to be believed."""
        now = self.clock.now()
        self._since[pacs] = now
        try:
            memo = self.leases.memo(_name(pacs))
        except PipelineError:
            return
        since = memo.get(_SINCE)
        if type(since) is int and 0 <= now - since < milliseconds(FORGOTTEN):
            self._since[pacs] = since
            take_memo(learned, memo)
            self._kept[pacs] = learned_memo(learned)

    def keep(self, pacs: str, learned: LearnedTraits) -> None:
        """Write what is known now, where it is not written yet."""
        memo = learned_memo(learned)
        if memo == self._kept.get(pacs):
            return
        written: dict[str, object] = {**memo, _SINCE: self._since.setdefault(pacs, self.clock.now())}
        try:
            self.leases.edit(_name(pacs), lambda _: written)
        except PipelineError:
            return  # with the next query
        self._kept[pacs] = memo


def _name(pacs: str) -> str:
    return f"learned {pacs}"
