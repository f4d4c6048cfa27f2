"""
Retire: a destination that is not in the settings any more is waited for no longer, and no folder is kept for
it.

The names of before stand beside the leases, because the settings do not tell what was taken out of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ...domain.study.study import ROUTE, Study, upload_work
from ...domain.study.uploads import routed, schedule_uploads, to_route
from ...ports import Clock, EventLog, Leases, StudyStore
from ..update_study import update_study
from .upload_outcome import drop, schedule_release

NAMES = "destinations"
"""Of the memo beside the leases."""
_AT_ONCE = 500
_WHY = "the destination is not in the settings any more"


@dataclass
class RetireDestinations:
    """
    Args:
        store: The studies.
        leases: For the memo.
        names: Of the destinations in the settings.
        clock: The hospital's.
        log: For events.
    """

    store: StudyStore
    leases: Leases
    names: Sequence[str]
    clock: Clock
    log: EventLog

    def __call__(self) -> bool:
        """Drop what waits for destinations that are gone; there is never more to do at once."""
        before = self.leases.memo(NAMES).get("names", [])
        known = [str(name) for name in before] if isinstance(before, list) else []
        for name in known:
            if name not in self.names:
                self._each(upload_work(name), partial(self._drop, name))
                self.log.event("destination_retired", _WHY, "WARNING", destination=name)
        if known and not self.names:
            self._each(ROUTE, self._route_nowhere)
        if sorted(known) != sorted(self.names):
            self.leases.edit(NAMES, lambda memo: {**memo, "names": sorted(self.names)})
        return False

    def _each(self, work: str, edit: Callable[[Study], bool]) -> None:
        while studies := self.store.next_with(work, _AT_ONCE):
            for study in studies:
                update_study(self.store, study.study_uid, edit)

    def _drop(self, name: str, study: Study) -> bool:
        for upload in study.uploads:
            if upload.open and upload.destination == name:
                drop(study, upload, _WHY, self.clock.now())
        schedule_uploads(study, name)
        return True

    def _route_nowhere(self, study: Study) -> bool:
        for item in to_route(study):
            routed(item, self.clock.now())
        study.schedule(ROUTE, None)
        schedule_release(study)
        return True
