"""
Reconciliation reaches the destinations: each is asked for its own list of what was sent there, study by
study; where images lack, the PACS is asked which ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ...domain.errors import PipelineError, Unreachable
from ...domain.reconcile.at_destination import AtDestination, There, compared
from ...domain.study.handover import HandOver
from ...domain.study.other_series import OtherSeries, wished
from ...domain.study.study import ROUTE, Study
from ...domain.upload.files import ImagePlace
from ...domain.upload.upload import Upload
from ...domain.upload.upload_state import UploadEvent, UploadState
from ...ports import Clock, EventLog, PacsFinder, StudyStore, Uploader
from ..pull.list_images import list_images
from ..update_study import update_study
from ..upload.upload_outcome import schedule_release
from ..upload.upload_policy import DestinationPlan

_VERDICTS = {
    UploadState.DEAD: There.GIVEN_UP,
    UploadState.DROPPED: There.DROPPED,
    UploadState.QUEUED: There.ON_ITS_WAY,
    UploadState.UPLOADING: There.ON_ITS_WAY,
    UploadState.UPLOADED: There.ON_ITS_WAY,
}
_WORST_FIRST = (There.GIVEN_UP, There.ON_ITS_WAY, There.EQUAL, There.DROPPED)


@dataclass
class CompareDestinations:
    """
    Args:
        store: The studies.
        finder: Asks the PACS for the images of a series.
        plans: The destinations that get hand-overs.
        open_uploader: A way to one of them.
        clock: The hospital's.
        log: For events.
    """

    store: StudyStore
    finder: PacsFinder
    plans: Sequence[DestinationPlan]
    open_uploader: Callable[[str], Uploader]
    clock: Clock
    log: EventLog

    def __call__(self, days: Sequence[date]) -> tuple[AtDestination, ...]:
        """
        Compare what was sent of the studies of some days.

        Raises:
            RetriableError: The store is away.
        """
        studies = [study for day in days for study in self.store.of_day(day)]
        lines: list[AtDestination] = []
        for plan in self.plans:
            lines += self._at(plan, studies)
        return tuple(lines)

    def _at(self, plan: DestinationPlan, studies: Sequence[Study]) -> list[AtDestination]:
        uploader, away = self.open_uploader(plan.name), ""
        lines = []
        try:
            for study in studies:
                line = _line(study, plan.name)
                if line is None:
                    continue
                line, away = self._asked(plan, study, line, uploader, away)
                lines.append(line)
        finally:
            uploader.close()
        return lines

    def _asked(
        self, plan: DestinationPlan, study: Study, line: AtDestination, uploader: Uploader, away: str
    ) -> tuple[AtDestination, str]:
        """The line, judged; and why nobody answers there, so that the rest of a day does not wait for it."""
        place = place_of(study, plan)
        if line.verdict is not There.EQUAL or away:
            return (_with(line, There.AWAY, away) if away and line.verdict is There.EQUAL else line), away
        try:
            listed = uploader.list_images(place)
        except PipelineError as error:
            self._told_away(plan.name, study.study_uid, str(error))
            return _with(line, There.AWAY, str(error)), str(error) if isinstance(error, Unreachable) else ""
        short = listed is not None and len(listed) < max(line.sent, line.in_pacs or 0)
        return compared(line, listed, self._in_pacs(study, place) if short else None), ""

    def _in_pacs(self, study: Study, place: ImagePlace) -> set[str] | None:
        """The images of the series that were sent, by the first PACS that lists them."""
        for pacs in study.pacs:
            try:
                return {
                    uid
                    for one in place.series_uids
                    for uid in list_images(self.finder, pacs, study.study_uid, one)
                }
            except PipelineError as error:
                self._told_away(pacs, study.study_uid, str(error))
        return None

    def _told_away(self, who: str, study_uid: str, why: str) -> None:
        words = "reconcile: no list of images"
        self.log.event("reconcile_no_images", words, "WARNING", who=who, studyUID=study_uid, error=why)


@dataclass
class SendAgain:
    """What a destination lacks is pulled for it alone, and sent anew; the backend hears nothing of it."""

    store: StudyStore
    clock: Clock
    log: EventLog

    def __call__(self, lines: Sequence[AtDestination], by: str) -> dict[str, str]:
        """Repair what lacks; what was done, by StudyInstanceUID."""
        done = {}
        for line in lines:
            if line.lacks and self._again(line, by):
                done[line.study_uid] = f"to be sent to {line.destination} again"
        if done:
            self.log.event("destinations_repaired", "reconcile: sent again", studyUIDs=sorted(done), by=by)
        return done

    def _again(self, line: AtDestination, by: str) -> bool:
        again = False

        def edit(study: Study) -> bool:
            nonlocal again
            lost = [one for one in _of(study, line.destination) if one.state is UploadState.VERIFIED]
            again = bool(lost) and bool(study.pacs)
            if again:
                self._lose(study, lost, line, by)
            return again

        update_study(self.store, line.study_uid, edit)
        return again

    def _lose(self, study: Study, lost: Sequence[Upload], line: AtDestination, by: str) -> None:
        now = self.clock.now()
        items = [item for one in lost if (item := study.handover(one.handover_id)) is not None]
        series = tuple(sorted({uid for item in items for uid in _series_of(item)}))
        for one in lost:
            one.take(UploadEvent.LOSE)
            one.reason = f"{line.why} there; sent anew"
            one.tried("lacking", f"{one.reason}, {by}", now)
        wish = OtherSeries(line.destination, series=series)
        study.other_series = wished(study.other_series, wish)
        study.schedule(ROUTE, now)
        schedule_release(study)


def place_of(study: Study, plan: DestinationPlan) -> ImagePlace:
    """Where what was verified of a study lies at a destination."""
    there = [one for one in _of(study, plan.name) if one.state is UploadState.VERIFIED]
    items = [item for one in there if (item := study.handover(one.handover_id)) is not None]
    series = tuple(sorted({uid for item in items for uid in _series_of(item)}))
    known = all(one.folders for one in there)
    folders = tuple(sorted({folder for one in there for folder in one.folders})) if known else ()
    return ImagePlace(study.study_uid, series, folders, plan.names)


def _of(study: Study, destination: str) -> list[Upload]:
    """Its uploads of hand-overs there, without results."""
    return [
        one
        for one in study.uploads
        if one.destination == destination and study.handover(one.handover_id) is not None
    ]


def _line(study: Study, destination: str) -> AtDestination | None:
    """What was sent; its verdict is EQUAL until somebody is asked. None: nothing was meant for it."""
    uploads = _of(study, destination)
    if not uploads:
        return None
    verdict, sent = _stands(uploads), _images(study, [one for one in uploads if _is_there(one)])
    why = next((one.reason for one in uploads if one.reason and _VERDICTS.get(one.state) is verdict), "")
    names = (study.study_uid, study.accession_number, destination)
    return AtDestination(*names, verdict, _in_pacs(study, sent), sum(sent.values()), why=why)


def _is_there(upload: Upload) -> bool:
    return upload.state is UploadState.VERIFIED


def _stands(uploads: Sequence[Upload]) -> There:
    """
    How a study stands there by its uploads: the worst of them; what was dropped counts where nothing else is.
    """
    told = {_VERDICTS.get(one.state, There.EQUAL) for one in uploads}
    return next(one for one in _WORST_FIRST if one in told)


def _in_pacs(study: Study, sent: Mapping[str, int]) -> int | None:
    """Images of these series at the PACS, as it told them; None: not of each."""
    told = [record.in_pacs for uid in sent if (record := study.series.get(uid)) is not None]
    known = [number for number in told if number is not None]
    return sum(known) if known and len(known) == len(sent) else None


def _images(study: Study, uploads: Sequence[Upload]) -> Mapping[str, int]:
    """Images by series; of a series that was sent twice the larger number."""
    counts: dict[str, int] = {}
    for one in uploads:
        item = study.handover(one.handover_id)
        for uid, number in (_counts(item) if item is not None else {}).items():
            counts[uid] = max(counts.get(uid, 0), number)
    return counts


def _counts(item: HandOver) -> dict[str, int]:
    told = item.message.get("series", ())
    counts = {str(one.get("seriesUID", "")): int(one.get("numberReceived", 0)) for one in told}
    return counts or {item.series_uid: item.number_received}


def _series_of(item: HandOver) -> Sequence[str]:
    return list(_counts(item)) if item.message.get("series") else item.series_uids or [item.series_uid]


def _with(line: AtDestination, verdict: There, why: str) -> AtDestination:
    return replace(line, verdict=verdict, why=why)
