"""Caps, associations at once, reliability and speed."""

from __future__ import annotations

from ....domain.probe import ENOUGH, Reply, Verdict, Whole, best_prefix, judge_cap, text_of, uid_of
from .session import STUDY_KEYS, Session, dicom

MOST_TOGETHER = 4
MOST_PARTS = 12


def caps(session: Session) -> None:
    """Whether lists end although there is more, from all lists and parts of them so far."""
    asked = "whether parts of a list bring more than the whole"
    known = len(session.today_list.studies)
    count = len({uid for answer in session.whole.answers if (uid := uid_of(answer))})
    if known == count and count >= ENOUGH and not session.honoured("match.time_range"):
        _more_by_prefix(session)
        known = len(session.today_list.studies)
    unnamed = sum(not uid_of(answer) for answer in session.whole.answers)
    session.lists.append(Whole(len(session.whole.answers), known + unnamed, session.whole.cut))
    verdict, number = judge_cap(session.lists)
    cut = any(whole.cut for whole in session.lists)
    words = _cap_words(verdict, number, cut)
    came = f"{len(session.whole.answers)} in the whole day, {known + unnamed} known by its parts"
    if verdict is Verdict.NO and not _can_be_parted(session):
        verdict, words = Verdict.NOT_TOLD, f"not told: a list of {number} came, and no key parts it"
    session.add("cap", verdict, words, asked, came, number)


def _cap_words(verdict: Verdict, number: int, cut: bool) -> str:
    if verdict is Verdict.YES:
        return f"lists end at {number} answers" + (", with status A700" if cut else ", without a word")
    if verdict is Verdict.NO:
        return f"none seen: a list of {number} came whole"
    return f"not told: no list was longer than {number}"


def _can_be_parted(session: Session) -> bool:
    """Whether a key parts a day's list, so that the parts may bring more than the whole."""
    return session.honoured("match.time_range") or session.honoured("match.AccessionNumber*")


def _more_by_prefix(session: Session) -> None:
    """Where the time does not part the day: the letters with which accession numbers go on."""
    if not session.honoured("match.AccessionNumber*"):
        return
    values = [text_of(each, "AccessionNumber") or "" for each in session.today_list.studies.values()]
    common = best_prefix(values)[:-1]
    letters = sorted(
        {value[len(common)] for value in values if value.startswith(common) and len(value) > len(common)}
    )
    for letter in letters[:MOST_PARTS]:
        reply = session.query(AccessionNumber=f"{common}{letter}*")
        session.today_list.take(reply.answers)


def parallel(session: Session) -> None:
    """Several associations with the same small query."""
    uid = next(iter(session.today_list.studies), "")
    asked = f"{MOST_TOGETHER} associations open at once, the same small query on each"
    if not uid:
        session.not_told("parallel", asked, "no study to ask about")
        return
    session.talk.take(MOST_TOGETHER)
    session.talk.pause()
    query = {"StudyDate": dicom(session.today_list.day), "StudyInstanceUID": uid}
    together = session.talk.asker.together(MOST_TOGETHER, "STUDY", query, STUDY_KEYS)
    opened, answered = together.opened, sum(reply.ok for reply in together.replies)
    came = f"{opened} accepted, {answered} answered"
    if together.why:
        came += f"; then: {together.why}"
    unreliable = session.talk.silent or session.talk.refused
    if not opened or (unreliable and (together.why or answered < opened)):
        session.not_told("parallel", asked, came)
        return
    verdict, words = _judge_together(opened, answered)
    session.add("parallel", verdict, words, asked, came, max(min(opened, answered), 1))


def _judge_together(opened: int, answered: int) -> tuple[Verdict, str]:
    """By how many associations were accepted at once, and how many of them answered."""
    if opened == 1:
        return Verdict.NO, "one association at a time"
    if answered < opened:
        return Verdict.NO, f"{opened} associations at once, but only {answered} were answered"
    more = " or more" if opened == MOST_TOGETHER else ""
    return Verdict.YES, f"{opened}{more} associations at once"


def reliability(session: Session) -> None:
    """Queries that were not answered, or emptily at first."""
    talk = session.talk
    asked = f"all {talk.queries} queries; those without an answer once more"
    wrong = []
    if talk.hollow:
        wrong.append(f"{talk.hollow} ended with Success and no answers, and had some when asked again")
    if talk.silent:
        wrong.append(f"{talk.silent} were not answered in time")
    if talk.refused:
        wrong.append(f"{talk.refused} associations were refused")
    words = "answers are not to be relied on: " + "; ".join(wrong) if wrong else "every query was answered"
    value = talk.hollow + talk.silent + talk.refused
    session.add(
        "reliable",
        Verdict.NO if wrong else Verdict.YES,
        words,
        asked,
        "; ".join(wrong) or "nothing odd",
        value,
    )


def speed(session: Session) -> None:
    """Answers a second, and the slowest query."""
    replies = [reply for _, reply in session.talk.replies if reply.ok or reply.cut]
    longest = max(replies, key=lambda reply: len(reply.answers), default=Reply())
    asked = "time of each query"
    if not longest.answers:
        session.not_told("speed", asked, "no answers")
        return
    slowest = max(reply.seconds for reply in replies)
    rate = round(len(longest.answers) / max(longest.seconds, 0.001))
    words = f"{rate} answers a second ({len(longest.answers)} in {longest.seconds:.2f} s)"
    first = sorted(reply.first_after for reply in replies)[len(replies) // 2]
    session.add(
        "speed", Verdict.YES, words, asked, f"first answer after {first:.2f} s in the middle of all", rate
    )
    session.add(
        "speed.slowest",
        Verdict.YES,
        f"slowest query {slowest:.2f} s",
        asked,
        f"{len(replies)} queries",
        round(slowest, 2),
    )
