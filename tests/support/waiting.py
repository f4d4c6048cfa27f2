"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import Literal, TypeVar

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T | Literal[False] | None],
    seconds: float = 120.0,
    what: str | Callable[[], str] = "",
    every: float = 0.05,
) -> T:
    """
    The first true value of a condition; an assertion error that says what was waited for when it never comes.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, (
            f"waited {seconds:g} s for {what() if callable(what) else what or condition}"
        )
        time.sleep(every)
