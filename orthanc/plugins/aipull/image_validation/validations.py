"""Counts of valid and invalid images by sender and minute, in the journal: a window outlives a restart."""

from __future__ import annotations

from collections.abc import Mapping

from pacs_module.domain.image_validation.rates import MINUTE_MS, Minute, Tally

from ..journal.journal import Journal


class ValidationRows:
    """What is asked of the table ``validations``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def add(self, counts: Mapping[str, Tally], now: int) -> None:
        """Add images of this minute (epoch milliseconds)."""
        with self._journal.transaction():
            for ae_title, tally in counts.items():
                self._journal.write(
                    "INSERT INTO validations VALUES (?, ?, ?, ?) ON CONFLICT (ae_title, minute) DO UPDATE "
                    "SET passed = passed + excluded.passed, failed = failed + excluded.failed",
                    ae_title, now // MINUTE_MS, tally.passed, tally.failed,
                )  # fmt: skip

    def since(self, moment: int) -> list[Minute]:
        """All minutes from that of a moment on (epoch milliseconds)."""
        rows = self._journal.rows("SELECT * FROM validations WHERE minute >= ?", moment // MINUTE_MS)
        return [Minute(row["ae_title"], row["minute"], Tally(row["passed"], row["failed"])) for row in rows]
