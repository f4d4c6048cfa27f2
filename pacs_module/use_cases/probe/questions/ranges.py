"""Dates and times as matching keys."""

from __future__ import annotations

from ....domain.find.windows import Window, clock_of
from ....domain.probe import MATCH_VERDICT, Match, Verdict, Whole, judge_match, text_of, uid_of
from .session import STUDY_KEYS, Day, Session, dicom, nothing, second_of


def dates(session: Session) -> None:
    """One date, and a range of two days."""
    studies, before = session.today_list.studies, session.before.studies
    dates = {text_of(answer, "StudyDate") or "" for answer in session.whole.answers}
    wrong = dates - {"", dicom(session.today_list.day)}
    asked = "StudyDate, one day"
    if not session.whole.answers:
        session.not_told("match.date", asked, "no answers")
        session.not_told("match.date_range", "StudyDate, two days", "no answers")
        return
    verdict = Verdict.NO if wrong else Verdict.YES
    words = "other days' studies come too" if wrong else "a single date is honoured"
    session.add("match.date", verdict, words, asked, f"{len(session.whole.answers)} answers, {len(wrong)} other dates among them")
    asked = "StudyDate, the day and the one before as a range"
    reply = session.talk.find(
        "STUDY", {"StudyDate": f"{dicom(session.before.day)}-{dicom(session.today_list.day)}"}, STUDY_KEYS, some=True
    )
    got = {uid_of(answer) for answer in reply.answers}
    of_day, of_before = len(got & set(studies)), len(got & set(before))
    came = f"{of_day} of the day's {len(studies)}, {of_before} of the {len(before)} before, {reply.ending}"
    if of_day and (of_before or not before):
        verdict, words = Verdict.YES, "date ranges are honoured"
    elif got and session.at_the_cap(reply):
        verdict, words = Verdict.NOT_TOLD, "not told: the list may be cut"
    elif of_before or not got:
        verdict, words = (
            Verdict.NO,
            "only one day of a date range is matched" if of_before else "a date range matches nothing",
        )
    else:
        verdict, words = Verdict.NO, "only the last day of a date range is matched"
    session.add("match.date_range", verdict, words, asked, came)
    if verdict is Verdict.YES:
        session.lists.append(Whole(len(reply.answers), len(set(studies) | set(before) | got), reply.cut))
    session.today_list.take(reply.answers)
    session.before.take(reply.answers)


def times(session: Session) -> None:
    """The day in two halves by StudyTime."""
    seconds = {uid: second_of(each) for uid, each in session.today_list.studies.items()}
    told = sorted(second for second in seconds.values() if second is not None)
    asked = "StudyTime, the day in two halves"
    if len(set(told)) < 2:
        session.not_told("match.time_range", asked, f"{len(set(told))} different StudyTime(s)")
        session.not_told("match.date_time", "a range across midnight", "no StudyTimes")
        return
    middle = max(second for second in told if second <= told[(len(told) - 1) // 2]) if told[0] != told[-1] else told[0]
    middle = middle if middle < told[-1] else told[0]
    day = session.today_list.day
    verdicts: list[Match] = []
    came: list[str] = []
    parts: set[str] = set()
    for window in (Window(day, until=middle), Window(day, since=middle + 1)):
        reply = session.talk.find("STUDY", window.query(), STUDY_KEYS, some=True)
        got = {uid_of(answer) for answer in reply.answers}
        inside = {uid for uid, second in seconds.items() if second is not None and window.since <= second <= window.until}
        outside = {uid for uid, second in seconds.items() if second is not None} - inside
        verdicts.append(judge_match(inside, outside, got, cut=session.at_the_cap(reply)))
        came.append(f"{len(got & inside)} of {len(inside)} and {len(got & outside)} from outside")
        parts |= got
        session.today_list.take(reply.answers)
        session.lists.append(Whole(len(reply.answers), len(got), reply.cut))
    match = next(
        (each for each in (Match.IGNORED, Match.NOTHING, Match.PARTLY, Match.NOT_TOLD) if each in verdicts), Match.HONOURED
    )
    words = {
        Match.HONOURED: "time ranges are honoured",
        Match.IGNORED: "time ranges are ignored: studies from outside come",
        Match.NOTHING: f"a time range {nothing(reply)}",
        Match.PARTLY: "studies are missing in a time range",
    }.get(match, "not told")
    session.add("match.time_range", MATCH_VERDICT[match], words, asked, "; ".join(came))
    if match is Match.HONOURED and session.honoured("match.date_range"):
        _across_midnight(session)
    else:
        session.not_told("match.date_time", "a range across midnight", "time or date ranges are not honoured")


def _across_midnight(session: Session) -> None:
    """Date and time matched as one moment or each by itself (PS3.4 C.2.2.2.5.4)."""
    since, until = 6 * 3600, 18 * 3600
    asked = f"StudyDate from the day before to the day, StudyTime {clock_of(since)}-{clock_of(until)}"

    def of(day: Day, low: int, high: int) -> set[str]:
        return day.those(lambda answer: (second := second_of(answer)) is not None and low <= second <= high)

    only_combined = of(session.before, until + 1, 86399) | of(session.today_list, 0, since - 1)
    common = of(session.before, since, until) | of(session.today_list, since, until)
    if not only_combined or not common or not session.before.studies:
        session.not_told("match.date_time", asked, "too few studies before 6 and after 18 o'clock")
        return
    query = {
        "StudyDate": f"{dicom(session.before.day)}-{dicom(session.today_list.day)}",
        "StudyTime": f"{clock_of(since)}-{clock_of(until)}",
    }
    reply = session.talk.find("STUDY", query, STUDY_KEYS, some=True)
    got = {uid_of(answer) for answer in reply.answers}
    came = f"{len(got & common)} of {len(common)} by day, {len(got & only_combined)} of {len(only_combined)} by night"
    if got & only_combined:
        session.add("match.date_time", Verdict.YES, "date and time ranges are matched as one", asked, came, "combined")
    elif got & common:
        words = "date and time ranges are matched each by itself (the pipeline asks no range across midnight)"
        session.add("match.date_time", Verdict.NO, words, asked, came, "independent")
    else:
        session.not_told("match.date_time", asked, f"{len(got)} answers, {reply.ending}")
