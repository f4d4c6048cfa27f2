"""What a person does with an upload: queue it again, or drop it. Each with who and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...domain.errors import MessageError
from ...domain.study.study import Study
from ...domain.upload.upload import Upload
from ...ports import Clock, EventLog, StudyStore
from ..operate.manual_work import Who
from ..update_study import update_study
from .upload_outcome import drop, queue_again


@dataclass
class UploadsByHand:
    """Each change is one write and one line in the study's history."""

    store: StudyStore
    clock: Clock
    log: EventLog

    def retry(self, study_uid: str, destination: str, who: Who) -> dict[str, Any] | None:
        """
        Queue again what was given up, with all attempts before it; what waits for its next try is tried now.

        Returns:
            The study's uploads as they are now; None when there is no such study.

        Raises:
            MessageError: Nothing of it waits there, its files are gone, or who or why is missing.
        """

        def edit(study: Study, upload: Upload) -> None:
            if not _has_files(study, upload):
                raise MessageError(
                    "destination", destination, "an upload whose files are there; redo the study instead"
                )
            queue_again(study, upload, who.why, self.clock.now(), who.by)

        return self._change("upload_retried", study_uid, destination, who, _can_retry, edit)

    def drop(self, study_uid: str, destination: str, who: Who) -> dict[str, Any] | None:
        """It is not wanted there; its files are kept for it no more."""

        def edit(study: Study, upload: Upload) -> None:
            drop(study, upload, f"by hand: {who.why}", self.clock.now(), who.by)

        return self._change("upload_dropped", study_uid, destination, who, _can_drop, edit)

    def _change(
        self,
        key: str,
        study_uid: str,
        destination: str,
        who: Who,
        meant: Callable[[Upload], bool],
        edit: Callable[[Study, Upload], None],
    ) -> dict[str, Any] | None:
        for name, value in vars(who).items():
            if not value.strip():
                raise MessageError(name, value, "it must be said, for the study's history")

        def change(study: Study) -> bool:
            uploads = [one for one in study.uploads if one.destination == destination and meant(one)]
            if not uploads:
                raise MessageError(
                    "destination", destination, "one that this study waits for, or was given up for"
                )
            for upload in uploads:
                edit(study, upload)
            return True

        study = update_study(self.store, study_uid, change)
        if study is None:
            return None
        words = "a person dealt with an upload"
        self.log.event(key, words, studyUID=study_uid, destination=destination, by=who.by, why=who.why)
        return uploads_of(study)


def uploads_of(study: Study) -> dict[str, Any]:
    """The state and reason of each upload of a study."""
    told = [
        {
            "destination": one.destination,
            "handoverID": one.handover_id,
            "state": one.state.value,
            "reason": one.reason,
            "attempts": one.attempts,
        }
        for one in study.uploads
    ]
    return {"studyUID": study.study_uid, "uploads": told}


def _has_files(study: Study, upload: Upload) -> bool:
    result = study.result(upload.handover_id)
    if result is not None:
        return not result.released_at
    item = study.handover(upload.handover_id)
    return item is not None and not (item.released_at and item.cached_at is None)


def _can_retry(upload: Upload) -> bool:
    return upload.stuck or upload.state.value == "queued"


def _can_drop(upload: Upload) -> bool:
    return upload.stuck or upload.open
