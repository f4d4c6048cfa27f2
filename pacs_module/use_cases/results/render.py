"""
Render: a backend's JSON result becomes DICOM objects of the study, and those are taken as if it had sent
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ...domain.errors import PermanentError, RetriableError
from ...domain.instants import iso, milliseconds
from ...domain.results.result_set import known_objects
from ...domain.study.handover import HandOver
from ...domain.study.history import Note
from ...domain.study.message_state import MessageState
from ...domain.study.study import RENDER, Study
from ...ports import Clock, EventLog, StudyStore
from ...ports.results import ToRender
from ..update_study import update_study
from .take import TakeResults

CLAIM_LEASE = timedelta(minutes=5)
PAUSE = timedelta(seconds=30)


def to_render(study: Study) -> list[HandOver]:
    """Hand-overs whose result has values or words, and is no DICOM object yet."""
    done = [item for item in study.handovers if item.message_state is MessageState.DONE]
    told = [
        item for item in done if item.result == "completed" and (item.result_values or item.result_message)
    ]
    return [item for item in told if item.rendered_at is None]


@dataclass
class RenderResults:
    """
    A journaled step after a result: claimed, and repeated after a crash under the same UIDs.

    Args:
        store: The studies.
        take: Takes what is made.
        kinds: sr, pdf.
        algorithm: Name and version of the backend's algorithm.
        clock: The hospital's.
        local: An instant (ISO 8601, UTC) in the hospital's time.
        log: For events.
        owner: Who claims.
    """

    store: StudyStore
    take: TakeResults
    kinds: Sequence[str]
    algorithm: tuple[str, str]
    clock: Clock
    local: Callable[[str], str]
    log: EventLog
    owner: str

    def __call__(self) -> bool:
        """
        Render the results of one study.

        Returns:
            Whether there was one.

        Raises:
            RetriableError: The store is away.
        """
        study = self.store.claim(RENDER, self.owner, self.clock.now(), milliseconds(CLAIM_LEASE))
        if study is None:
            return False
        try:
            for item in to_render(study):
                self._render(study, item)
        except RetriableError:
            update_study(self.store, study.study_uid, self._put_off)
            raise
        update_study(self.store, study.study_uid, self._schedule)
        return True

    def _render(self, study: Study, item: HandOver) -> None:
        why, draft = "", self.take.files.draft()
        try:
            files = [
                file for kind in self.kinds if (file := self._made(kind, study, item, draft)) is not None
            ]
            self.take(files, "rendered", item.handover_id)
        except PermanentError as error:
            why = f"its JSON makes no DICOM object: {error}"
            self.log.event("result_not_rendered", why, "WARNING", studyUID=study.study_uid)
        finally:
            self.take.files.discard(draft)
        update_study(self.store, study.study_uid, lambda stored: self._note(stored, item.handover_id, why))

    def _made(self, kind: str, study: Study, item: HandOver, draft: Path) -> Path | None:
        """A file with the object; None: it was taken before a crash."""
        name, version = self.algorithm
        at, values, words = self.local(item.result_at), dict(item.result_values), item.result_message
        told = ToRender(item.handover_id, at, item.filepath, values, words, name, version)
        reader = self.take.reader
        if reader.rendered_uid(kind, told) in known_objects(study.results):
            return None
        identity = self.take.pseudonyms.of_study(study.study_uid) if study.pseudonym_uid else None
        if study.pseudonym_uid and identity is None:
            raise PermanentError("nobody knows who stands behind the pseudonyms")
        file = draft / f"{kind}.dcm"
        reader.render(kind, told, identity, file)
        return file

    def _note(self, stored: Study, handover_id: str, why: str) -> bool:
        item = stored.handover(handover_id)
        if item is None:
            return False
        item.rendered_at = iso(self.clock.now())
        if why:
            stored.note(Note.RESULTS_REFUSED, why, self.clock.now())
        return True

    def _put_off(self, stored: Study) -> bool:
        stored.schedule(RENDER, self.clock.now() + milliseconds(PAUSE))
        return True

    def _schedule(self, stored: Study) -> bool:
        stored.schedule(RENDER, self.clock.now() if to_render(stored) else None)
        return True
