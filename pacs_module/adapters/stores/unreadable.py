"""Which documents a process could not read: skipped where many are read, so that one costs only itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from ...domain.errors import Unreadable
from ...domain.study.study import Study

MOST = 10_000
T = TypeVar("T")


class UnreadableDocuments:
    """By StudyInstanceUID, with the reason; safe to use from several threads."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}
        self._lock = threading.Lock()

    def read(self, uid: str, document: T, reader: Callable[[T], Study]) -> Study | None:
        """The study, or None and a note when its document cannot be read."""
        try:
            study = reader(document)
        except Unreadable as error:
            self._note(uid, str(error))
            return None
        self._forget(uid)
        return study

    def read_all(self, documents: Iterable[tuple[str, T]], reader: Callable[[T], Study]) -> list[Study]:
        """The studies of those documents that can be read."""
        read = (self.read(uid, document, reader) for uid, document in documents)
        return [study for study in read if study is not None]

    def all(self) -> Mapping[str, str]:
        """What could not be read and has not been read since."""
        with self._lock:
            return dict(self._why)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._why)

    def set_aside(self, uid: str) -> None:
        """A document that is kept elsewhere now."""
        self._note(
            uid,
            f"the document of study {uid} is no JSON any more; it is set aside, and the study is found anew",
        )

    def _note(self, uid: str, why: str) -> None:
        with self._lock:
            if len(self._why) < MOST:
                self._why[uid] = why if uid in why else f"study {uid}: {why}"

    def _forget(self, uid: str) -> None:
        if uid in self._why:
            with self._lock:
                self._why.pop(uid, None)
