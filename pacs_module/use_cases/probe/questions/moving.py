"""C-MOVE of one small series."""

from __future__ import annotations

from ....domain.probe import Moved, Verdict
from .client import MoveTest
from .levels import smallest_series
from .session import Session, status_words

MAX_MOVED = 60


def move(session: Session, test: MoveTest) -> None:
    """Move one small series and count what comes."""
    asked = f"one small series to {test.destination}"
    smallest = smallest_series(session)
    if smallest is None:
        session.not_told("move", asked, "no series is known")
        return
    study, series, count = smallest
    expected = session.images.get(series, count)
    if expected is None or expected > MAX_MOVED:
        session.not_told("move", asked, f"no series is known to be small ({MAX_MOVED} images at most)")
        return
    _move_one(session, test, {"StudyInstanceUID": study, "SeriesInstanceUID": series}, expected)


def _move_one(session: Session, test: MoveTest, query: dict[str, str], expected: int) -> None:
    series, asked = query["SeriesInstanceUID"], f"one small series to {test.destination}"
    had = test.received(series)
    moved = session.talk.asker.move(query, test.destination, lambda: test.received(series))
    new = moved.received - had
    came = _came(moved, new, expected)
    verdict, words = _verdict(moved, new, expected), _move_words(moved, new >= expected, new)
    session.add("move", verdict, words, asked, came, new)
    if new > 0:
        _senders(session, test.senders(series), asked, came)
    _silence(session, moved, asked)


def _senders(session: Session, senders: tuple[str, ...], asked: str, came: str) -> None:
    who = ", ".join(senders) or "who was asked"
    session.add("move.senders", Verdict.YES, f"images come from {who}", asked, came, "\\".join(senders))


def _silence(session: Session, moved: Moved, asked: str) -> None:
    words = f"longest silence {moved.silence:.1f} s"
    told = f"{moved.pending + 1} responses in {moved.seconds:.1f} s"
    session.add("move.silence", Verdict.YES, words, asked, told, round(moved.silence, 1))


def _came(moved: Moved, new: int, expected: int) -> str:
    ending = moved.error or f"status {status_words(moved.status)}"
    counted = f"announced {moved.announced}, completed {moved.completed}, failed {moved.failed}"
    images = f"{new} images came of {expected}, {moved.late} of them late"
    return "; ".join((ending, counted, images, f"{moved.pending} pending responses"))


def _verdict(moved: Moved, new: int, expected: int) -> Verdict:
    if new >= expected and moved.status == 0:
        return Verdict.YES
    return Verdict.PARTLY if new > 0 else Verdict.NO


def _move_words(moved: Moved, all_here: bool, came: int) -> str:
    if moved.error:
        return f"the move broke: {moved.error}"
    if moved.status == 0xA801:  # PS3.4 C.4.2.1.5
        return "the PACS does not know our AE title as a move destination"
    words = [_ending_words(moved.status, all_here, came)]
    if moved.announced and moved.announced != came:
        words.append(f"it announced {moved.announced}")
    if moved.late:
        words.append(f"{moved.late} came after its end")
    return "; ".join(words)


def _ending_words(status: int | None, all_here: bool, came: int) -> str:
    if status == 0:
        return "all images came" if all_here else f"Success, but only {came} images came"
    images = "all images came" if all_here else f"{came} images came"
    return f"ended with status {status_words(status)}, and {images}"
