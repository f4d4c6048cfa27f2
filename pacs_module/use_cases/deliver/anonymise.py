"""
Anonymise: hand-overs are copied without names before anything of them goes to RabbitMQ and the backend (M18).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ...domain.deliver.anonymised import without_names
from ...domain.errors import RetriableError
from ...domain.instants import milliseconds
from ...domain.json_messages.documents import from_document
from ...domain.json_messages.messages import SeriesFolder
from ...domain.study.handover import HandOver
from ...domain.study.history import Note
from ...domain.study.message_state import MessageEvent, MessageState
from ...domain.study.study import ANONYMISE, Study
from ...ports import Clock, Copied, CopyMaker, EventLog, Puller, StudyStore
from ...shared.crash_points import reach
from ..resolve_ids import handover_named
from ..update_study import update_study
from .delivery_outcome import DeliveryPolicy, give_up
from .publish import owe_again

CLAIM_LEASE = timedelta(minutes=15)
"""
Longer than the copy of the largest series takes; a process that died with a claim lets it go after this.
"""
PAUSE = timedelta(seconds=30)


@dataclass
class Anonymise:
    """
    A journaled step between the accepted notification and publishing: claimed, repeated after a crash, and
    only then owed.

    ``copies`` None: it was switched off while hand-overs waited for it; they go out as they are.
    """

    store: StudyStore
    copies: CopyMaker | None
    puller: Puller
    clock: Clock
    log: EventLog
    policy: DeliveryPolicy
    owner: str

    def __call__(self) -> bool:
        """
        Copy what one study holds back.

        Returns:
            Whether there was one.

        Raises:
            RetriableError: The store is away.
        """
        study = self.store.claim(ANONYMISE, self.owner, self.clock.now(), milliseconds(CLAIM_LEASE))
        if study is None:
            return False
        for item in study.handovers:
            if item.message_state is MessageState.HELD:
                self._copy(study, item)
        update_study(self.store, study.study_uid, _schedule_held)
        return True

    def sweep(self) -> None:
        """At the start: copies of hand-overs that are unknown or let go were left by a process that died."""
        gone = self.copies.sweep(self._is_kept, self._is_made) if self.copies is not None else []
        if gone:
            self.log.event("copies_removed", "copies without names that nobody needs removed", folders=gone)

    def _is_kept(self, handover_id: str) -> bool:
        item = handover_named(self.store, handover_id)
        return item is not None and not item.released_at

    def _is_made(self, handover_id: str) -> bool:
        item = handover_named(self.store, handover_id)
        return item is not None and item.message_state is MessageState.HELD

    def _copy(self, study: Study, item: HandOver) -> None:
        if self.copies is None:
            self._owe(study.study_uid, item, None)
            return
        reach("to_copy")
        try:
            copied = self.copies.make(item.handover_id, study.study_uid, folders_of(item))
        except RetriableError as error:
            self._not_copied(study, item, str(error))
            return
        reach("copied")
        self._owe(study.study_uid, item, copied)
        self._release(study.study_uid, item)

    def _not_copied(self, study: Study, item: HandOver, why: str) -> None:
        told = {"studyUID": study.study_uid, "why": why}
        self.log.event("copy_failed", "copy without names not made, tried again", "WARNING", **told)
        self._put_off(study.study_uid, item, why)

    def _release(self, study_uid: str, item: HandOver) -> None:
        """The backend gets the copy; what is not let go now goes with it."""
        try:
            self.puller.release(item.handover_id, item.receiver)
        except RetriableError as error:
            told = {"studyUID": study_uid, "why": str(error)}
            self.log.event("release_failed", "hand-over not released yet", **told)

    def _owe(self, study_uid: str, item: HandOver, copied: Copied | None) -> None:
        def edit(study: Study) -> bool:
            stored = study.handover(item.handover_id)
            if stored is None or stored.message_state is not MessageState.HELD:
                return False  # closed by a person meanwhile
            self._owe_copy(study, stored, copied)
            return True

        update_study(self.store, study_uid, edit)

    def _owe_copy(self, study: Study, stored: HandOver, copied: Copied | None) -> None:
        now = self.clock.now()
        if copied is not None:
            _take(study, stored, copied)
            study.note(Note.ANONYMISED, _words(copied), now)
        stored.publication -= 1  # owed for the first time
        owe_again(study, stored, now)
        if copied is not None and copied.failed and not copied.number:
            give_up(study, stored, f"no image could be anonymised: {copied.failed[0]}", now, self.policy)

    def _put_off(self, study_uid: str, item: HandOver, why: str) -> None:
        def edit(study: Study) -> bool:
            stored = study.handover(item.handover_id)
            if stored is None or stored.message_state is not MessageState.HELD:
                return False
            stored.last_error = study.why = why
            stored.next_at = self.clock.now() + milliseconds(PAUSE)
            return True

        update_study(self.store, study_uid, edit)


def hold(study: Study, item: HandOver, now: int) -> None:
    """Nothing of a hand-over goes out before it is copied without names."""
    item.take(MessageEvent.HOLD)
    item.next_at = now
    _schedule_held(study)


def folders_of(item: HandOver) -> list[SeriesFolder]:
    """The series of a hand-over with their folders."""
    folders = [from_document(SeriesFolder, entry) for entry in item.message.get("series", ())]
    return folders or [SeriesFolder(item.series_uid, item.filepath, item.number_received)]


def _take(study: Study, item: HandOver, copied: Copied) -> None:
    """
    The message goes out under pseudonyms; the document keeps both.

    Files that were gone already are no reason to hold it: the delivery counts them, finds too few and has
    them pulled again.
    """
    item.message = without_names(item.message, copied.study_uid, copied.filepath, copied.series)
    item.filepath = copied.filepath
    item.number_received -= len(copied.failed)
    item.completeness = str(item.message.get("completeness", item.completeness))
    study.pseudonym_uid = copied.study_uid


def _words(copied: Copied) -> str:
    failed = f", {len(copied.failed)} could not be read: {copied.failed[0]}" if copied.failed else ""
    removed = (
        f", {len(copied.removed)} elements that cannot be decoded removed: {copied.removed[0]}"
        if copied.removed
        else ""
    )
    return f"{copied.number} images as study {copied.study_uid}{failed}{removed}"


def _schedule_held(study: Study) -> bool:
    held = [item.next_at for item in study.handovers if item.message_state is MessageState.HELD]
    study.schedule(ANONYMISE, min(held, default=None))
    return True
