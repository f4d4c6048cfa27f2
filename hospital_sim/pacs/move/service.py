"""
C-MOVE as a service: the images of ``move`` to their destination, the progress and the end to the caller,
habits included.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from io import BytesIO

from pynetdicom.dimse_primitives import C_MOVE

from hospital_sim.pacs.call import Call
from hospital_sim.pacs.content.identity import is_uncorrected, sent_attributes, told_attributes
from hospital_sim.pacs.find.query import QueryRefusedError
from hospital_sim.pacs.habit_values import ABORT, REJECT, Failure
from hospital_sim.pacs.habits import Habits
from hospital_sim.pacs.move.images import (
    CANCELLED,
    CANNOT_PERFORM,
    PENDING,
    SUBOPERATIONS_FAILED,
    UNKNOWN_DESTINATION,
    Progress,
    Sending,
    Wanted,
    group_of,
    is_nth,
    send_images,
    wanted_images,
)
from hospital_sim.pacs.wire.data_sets import encode_answer
from hospital_sim.pacs.wire.text import NATURAL
from hospital_sim.sending.scu import SUCCESS, Originator, Pacs


def move(call: Call) -> None:
    """Serve a C-MOVE."""
    call.read_identifier()
    name = str(call.request.MoveDestination or "").strip()
    destination = call.context.destinations.get(name)
    if destination is None:
        _end_move(call, Progress(0), UNKNOWN_DESTINATION)
        return
    if _failed_at_once(call):
        return
    try:
        images = wanted_images(call.context.archive, call.values, call.now)
    except QueryRefusedError as error:
        _end_move(call, Progress(0), error.status)
        return
    if _spoiled_whole(call, images):
        return
    if call.habits.seconds("move-silent"):
        call.bitten.append("move-silent")
        if not call.sleep(call.habits.seconds("move-silent")):
            call.note("C-MOVE", 0, None)
            return
    _Mover(call, images, Pacs(destination[0], destination[1], name)).run()


def _failed_at_once(call: Call) -> bool:
    """The habit ``move-fails``; whether it showed. Rejections are the server's."""
    allowed = call.habits.failure("move-fails")
    if allowed is None or allowed.how == REJECT:
        return False
    failure = call.context.failure("move-fails", "")
    if failure is None:
        return False
    call.bitten.append("move-fails")
    _end_by(call, Progress(0), failure)
    return True


def _end_by(call: Call, progress: Progress, failure: Failure) -> None:
    """End a move as a failure says."""
    if failure.status is not None:
        _end_move(call, progress, failure.status)
        return
    call.note("C-MOVE", progress.sent, None)
    call.abort()


def _spoiled_whole(call: Call, images: list[Wanted]) -> bool:
    """Habits that send nothing at all; whether one did."""
    group, total = group_of(images), len(images)
    for habit, progress, status in (
        ("move-refused", Progress(total), CANNOT_PERFORM),
        ("move-zero", Progress(0), SUCCESS),
        ("move-success-all-failed", Progress(total, failed=total), SUCCESS),
    ):
        if images and call.context.still(habit, group):
            call.bitten.append(habit)
            _end_move(call, progress, status)
            return True
    return False


def _end_move(call: Call, progress: Progress, status: int) -> None:
    response = _response(progress, status)
    if progress.failed_uids:
        values = {"FailedSOPInstanceUIDList": "\\".join(progress.failed_uids)}
        response.Identifier = BytesIO(encode_answer(values, NATURAL[""], implicit=call.implicit))
    call.note("C-MOVE", progress.sent, status)
    call.send(response)


def _response(progress: Progress, status: int) -> C_MOVE:
    response = C_MOVE()
    response.Status = status
    response.NumberOfCompletedSuboperations = progress.completed
    response.NumberOfFailedSuboperations = progress.failed
    response.NumberOfWarningSuboperations = 0
    if status in (PENDING, CANCELLED):
        response.NumberOfRemainingSuboperations = progress.remaining
    return response


class _Mover:
    """Sends the images of one move."""

    def __init__(self, call: Call, images: list[Wanted], destination: Pacs) -> None:
        habits, context = call.habits, call.context
        self._call = call
        self._sending = self._sending_to(destination)
        self._images = images
        self._uncorrected = {
            one.study.uid for one in images if is_uncorrected(one.study, habits, context.corrected)
        }
        self._dropped = self._picked("move-drops-nth") | self._held_back() | self._last_series()
        self._failed = self._picked("move-b000") - self._dropped
        unsent = self._dropped | self._failed
        rest = [one for one in images if one.uid not in unsent] if unsent else images
        late = len(rest) - max(1, len(rest) // 3) if habits.seconds("move-late-images") else len(rest)
        self._now, self._later = rest[:late], rest[late:]
        self._early = self._ends_early()

    def _sending_to(self, destination: Pacs) -> Sending:
        """Under which name and from which address images are sent."""
        habits, context = self._call.habits, self._call.context
        originator = Originator(self._call.calling, self._call.request.MessageID)
        return Sending(
            destination,
            habits.word("move-other-title") or context.ae_title,
            None if "move-no-originator" in habits else originator,
            context.stopped,
            self._changed,
            habits.word("move-other-address") or "",
        )

    def _picked(self, habit: str) -> set[str]:
        """SOPInstanceUIDs that a habit hits this time; noted in the ledger."""
        times = self._call.habits.times(habit)
        if times is None:
            return set()
        hit = {one.uid for one in self._images if is_nth(one, times.count)}
        picked = {uid for uid in hit if times.still(self._call.context.memory.earlier(habit, uid))}
        if picked:
            self._call.bitten.append(habit)
        return picked

    def _held_back(self) -> set[str]:
        """Of studies whose PatientID is corrected after this move the second half of each series."""
        if not self._uncorrected:
            return set()
        self._call.bitten.append("corrected-patient")
        return {
            one.uid for one in self._images if one.study.uid in self._uncorrected and self._place(one) >= 0.5
        }

    def _last_series(self) -> set[str]:
        """
        The images of the last of several series, where the habit ``move-drops-series`` still shows for it.
        """
        uids = list(dict.fromkeys(one.series.uid for one in self._images))
        if len(uids) < 2 or not self._call.context.still("move-drops-series", uids[-1]):
            return set()
        self._call.bitten.append("move-drops-series")
        return {one.uid for one in self._images if one.series.uid == uids[-1]}

    def _place(self, one: Wanted) -> float:
        return one.index / max(1, one.series.visible(self._call.now))

    def _changed(self, one: Wanted) -> Mapping[str, str]:
        """What an image says of its patient in place of what it was made with."""
        call = self._call
        told = told_attributes(one.study, call.habits, call.context.corrected, call.now)
        return sent_attributes(one.study, self._place(one), call.habits, told)

    def _ends_early(self) -> tuple[str, Failure] | None:
        """The habit that ends the move half way, and how."""
        context, group = self._call.context, group_of(self._images)
        if self._images and context.still("move-dies", group):
            return "move-dies", Failure(ABORT)
        failure = context.failure("move-ends-early", group) if self._images else None
        return ("move-ends-early", failure) if failure else None

    def run(self) -> None:
        """
        Send, tell the progress, and end as the habits want it; then a PatientID that was wrong is corrected.
        """
        try:
            self._run()
        finally:
            for uid in self._uncorrected:
                self._call.context.corrected.add(uid)

    def _run(self) -> None:
        call = self._call
        extra = (call.habits.count("move-announces-more") or 0) if self._images else 0
        progress = Progress(len(self._images) + extra)
        for ended in self._sent(progress):
            if ended:
                return
        if self._later:
            call.bitten.append("move-late-images")
            progress.completed += len(self._later)
            self._send_later()
        progress.completed += len(self._dropped)
        progress.failed += len(self._failed)
        progress.failed_uids += sorted(self._failed)
        _end_move(call, progress, SUBOPERATIONS_FAILED if progress.failed else SUCCESS)

    def _sent(self, progress: Progress) -> Iterator[bool]:
        """After each image whether the move has ended for good."""
        call = self._call
        for one, arrived in zip(self._now, send_images(self._now, self._sending, call.habits), strict=False):
            progress.sent += arrived
            progress.completed += arrived
            if not arrived:
                progress.failed += 1
                progress.failed_uids.append(one.uid)
            yield self._is_ended(progress)
            if "move-no-pending" not in call.habits:
                call.send(_response(progress, PENDING))
        if call.context.stopped.is_set():
            yield True

    def _is_ended(self, progress: Progress) -> bool:
        call = self._call
        if self._early is not None and 2 * (progress.completed + progress.failed) >= len(self._now):
            habit, failure = self._early
            call.bitten.append(habit)
            _end_by(call, progress, failure)
            return True
        if call.is_cancelled:
            _end_move(call, progress, CANCELLED)
            return True
        if call.is_gone:
            call.note("C-MOVE", progress.sent, None)
            return True
        return False

    def _send_later(self) -> None:
        """The rest after the final response, from a thread of its own."""
        context, seconds = self._call.context, self._call.habits.seconds("move-late-images")

        def send() -> None:
            if not context.stopped.wait(seconds):
                for _ in send_images(self._later, self._sending, Habits()):
                    pass

        thread = threading.Thread(target=send, name="late images", daemon=True)
        context.helpers.append(thread)
        thread.start()
