"""
Deaths of Orthanc while a study moved, in the journal (K8).

By study and not by pull: one that is asked for anew has a new id, and the object that kills is the same. They
are forgotten when the study's C-MOVEs have run to their end, or when it was set aside.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from .journal import Journal


@dataclass(frozen=True)
class Charged:
    """
    What one study is charged with.

    Args:
        deaths: In which it moved alone.
        seen: In which it moved, alone or not; those from outside are not counted.
    """

    deaths: int = 0
    seen: int = 0


class ChargeRows:
    """What is asked of the table ``charges``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def of(self, study_uid: str) -> Charged:
        """What a study is charged with so far."""
        row = self._journal.row("SELECT * FROM charges WHERE study_uid = ?", study_uid)
        return read_charged(row) if row else Charged()

    def note(self, study_uid: str, charged: Charged, now: int) -> None:
        """Note what a study is charged with, over what was noted before; ``now``: epoch milliseconds."""
        self._journal.write(
            "INSERT INTO charges VALUES (?, ?, ?, ?) ON CONFLICT (study_uid) DO UPDATE SET "
            "deaths = excluded.deaths, seen = excluded.seen, at = excluded.at",
            study_uid, charged.deaths, charged.seen, now,
        )  # fmt: skip

    def forget(self, study_uid: str) -> None:
        """It killed nobody after all, or it was set aside: the next pull of it begins without a charge."""
        self._journal.write("DELETE FROM charges WHERE study_uid = ?", study_uid)


def read_charged(row: sqlite3.Row) -> Charged:
    """A charge from its row."""
    return Charged(row["deaths"], row["seen"])
