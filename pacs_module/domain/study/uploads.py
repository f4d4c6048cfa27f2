"""The uploads of a study: when it is due for which destination, and which folders they still need."""

from __future__ import annotations

from ..instants import iso
from ..upload.upload import Upload
from .handover import HandOver
from .study import ROUTE, UPLOAD_STUCK, Study, upload_work


def queue_upload(study: Study, upload: Upload) -> None:
    """Add an upload; one that is there already stays as it is."""
    if upload_of(study, upload.handover_id, upload.destination) is None:
        study.uploads = [*study.uploads, upload]
        schedule_uploads(study, upload.destination)


def upload_of(study: Study, handover_id: str, destination: str) -> Upload | None:
    """Where a hand-over stands at a destination; None: it does not go there."""
    same = (one for one in study.uploads if one.handover_id == handover_id and one.destination == destination)
    return next(same, None)


def schedule_uploads(study: Study, destination: str) -> None:
    """
    Make the study due for the first of its open uploads to a destination, and note what waits for a person.
    """
    waiting = [one.next_at for one in study.uploads if one.open and one.destination == destination]
    study.schedule(upload_work(destination), min(waiting, default=None))
    stuck = [one.next_at for one in study.uploads if one.stuck]
    study.schedule(UPLOAD_STUCK, min(stuck, default=None))


def schedule_routing(study: Study, at: int) -> None:
    """It is to be decided which destinations get the newest hand-over."""
    study.schedule(ROUTE, min(at, study.due.get(ROUTE, at)))


def to_route(study: Study) -> list[HandOver]:
    """The hand-overs for which that was not decided yet; none where there are no destinations."""
    if ROUTE not in study.due:
        return []
    return [item for item in study.handovers if item.routed_at is None and not item.released_at]


def needs_folder(study: Study, item: HandOver) -> bool:
    """Whether destinations still need the hand-over's own folder."""
    if item.cached_at is not None:
        return False
    waits = any(one.handover_id == item.handover_id for one in to_route(study))
    return waits or uploads_open(study, item.handover_id)


def uploads_open(study: Study, handover_id: str) -> bool:
    """Whether a destination is still to get it."""
    return any(one.open for one in study.uploads if one.handover_id == handover_id)


def uploads_need_files(study: Study, handover_id: str) -> bool:
    """Whether a destination is still to get it, or a person may still want it sent."""
    return any(one.open or one.stuck for one in study.uploads if one.handover_id == handover_id)


def routed(item: HandOver, at: int) -> None:
    """Which destinations get it is decided."""
    item.routed_at = iso(at)
