"""
The study store in memory: for tests and for trying things out. It forgets everything when the process ends.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ...domain.study.study import Study
from ...ports import AtMost, Identity, Order, Where
from .json_safe import document_to_study, study_to_text, text_to_study
from .questions import NamedQuestions
from .reference_query import claim_order, due_field, in_order, matches
from .rows.memory import MemoryLists
from .unreadable import UnreadableDocuments


class MemoryStore(NamedQuestions):
    """
    Documents as JSON text, so that what is read back went through the same serialisation as in the real
    stores.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._parsed: dict[str, tuple[str, dict[str, Any]]] = {}
        """Each text as it was parsed last, to be looked at and never to be given away."""
        self._identity = Identity(uuid.uuid4().hex, datetime.now(UTC).isoformat(timespec="milliseconds"))
        self._unreadable = UnreadableDocuments()
        self._lock = threading.Lock()
        self.lists = MemoryLists(lambda: self.find({}))

    def get(self, study_uid: str) -> Study | None:
        """The study, or None."""
        text = self._texts.get(study_uid)
        return text_to_study(text) if text is not None else None

    def insert(self, study: Study) -> bool:
        """Write a new study; False when its UID is there already."""
        with self._lock:
            if study.study_uid in self._texts:
                return False
            self._write(study, 1)
            return True

    def replace(self, study: Study) -> bool:
        """Write a study back if nobody wrote it in between."""
        with self._lock:
            stored = self.get(study.study_uid)
            if stored is None or stored.revision != study.revision:
                return False
            self._write(study, study.revision + 1)
            return True

    def remove_many(self, studies: Sequence[Study]) -> set[str]:
        """Remove studies that nobody wrote in between."""
        with self._lock:
            gone = {one.study_uid for one in studies if self._revision(one.study_uid) == one.revision}
            for uid in gone:
                del self._texts[uid]
            return gone

    def _revision(self, study_uid: str) -> int | None:
        stored = self.get(study_uid)
        return None if stored is None else stored.revision

    def scrub(self, before: str) -> None:
        """Nothing is on disk."""

    def claim(
        self, work: str, owner: str, now: int, lease: int, where: Where | None = None, order: Order = ()
    ) -> Study | None:
        """Take the first study that is due for a kind of work."""
        due = {**(where or {}), due_field(work): AtMost(now)}
        with self._lock:
            found = self.find(due, claim_order(work, order))[:1]
            for study in found:
                study.due[work] = now + lease
                study.claims[work] = owner
                self._write(study, study.revision + 1)
                return self.get(study.study_uid)
        return None

    def find(self, where: Where, order: Order = (), limit: int | None = None) -> list[Study]:
        """The studies for which all conditions hold."""
        found = in_order([document for document in self._documents() if matches(document, where)], order)
        named = ((uid, self._anew(uid)) for uid in [document["studyUID"] for document in found[:limit]])
        return self._unreadable.read_all(named, document_to_study)

    def count(self, where: Where) -> int:
        """How many studies :meth:`find` would give."""
        return sum(matches(document, where) for document in self._documents())

    def next_due(self, work: str) -> int | None:
        """The earliest due time of all studies."""
        due_field(work)
        times = (document.get("due", {}).get(work) for document in self._documents())
        return min((time for time in times if time is not None), default=None)

    def identity(self) -> Identity:
        """Which store it is."""
        return self._identity

    def recover(self) -> str:
        """Nothing can be lost but with the process."""
        return ""

    def unreadable(self) -> Mapping[str, str]:
        """The documents that could not be read."""
        return self._unreadable.all()

    def unreadable_beside(self) -> Mapping[str, str]:
        """None: nothing in memory is damaged."""
        return {}

    def close(self) -> None:
        """Nothing to let go of."""

    def _documents(self) -> list[dict[str, Any]]:
        return [self._document(uid, text) for uid, text in tuple(self._texts.items())]

    def _document(self, uid: str, text: str) -> dict[str, Any]:
        known = self._parsed.get(uid)
        if known is None or known[0] is not text:
            known = self._parsed[uid] = (text, json.loads(text))
        return known[1]

    def _anew(self, uid: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._parsed[uid][0])
        return found

    def _write(self, study: Study, revision: int) -> None:
        before, study.revision = study.revision, revision
        try:
            self._texts[study.study_uid] = study_to_text(study)
        except BaseException:
            study.revision = before
            raise
