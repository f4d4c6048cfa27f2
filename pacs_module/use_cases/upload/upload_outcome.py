"""
What becomes of an upload: each change is made on the study's document, and what follows from it in the same
write.
"""

from __future__ import annotations

from ...domain.instants import iso, milliseconds
from ...domain.study.history import Note
from ...domain.study.lifecycle import BY_HAND, Event, State
from ...domain.study.study import RELEASE, Study
from ...domain.study.uploads import needs_folder, schedule_uploads
from ...domain.upload.upload import Upload
from ...domain.upload.upload_state import UploadEvent
from . import other_series
from .upload_policy import DestinationPlan


def verified(study: Study, upload: Upload, now: int, by: str) -> None:
    """The destination has every image."""
    upload.take(UploadEvent.VERIFY)
    upload.verified_at, upload.reason = iso(now), ""
    upload.tried("verified", f"{upload.files} images, {upload.size} bytes", now, by)
    study.note(Note.UPLOADED, f"{upload.files} images at {upload.destination}", now, by=by)
    _ended(study, upload)


def failed(study: Study, upload: Upload, why: str, now: int, plan: DestinationPlan) -> None:
    """It failed, and others did not: again after a pause, or given up at the last attempt."""
    _charge(study, upload, why, now, plan, "failed")


def lacking(study: Study, upload: Upload, why: str, now: int, plan: DestinationPlan) -> None:
    """Everything was sent, and something is not there: as one that failed."""
    _charge(study, upload, why, now, plan, "lacking")


def failed_with_all(study: Study, upload: Upload, why: str, now: int, plan: DestinationPlan) -> None:
    """It failed as all do now: no attempt is counted."""
    upload.tried("failed", why, now)
    _again(study, upload, why, now + milliseconds(plan.away))


def _charge(study: Study, upload: Upload, why: str, now: int, plan: DestinationPlan, outcome: str) -> None:
    upload.attempts += 1
    upload.tried(outcome, why, now)
    if plan.retry.exhausted(upload.attempts):
        give_up(study, upload, f"{why}; attempt {upload.attempts} was the last", now)
        return
    pause = plan.retry.pause_after(upload.attempts)
    _again(study, upload, f"{why}; again in {pause}", now + milliseconds(pause))
    study.note(Note.UPLOAD_FAILED, f"{upload.destination}: {upload.reason}", now)


def away(study: Study, upload: Upload, why: str, now: int, plan: DestinationPlan) -> None:
    """Nobody answers there, or it says "not now": no attempt is counted."""
    upload.tried("away", why, now)
    _again(study, upload, why, now + milliseconds(plan.away))


def give_up(study: Study, upload: Upload, why: str, now: int) -> None:
    """It is not tried any more; a person may queue it again as long as its files are there."""
    upload.take(UploadEvent.GIVE_UP)
    upload.reason, upload.next_at, upload.begun = why, now, 0
    study.note(Note.UPLOAD_GIVEN_UP, f"{upload.destination}: {why}", now)
    _ended(study, upload)


def drop(study: Study, upload: Upload, why: str, now: int, by: str = "pacs_module") -> None:
    """It is not wanted there any more, by a person's word or a limit's."""
    upload.take(UploadEvent.DROP)
    upload.reason, upload.begun = why, 0
    study.note(Note.UPLOAD_DROPPED, f"{upload.destination}: {why}", now, by=by)
    _ended(study, upload)


def queue_again(study: Study, upload: Upload, why: str, now: int, by: str) -> None:
    """A person wants it sent, with all attempts before it."""
    upload.take(UploadEvent.RETRY)
    upload.attempts, upload.begun, upload.next_at = 0, 0, now
    study.note(Note.UPLOAD_AGAIN, f"{upload.destination}: {why}", now, by=by)
    schedule_uploads(study, upload.destination)


def files_lost(study: Study, upload: Upload, why: str, now: int) -> None:
    """
    The files went before the destination had them: what is pulled again is handed over and routed anew. Where
    no PACS has the study there is nothing to pull, and a person must know.
    """
    if study.result(upload.handover_id) is not None:
        give_up(study, upload, f"{why}: the backend must send it again", now)
        return
    item = study.handover(upload.handover_id)
    if item is not None and item.destinations:
        drop(study, upload, f"{why}: its series are pulled again", now)
        other_series.files_gone(study, item, now)
        return
    if not study.pacs or study.state in BY_HAND:
        give_up(study, upload, f"{why}, and there is no PACS to pull them from again", now)
        return
    drop(study, upload, f"{why}: the study is pulled again", now)
    pull_again(study, why, now)


def pull_again(study: Study, why: str, now: int) -> None:
    """Have a study pulled and handed over once more, whatever was handed over before."""
    study.apply(Event.UPLOAD_FILES_LOST, why, now)
    study.forced = True
    if study.state is State.META_ONLY:  # a pull that runs brings them when it ends
        study.pull_now(now)


def schedule_release(study: Study) -> None:
    """Folders whose result is in, and that no destination needs, go after their retention."""
    settled = [item for item in study.handovers if not item.open and not item.released_at]
    due = [item.next_at for item in settled if not needs_folder(study, item)]
    study.schedule(RELEASE, min(due, default=None))


def _again(study: Study, upload: Upload, why: str, at: int) -> None:
    upload.take(UploadEvent.FAIL)
    upload.reason, upload.next_at, upload.begun = why, at, 0
    schedule_uploads(study, upload.destination)


def _ended(study: Study, upload: Upload) -> None:
    schedule_uploads(study, upload.destination)
    schedule_release(study)
