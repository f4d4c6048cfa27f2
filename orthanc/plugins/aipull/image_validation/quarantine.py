"""
The quarantine: files in a folder on disk, and a row in the journal for each.

A file is whole before its row is written, and its row before the image is deleted from Orthanc: whoever dies
in between leaves something to do again, and nothing is lost. A file's name is the digest of its dataset.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pacs_module.domain.image_validation.image import Origin
from pacs_module.domain.image_validation.quarantine import (
    HELD_STATES,
    WITH_FILE,
    HeldEvent,
    HeldState,
    Kept,
    QuarantineLimits,
    WhenFull,
    place_for,
    too_old,
)
from pacs_module.domain.image_validation.validate_image import Failure, Test
from pacs_module.domain.receive.image_origin import Sender
from pacs_module.shared.logs import ContractLog

from ..journal.journal import Journal, as_text
from ..runtime.clock import now_ms

_UNFINISHED = ".part"
_AT_ONCE = 1_000
_INSERT = (
    "INSERT INTO quarantine (study_uid, sop_uid, digest, orthanc_id, state, at, last_at, bytes, is_push, "
    "sender, failures, header, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True)
class Failed:
    """
    An image that failed, to be kept.

    Args:
        study_uid: StudyInstanceUID as Orthanc has it.
        sop_uid: SOPInstanceUID as Orthanc has it.
        orthanc_id: Of the copy in Orthanc.
        digest: SHA-256 of its dataset.
        origin: How it came.
        is_push: It came without a pull.
        failures: What it failed.
        header: Attributes for people.
        content: Its file.
    """

    study_uid: str
    sop_uid: str
    orthanc_id: str
    digest: str
    origin: Origin
    is_push: bool
    failures: Sequence[Failure]
    header: Mapping[str, str]
    content: bytes


@dataclass(frozen=True)
class Held:
    """A row of the quarantine, as :class:`Failed` and: since when, how often it came, who decided what."""

    number: int
    study_uid: str
    sop_uid: str
    digest: str
    orthanc_id: str
    state: HeldState
    at: int
    last_at: int
    times: int
    size: int
    is_push: bool
    origin: Origin
    failures: tuple[Failure, ...]
    header: Mapping[str, str]
    decided_at: int | None
    decided_by: str
    why: str

    @property
    def words(self) -> str:
        """Why it is here."""
        return "; ".join(one.words for one in self.failures)

    def told(self) -> dict[str, Any]:
        """For the API."""
        return {
            "number": self.number,
            "studyUID": self.study_uid,
            "sopInstanceUID": self.sop_uid,
            "state": self.state.value,
            "at": self.at,
            "lastAt": self.last_at,
            "times": self.times,
            "bytes": self.size,
            "isPush": self.is_push,
            "aeTitle": self.origin.sender.ae_title,
            "address": self.origin.sender.address,
            "called": self.origin.called,
            "failures": [
                {"test": one.test.value, "attribute": one.attribute, "value": one.value}
                for one in self.failures
            ],
            "words": self.words,
            "header": dict(self.header),
            "decidedAt": self.decided_at,
            "decidedBy": self.decided_by,
            "why": self.why,
        }


class Quarantine:
    """
    Keeps images that failed, within the site's limits.

    Args:
        folder: On disk; made when it is not there.
        journal: Holds the rows.
        limits: The site's.
        log: Told of each image that comes in or goes.
    """

    def __init__(self, folder: Path, journal: Journal, limits: QuarantineLimits, log: ContractLog) -> None:
        self._folder = folder
        self._journal = journal
        self._limits = limits
        self._log = log
        self._writing = threading.Lock()
        """From a file to its row: what clears up meanwhile would take it for one without."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def find(self, sop_uid: str, digest: str) -> Held | None:
        """The row of an image with this content."""
        row = self._journal.row(
            "SELECT * FROM quarantine WHERE sop_uid = ? AND digest = ?", sop_uid, digest
        )  # fmt: skip
        return None if row is None else read_held(row)

    def get(self, number: int) -> Held | None:
        """A row."""
        row = self._journal.row("SELECT * FROM quarantine WHERE number = ?", number)
        return None if row is None else read_held(row)

    def in_state(self, *states: HeldState, before: int | None = None, limit: int = _AT_ONCE) -> list[Held]:
        """The newest rows in these states, with a smaller number than ``before``."""
        marks = ", ".join("?" * len(states))
        chosen = f"state IN ({marks}) AND number < ?"
        query = f"SELECT * FROM quarantine WHERE {chosen} ORDER BY number DESC LIMIT ?"  # noqa: S608
        newest = 2**62 if before is None else before
        return [read_held(row) for row in self._journal.rows(query, *states, newest, limit)]

    def of_study(self, study_uid: str, since: int = 0) -> list[Held]:
        """Rows of a study that came after a moment (epoch milliseconds)."""
        query = "SELECT * FROM quarantine WHERE study_uid = ? AND last_at >= ? ORDER BY number LIMIT ?"
        return [read_held(row) for row in self._journal.rows(query, study_uid, since, _AT_ONCE)]

    def counts(self) -> dict[str, int]:
        """How many rows are in each state."""
        found = self._journal.rows("SELECT state, COUNT(*) AS n FROM quarantine GROUP BY state")
        return {str(row["state"]): int(row["n"]) for row in found}

    def size(self) -> int:
        """Bytes of the files that are kept."""
        return sum(one.size for one in self._kept())

    def forget(self, held: Held) -> None:
        """Its file went, and the same image came again: it is a new one."""
        self._journal.write("DELETE FROM quarantine WHERE number = ?", held.number)

    def again(self, held: Held) -> None:
        """The same image came once more."""
        self._journal.write(
            "UPDATE quarantine SET times = times + 1, last_at = ? WHERE number = ?", now_ms(), held.number
        )

    def take(self, failed: Failed) -> bool:
        """
        Keep an image.

        Returns:
            False: the quarantine is full, and the site wants it to pass on then.

        Raises:
            OSError: The disk is full, or does not answer; nothing is written down.
        """
        place = place_for(len(failed.content), self._kept(), self._limits)
        if not place.fits and self._limits.when_full is WhenFull.PASS_ON:
            return False
        for old in place.make_way:
            self._end(old.number, HeldEvent.EXPIRE, "made room for a newer image")
        with self._writing:
            if place.fits:
                self._write(failed.digest, failed.content)
            self._add(failed, len(failed.content) if place.fits else 0)
        return True

    def path(self, held: Held) -> Path:
        """Its file."""
        return self._folder / f"{held.digest}.dcm"

    def decide(self, held: Held, event: HeldEvent, who: str, why: str) -> Held:
        """
        Move an image on; its file is removed where the new state needs none.

        Raises:
            InvalidTransition: It is in another state by now.
        """
        decided = self._move(held, event, who, why)
        if decided.state not in WITH_FILE:
            self.path(held).unlink(missing_ok=True)
        self._log.event(
            "quarantine_decided", f"an image in quarantine: {event.value}", "WARNING",
            number=held.number, studyUID=held.study_uid, state=decided.state.value, by=who, why=why,
        )  # fmt: skip
        return decided

    def _move(self, held: Held, event: HeldEvent, who: str, why: str) -> Held:
        """The row in its new state; the journal's row counts, not the one the caller read earlier."""
        with self._journal.transaction():
            current = self.get(held.number) or held
            state = HELD_STATES.next(current.state, event)
            self._journal.write(
                "UPDATE quarantine SET state = ?, decided_at = ?, decided_by = ?, why = ? WHERE number = ?",
                state.value, now_ms(), who, why, held.number,
            )  # fmt: skip
        return replace(current, state=state)

    def clean(self) -> None:
        """Expire what is too old; report rows whose file is gone; remove files without a row."""
        for old in too_old(self._kept(), self._limits, now_ms()):
            self._end(old.number, HeldEvent.EXPIRE, "kept for longer than QUARANTINE_MAX_DAYS")
        for held in self._with_file():
            if not self.path(held).exists():
                self.decide(held, HeldEvent.LOSE, "", "its file is gone")
        with self._writing:
            self._remove_files_except({held.digest for held in self._with_file()})

    def _with_file(self) -> list[Held]:
        """Rows whose file should be in the folder."""
        rows = self._journal.rows("SELECT * FROM quarantine WHERE bytes > 0 AND state IN (?, ?)", *WITH_FILE)
        return [read_held(row) for row in rows]

    def _remove_files_except(self, digests: set[str]) -> None:
        for file in self._folder.glob("*"):
            if file.name.endswith(_UNFINISHED) or (file.suffix == ".dcm" and file.stem not in digests):
                file.unlink(missing_ok=True)

    def _end(self, number: int, event: HeldEvent, why: str) -> None:
        held = self.get(number)
        if held is not None:
            self.decide(held, event, "", why)

    def _kept(self) -> list[Kept]:
        query = "SELECT number, at, bytes FROM quarantine WHERE bytes > 0 AND state = ?"
        return [Kept(*tuple(row)) for row in self._journal.rows(query, HeldState.HELD)]

    def _write(self, digest: str, content: bytes) -> None:
        """Whole or not at all, also when the power goes."""
        draft, final = self._folder / f"{digest}{_UNFINISHED}", self._folder / f"{digest}.dcm"
        try:
            _write_to_disk(draft, content)
            draft.replace(final)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(self._folder)

    def _add(self, failed: Failed, size: int) -> None:
        """A row for an image; ``size``: bytes of its file, 0 where the quarantine was full."""
        number = self._insert(failed, size)
        kept = "an image failed validation and lies in quarantine"
        full = "an image failed validation; the quarantine is full and did not keep it"
        self._log.event(
            "image_quarantined", kept if size else full, "WARNING",
            number=number, studyUID=failed.study_uid, aeTitle=failed.origin.sender.ae_title,
            tests=sorted({one.test.value for one in failed.failures}),
        )  # fmt: skip

    def _insert(self, failed: Failed, size: int) -> int:
        origin, now = failed.origin, now_ms()
        failures = [[one.test.value, one.attribute, one.value] for one in failed.failures]
        return self._journal.write(
            _INSERT,
            failed.study_uid,
            failed.sop_uid,
            failed.digest,
            failed.orthanc_id,
            (HeldState.HELD if size else HeldState.EXPIRED).value,
            now,
            now,
            size,
            int(failed.is_push),
            as_text([origin.sender.ae_title, origin.sender.address, origin.called]),
            as_text(failures),
            as_text(dict(failed.header)),
            "" if size else "the quarantine is full: its file was not kept",
        )


def digest_of(dataset: bytes | memoryview) -> str:
    """What an image is known by when it comes again: its file meta information may differ then."""
    return hashlib.sha256(dataset).hexdigest()


def _write_to_disk(path: Path, content: bytes) -> None:
    """Write a file that only this user may read, and wait until the disk has it."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """A rename is on the disk once its folder is."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def check_row(row: sqlite3.Row) -> None:
    """Raise what a damaged row makes its reader raise."""
    held = read_held(row)
    for value in (held.number, held.at, held.last_at, held.times, held.size):
        if type(value) is not int:
            raise TypeError(f"{value!r} is no whole number")
    if not isinstance(held.header, dict):
        raise TypeError("the header is no object")


def read_held(row: sqlite3.Row) -> Held:
    """An image in quarantine; raises what a damaged row makes it raise."""
    ae_title, address, called = json.loads(row["sender"])
    return Held(
        number=row["number"],
        study_uid=row["study_uid"],
        sop_uid=row["sop_uid"],
        digest=row["digest"],
        orthanc_id=row["orthanc_id"],
        state=HeldState(row["state"]),
        at=row["at"],
        last_at=row["last_at"],
        times=row["times"],
        size=row["bytes"],
        is_push=bool(row["is_push"]),
        origin=Origin(Sender(ae_title, address), called),
        failures=_failures(json.loads(row["failures"])),
        header=json.loads(row["header"]),
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        why=row["why"],
    )


def _failures(told: Iterable[Sequence[str]]) -> tuple[Failure, ...]:
    return tuple(Failure(Test(test), attribute, value) for test, attribute, value in told)
