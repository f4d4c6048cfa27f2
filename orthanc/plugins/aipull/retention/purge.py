"""
Removes what the plugins keep of patients and nobody needs any more: rows of the journal, files of the log,
folders of hand-overs that nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pacs_module.domain.errors import MessageError
from pacs_module.shared.log_lines import Words
from pacs_module.shared.logs import ContractLog

from ..hand_over.folder import HandoverFolder
from ..journal.handovers import HandoverRows
from ..journal.journal import Journal

DAY_MS = 24 * 3600 * 1000
KEEP_MS = 7 * DAY_MS
"""Ended pulls and receptions, without a shorter age of the site."""
KEEP_HANDOVERS_MS = 180 * DAY_MS
"""Hand-overs: a repeated reception is compared with them."""
_MAX_DAYS = 36_500


@dataclass(frozen=True)
class Purge:
    """Removes it when pacs_module asks, which also gives the ages."""

    journal: Journal
    handovers: HandoverRows
    folder: HandoverFolder
    log: ContractLog

    def by_age(self, body: Mapping[str, Any]) -> dict[str, int]:
        """
        Remove what is older than its age.

        Args:
            body: ``now`` (epoch milliseconds), ``days`` and ``logDays`` (0: for ever).

        Returns:
            How many journal rows, folders and log files are gone.

        Raises:
            MessageError: One of them is no number that can be.
        """
        now, days, log_days = (_number(body, key) for key in ("now", "days", "logDays"))
        rows, folders = self._remove_older(now, days * DAY_MS) if days else (0, 0)
        files = self.log.keep(log_days, now / 1000) if log_days else 0
        return {"journalRows": rows, "strayFolders": folders, "logFiles": files}

    def _remove_older(self, now: int, age: int) -> tuple[int, int]:
        """Rows and folders that went; ``age`` in milliseconds."""
        rows = self.journal.forget_before(now - min(age, KEEP_MS), now - min(age, KEEP_HANDOVERS_MS))
        folders = len(self.folder.remove_strays(self._given(), (now - age) / 1000))
        self.journal.scrub()
        return rows, folders

    def in_flight(self, study_uids: Sequence[str]) -> dict[str, str]:
        """Why a study must not be touched now, by StudyInstanceUID; what is not named may go."""
        holds: dict[str, str] = {}
        for uid in study_uids:
            for query, why in _HOLDS.items():
                if self.journal.row(f"SELECT 1 FROM {query}", uid) is not None:  # noqa: S608 - fixed words
                    holds[uid] = why
        return holds

    def forget(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        Remove all that the plugins keep of some studies, if nothing of them is in flight.

        Args:
            body: ``studyUIDs``; ``words`` that name the patient in the log; ``dryRun``: only look.

        Returns:
            ``inFlight``: why by StudyInstanceUID; ``journalRows`` and ``logLines``: how many are gone.

        Raises:
            MessageError: It is no list of texts.
        """
        studies, words = _texts(body, "studyUIDs"), _texts(body, "words")
        holds = self.in_flight(studies)
        if holds or body.get("dryRun"):
            return {"inFlight": holds, "journalRows": 0, "logLines": 0}
        rows = self.journal.forget_studies(studies)
        lines = self.log.drop_lines(Words.of(words))
        self.journal.scrub()
        return {"inFlight": {}, "journalRows": rows, "logLines": lines}

    def _given(self) -> set[str]:
        return {row.folder for row in self.handovers.given()}


_HOLDS = {
    "pulls WHERE report IS NULL AND study_uid = ?": "its pull runs",
    "receptions WHERE state != 'closed' AND study_uid = ?": "its images are on the RAM disk",
    "handovers WHERE state = 'given' AND study_uid = ?": "its hand-over folder is needed",
    "quarantine WHERE state IN ('held', 'releasing') AND study_uid = ?": (
        "images lie in quarantine for a person"
    ),
    "outbox WHERE study_uid = ?": "pacs_module has not been told of it yet",
}


def _texts(body: Mapping[str, Any], key: str) -> list[str]:
    value = body.get(key)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise MessageError(key, "", "a list of texts")
    return value


def _number(body: Mapping[str, Any], key: str) -> int:
    value = body.get(key)
    most = _MAX_DAYS if key != "now" else 2**53
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise MessageError(key, value, f"a whole number from 0 to {most}")
    return value
