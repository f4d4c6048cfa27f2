"""Dates and times as matching keys."""

from __future__ import annotations

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
from .session import STUDY_KEYS, Day, Session, dicom, nothing, second_of

ONE_DAY = "StudyDate, one day"
TWO_DAYS = "StudyDate, the day and the one before as a range"
HALVES = "StudyTime, the day in two halves"
_RANGE_WORDS = {
    DateRange.HONOURED: (Verdict.YES, "date ranges are honoured"),
    DateRange.CUT: (Verdict.NOT_TOLD, "not told: the list may be cut"),
    DateRange.FIRST_DAY: (Verdict.NO, "only one day of a date range is matched"),
    DateRange.LAST_DAY: (Verdict.NO, "only the last day of a date range is matched"),
    DateRange.NOTHING: (Verdict.NO, "a date range matches nothing"),
}


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
    studies, before = set(session.today_list.studies), set(session.before.studies)
    both = f"{dicom(session.before.day)}-{dicom(session.today_list.day)}"
    reply = session.talk.find("STUDY", {"StudyDate": both}, STUDY_KEYS, some=True)
    got = {uid_of(answer) for answer in reply.answers}
    judged = judge_date_range(studies, before, got, cut=session.at_the_cap(reply))
    verdict, words = _RANGE_WORDS[judged]
    of_day, of_before = len(got & studies), len(got & before)
    came = f"{of_day} of the day's {len(studies)}, {of_before} of the {len(before)} before, {reply.ending}"
    session.add("match.date_range", verdict, words, TWO_DAYS, came)
    if judged is DateRange.HONOURED:
        session.lists.append(Whole(len(reply.answers), len(studies | before | got), reply.cut))
    session.today_list.take(reply.answers)
    session.before.take(reply.answers)


def times(session: Session) -> None:
    """The day in two halves by StudyTime."""
    seconds = {uid: second_of(each) for uid, each in session.today_list.studies.items()}
    told = {uid: second for uid, second in seconds.items() if second is not None}
    if len(set(told.values())) < 2:
        session.not_told("match.time_range", HALVES, f"{len(set(told.values()))} different StudyTime(s)")
        session.not_told("match.date_time", "a range across midnight", "no StudyTimes")
        return
    halves = [_half(session, window, told) for window in time_parts(session.today_list.day, told.values())]
    match = worst_match(half.match for half in halves)
    words = {
        Match.HONOURED: "time ranges are honoured",
        Match.IGNORED: "time ranges are ignored: studies from outside come",
        Match.NOTHING: f"a time range {nothing(halves[-1].reply)}",
        Match.PARTLY: "studies are missing in a time range",
    }.get(match, "not told")
    came = "; ".join(half.came for half in halves)
    session.add("match.time_range", MATCH_VERDICT[match], words, HALVES, came)
    if match is Match.HONOURED and session.honoured("match.date_range"):
        _across_midnight(session)
    else:
        session.not_told("match.date_time", "a range across midnight", "time or date ranges are not honoured")


@dataclass(frozen=True)
class _Half:
    """One half of a day as it was asked for: the reply, what it says of the key, and what came, in words."""

    reply: Reply
    match: Match
    came: str


def _half(session: Session, window: Window, told: dict[str, int]) -> _Half:
    reply = session.talk.find("STUDY", window.query(), STUDY_KEYS, some=True)
    got = {uid_of(answer) for answer in reply.answers}
    inside = {uid for uid, second in told.items() if window.since <= second <= window.until}
    outside = told.keys() - inside
    session.today_list.take(reply.answers)
    session.lists.append(Whole(len(reply.answers), len(got), reply.cut))
    match = judge_match(inside, outside, got, cut=session.at_the_cap(reply))
    return _Half(reply, match, f"{len(got & inside)} of {len(inside)} and {len(got & outside)} from outside")


def _across_midnight(session: Session) -> None:
    """Date and time matched as one moment or each by itself (PS3.4 C.2.2.2.5.4)."""
    since, until = 6 * 3600, 18 * 3600
    asked = f"StudyDate from the day before to the day, StudyTime {clock_of(since)}-{clock_of(until)}"

    before, today = session.before, session.today_list
    only_combined = _between(before, until + 1, 86399) | _between(today, 0, since - 1)
    common = _between(before, since, until) | _between(today, since, until)
    if not only_combined or not common or not session.before.studies:
        session.not_told("match.date_time", asked, "too few studies before 6 and after 18 o'clock")
        return
    query = {
        "StudyDate": f"{dicom(session.before.day)}-{dicom(session.today_list.day)}",
        "StudyTime": f"{clock_of(since)}-{clock_of(until)}",
    }
    reply = session.talk.find("STUDY", query, STUDY_KEYS, some=True)
    got = {uid_of(answer) for answer in reply.answers}
    by_day, by_night = len(got & common), len(got & only_combined)
    came = f"{by_day} of {len(common)} by day, {by_night} of {len(only_combined)} by night"
    _add_date_time(session, reply, bool(by_day), bool(by_night), (asked, came))


def _between(day: Day, low: int, high: int) -> set[str]:
    """The day's studies whose StudyTime lies between two seconds of the day."""
    return day.those(lambda answer: (second := second_of(answer)) is not None and low <= second <= high)


def _add_date_time(
    session: Session, reply: Reply, by_day: bool, by_night: bool, texts: tuple[str, str]
) -> None:
    asked, came = texts
    if by_night:
        session.add(
            "match.date_time", Verdict.YES, "date and time ranges are matched as one", asked, came, "combined"
        )
    elif by_day:
        words = "date and time ranges are matched each by itself (the pipeline asks no range across midnight)"
        session.add("match.date_time", Verdict.NO, words, asked, came, "independent")
    else:
        number = len({uid_of(answer) for answer in reply.answers})
        session.not_told("match.date_time", asked, f"{number} answers, {reply.ending}")
