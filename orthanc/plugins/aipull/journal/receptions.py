"""Receptions and their judged series in the journal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.json_messages.documents import from_document, to_document
from pacs_module.domain.receive.judged import Judged
from pacs_module.domain.receive.reception_state import (
    FORMER_WORDS,
    RECEPTION_STATES,
    SUPERSEDED,
    ReceptionEvent,
    ReceptionState,
)
from pacs_module.domain.rules.verdict import Verdict

from .journal import Journal, as_text


@dataclass(frozen=True)
class Reception:
    """
    One arrival of a study.

    ``counted``: instances by series when it was concluded; ``deleting``: the ids of the images that are to be
    deleted.
    """

    number: int
    study_uid: str
    orthanc_ids: tuple[str, ...]
    is_push: bool
    opened_at: int
    state: ReceptionState
    counted: dict[str, int]
    deleting: tuple[str, ...]


class ReceptionRows:
    """What is asked of the tables ``receptions`` and ``series``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._translate_former_words()

    def open(self, study_uid: str, orthanc_ids: Iterable[str], is_push: bool, now: int) -> Reception:
        """Begin a reception; what is here of the study from before goes over into it."""
        with self._journal.transaction():
            for before in self._all_of(study_uid, SUPERSEDED):
                self.move(before, ReceptionEvent.SUPERSEDE, now)
            number = self._journal.write(
                (
                    "INSERT INTO receptions (study_uid, orthanc_ids, is_push, opened_at, changed_at) "
                    "VALUES (?, ?, ?, ?, ?)"
                ),
                study_uid, as_text(sorted(orthanc_ids)), int(is_push), now, now,
            )  # fmt: skip
        return self.get(number)

    def get(self, number: int) -> Reception:
        """A reception by its number."""
        return read_reception(self._journal.rows("SELECT * FROM receptions WHERE number = ?", number)[0])

    def in_state(self, *states: ReceptionState) -> list[Reception]:
        """All receptions in one of these states, oldest first."""
        query = "SELECT * FROM receptions WHERE state IN (SELECT value FROM json_each(?)) ORDER BY number"
        return [read_reception(row) for row in self._journal.rows(query, as_text(states))]

    def of_study(self, study_uid: str, *states: ReceptionState) -> Reception | None:
        """The newest reception of a study in one of these states."""
        query = (
            "SELECT * FROM receptions WHERE study_uid = ? AND state IN (SELECT value FROM json_each(?)) "
            "ORDER BY number DESC LIMIT 1"
        )
        row = self._journal.row(query, study_uid, as_text(states))
        return read_reception(row) if row else None

    def others_than(self, study_uid: str, *states: ReceptionState) -> bool:
        """Whether any other study has a reception in one of these states."""
        query = (
            "SELECT 1 FROM receptions WHERE study_uid != ? AND state IN (SELECT value FROM "
            "json_each(?)) LIMIT 1"
        )
        return self._journal.row(query, study_uid, as_text(states)) is not None

    def add_orthanc_id(self, reception: Reception, orthanc_id: str) -> Reception:
        """The study is filed in Orthanc under one more PatientID."""
        ids = as_text(sorted({*reception.orthanc_ids, orthanc_id}))
        self._journal.write("UPDATE receptions SET orthanc_ids = ? WHERE number = ?", ids, reception.number)
        return self.get(reception.number)

    def move(
        self, reception: Reception, event: ReceptionEvent, now: int, counted: Mapping[str, int] | None = None
    ) -> Reception:
        """
        Move a reception on; with ``counted`` when it is concluded.

        Raises:
            InvalidTransition: It is in no state in which that can happen.
        """
        state = RECEPTION_STATES.next(self.get(reception.number).state, event)
        remembered = reception.counted if counted is None else dict(counted)
        self._journal.write(
            "UPDATE receptions SET state = ?, counted = ?, changed_at = ? WHERE number = ?",
            state.value, as_text(remembered), now, reception.number,
        )  # fmt: skip
        return self.get(reception.number)

    def delete(self, reception: Reception, instance_ids: Iterable[str], now: int) -> Reception:
        """
        These images are to be deleted, and no others: one that arrives in this moment is not among them.
        """
        with self._journal.transaction():
            self.move(reception, ReceptionEvent.DELETE, now)
            images = as_text(sorted(instance_ids))
            self._journal.write(
                "UPDATE receptions SET deleting = ? WHERE number = ?", images, reception.number
            )
        return self.get(reception.number)

    def deleted(self, reception: Reception, now: int) -> None:
        """The study is gone from Orthanc."""
        with self._journal.transaction():
            self.move(reception, ReceptionEvent.DELETED, now)
            self._journal.write("UPDATE receptions SET deleting = '[]' WHERE number = ?", reception.number)

    def judge(self, reception: Reception, *judged: Judged) -> None:
        """Note the verdicts on series, over earlier ones, all of them in one write."""
        statement = (
            "INSERT INTO series VALUES (?, ?, ?) ON CONFLICT (reception, series_uid) DO UPDATE SET "
            "judged = excluded.judged"
        )
        with self._journal.transaction():
            for one in judged:
                text = as_text(to_document(one))
                self._journal.write(statement, reception.number, one.facts.series_uid, text)

    def judged(self, reception: Reception) -> dict[str, Judged]:
        """The series judged so far."""
        rows = self._journal.rows(
            "SELECT series_uid, judged FROM series WHERE reception = ?", reception.number
        )
        return {row["series_uid"]: read_judged(json.loads(row["judged"])) for row in rows}

    def close_all(self, now: int) -> None:
        """The RAM disk was emptied."""
        self._journal.write(
            "UPDATE receptions SET state = 'closed', deleting = '[]', changed_at = ? WHERE state != 'closed'",
            now,
        )

    def _all_of(self, study_uid: str, states: Iterable[ReceptionState]) -> list[Reception]:
        query = (
            "SELECT * FROM receptions WHERE study_uid = ? AND state IN (SELECT value FROM json_each(?)) "
            "ORDER BY number"
        )
        return [read_reception(row) for row in self._journal.rows(query, study_uid, as_text(tuple(states)))]

    def _translate_former_words(self) -> None:
        """A journal of an earlier version has other words for the states, and another name for a column."""
        with self._journal.transaction():
            columns = {row["name"] for row in self._journal.rows("PRAGMA table_info(receptions)")}
            if "doomed" in columns:
                self._journal.write("ALTER TABLE receptions RENAME COLUMN doomed TO deleting")
            for former, state in FORMER_WORDS.items():
                self._journal.write("UPDATE receptions SET state = ? WHERE state = ?", state.value, former)


def read_judged(document: dict[str, Any]) -> Judged:
    """A series from its document; raises whatever a damaged one makes it raise."""
    facts = document["facts"]
    series = SeriesFacts(
        facts["seriesUID"], facts["attributes"], facts.get("instances"), facts.get("raw", {})
    )
    return Judged(series, from_document(Verdict, document["verdict"]), bool(document.get("atFind")))


def read_reception(row: sqlite3.Row) -> Reception:
    """A reception from its row; raises whatever a damaged one makes it raise."""
    return Reception(
        number=row["number"],
        study_uid=row["study_uid"],
        orthanc_ids=tuple(json.loads(row["orthanc_ids"])),
        is_push=bool(row["is_push"]),
        opened_at=row["opened_at"],
        state=ReceptionState(row["state"]),
        counted=json.loads(row["counted"]),
        deleting=tuple(json.loads(row["deleting"])),
    )
