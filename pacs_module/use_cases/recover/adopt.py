"""
Adopt: what another record still knows of a study comes into the store, through the ordinary life cycle; twice
is once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...domain.errors import MessageError
from ...domain.instants import iso
from ...domain.json_messages.messages import PullRequest, read_pull_request
from ...domain.study.history import Note
from ...domain.study.lifecycle import Event, State
from ...domain.study.message_state import MessageState
from ...domain.study.study import WATCH, PacsCopy, Pull, Study
from ...ports import Clock, EventLog, StudyStore
from ..deliver.publish import owe_again
from ..update_study import update_study

_BY = "audit"


@dataclass
class Adopt:
    """
    ``accept`` takes a notification in, as if the plugins had just sent it (:class:`AcceptNotification`).
    """

    store: StudyStore
    accept: Callable[[Mapping[str, Any]], bool]
    clock: Clock
    log: EventLog

    def handover(self, notification: Mapping[str, Any]) -> bool:
        """
        Take a hand-over in that the plugins had sent before this store knew of it.

        Returns:
            False when it was known already.

        Raises:
            MessageError: It is no notification.
        """
        fresh = self.accept(notification)
        study_uid = str(notification["studyUID"])
        if fresh:
            why = f"hand-over {notification['handoverID']} was known to the plugins and not to this store"
            update_study(self.store, study_uid, lambda study: self._note(study, why))
        return fresh

    def by_pulling(self, study_uid: str, pacs: str = "") -> bool:
        """
        Pull a study that the other records knew, and of which nothing can be taken over, and hand it over
        whatever they had.

        Args:
            study_uid: It is not known here.
            pacs: The PACS that has it; empty: every PACS is asked.

        Returns:
            False when it is known here by now.
        """
        now = self.clock.now()
        study = Study(study_uid, first_seen_at=iso(now), pacs={pacs: PacsCopy()} if pacs else {})
        study.apply(Event.WANTED, "the plugins knew it and this store did not; pulled anew", now, by=_BY)
        study.forced = True
        study.pull_now(now)
        return self.store.insert(study)

    def pull(self, request: Mapping[str, Any]) -> bool:
        """
        Take a pull in that runs at the plugins; its report ends it, or the watch asks after it.

        Raises:
            MessageError: It is no pull request.
        """
        asked = read_pull_request(request)
        return self.store.insert(_pulled(asked, self.clock.now()))

    def ask_again(self, study_uid: str, pull_id: str) -> bool:
        """
        Look after a pull now that the plugins do not know: they are asked for it again under the same id.
        """

        def edit(study: Study) -> bool:
            if study.pull is None or not study.pull.is_running(pull_id):
                return False
            study.schedule(WATCH, self.clock.now())
            return self._note(study, f"pull {pull_id} was not known to the plugins any more")

        return update_study(self.store, study_uid, edit) is not None

    def publish_again(self, study_uid: str, handover_id: str) -> bool:
        """
        Publish a message again that the queue has lost; if it is there all the same, the older one is
        dropped.
        """

        def edit(study: Study) -> bool:
            item = study.handover(handover_id)
            if item is None or item.message_state is not MessageState.QUEUED:
                return False  # a worker has it, or its result is in
            owe_again(study, item, self.clock.now())
            return self._note(study, f"message {item.message_id} was lost with the queue; published again")

        return update_study(self.store, study_uid, edit) is not None

    def message(self, message: Mapping[str, Any], row_of: Callable[[str], Any]) -> bool:
        """
        Take in a message of the queue whose hand-over this store does not know.

        A message with names is the notification itself. One without is not, but the plugins know whose
        hand-over it is: the study is pulled anew.

        Args:
            message: Out of the queue.
            row_of: The plugins' record of a hand-over by its id, None when they have none.

        Returns:
            Whether the study is known now.
        """
        if message.get("pullID") or message.get("identity") or message.get("seriesReports"):
            return self._notification(message)
        row = row_of(str(message.get("handoverID", "")))
        if row is None:
            return False
        study = self.store.get(row.study_uid)
        return (study is not None and study.state is not State.NONE) or self.by_pulling(row.study_uid)

    def _notification(self, message: Mapping[str, Any]) -> bool:
        try:
            self.handover(message)
        except MessageError as error:
            words = "a message of the queue is no notification"
            self.log.event("message_not_adopted", words, "WARNING", error=str(error))
            return False
        return True

    def _note(self, study: Study, why: str) -> bool:
        study.note(Note.ADOPTED, why, self.clock.now(), by=_BY)
        return True


def _pulled(asked: PullRequest, now: int) -> Study:
    """The document of a study that the plugins are pulling."""
    pacs = {asked.pacs: PacsCopy()}
    study = Study(asked.study_uid, first_seen_at=iso(now), pacs=pacs, priority=asked.priority)
    study.apply(Event.WANTED, "the plugins pull it and this store did not know it", now, by=_BY)
    study.apply(Event.PULL_ASKED, f"{asked.level} from {asked.pacs}, adopted", now, by=_BY)
    study.attempts, study.skip_filter = 1, list(asked.skip_filter)
    study.pull = Pull(asked, 1, iso(now), asked_by=_BY, rank=asked.priority)
    study.schedule(WATCH, now)
    return study
