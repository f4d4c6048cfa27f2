"""The offline cache: what comes in, within its limits, and what goes when nobody needs it any more (E5)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ...domain.instants import iso
from ...domain.study.handover import HandOver
from ...domain.study.study import Study
from ...domain.study.uploads import uploads_need_files
from ...domain.upload.cache_limits import Cached, CacheLimits, WhenFull, make_room, too_old
from ...ports import Clock, EventLog, StudyStore, UploadCache
from ..update_study import update_study
from .upload_outcome import drop


@dataclass
class FillCache:
    """
    Called for each hand-over that a destination gets; one at a time, so that the limits hold.

    ``full`` says why nothing comes in just now, for alarms; empty: something can.
    """

    store: StudyStore
    cache: UploadCache
    limits: CacheLimits
    clock: Clock
    log: EventLog
    full: str = ""
    told_old: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, study_uid: str, item: HandOver) -> str:
        """
        Copy a hand-over into the cache.

        Returns:
            Why there is no room for it; empty when it is in.

        Raises:
            FilesGone: Its folder is not there.
            RetriableError: The cache cannot be written.
        """
        with self._lock:
            there = list(self.cache.all())
            if all(one.handover_id != item.handover_id for one in there):
                room = make_room(self.limits, there, *self.cache.size_of(item.filepath))
                self._tell(room.why if not room.taken else "", study_uid)
                if not room.taken:
                    return room.why
                for one in room.drop:
                    self._drop(one, room.why)
            self.cache.keep(item.handover_id, study_uid, item.filepath, self.clock.now())
        return ""

    def tend(self) -> bool:
        """Remove what no destination needs any more, and what is older than the site wants."""
        there = list(self.cache.all())
        for one in there:
            study = self.store.get(one.study_uid)
            if study is None or _is_over(study, one.handover_id):
                self.cache.remove(one.handover_id)
        for one in too_old(self.limits, there, self.clock.now()):
            if self.limits.when_old is WhenFull.DROP_OLDEST:
                self._drop(one, f"older than {self.limits.age}")
            elif one.handover_id not in self.told_old:
                self.told_old.add(one.handover_id)
                self._event("cache_too_old", "kept longer than the cache should, and not uploaded yet", one)
        return False

    def sweep(self) -> None:
        """At the start: half copies, and those of hand-overs that nobody knows or needs."""
        gone = self.cache.sweep(one.handover_id for one in self.cache.all() if self._needed(one))
        if gone:
            self.log.event("cache_swept", "copies in the cache that nobody needs removed", handovers=gone)

    def _needed(self, one: Cached) -> bool:
        study = self.store.get(one.study_uid)
        return study is not None and not _is_over(study, one.handover_id)

    def _drop(self, one: Cached, why: str) -> None:
        """The site says that the oldest may go: each upload that is lost by it says so itself."""

        def edit(study: Study) -> bool:
            uploads = [
                up for up in study.uploads if up.handover_id == one.handover_id and (up.open or up.stuck)
            ]
            for upload in uploads:
                drop(study, upload, f"dropped from the cache: {why}", self.clock.now())
            return bool(uploads)

        update_study(self.store, one.study_uid, edit)
        self.cache.remove(one.handover_id)
        self._event("cache_dropped", f"dropped from the cache before it was uploaded: {why}", one)

    def _event(self, key: str, words: str, one: Cached) -> None:
        values = {"studyUID": one.study_uid, "handoverID": one.handover_id, "since": iso(one.at)}
        self.log.event(key, words, "WARNING", **values, files=one.files, bytes=one.size)

    def _tell(self, why: str, study_uid: str) -> None:
        before, self.full = self.full, why
        if why and not before:
            words = "the offline cache is full: hand-overs stay in the hand-over folder"
            self.log.event("cache_full", words, "ERROR", why=why, studyUID=study_uid)
        elif before and not why:
            self.log.event("cache_has_room", "the offline cache takes hand-overs in again")


def _is_over(study: Study, handover_id: str) -> bool:
    """Whether it was routed, and every destination has it or does not want it."""
    item = study.handover(handover_id)
    return item is None or (item.routed_at is not None and not uploads_need_files(study, handover_id))
