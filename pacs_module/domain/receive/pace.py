"""
How soon it is worth looking again at the studies that arrive.

Each look takes time from the thread that receives, and an image that closes a study should not wait for one.
Both hold when a look comes about when the missing images can be here: rare while many are missing, close
together at the end.
"""

from __future__ import annotations

LONGEST_S = 0.3
SHORTEST_S = 0.01
"""A thread that is always busy takes half of Orthanc's speed of receiving."""
USUAL_S = 0.1
"""Of a study of which nobody knows how many images it lacks."""
_FASTEST = 1000.0
"""Images a second; no PACS was seen that sends more."""
_PATIENCE = 0.25
"""
A study that stands still is looked at as rarely as it has been still, so that it costs the others nothing.
"""


def pace(lacking: int, quiet_s: float) -> float:
    """
    Seconds until the next look at a study.

    Args:
        lacking: Images that it waits for at the least; 0: not known.
        quiet_s: Seconds since its last image.
    """
    if lacking <= 0:
        return USUAL_S
    return min(max(lacking / _FASTEST, quiet_s * _PATIENCE, SHORTEST_S), LONGEST_S)
