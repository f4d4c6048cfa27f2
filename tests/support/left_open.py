"""Which sockets are left to the garbage collector."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def sockets_left_open() -> Iterator[list[str]]:
    """At the end of the block the list has what was told of each socket that nobody closed in it."""
    gc.collect()  # what others have left is theirs
    left: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield left
        gc.collect()
        left += [str(one.message) for one in caught if "socket.socket" in str(one.message)]
