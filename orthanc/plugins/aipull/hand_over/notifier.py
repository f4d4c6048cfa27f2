"""Sends what pacs_module is owed until it acknowledges: journaled, in order for each study, never dropped."""

from __future__ import annotations

import json
import sqlite3
import time

from pacs_module.domain.errors import PermanentError, PipelineError
from pacs_module.domain.explain import loglines
from pacs_module.domain.retry import doubled
from pacs_module.shared.crash_points import reach
from pacs_module.shared.http_addresses import HttpAddresses
from pacs_module.shared.logs import ContractLog

from ..journal.journal import Journal
from ..runtime.worker import Worker

PATHS = {"notify": "/api/v1/dcm/notify", "pull_report": "/api/v1/dcm/pull_report"}
_TIMEOUT_S = 30.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_REFUSED_PAUSE_S = 60.0


class Notifier(Worker):
    """
    Posts the head of every study's queue.

    Args:
        journal: Holds the outbox.
        module: The addresses of pacs_module.
        log: Gets the ``inform`` line when a notification is first sent.
    """

    def __init__(self, journal: Journal, module: HttpAddresses, log: ContractLog) -> None:
        super().__init__("notifier", log)
        self._journal = journal
        self._module = module
        self._informed: set[int] = set()
        self._attempts: dict[int, int] = {}
        self._not_before: dict[int, float] = {}

    def step(self) -> float:
        """Send what is due."""
        while True:
            due = [row for row in self._journal.outbox_heads() if self._wait_s(row) <= 0]
            sent = [self._send(row) for row in due]
            if not sent or not all(sent):
                return self._pause()

    def is_back(self) -> None:
        """Somebody spoke to us, so pacs_module is there: do not wait for the pause to end."""
        for number, attempts in tuple(self._attempts.items()):
            if attempts and self._not_before.get(number, 0) - time.monotonic() <= _LONGEST_PAUSE_S:
                self._not_before.pop(number, None)
        self.wake()

    def _send(self, row: sqlite3.Row) -> bool:
        number, message = row["number"], json.loads(row["body"])
        if row["kind"] == "notify" and number not in self._informed:
            self._informed.add(number)
            self._log.line(loglines.inform(message))
        reach("notifying")
        try:
            self._post(PATHS[row["kind"]], message)
        except PipelineError as error:
            self._postpone(row, error)
            return False
        reach("notified")
        self._journal.sent(number)
        self._forget(number)
        return True

    def _forget(self, number: int) -> None:
        self._attempts.pop(number, None)
        self._not_before.pop(number, None)
        self._informed.discard(number)

    def _post(self, path: str, message: dict[str, object]) -> None:
        self._module.call("POST", path, message, _TIMEOUT_S)

    def _postpone(self, row: sqlite3.Row, error: PipelineError) -> None:
        number = row["number"]
        attempts = self._attempts.get(number, 0) + 1
        self._attempts[number] = attempts
        refused = isinstance(error, PermanentError)
        pause = _REFUSED_PAUSE_S if refused else pause_after(attempts)
        self._not_before[number] = time.monotonic() + pause
        self._log.event(
            "notification_failed",
            "pacs_module did not take a message; it is kept and sent again",
            level="ERROR" if refused else "WARNING",
            kind=row["kind"],
            studyUID=row["study_uid"],
            attempts=attempts,
            againInS=pause,
            error=str(error),
        )

    def _pause(self) -> float:
        waits = [self._wait_s(row) for row in self._journal.outbox_heads()]
        return min([*waits, self.IDLE_S])

    def _wait_s(self, row: sqlite3.Row) -> float:
        """Seconds until a message may be sent; below zero: it is due."""
        return self._not_before.get(row["number"], 0) - time.monotonic()


def pause_after(attempts: int) -> float:
    """Seconds until the next attempt: doubled each time up to half a minute."""
    return doubled(_FIRST_PAUSE_S, attempts, _LONGEST_PAUSE_S)
