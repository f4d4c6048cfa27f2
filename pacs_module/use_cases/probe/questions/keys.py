"""Wildcards, UIDs and lists of them as matching keys; studies without a UID."""

from __future__ import annotations

from ....domain.probe import MATCH_VERDICT, Match, Reply, Verdict, best_prefix, judge_match, text_of, uid_of
from .session import Session, is_plain, nothing, uids_of, values_by_study


def wildcards(session: Session) -> None:
    """AccessionNumber and PatientID by their beginning."""
    for keyword in ("AccessionNumber", "PatientID"):
        _wildcard(session, keyword)


_NO_UID = "its UID comes nowhere: it cannot be pulled"


def _wildcard(session: Session, keyword: str) -> None:
    key = f"match.{keyword}*"
    asked = f"{keyword}, the beginning that some of the day's studies have, and *"
    values = values_by_study(session.today_list, keyword)
    prefix = best_prefix(value for value in values.values() if value.isascii())
    if not prefix:
        session.not_told(key, asked, "the day's values have no beginnings that part them")
        return
    wanted = {uid for uid, value in values.items() if value.startswith(prefix)}
    reply = session.query(**{keyword: f"{prefix}*"})
    session.today_list.take(reply.answers)
    _judge_wildcard(session, (key, asked), reply, wanted, values.keys() - wanted)


def _judge_wildcard(
    session: Session, question: tuple[str, str], reply: Reply, wanted: set[str], others: set[str]
) -> None:
    key, asked = question
    got = {uid_of(answer) for answer in reply.answers}
    match = judge_match(wanted, others, got, cut=session.at_the_cap(reply))
    came = f"{len(got & wanted)} of {len(wanted)}, {len(got & others)} others"
    session.add(key, MATCH_VERDICT[match], _wildcard_words(match, reply), asked, came)


def _wildcard_words(match: Match, reply: Reply) -> str:
    if match is Match.NOTHING:
        return f"a wildcard {nothing(reply)}"
    words = {
        Match.HONOURED: "wildcards are honoured",
        Match.IGNORED: "wildcards are ignored: others come too",
    }
    return words.get(match, str(match))


def named(session: Session) -> None:
    """AccessionNumber and PatientID by one whole value, as people name a study: do others come, too?"""
    for keyword in ("AccessionNumber", "PatientID"):
        _named(session, keyword)


def _named(session: Session, keyword: str) -> None:
    key, asked = f"match.{keyword}", f"{keyword} of one of the day's studies"
    values = values_by_study(session.today_list, keyword)
    value = next(filter(is_plain, values.values()), "")
    if not value:
        session.not_told(key, asked, "the day's studies have no plain value")
        return
    reply = session.query(**{keyword: value})
    _judge_named(session, key, asked, {uid for uid, told in values.items() if told == value}, reply)


def _judge_named(session: Session, key: str, asked: str, wanted: set[str], reply: Reply) -> None:
    got = {uid_of(answer) for answer in reply.answers}
    match = judge_match(wanted, session.today_list.studies.keys() - wanted, got)
    came = f"{len(got & wanted)} of {len(wanted)}, {len(got - wanted)} others"
    session.add(key, MATCH_VERDICT[match], _named_words(match, reply), asked, came, str(match))


def _named_words(match: Match, reply: Reply) -> str:
    if match is Match.NOTHING:
        return f"a single value {nothing(reply)}"
    words = {
        Match.HONOURED: "a single value is honoured",
        Match.IGNORED: "not honoured: others come too (they are dropped by us)",
    }
    return words.get(match, str(match))


def uids(session: Session) -> None:
    """A study by its UID, and two by a list of UIDs."""
    clean = _clean_uids(session)
    if len(clean) < 3:
        why = "fewer than three studies with a clean UID"
        session.not_told("match.uid", "one StudyInstanceUID", why)
        session.not_told("match.uid_list", "two StudyInstanceUIDs", why)
        return
    one, two = clean[0], clean[len(clean) // 2]
    _one_uid(session, one, set(clean))
    _two_uids(session, {one, two}, set(clean), f"{one}\\{two}")


def _clean_uids(session: Session) -> list[str]:
    """UIDs of the day that came without a byte that does not belong there."""
    studies = session.today_list.studies
    sent = {uid: answer["StudyInstanceUID"].rstrip(b"\0") for uid, answer in studies.items()}
    return [uid for uid, text in sent.items() if text.decode("latin-1") == uid]


def _one_uid(session: Session, one: str, clean: set[str]) -> None:
    got = {uid_of(answer) for answer in session.query(StudyInstanceUID=one).answers}
    match = judge_match({one}, clean - {one}, got)
    words = "a study is found by its UID" if match is Match.HONOURED else f"one UID as a key: {match}"
    session.add(
        "match.uid", MATCH_VERDICT[match], words, "one StudyInstanceUID", f"{len(got)} answers", str(match)
    )


def _two_uids(session: Session, wanted: set[str], clean: set[str], listed: str) -> None:
    reply = session.query(StudyInstanceUID=listed)
    got = {uid_of(answer) for answer in reply.answers}
    match = judge_match(wanted, clean - wanted, got)
    words = _LIST_WORDS.get(match, "not told")
    if match is Match.NOTHING:
        words = f"a list of UIDs {nothing(reply)}"
    came = f"{len(got)} answers, {reply.ending}"
    session.add("match.uid_list", MATCH_VERDICT[match], words, "two StudyInstanceUIDs as a list", came)


_LIST_WORDS = {
    Match.HONOURED: "a list of UIDs is honoured",
    Match.PARTLY: "only one UID of a list is matched",
    Match.IGNORED: "a list of UIDs is ignored: others come",
}


def resolve(session: Session) -> None:
    """A study without a UID at STUDY level: do the levels below know it (resolve_uid)?"""
    accession = _accession_without_uid(session)
    if not accession:
        return
    asked = "AccessionNumber of a study that came without its UID, at SERIES and IMAGE level"
    for level in ("SERIES", "IMAGE"):
        reply = _ask_uid(session, level, accession)
        if uids_of(reply):
            came = f"{len(reply.answers)} answers"
            session.add("uid.resolved", Verdict.YES, f"its UID comes at {level} level", asked, came)
            return
    session.add("uid.resolved", Verdict.NO, _NO_UID, asked, f"no answers, {reply.ending}")


def _ask_uid(session: Session, level: str, accession: str) -> Reply:
    keys = ("StudyInstanceUID", "StudyDate")
    return session.talk.find(level, {"AccessionNumber": accession}, keys, some=True)


def _accession_without_uid(session: Session) -> str:
    """The accession number of a study that came without its UID; empty: there is none."""
    unnamed = [answer for answer in session.whole.answers if not uid_of(answer)]
    return next((told for answer in unnamed if (told := text_of(answer, "AccessionNumber"))), "")
