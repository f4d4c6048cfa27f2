"""Caps, associations at once, reliability and speed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ....domain.probe import ENOUGH, Reply, Together, Verdict, Whole, best_prefix, judge_cap, uid_of
from .client import Talk
from .session import STUDY_KEYS, Session, dicom, uids_of, values_by_study

MOST_TOGETHER = 4
MOST_PARTS = 12
TIMED = "time of each query"
TOGETHER = f"{MOST_TOGETHER} associations open at once, the same small query on each"


def caps(session: Session) -> None:
    """Whether lists end although there is more, from all lists and parts of them so far."""
    whole = session.whole
    if _whole_is_all(session) and not session.honoured("match.time_range"):
        _more_by_prefix(session)
    unnamed = sum(not uid_of(answer) for answer in whole.answers)
    known = len(session.today_list.studies) + unnamed
    session.lists.append(Whole(len(whole.answers), known, whole.cut))
    verdict, number, words = _judge_lists(session)
    asked = "whether parts of a list bring more than the whole"
    came = f"{len(whole.answers)} in the whole day, {known} known by its parts"
    session.add("cap", verdict, words, asked, came, number)


def _judge_lists(session: Session) -> tuple[Verdict, int, str]:
    """The verdict on all lists so far, the number of answers that decided, and the words."""
    verdict, number = judge_cap(session.lists)
    if verdict is Verdict.NO and not _can_be_parted(session):
        return Verdict.NOT_TOLD, number, f"not told: a list of {number} came, and no key parts it"
    cut = any(each.cut for each in session.lists)
    return verdict, number, _cap_words(verdict, number, cut)


def _whole_is_all(session: Session) -> bool:
    """Whether nothing but a long list of the whole day is known of its studies."""
    count = len(uids_of(session.whole))
    return len(session.today_list.studies) == count and count >= ENOUGH


def _cap_words(verdict: Verdict, number: int, cut: bool) -> str:
    if verdict is Verdict.YES:
        ending = "with status A700" if cut else "without a word"
        return f"lists end at {number} answers, {ending}"
    if verdict is Verdict.NO:
        return f"none seen: a list of {number} came whole"
    return f"not told: no list was longer than {number}"


def _can_be_parted(session: Session) -> bool:
    """Whether a key parts a day's list, so that the parts may bring more than the whole."""
    return session.honoured("match.time_range") or session.honoured("match.AccessionNumber*")


def _next_letters(values: Iterable[str], common: str) -> list[str]:
    """The letters that follow a beginning which values have in common."""
    longer = (value for value in values if value.startswith(common) and value != common)
    return sorted({value[len(common)] for value in longer})


def _more_by_prefix(session: Session) -> None:
    """Where the time does not part the day: the letters with which accession numbers go on."""
    if not session.honoured("match.AccessionNumber*"):
        return
    values = values_by_study(session.today_list, "AccessionNumber").values()
    common = best_prefix(values)[:-1]
    for letter in _next_letters(values, common)[:MOST_PARTS]:
        reply = session.query(AccessionNumber=f"{common}{letter}*")
        session.today_list.take(reply.answers)


def parallel(session: Session) -> None:
    """Several associations with the same small query."""
    uid = next(iter(session.today_list.studies), "")
    if not uid:
        session.not_told("parallel", TOGETHER, "no study to ask about")
        return
    together = _ask_together(session, uid)
    came = f"{together.opened} accepted, {together.answered} answered"
    if together.why:
        came = f"{came}; no more of them: {together.why}"
    if _says_nothing(session, together):
        session.not_told("parallel", TOGETHER, came)
        return
    verdict, words = _judge_together(together.opened, together.answered)
    at_once = max(min(together.opened, together.answered), 1)
    session.add("parallel", verdict, words, TOGETHER, came, at_once)


def _says_nothing(session: Session, together: Together) -> bool:
    """A PACS that also leaves single queries unanswered shows no limit by leaving one of these unanswered."""
    unreliable = session.talk.silent or session.talk.refused
    short = together.why or together.answered < together.opened
    return not together.opened or bool(unreliable and short)


def _ask_together(session: Session, uid: str) -> Together:
    session.talk.take(MOST_TOGETHER)
    session.talk.pause()
    query = {"StudyDate": dicom(session.today_list.day), "StudyInstanceUID": uid}
    return session.talk.asker.together(MOST_TOGETHER, "STUDY", query, STUDY_KEYS)


def _judge_together(opened: int, answered: int) -> tuple[Verdict, str]:
    """By how many associations were accepted at once, and how many of them answered."""
    if opened == 1:
        return Verdict.NO, "one association at a time"
    if answered < opened:
        return Verdict.NO, f"{opened} associations at once, but only {answered} were answered"
    if opened == MOST_TOGETHER:
        return Verdict.YES, f"{opened} or more associations at once"
    return Verdict.YES, f"{opened} associations at once"


def reliability(session: Session) -> None:
    """Queries that were not answered, or emptily at first."""
    talk = session.talk
    asked = f"all {talk.queries} queries; those without an answer once more"
    value = talk.hollow + talk.silent + talk.refused
    if not value:
        session.add("reliable", Verdict.YES, "every query was answered", asked, "nothing odd", value)
        return
    wrong = "; ".join(_what_went_wrong(talk))
    session.add("reliable", Verdict.NO, f"answers are not to be relied on: {wrong}", asked, wrong, value)


def _what_went_wrong(talk: Talk) -> Iterator[str]:
    if talk.hollow:
        yield f"{talk.hollow} ended with Success and no answers, and had some when asked again"
    if talk.silent:
        yield f"{talk.silent} were not answered in time"
    if talk.refused:
        yield f"{talk.refused} associations were refused"


def speed(session: Session) -> None:
    """Answers a second, and the slowest query."""
    replies = [reply for _, reply in session.talk.replies if reply.ok or reply.cut]
    longest = max(replies, key=lambda reply: len(reply.answers), default=Reply())
    if not longest.answers:
        session.not_told("speed", TIMED, "no answers")
        return
    _rate(session, longest, sorted(reply.first_after for reply in replies)[len(replies) // 2])
    _slowest(session, replies)


def _rate(session: Session, longest: Reply, first: float) -> None:
    number = len(longest.answers)
    rate = round(number / max(longest.seconds, 0.001))
    words = f"{rate} answers a second ({number} in {longest.seconds:.2f} s)"
    came = f"first answer after {first:.2f} s in the middle of all"
    session.add("speed", Verdict.YES, words, TIMED, came, rate)


def _slowest(session: Session, replies: Sequence[Reply]) -> None:
    slowest = max(reply.seconds for reply in replies)
    words, came = f"slowest query {slowest:.2f} s", f"{len(replies)} queries"
    session.add("speed.slowest", Verdict.YES, words, TIMED, came, round(slowest, 2))
