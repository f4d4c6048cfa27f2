"""Dates and times as matching keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....domain.find.windows import Window, clock_of
from ....domain.probe import (
    MATCH_VERDICT,
    DateRange,
    Match,
    Reply,
    Verdict,
    Whole,
    judge_date_range,
    judge_match,
    text_of,
    time_parts,
    uid_of,
    worst_match,
)
from .session import STUDY_KEYS, Day, Session, dicom, nothing, second_of, uids_of

ONE_DAY = "StudyDate, one day"
TWO_DAYS = "StudyDate, the day and the one before as a range"
HALVES = "StudyTime, the day in two halves"
ACROSS_MIDNIGHT = "a range across midnight"
SINCE, UNTIL = 6 * 3600, 18 * 3600
LAST_SECOND = 86399
_RANGE_WORDS = {
    DateRange.HONOURED: (Verdict.YES, "date ranges are honoured"),
    DateRange.CUT: (Verdict.NOT_TOLD, "not told: the list may be cut"),
    DateRange.FIRST_DAY: (Verdict.NO, "only one day of a date range is matched"),
    DateRange.LAST_DAY: (Verdict.NO, "only the last day of a date range is matched"),
    DateRange.NOTHING: (Verdict.NO, "a date range matches nothing"),
}


_HALVES_WORDS = {
    Match.HONOURED: "time ranges are honoured",
    Match.IGNORED: "time ranges are ignored: studies from outside come",
    Match.PARTLY: "studies are missing in a time range",
}
_BY_ITSELF = "date and time ranges are matched each by itself (the pipeline asks no range across midnight)"


def dates(session: Session) -> None:
    """One date, and a range of two days."""
    if not session.whole.answers:
        session.not_told("match.date", ONE_DAY, "no answers")
        session.not_told("match.date_range", "StudyDate, two days", "no answers")
        return
    _one_day(session)
    _two_days(session)


def _one_day(session: Session) -> None:
    told = {text_of(answer, "StudyDate") or "" for answer in session.whole.answers}
    others = told - {"", dicom(session.today_list.day)}
    words = "other days' studies come too" if others else "a single date is honoured"
    came = f"{len(session.whole.answers)} answers, {len(others)} other dates among them"
    session.add("match.date", Verdict.NO if others else Verdict.YES, words, ONE_DAY, came)


def _two_days(session: Session) -> None:
    today, before = session.today_list, session.before
    reply = session.talk.find("STUDY", {"StudyDate": _both_days(session)}, STUDY_KEYS, some=True)
    _add_date_range(session, reply)
    today.take(reply.answers)
    before.take(reply.answers)


def _add_date_range(session: Session, reply: Reply) -> None:
    studies, before, got = set(session.today_list.studies), set(session.before.studies), uids_of(reply)
    judged = judge_date_range(studies, before, got, cut=session.at_the_cap(reply))
    verdict, words = _RANGE_WORDS[judged]
    came = _came_of_both_days(got, studies, before)
    session.add("match.date_range", verdict, words, TWO_DAYS, f"{came}, {reply.ending}")
    if judged is DateRange.HONOURED:
        session.lists.append(Whole(len(reply.answers), len(studies | before | got), reply.cut))


def _came_of_both_days(got: set[str], studies: set[str], before: set[str]) -> str:
    of_day = f"{len(got & studies)} of the day's {len(studies)}"
    of_before = f"{len(got & before)} of the {len(before)} before"
    return ", ".join((of_day, of_before))


def _both_days(session: Session) -> str:
    return f"{dicom(session.before.day)}-{dicom(session.today_list.day)}"


def times(session: Session) -> None:
    """The day in two halves by StudyTime."""
    told = _seconds_told(session.today_list)
    different = len(set(told.values()))
    if different < 2:
        session.not_told("match.time_range", HALVES, f"{different} different StudyTime(s)")
        session.not_told("match.date_time", ACROSS_MIDNIGHT, "no StudyTimes")
        return
    parts = time_parts(session.today_list.day, told.values())
    _add_time_range(session, [_half(session, window, told) for window in parts])
    if session.honoured("match.time_range") and session.honoured("match.date_range"):
        _across_midnight(session)
    else:
        session.not_told("match.date_time", ACROSS_MIDNIGHT, "time or date ranges are not honoured")


def _seconds_told(day: Day) -> dict[str, int]:
    """StudyTime in seconds by study, of those that tell it."""
    seconds = {uid: second_of(answer) for uid, answer in day.studies.items()}
    return {uid: second for uid, second in seconds.items() if second is not None}


def _add_time_range(session: Session, halves: Sequence[_Half]) -> None:
    match = worst_match(half.match for half in halves)
    words = _HALVES_WORDS.get(match, "not told")
    if match is Match.NOTHING:
        words = f"a time range {nothing(halves[-1].reply)}"
    came = "; ".join(half.came for half in halves)
    session.add("match.time_range", MATCH_VERDICT[match], words, HALVES, came)


@dataclass(frozen=True)
class _Half:
    """One half of a day as it was asked for: the reply, what it says of the key, and what came, in words."""

    reply: Reply
    match: Match
    came: str


def _half(session: Session, window: Window, told: dict[str, int]) -> _Half:
    reply = session.talk.find("STUDY", window.query(), STUDY_KEYS, some=True)
    got = {uid_of(answer) for answer in reply.answers}
    session.today_list.take(reply.answers)
    session.lists.append(Whole(len(reply.answers), len(got), reply.cut))
    inside = {uid for uid, second in told.items() if window.since <= second <= window.until}
    outside = told.keys() - inside
    match = judge_match(inside, outside, got, cut=session.at_the_cap(reply))
    return _Half(reply, match, _half_words(got, inside, outside))


def _half_words(got: set[str], inside: set[str], outside: set[str]) -> str:
    return f"{len(got & outside)} from outside, {len(got & inside)} of {len(inside)}"


def _across_midnight(session: Session) -> None:
    """Date and time matched as one moment or each by itself (PS3.4 C.2.2.2.5.4)."""
    hours = f"{clock_of(SINCE)}-{clock_of(UNTIL)}"
    asked = f"StudyDate from the day before to the day, StudyTime {hours}"
    if not _studies_by_day(session) or not _studies_by_night(session) or not session.before.studies:
        session.not_told("match.date_time", asked, "too few studies before 6 and after 18 o'clock")
        return
    query = {"StudyDate": _both_days(session), "StudyTime": hours}
    _add_date_time(session, asked, session.talk.find("STUDY", query, STUDY_KEYS, some=True))


def _add_date_time(session: Session, asked: str, reply: Reply) -> None:
    got = {uid_of(answer) for answer in reply.answers}
    by_day, by_night = _studies_by_day(session), _studies_by_night(session)
    came = f"{_of(got, by_day)} by day, {_of(got, by_night)} by night"
    if got & by_night:
        words = "date and time ranges are matched as one"
        session.add("match.date_time", Verdict.YES, words, asked, came, "combined")
    elif got & by_day:
        session.add("match.date_time", Verdict.NO, _BY_ITSELF, asked, came, "independent")
    else:
        session.not_told("match.date_time", asked, f"{len(got)} answers, {reply.ending}")


def _of(got: set[str], studies: set[str]) -> str:
    return f"{len(got & studies)} of {len(studies)}"


def _studies_by_day(session: Session) -> set[str]:
    """Studies within the hours asked for: they match, however date and time are read."""
    return _between(session.before, SINCE, UNTIL) | _between(session.today_list, SINCE, UNTIL)


def _studies_by_night(session: Session) -> set[str]:
    """Studies that match only where date and time are read as one moment."""
    return _between(session.before, UNTIL + 1, LAST_SECOND) | _between(session.today_list, 0, SINCE - 1)


def _between(day: Day, low: int, high: int) -> set[str]:
    """The day's studies whose StudyTime lies between two seconds of the day."""
    return day.those(lambda answer: (second := second_of(answer)) is not None and low <= second <= high)
