"""Looks at what lies in the plugins' quarantine, and releases or drops it with who and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...domain.errors import InvalidTransition, MessageError, PermanentError, RetriableError
from ...domain.image_validation.quarantine import HeldState
from ...domain.study.history import Note
from ...domain.study.study import Study
from ...ports import Clock, EventLog, StudyStore
from ...ports.plugins import Quarantine
from ..operate.manual_work import ManualWork, Who
from ..update_study import update_study

PAGE = 100
RELEASE, DROP = "release", "drop"
_OVER = (HeldState.RELEASED, HeldState.DROPPED, HeldState.EXPIRED, HeldState.LOST)


@dataclass(frozen=True)
class QuarantineView:
    """
    A page of it.

    Args:
        held: Images that wait for a person, the newest first, as the plugins tell them.
        decided: The last ones that do not wait any more.
        counts: How many are in each state.
        validation: The policy and its rates, as the plugins tell them.
        before: Where the next page begins; 0: there is none.
        away: Why nothing can be told: the receiving Orthanc does not answer, or has no quarantine; empty: it
            does.
    """

    held: Sequence[Mapping[str, Any]]
    decided: Sequence[Mapping[str, Any]]
    counts: Mapping[str, int]
    validation: Mapping[str, Any] = field(default_factory=dict)
    before: int = 0
    away: str = ""


@dataclass(frozen=True)
class ManageQuarantine:
    """
    The quarantine for people.

    Args:
        plugins: Where it lies.
        store: To write a decision into the history of a study that is known here.
        work: To pull a study again whose image was released.
        clock: Of this machine.
        log: For events.
    """

    plugins: Quarantine
    store: StudyStore
    work: ManualWork
    clock: Clock
    log: EventLog

    def show(self, before: int = 0) -> QuarantineView:
        """A page of what waits, from a number on."""
        try:
            return self._show(before)
        except (RetriableError, PermanentError) as error:
            return QuarantineView((), (), {}, {"policy": None, "senders": []}, away=error.public)

    def _show(self, before: int) -> QuarantineView:
        waiting = (HeldState.HELD, HeldState.RELEASING)
        held = self.plugins.quarantined(waiting, before, PAGE + 1)
        decided = self.plugins.quarantined(_OVER, 0, PAGE // 4) if not before else {"images": []}
        images = held["images"]
        further = images[PAGE - 1]["number"] if len(images) > PAGE else 0
        return QuarantineView(
            images[:PAGE], decided["images"], held["counts"], self.plugins.validation(), further
        )

    def decide(
        self, action: str, who: Who, numbers: Sequence[int] = (), study_uid: str = ""
    ) -> dict[str, Any]:
        """
        Release or drop images.

        Args:
            action: ``release`` or ``drop``.
            who: Who decides, and why.
            numbers: Of the images.
            study_uid: All of this study that wait, instead of numbers.

        Returns:
            ``decided``: numbers; ``refused``: numbers with why; ``pulled``: studies that are pulled again for
            it; ``pullAgain``: studies that pass once somebody pulls them, because they cannot be pulled from
            here.

        Raises:
            MessageError: Something is missing, or there is no such image.
            RetriableError: The receiving Orthanc is away.
        """
        for key, value in vars(who).items():
            if not value.strip():
                raise MessageError(key, value, "it must be said, for the audit")
        told = self.plugins.decide_quarantined(action, numbers, study_uid, who.by, who.why)
        for uid in told.get("studies", ()):
            self._note(uid, action, who)
        again = [uid for uid in told["pullAgain"] if self._pull_again(uid, who)]
        left = [uid for uid in told["pullAgain"] if uid not in again]
        self.log.event(
            "quarantine_decided", "a person has decided of images in quarantine", "WARNING",
            action=action, numbers=told["decided"], by=who.by, why=who.why, pulledAgain=again,
        )  # fmt: skip
        return {"decided": told["decided"], "refused": told["refused"], "pulled": again, "pullAgain": left}

    def _pull_again(self, study_uid: str, who: Who) -> bool:
        """Whether a study is pulled again: it has to be known here, and in a state that allows it."""
        try:
            return self.work.redo(study_uid, Who(who.by, f"released from quarantine: {who.why}")) is not None
        except InvalidTransition:
            return False

    def _note(self, study_uid: str, action: str, who: Who) -> None:
        def edit(study: Study) -> bool:
            study.note(Note.QUARANTINE, f"{action}: {who.why}", self.clock.now(), by=who.by)
            return True

        update_study(self.store, study_uid, edit)
