"""
Looks whether the plugins' records are still where they belong: the journal's file, and the hand-over folder
(K14).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pacs_module.domain.receive.folder_state import FolderEvent
from pacs_module.shared.logs import ContractLog

from ..journal.handovers import HandoverRows
from ..journal.journal import Journal
from ..runtime.worker import Worker
from .folder import HandoverFolder

_LOOK_S = 2.0


class LostFilesWatch(Worker):
    """
    Looks every two seconds; a question to the file system costs nothing.

    Args:
        journal: Its file may be removed or replaced while it is open; its content is not lost then, and is
            put back.
        handovers: Their rows.
        folder: The hand-over folder.
        path: The same folder.
        log: For what was found.
        look_at_rows: Sets rows aside that cannot be read any more.
    """

    def __init__(
        self, journal: Journal, handovers: HandoverRows, folder: HandoverFolder, path: Path, log: ContractLog,
        look_at_rows: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        super().__init__("records", log)
        self._journal = journal
        self._handovers = handovers
        self._folder = folder
        self._path = path
        self._look_at_rows = look_at_rows
        self._whole = True

    def is_whole(self) -> bool:
        """Whether all records were there at the last check."""
        return self._whole

    def step(self) -> float:
        """Check journal and hand-over folder once."""
        self._whole = False  # until both have been looked at without an error
        self._look_at_rows()
        journal, folder = self._look_at_journal(), self._look_at_folder()
        self._whole = journal and folder
        return _LOOK_S

    def _look_at_journal(self) -> bool:
        if self._journal.is_in_place():
            return True
        self._log.event(
            "journal_gone",
            "the journal's file was removed or replaced",
            level="ERROR",
            path=self._journal.path,
        )
        found = self._journal.put_back()
        self._log.event(
            "journal_put_back", "the journal's file is there again, with all that it held", level="WARNING",
            path=self._journal.path, foundThere=found,
        )  # fmt: skip
        return False

    def _look_at_folder(self) -> bool:
        if self._path.is_dir():
            return True
        self._path.mkdir(parents=True, exist_ok=True)
        lost = self.lose_missing()
        self._log.event(
            "handover_folder_gone",
            "the hand-over folder was removed; it was created again, its contents are lost", level="ERROR",
            path=self._path, lost=lost,
        )  # fmt: skip
        return False

    def lose_missing(self) -> list[str]:
        """Note hand-overs whose files are gone, so that the next pull hands over anew; their ids."""
        lost = [row for row in self._handovers.given() if not self._folder.exists(row.folder)]
        for row in lost:
            self._handovers.move(row, FolderEvent.LOSE)
        return [row.handover_id for row in lost]
