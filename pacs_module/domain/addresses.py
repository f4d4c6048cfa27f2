"""Several addresses of one service: which is asked first, and which are left alone for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

REST_S = 30.0
"""So long one that failed is asked only after all others."""


@dataclass(frozen=True)
class Addresses:
    """
    In the order of the settings; all of them are equally good.

    ``preferred``: the one that answered last, so that callers stay where they are. ``resting``: until when
    one that failed is asked last, in seconds of a steady clock.
    """

    urls: tuple[str, ...]
    preferred: str = ""
    resting: Mapping[str, float] = field(default_factory=dict)

    def in_turn(self, now: float) -> tuple[str, ...]:
        """All of them, the best one first; ``now`` as the steady clock has it."""
        return tuple(sorted(self.urls, key=lambda url: (self._rests(url, now), url != self.preferred)))

    def _rests(self, url: str, now: float) -> bool:
        return now < self.resting.get(url, now)

    def failed(self, url: str, now: float) -> Addresses:
        """It was not reached, did not answer in time, or said "not now"."""
        preferred = "" if url == self.preferred else self.preferred
        return replace(self, preferred=preferred, resting={**self.resting, url: now + REST_S})

    def answered(self, url: str) -> Addresses:
        """It did what was asked, or refused it as any other would."""
        resting = {other: until for other, until in self.resting.items() if other != url}
        return replace(self, preferred=url, resting=resting)
