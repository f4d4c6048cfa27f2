"""
When a study whose reception always fails is given up (K8).

A step that fails is repeated: a disk is full for a while, Orthanc starts again. What fails at every try,
while other studies come through, would be tried for ever; its pull would never end, and its images would stay
on the RAM disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

MIN_TRIES = 20
"""Failures in a row before anything is given up; a step is repeated about twice a second."""
OWN_FAULT_AFTER = timedelta(minutes=1)
"""How long an error fails that no waiting helps: what the images make of our code."""
PASSING_AFTER = timedelta(hours=1)
"""How long an error fails that passes as a rule (disk, Orthanc), while other studies come through."""


@dataclass(frozen=True)
class Failing:
    """
    A step of one study that fails.

    Args:
        tries: Failures in a row.
        lasting: Since the first of them.
        others: Studies that came through since then.
        passing: Whether such an error passes by itself as a rule.
    """

    tries: int
    lasting: timedelta
    others: int
    passing: bool


def given_up_because(why: str) -> str:
    """What people are told of it; ``why``: the error in one line."""
    return f"given up, its reception failed at every try: {why}"


def is_given_up(failing: Failing) -> bool:
    """Whether the study is to blame for it, so that trying it again helps nobody."""
    if failing.tries < MIN_TRIES:
        return False
    if failing.passing:
        return failing.others > 0 and failing.lasting >= PASSING_AFTER
    return failing.lasting >= OWN_FAULT_AFTER
