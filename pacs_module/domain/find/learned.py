"""What the answers of one PACS have taught about it, beside the traits that the site has set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from .traits import PacsTraits

FORGOTTEN = timedelta(days=7)
MANY_DAYS = 3
"""So many days with lists of one length, and none longer: it may be a cap."""


@dataclass
class LearnedTraits:
    """
    Nothing here is needed to be right, only to be quick and to be told. It is kept for the next start
    (:func:`learned_memo`), and learned anew after :data:`FORGOTTEN`: a PACS may have been mended meanwhile.

    ``caps`` and ``ignores`` are traits (:class:`~.traits.PacsTraits`) and hold the configured ones, too.
    ``dropped``: answers that did not match, by level and key. ``refused``: answers that are none, by reason.
    ``longest``: the longest list that was not cut; the PACS can give that many, so that every shorter list is
    whole.
    """

    caps: set[int] = field(default_factory=set)
    ignores: set[str] = field(default_factory=set)
    set_caps: tuple[int, ...] = ()
    dropped: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    longest: int = 0
    says_when_cut: bool = False
    """It ended a list with status A700."""
    longest_days: set[str] = field(default_factory=set)
    """Some days whose lists are as long as the longest."""
    set_ignores: tuple[str, ...] = ()

    @classmethod
    def of(cls, traits: PacsTraits) -> LearnedTraits:
        """To begin with: what the site, or the probe, has said."""
        return cls(set(traits.caps), set(traits.ignores), traits.caps, set_ignores=traits.ignores)

    def take_mismatches(
        self, level: str, received: int, differing: Mapping[str, int], named: Collection[str]
    ) -> tuple[str, ...]:
        """
        Count answers that do not match.

        A key with a value of its own that half of a list does not match is not honoured; one answer of many
        may be a slip of the PACS. Whether ranges and beginnings are honoured shows only when all parts of a
        list are seen (:func:`~.windows.not_honoured`): a short part may hold little else than a slip.

        Args:
            level: Of the query.
            received: Answers in the list.
            differing: How many of them differ, by key.
            named: The keys that name one thing rather than a part of a list.

        Returns:
            Those keys that no answer of this PACS had differed in before.
        """
        new = tuple(key for key in differing if f"{level} {key}" not in self.dropped)
        for key, number in differing.items():
            self.dropped[f"{level} {key}"] += number
            if level == "STUDY" and key in named and 2 * number >= received:
                self.ignores.add(key)
        return new

    def take_length(self, received: int | None, cut: bool, day: str = "") -> None:
        """
        Take the length of a list.

        A list that is longer than what was learned as a cap shows that it is none: studies had come in
        between. What the site has set stays. ``day``: of which it is the whole list; empty: of none.
        """
        self.says_when_cut |= cut
        if received is None or cut:
            return
        if received > self.longest:
            self.longest = received
            self.longest_days.clear()
        if day and received == self.longest and len(self.longest_days) < MANY_DAYS:
            self.longest_days.add(day)
        self.caps = {cap for cap in self.caps if cap >= received or cap in self.set_caps}

    def take_refused(self, reasons: Collection[str]) -> tuple[str, ...]:
        """Count answers that are none; returns the reasons that are new."""
        new = tuple(dict.fromkeys(reason for reason in reasons if reason not in self.refused))
        self.refused.update(reasons)
        return new

    def told(self) -> dict[str, Any]:
        """For people."""
        return {
            "caps": sorted(tuple(self.caps)),
            "ignores": sorted(tuple(self.ignores)),
            "dropped": dict(self.dropped),
            "refused": dict(self.refused),
        }


def learned_memo(learned: LearnedTraits) -> dict[str, object]:
    """
    What is kept of one PACS, as plain JSON, without what the site has set: which keys differed, not how
    often, so that it changes rarely.
    """
    return {
        "caps": sorted(learned.caps - set(learned.set_caps)),
        "ignores": sorted(learned.ignores - set(learned.set_ignores)),
        "dropped": sorted(learned.dropped),
        "refused": sorted(learned.refused),
        "longest": learned.longest,
        "saysWhenCut": learned.says_when_cut,
        "longestDays": sorted(learned.longest_days),
    }


def take_memo(learned: LearnedTraits, memo: Mapping[str, object]) -> None:
    """Add what was kept to what the site has set; what cannot be read is learned again."""
    learned.caps |= {cap for cap in _list(memo, "caps") if type(cap) is int and cap > 0}
    learned.ignores |= set(_texts(memo, "ignores"))
    learned.dropped.update(_texts(memo, "dropped"))
    learned.refused.update(_texts(memo, "refused"))
    learned.longest = max(learned.longest, _whole(memo.get("longest")))
    learned.says_when_cut |= memo.get("saysWhenCut") is True
    learned.longest_days |= set(_texts(memo, "longestDays")[:MANY_DAYS])


def _whole(value: object) -> int:
    return value if type(value) is int else 0


def _list(memo: Mapping[str, object], key: str) -> list[Any]:
    value = memo.get(key)
    return value if isinstance(value, list) else []


def _texts(memo: Mapping[str, object], key: str) -> list[str]:
    return [text for text in _list(memo, key) if isinstance(text, str)]
