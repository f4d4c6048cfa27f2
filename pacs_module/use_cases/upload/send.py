"""
Send: a worker takes the next upload of its destination, sends what is not there yet, and asks whether all of
it is.

Only what the destination itself says it has is counted as there. A worker that dies at any moment leaves the
upload to be claimed again: what is there already is not sent twice.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ...domain.errors import (
    Busy,
    FilesGone,
    PermanentError,
    PipelineError,
    Refused,
    RetriableError,
    StoreAway,
    Unreachable,
)
from ...domain.instants import iso, milliseconds
from ...domain.results.result_set import ResultSet
from ...domain.study.study import Study, upload_work
from ...domain.study.uploads import schedule_uploads, upload_of
from ...domain.upload.files import Lacking, UploadFile, lacking_words
from ...domain.upload.upload import MOST_FOLDERS, Upload
from ...domain.upload.upload_state import UploadEvent, UploadState
from ...ports import Clock, EventLog, StudyStore, UploadCache, Uploader, UploadSource
from ...shared.crash_points import reach
from ..deliver.backend_circuit import BackendCircuit
from ..update_study import update_study
from . import upload_outcome as outcome
from .upload_policy import DestinationPlan

MAX_BEGUN = 3
"""An upload over which so many workers died is given up: it may have killed them."""
_US_REFUSED = frozenset({401, 403, 407})
"""A wrong key or a closed door: no fault of the images, and all others would be refused as well."""


class _Superseded(Exception):
    """Another worker has the upload by now."""


@dataclass
class SendUploads:
    """One worker at one destination."""

    store: StudyStore
    plan: DestinationPlan
    uploader: Uploader
    source: UploadSource
    cache: UploadCache | None
    clock: Clock
    log: EventLog
    circuit: BackendCircuit
    owner: str
    worker: str
    counted: Callable[[str, str, int], None] = lambda destination, outcome, size: None
    """Told of each try: destination, outcome and bytes, for the numbers."""
    closed: Callable[[], str] = str
    """Why nothing is sent now; empty: it is."""
    stopping: Callable[[], bool] = bool
    result_folder: Callable[[str], str] = str
    """Where a set of results lies."""
    works: Callable[[SendUploads], bool] = lambda _: True
    """Asked before each upload; may give it another plan and another way. False: this worker rests."""

    def __call__(self) -> bool:
        """
        Deal with one upload.

        Returns:
            Whether there was one.

        Raises:
            RetriableError: The store is away.
        """
        if not self.works(self) or self.closed() or not self.circuit.admit():
            return False
        try:
            return self._take()
        finally:
            self.circuit.give_back()

    def _take(self) -> bool:
        work, now = upload_work(self.plan.name), self.clock.now()
        study = self.store.claim(work, self.owner, now, milliseconds(self.plan.lease))
        if study is None:
            return False
        ours = [one for one in study.uploads if one.open and one.destination == self.plan.name]
        upload = min((one for one in ours if one.next_at <= now), key=lambda one: one.next_at, default=None)
        turn = self._begin(study.study_uid, upload) if upload is not None else None
        if upload is None or turn is None:  # a person was faster
            update_study(self.store, study.study_uid, self._reschedule)
            return True
        self._deal_with(study, upload, turn)
        return True

    def _reschedule(self, study: Study) -> bool:
        schedule_uploads(study, self.plan.name)
        return True

    def _deal_with(self, study: Study, upload: Upload, turn: int) -> None:
        """Send one hand-over; whatever comes of it is written down, and the study due for its next one."""
        reach("to_upload")
        try:
            self._send(study, upload, turn)
        except _Superseded:
            self._told_superseded(study.study_uid)
        except FilesGone as error:
            words = str(error)
            self._edit(study.study_uid, upload, turn, lambda s, u, now: outcome.files_lost(s, u, words, now))
        except PipelineError as error:
            self._failed(study.study_uid, upload, turn, error)

    def _begin(self, study_uid: str, upload: Upload) -> int | None:
        """Written down before the work. The number of this try, or None when there is nothing to do."""
        turn: int | None = None

        def edit(study: Study) -> bool:
            nonlocal turn
            turn = None
            stored = upload_of(study, upload.handover_id, upload.destination)
            if stored is None or not stored.open:
                return False
            now = self.clock.now()
            if stored.begun >= MAX_BEGUN:
                outcome.give_up(study, stored, f"{stored.begun} workers died while they sent it", now)
                return True
            if stored.state is not UploadState.UPLOADED:
                stored.take(UploadEvent.BEGIN)
            stored.begun, stored.turn = stored.begun + 1, stored.turn + 1
            turn = stored.turn
            return True

        update_study(self.store, study_uid, edit)
        return turn

    def _send(self, study: Study, upload: Upload, turn: int) -> None:
        files = self._files(study, upload)
        refused: list[Lacking] = []
        if upload.state is not UploadState.UPLOADED:
            refused = self._put(study.study_uid, upload, turn, self._todo(upload, files))
        if refused:
            words = f"refused: {lacking_words(refused, len(files))}"
            self._edit(study.study_uid, upload, turn, lambda s, u, now: self._refused(s, u, words, now))
            return
        if upload.state is not UploadState.UPLOADED:
            self._edit(study.study_uid, upload, turn, lambda s, u, now: _sent(u, files, now))
        reach("uploaded")
        self._verify(study.study_uid, upload, turn, files)

    def _todo(self, upload: Upload, files: list[UploadFile]) -> list[UploadFile]:
        """Where it was begun before only what is not there yet."""
        begun_before = upload.state is UploadState.UPLOADING or bool(upload.tries)
        return self._not_there(files) if begun_before else files

    def _files(self, study: Study, upload: Upload) -> list[UploadFile]:
        result = study.result(upload.handover_id)
        if result is not None:
            return self._of_result(result)
        item = study.handover(upload.handover_id)
        if item is None:
            raise FilesGone("the document has lost the hand-over")
        folder = item.filepath
        if self.cache is not None and item.cached_at is not None:
            folder = self.cache.folder(item.handover_id)
        files = self.source.images(folder, self.plan.names, self.plan.hospital)
        if len(files) < item.number_received:
            raise FilesGone(f"{len(files)} of {item.number_received} files are in {folder}")
        return files

    def _of_result(self, result: ResultSet) -> list[UploadFile]:
        meant = {one.sop_uid for one in result.objects}
        found = self.source.images(self.result_folder(result.result_id), self.plan.names, self.plan.hospital)
        files = [one for one in found if one.sop_uid in meant]
        if len(files) < len(meant):
            raise FilesGone(f"{len(files)} of {len(meant)} objects of a result are there")
        return files

    def _not_there(self, files: list[UploadFile]) -> list[UploadFile]:
        return [one.file for one in self.uploader.missing(files)]

    def _put(self, study_uid: str, upload: Upload, turn: int, todo: list[UploadFile]) -> list[Lacking]:
        refused: list[Lacking] = []
        asked = self.clock.steady()
        for place in range(0, len(todo), self.plan.batch):
            refused += self.uploader.put(todo[place : place + self.plan.batch])
            reach("uploading")
            now = self.clock.steady()
            if now - asked > milliseconds(self.plan.lease) // 4:
                self._renew(study_uid, upload, turn)
                asked = now
        return refused

    def _renew(self, study_uid: str, upload: Upload, turn: int) -> None:
        """A long upload keeps its claim."""
        work = upload_work(self.plan.name)

        def edit(study: Study) -> bool:
            stored = upload_of(study, upload.handover_id, upload.destination)
            if stored is None or stored.turn != turn or study.claims.get(work) != self.owner:
                raise _Superseded
            study.due = {**study.due, work: self.clock.now() + milliseconds(self.plan.lease)}
            return True

        update_study(self.store, study_uid, edit)

    def _verify(self, study_uid: str, upload: Upload, turn: int, files: list[UploadFile]) -> None:
        lacking = self.uploader.missing(files)
        self.circuit.succeeded()
        if lacking:
            words = f"not at {self.plan.name}: {lacking_words(lacking, len(files))}"
            self.counted(self.plan.name, "lacking", 0)
            change = partial(self._lacking, words)
            self._edit(study_uid, upload, turn, change)
            return
        self._edit(study_uid, upload, turn, lambda s, u, now: outcome.verified(s, u, now, self.worker))
        self._tell_verified(study_uid, upload, files)
        reach("upload_verified")

    def _lacking(self, words: str, study: Study, upload: Upload, now: int) -> None:
        outcome.lacking(study, upload, words, now, self.plan)

    def _tell_verified(self, study_uid: str, upload: Upload, files: list[UploadFile]) -> None:
        size = sum(one.size for one in files)
        self.counted(self.plan.name, "verified", size)
        values = {"studyUID": study_uid, "handoverID": upload.handover_id, "destination": self.plan.name}
        self.log.event(
            "upload_verified", "uploaded and verified", images=len(files), bytes=size, **values,
            proof=self.uploader.proof,
        )  # fmt: skip

    def _refused(self, study: Study, upload: Upload, words: str, now: int) -> None:
        self.counted(self.plan.name, "refused", 0)
        upload.tried("refused", words, now, self.worker)
        outcome.give_up(study, upload, words, now)

    def _failed(self, study_uid: str, upload: Upload, turn: int, error: PipelineError) -> None:
        """
        Take a failure down.

        Raises:
            StoreAway: It was not the destination that failed.
        """
        if isinstance(error, StoreAway):
            raise error
        words = str(error)
        self._tell_failed(study_uid, words)
        if isinstance(error, Unreachable | Busy) or _refuses_us(error):
            self.circuit.failed(error.public, down=True, wait=error.wait if isinstance(error, Busy) else None)
            self.counted(self.plan.name, "away", 0)
            self._edit(study_uid, upload, turn, lambda s, u, now: outcome.away(s, u, words, now, self.plan))
        elif isinstance(error, PermanentError):
            self._edit(study_uid, upload, turn, lambda s, u, now: self._refused(s, u, words, now))
        elif isinstance(error, RetriableError):
            self.circuit.failed(error.public)
            self._try_again(study_uid, upload, turn, words)

    def _tell_failed(self, study_uid: str, words: str) -> None:
        told = {"studyUID": study_uid, "destination": self.plan.name, "error": words}
        self.log.event("upload_failed", "upload failed", "WARNING", **told)

    def _try_again(self, study_uid: str, upload: Upload, turn: int, words: str) -> None:
        self.counted(self.plan.name, "failed", 0)
        # Where so many in a row fail the destination is to blame, or the line: this upload is not charged.
        change = outcome.failed if self.circuit.is_closed else outcome.failed_with_all
        self._edit(study_uid, upload, turn, lambda s, u, now: change(s, u, words, now, self.plan))

    def _edit(
        self, study_uid: str, upload: Upload, turn: int, change: Callable[[Study, Upload, int], None]
    ) -> None:
        """Change the upload, unless another worker or a person has it by now."""

        def edit(study: Study) -> bool:
            stored = upload_of(study, upload.handover_id, upload.destination)
            if stored is None or not stored.open or stored.turn != turn:
                raise _Superseded
            change(study, stored, self.clock.now())
            return True

        try:
            update_study(self.store, study_uid, edit)
        except _Superseded:
            self._told_superseded(study_uid)

    def _told_superseded(self, study_uid: str) -> None:
        words = "another worker or a person has this upload by now"
        self.log.event("upload_superseded", words, studyUID=study_uid, destination=self.plan.name)


def _sent(upload: Upload, files: list[UploadFile], now: int) -> None:
    upload.take(UploadEvent.SEND)
    upload.files, upload.size = len(files), sum(one.size for one in files)
    upload.uploaded_at = iso(now)
    folders = sorted({posixpath.dirname(one.name) for one in files})
    upload.folders = folders if len(folders) <= MOST_FOLDERS else []


def _refuses_us(error: PipelineError) -> bool:
    return isinstance(error, Refused) and (error.status in _US_REFUSED or error.redirects)
