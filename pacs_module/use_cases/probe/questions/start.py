"""The association, a day with content, STUDY level, and what a list looks like."""

from __future__ import annotations

from datetime import date, timedelta

from ....domain.probe import Reply, Verdict, duplicates
from .levels import count
from .session import Day, Session, level_words, status_words

BUSY = 30
"""Studies that make a day busy enough to stop looking for a busier one."""
DAYS_BACK = (1, 0, 2, 3, 4, 5, 6, 7)


def connection(session: Session) -> bool:
    """Association and C-ECHO, twice if need be; whether C-FIND can be asked."""
    session.say("association and C-ECHO")
    hello = session.talk.asker.hello()
    if hello.error:
        session.talk.refused += hello.refused
        session.talk.pause()
        hello = session.talk.asker.hello()
    if hello.error:
        session.add("echo", Verdict.NO, "no association", "association, C-ECHO (twice)", hello.error)
        return False
    verdict = Verdict.YES if hello.echo_status == 0 else Verdict.NO
    words = "answers C-ECHO" if hello.echo_status == 0 else "an association, but no C-ECHO"
    session.add(
        "echo",
        verdict,
        words,
        "association, C-ECHO",
        f"status {status_words(hello.echo_status)}",
        round(hello.seconds, 3),
    )
    for name, accepted in hello.accepted.items():
        if name != "echo":
            verdict, said = (Verdict.YES, "accepted") if accepted else (Verdict.NO, "not accepted")
            session.add(f"model.{name}", verdict, said, f"presentation context {name}", said, accepted)
    return hello.accepted.get("study find", False)


def content(session: Session, today: date, day: date | None) -> None:
    """Find a busy day, and the day before it."""
    lists: dict[date, Reply] = {}
    for each in [day] if day else [today - timedelta(days=back) for back in DAYS_BACK]:
        lists[each] = session.list_of(each, some=day is not None)
        if len(lists[each].answers) >= BUSY:
            break
    best = max(lists, key=lambda each: len(lists[each].answers))
    session.day, session.whole = best, lists[best]
    session.today_list = Day(best)
    session.today_list.take(session.whole.answers)
    asked = f"StudyDate of {len(lists)} day(s)"
    number = len(session.whole.answers)
    if not number:
        ending = session.whole.ending
        words = "no studies to ask about: give --date a day that has some"
        words = words if session.whole.ok else "the question for a day's studies was not answered"
        session.add("content", Verdict.NO, words, asked, f"none, {ending}", 0)
        return
    session.before = Day(best - timedelta(days=1))
    earlier = lists.get(session.before.day) or session.list_of(session.before.day)
    session.before.take(earlier.answers)
    verdict = Verdict.YES if number >= BUSY else Verdict.PARTLY
    words = (
        "enough to ask about"
        if verdict is Verdict.YES
        else f"few studies ({number}): some things cannot be told"
    )
    came = f"{number} answers of {best}, {len(earlier.answers)} of the day before"
    session.add("content", verdict, words, asked, came, number)


def study_level(session: Session) -> None:
    """STUDY level, and its counts."""
    asked = "one day's studies"
    refused = session.whole.status not in (None, 0) and not session.whole.cut
    verdict = Verdict.YES if session.whole.answers else Verdict.NO if refused else Verdict.NOT_TOLD
    session.add(
        "level.study",
        verdict,
        level_words(verdict),
        asked,
        f"{len(session.whole.answers)} answers, {session.whole.ending}",
    )
    count(session, "count.study", "NumberOfStudyRelatedInstances", session.whole.answers)


def again(session: Session) -> None:
    """The same list may come in another order, or longer."""
    if session.whole.answers:
        session.today_list.take(session.list_of(session.today_list.day, some=True).answers)


def repeated(session: Session) -> None:
    """Answers that come more than once in a list."""
    asked = "every list of studies or series, one day's twice"
    keywords = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID"}
    lists = [
        (keywords[level], reply.answers)
        for level, reply in session.talk.replies
        if level in keywords and reply.answers
    ]
    if not lists:
        session.not_told("duplicates", asked, "no answers")
        return
    number = sum(duplicates(answers, keyword) for keyword, answers in lists)
    words = "the same study or series comes more than once in one list" if number else "everything comes once"
    came = f"{number} answers of {sum(len(answers) for _, answers in lists)} were repeated"
    session.add("duplicates", Verdict.YES if number else Verdict.NO, words, asked, came, number)
