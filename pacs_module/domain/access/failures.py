"""How many wrong keys an address may show: then none of its keys is looked at for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class FailedKeys:
    """
    Counts wrong keys by address, in memory.

    ``most`` wrong ones within ``window_s`` seconds close an address until the oldest of them is that old. A
    key that was right at this address before is let in all the same: whoever guesses beside the plugins on
    one machine must not cut them off. ``clock`` gives monotonic seconds.
    """

    clock: Callable[[], float]
    most: int = 10
    window_s: float = 60.0
    most_addresses: int = 1000
    _wrong: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)
    _right: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def wait_s(self, address: str, digest: str) -> float:
        """How long this key is not looked at, in seconds; 0: it is."""
        if (address, digest) in self._right:
            return 0.0
        times = self._recent(address)
        return max(times[0] + self.window_s - self.clock(), 0.0) if len(times) >= self.most else 0.0

    def wrong(self, address: str) -> bool:
        """Note a wrong key; True when it closed the address."""
        times = [*self._recent(address), self.clock()]
        self._wrong[address] = times[-self.most :]
        self._wrong.move_to_end(address)
        while len(self._wrong) > self.most_addresses:
            self._wrong.popitem(last=False)
        return len(times) == self.most

    def right(self, address: str, digest: str) -> None:
        """Note a right key."""
        self._right[address, digest] = None
        self._right.move_to_end((address, digest))
        while len(self._right) > self.most_addresses:
            self._right.popitem(last=False)

    def forget(self, digest: str) -> None:
        """A key counts no more."""
        for known in [one for one in self._right if one[1] == digest]:
            del self._right[known]

    def _recent(self, address: str) -> list[float]:
        begin = self.clock() - self.window_s
        return [at for at in self._wrong.get(address, ()) if at > begin]
