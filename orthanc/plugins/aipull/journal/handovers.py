"""Hand-overs in the journal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pacs_module.domain.receive.folder_state import FOLDER_STATES, FolderEvent, FolderState
from pacs_module.domain.rules.choice import HandedOver

from .journal import Journal, as_text


@dataclass(frozen=True)
class HandoverRow:
    """
    One hand-over: ``folder`` is its folder's name, ``size`` in bytes, ``reception`` the number of the one it
    came from. ``for_destinations``: of series that the backend does not get.
    """

    handover_id: str
    study_uid: str
    series_uids: tuple[str, ...]
    instances: int
    folder: str
    state: FolderState = FolderState.GIVEN
    size: int = 0
    reception: int = 0
    for_destinations: bool = False


class HandoverRows:
    """What is asked of the table ``handovers``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def add(self, row: HandoverRow, base: str, now: int) -> None:
        """Note a hand-over, in the transaction that also owes the notification."""
        self._journal.write(
            "INSERT INTO handovers (handover_id, study_uid, series_uids, instances, base, folder, "
                "at, state, bytes, reception, for_destinations) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row.handover_id, row.study_uid, as_text(row.series_uids), row.instances, base, row.folder, now,
            row.state, row.size,
            row.reception, int(row.for_destinations),
        )  # fmt: skip

    def keep_notification(self, handover_id: str, message: Mapping[str, Any]) -> None:
        """
        Keep what pacs_module is told of a hand-over as long as it is given: a store that was lost takes it up
        again.
        """
        self._journal.write(
            "INSERT OR REPLACE INTO notifications VALUES (?, ?)", handover_id, as_text(message)
        )

    def notifications(self) -> dict[str, dict[str, Any]]:
        """What was told of the hand-overs that are given."""
        return {
            row["handover_id"]: json.loads(row["body"])
            for row in self._journal.rows("SELECT * FROM notifications")
        }

    def all(self) -> list[HandoverRow]:
        """Every hand-over that is not forgotten, oldest first."""
        return [read_handover(row) for row in self._journal.rows("SELECT * FROM handovers ORDER BY number")]

    def get(self, handover_id: str) -> HandoverRow | None:
        """A hand-over by its id."""
        row = self._journal.row("SELECT * FROM handovers WHERE handover_id = ?", handover_id)
        return read_handover(row) if row else None

    def last(self, study_uid: str, for_destinations: bool = False) -> HandedOver | None:
        """
        What was handed over last for a study and not lost with the RAM disk.

        Args:
            study_uid: StudyInstanceUID.
            for_destinations: Whether series count that only destinations get.
        """
        row = self._journal.row(
            "SELECT * FROM handovers WHERE study_uid = ? AND state != 'lost' AND for_destinations <= ? "
            "ORDER BY number DESC LIMIT 1",
            study_uid,
            int(for_destinations),
        )
        return (
            HandedOver(
                tuple(json.loads(row["series_uids"])), row["instances"], row["reception"], row["handover_id"]
            )
            if row
            else None
        )

    def next_folder(self, base: str) -> str:
        """
        A folder name that no hand-over had before: the series' id in Orthanc, from the second time on with a
        number.
        """
        row = self._journal.row("SELECT COUNT(*) AS count FROM handovers WHERE base = ?", base)
        count = int(row["count"]) if row else 0
        return base if count == 0 else f"{base}-{count + 1}"

    def given(self) -> list[HandoverRow]:
        """Hand-overs whose folders are still needed."""
        return [
            read_handover(row)
            for row in self._journal.rows("SELECT * FROM handovers WHERE state = 'given' ORDER BY number")
        ]

    def move(self, row: HandoverRow, event: FolderEvent) -> None:
        """The folder is released or was lost: what was told of it is kept no longer."""
        after = FOLDER_STATES.next(row.state, event)
        with self._journal.transaction():
            self._journal.write(
                "UPDATE handovers SET state = ? WHERE handover_id = ?", after, row.handover_id
            )
            self._journal.write("DELETE FROM notifications WHERE handover_id = ?", row.handover_id)


def read_handover(row: sqlite3.Row) -> HandoverRow:
    """A hand-over from its row; raises whatever a damaged one makes it raise."""
    uids = tuple(json.loads(row["series_uids"]))
    state = FolderState(row["state"])
    return HandoverRow(
        row["handover_id"], row["study_uid"], uids, row["instances"], row["folder"], state, row["bytes"],
        row["reception"], bool(row["for_destinations"])
    )  # fmt: skip
