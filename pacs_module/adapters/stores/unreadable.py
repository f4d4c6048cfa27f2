"""
Which documents, memos and entries a process could not read: skipped, so that one costs only itself, and told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from ...domain.errors import Unreadable
from ...domain.study.study import Study

MOST = 10_000
T = TypeVar("T")
Read = TypeVar("Read")


class UnreadableDocuments:
    """By StudyInstanceUID, with the reason; safe to use from several threads."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}
        self._lock = threading.Lock()

    def read(self, uid: str, document: T, reader: Callable[[T], Read]) -> Read | None:
        """What the document says, or None and a note when it cannot be read."""
        found = self.read_once(uid, document, reader)
        if found is not None:
            self._forget(uid)
        return found

    def read_once(self, name: str, document: T, reader: Callable[[T], Read]) -> Read | None:
        """The same of what is written anew at once: the note of the damage stays, to be told."""
        try:
            return reader(document)
        except Unreadable as error:
            self._note(name, str(error))
            return None

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
                self._why[uid] = why if uid in why else f"{uid}: {why}"

    def _forget(self, uid: str) -> None:
        if uid in self._why:
            with self._lock:
                self._why.pop(uid, None)
