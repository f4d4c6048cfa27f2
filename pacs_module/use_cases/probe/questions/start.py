"""The association, a day with content, STUDY level, and what a list looks like."""

from __future__ import annotations

from datetime import date, timedelta

from ....domain.probe import Hello, Reply, Verdict, duplicates
from .levels import count
from .session import Day, Session, level_words, status_words

BUSY = 30
"""Studies that make a day busy enough to stop looking for a busier one."""
DAYS_BACK = (1, 0, 2, 3, 4, 5, 6, 7)
_LISTED_BY = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID"}


def connection(session: Session) -> bool:
    """Association and C-ECHO, twice if need be; whether C-FIND can be asked."""
    session.say("association and C-ECHO")
    hello = _greet(session)
    if hello.error:
        session.add("echo", Verdict.NO, "no association", "association, C-ECHO (twice)", hello.error)
        return False
    _echo(session, hello)
    for name, accepted in hello.accepted.items():
        if name != "echo":
            _model(session, name, accepted)
    return hello.accepted.get("study find", False)


def _greet(session: Session) -> Hello:
    hello = session.talk.asker.hello()
    if not hello.error:
        return hello
    session.talk.refused += hello.refused
    session.talk.pause()
    return session.talk.asker.hello()


def _echo(session: Session, hello: Hello) -> None:
    verdict, words = Verdict.NO, "an association, but no C-ECHO"
    if hello.echo_status == 0:
        verdict, words = Verdict.YES, "answers C-ECHO"
    came = f"status {status_words(hello.echo_status)}"
    session.add("echo", verdict, words, "association, C-ECHO", came, round(hello.seconds, 3))


def _model(session: Session, name: str, accepted: bool) -> None:
    verdict, said = (Verdict.YES, "accepted") if accepted else (Verdict.NO, "not accepted")
    session.add(f"model.{name}", verdict, said, f"presentation context {name}", said, accepted)


def content(session: Session, today: date, day: date | None) -> None:
    """Find a busy day, and the day before it."""
    lists = _lists_until_busy(session, today, day)
    asked = f"StudyDate of {len(lists)} day(s)"
    _take_busiest(session, lists)
    whole = session.whole
    if not whole.answers:
        session.add("content", Verdict.NO, _empty_words(whole), asked, f"no answers, {whole.ending}", 0)
        return
    before = session.before.day
    earlier = lists.get(before) or session.list_of(before)
    session.before.take(earlier.answers)
    _enough(session, asked, len(earlier.answers))


def _take_busiest(session: Session, lists: dict[date, Reply]) -> None:
    """The day with the most studies is the one to ask about."""
    best = max(lists, key=lambda each: len(lists[each].answers))
    session.day, session.whole = best, lists[best]
    session.today_list = Day(best)
    session.today_list.take(session.whole.answers)
    session.before = Day(best - timedelta(days=1))


def _lists_until_busy(session: Session, today: date, day: date | None) -> dict[date, Reply]:
    """The day's list, or those of the last days up to the first busy one."""
    lists: dict[date, Reply] = {}
    for each in [day] if day else [today - timedelta(days=back) for back in DAYS_BACK]:
        lists[each] = session.list_of(each, some=day is not None)
        if len(lists[each].answers) >= BUSY:
            break
    return lists


def _empty_words(whole: Reply) -> str:
    if whole.ok:
        return "no studies to ask about: give --date a day that has some"
    return "the question for a day's studies was not answered"


def _enough(session: Session, asked: str, earlier: int) -> None:
    number = len(session.whole.answers)
    verdict, words = Verdict.YES, "enough to ask about"
    if number < BUSY:
        verdict, words = Verdict.PARTLY, f"few studies ({number}): some things cannot be told"
    came = f"{number} answers of {session.day}, {earlier} of the day before"
    session.add("content", verdict, words, asked, came, number)


def study_level(session: Session) -> None:
    """STUDY level, and its counts."""
    verdict = _study_verdict(session.whole)
    session.add("level.study", verdict, level_words(verdict), "one day's studies", session.whole.came)
    count(session, "count.study", "NumberOfStudyRelatedInstances", session.whole.answers)


def _study_verdict(whole: Reply) -> Verdict:
    if whole.answers:
        return Verdict.YES
    refused = whole.status not in (None, 0) and not whole.cut
    return Verdict.NO if refused else Verdict.NOT_TOLD


def again(session: Session) -> None:
    """The same list may come in another order, or longer."""
    if session.whole.answers:
        session.today_list.take(session.list_of(session.today_list.day, some=True).answers)


def repeated(session: Session) -> None:
    """Answers that come more than once in a list."""
    asked = "every list of studies or series, one day's twice"
    total = number = 0
    for level, reply in session.talk.replies:
        if level in _LISTED_BY:
            total += len(reply.answers)
            number += duplicates(reply.answers, _LISTED_BY[level])
    if not total:
        session.not_told("duplicates", asked, "no answers")
        return
    verdict, words = _judge_repeated(number)
    session.add("duplicates", verdict, words, asked, f"{number} answers of {total} were repeated", number)


def _judge_repeated(number: int) -> tuple[Verdict, str]:
    if number:
        return Verdict.YES, "the same study or series comes more than once in one list"
    return Verdict.NO, "everything comes once"
