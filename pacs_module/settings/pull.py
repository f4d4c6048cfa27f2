"""``[pull]``: repeats of pulls."""

from __future__ import annotations

from pydantic import Field

from ..domain.circuit import CircuitPolicy
from ..domain.pull.path_circuit import PATH_POLICY
from .section import YEAR_S, Seconds, Section, retry_policy


class PullSettings(Section):
    """Repeats of a pull that failed or came short."""

    attempts: int = Field(default=5, ge=1)
    first_pause_s: Seconds = 30.0
    longest_pause_s: Seconds = 1800.0
    watch_s: Seconds = 15.0
    """How often a running pull is asked after when no report has come."""
    ageing_min: float = Field(default=60.0, gt=0, le=YEAR_S / 60)
    """
    A study that has waited so long goes with the next class: routine with the green channel; never with
    emergencies.
    """
    room_pause_s: Seconds = 5.0
    """How long a pull waits when the RAM disk had no room."""
    path_pause_s: Seconds = 10.0
    """
    While nothing can be pulled from a PACS one study is tried after this, then after twice as long, and so
    on.
    """
    path_longest_pause_s: Seconds = 60.0
    """But never after more than this."""

    @property
    def path(self) -> CircuitPolicy:
        """When the path of the moves from a PACS counts as broken, and how often it is tried then."""
        pauses = retry_policy(1, self.path_pause_s, self.path_longest_pause_s)
        return CircuitPolicy(PATH_POLICY.failures, pauses)
