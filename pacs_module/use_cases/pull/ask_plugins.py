"""Ask the plugins for a pull that the document says is asked for, and take it back where they refuse it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ...domain.errors import NoRoom, PermanentError, RetriableError, TooLarge, Unreachable
from ...domain.explain import loglines
from ...domain.json_messages.messages import PullRequest
from ...ports import Clock, EventLog, Puller
from .choose_pulls import RoomGate
from .pull_policy import PullPolicy
from .receiver_book import ReceiverBook
from .record_pull_end import RecordPullEnd


@dataclass
class AskPlugins:
    """The same request may be asked for again and again: the plugins know it by its id."""

    puller: Puller
    ends: RecordPullEnd
    clock: Clock
    log: EventLog
    policy: PullPolicy
    room: RoomGate
    receivers: ReceiverBook

    def __call__(self, request: PullRequest) -> bool:
        """
        Ask once.

        Returns:
            Whether the pull is on its way, also where the plugins were not reached: the document is asked
            after later.
        """
        try:
            self.puller.ask(request)
        except NoRoom as error:
            self._no_room(request, str(error))
            return False
        except TooLarge as error:
            self._too_large(request, str(error))
            return False
        except RetriableError as error:
            self._tell_not_reached(request, error)
            if isinstance(error, Unreachable) and self.receivers.several:
                self._ask_elsewhere(request, error)
                return False
        except PermanentError as error:
            self._tell_failed()
            self.ends.give_back(request, str(error))
            return False
        self.room.entered(request.study_uid)
        return True

    def _ask_elsewhere(self, request: PullRequest, error: Unreachable) -> None:
        """It has never seen the request: another one may have it at once."""
        self.receivers.lost(request.receiver, error.public)
        self.ends.elsewhere(request, error.public)

    def _no_room(self, request: PullRequest, why: str) -> None:
        pause, hold = self.policy.room_pause, self.policy.room_hold
        self.receivers.no_room(request.receiver, pause)
        if self.receivers.has_room():
            self.ends.no_room(request, why, timedelta(0))
            return
        self.room.close(request.study_uid, self.clock.now(), pause, hold)
        self.ends.no_room(request, why, pause)

    def _too_large(self, request: PullRequest, why: str) -> None:
        if self.receivers.too_small(request.receiver, request.study_uid):
            self.ends.elsewhere(request, why)
            return
        self._tell_failed()
        self.ends.too_large(request, why)

    def _tell_not_reached(self, request: PullRequest, error: RetriableError) -> None:
        told = {"studyUID": request.study_uid, "error": str(error)}
        words = "plugins not reached, will be asked again"
        self.log.event("plugins_not_reached", words, "WARNING", **told)

    def _tell_failed(self) -> None:
        self.log.line(loglines.MOVE_FAILED)
        self.log.line(loglines.move_success([]))
