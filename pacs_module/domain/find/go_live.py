"""
Going live at a site: studies from before that moment are pulled at a limited rate, so that the PACS is not
flooded (M19b).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..study.study import Study

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Backlog:
    """
    ``before``: the moment of going live as hospital time, YYYY-MM-DD HHMMSS, empty: none; ``per_hour``: pulls
    an hour.
    """

    before: str = ""
    per_hour: int = 60

    def has(self, study: Study) -> bool:
        """Whether a study is from before going live, and nobody has asked for it."""
        taken = f"{study.study_date} {study.study_time or '000000'}"
        return bool(self.before) and study.attempts == 0 and study.priority == 0 and taken < self.before

    def next_slot(self, last: int | None, now: int) -> int:
        """
        When the next study of the backlog may be pulled.

        Args:
            last: When the last one that waits will be pulled, epoch milliseconds; None when none waits.
            now: Epoch milliseconds.
        """
        return now if last is None else max(now, last + HOUR_MS // self.per_hour)


NO_BACKLOG = Backlog()
