"""
How often each image came, as Orthanc's events tell: an image that comes again overwrites the copy before it,
and the change log forgets that there was one.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..runtime.clock import now_ms

_MAX_IMAGES = 400_000


class ArrivalCounts:
    """
    Counts images in memory: an event costs the thread that receives nothing, and nothing is journaled.

    What came before this process began is not known; ``covers`` says so.
    """

    def __init__(self) -> None:
        self._since = now_ms()
        self._times: dict[str, tuple[int, ...]] = {}

    def note(self, instance_id: str) -> None:
        """An image was stored; called in Orthanc's thread of events."""
        if len(self._times) >= _MAX_IMAGES:
            self._times, self._since = {}, now_ms()
        self._times[instance_id] = (*self._times.get(instance_id, ()), now_ms())

    def covers(self, moment: int) -> bool:
        """Whether everything that came since a moment (epoch milliseconds) was counted."""
        return self._since <= moment

    def since(self, instance_id: str, moment: int) -> int:
        """How often an image came after a moment (epoch milliseconds)."""
        return sum(time > moment for time in self._times.get(instance_id, ()))

    def forget(self, instance_ids: Iterable[str]) -> None:
        """These images are dealt with."""
        for instance_id in instance_ids:
            self._times.pop(instance_id, None)
