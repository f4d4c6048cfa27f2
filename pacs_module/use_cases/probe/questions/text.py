"""The bytes of text and of UIDs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....domain.probe import Sent, Text, Verdict, agrees, dirty_uids, judge_text
from .session import Session

ASKED = "the bytes of names and descriptions in all answers"
ALL_UIDS = "all UIDs in all answers"


def text(session: Session) -> None:
    """What text is declared to be, and what it is."""
    texts = judge_text(session.talk.answers())
    if not texts:
        for key in ("text.declared", "text.sent", "text.agrees"):
            session.not_told(key, ASKED, "no answers")
        return
    _declared(session, texts)
    _sent(session, texts)
    _agrees(session, [text for text in texts if text.odd])


def _declared(session: Session, texts: Sequence[Text]) -> None:
    declared = ", ".join(text.shown for text in texts)
    came = f"{sum(text.answers for text in texts)} answers"
    session.add("text.declared", Verdict.YES, f"declared: {declared}", "SpecificCharacterSet", came, declared)


def _sent(session: Session, texts: Sequence[Text]) -> None:
    came = "; ".join(_beyond_ascii(text) for text in texts)
    sent = ", ".join(dict.fromkeys(str(text.sent) for text in texts if text.odd))
    if not sent:
        session.add("text.sent", Verdict.NOT_TOLD, "ASCII only in what came", ASKED, came, str(Sent.ASCII))
        return
    session.add("text.sent", Verdict.YES, f"sent: {sent}", ASKED, came, sent)


def _beyond_ascii(text: Text) -> str:
    return f"more than ASCII in {text.odd} of {text.answers} under {text.shown}"


def _agrees(session: Session, odd: Sequence[Text]) -> None:
    if not odd:
        session.not_told("text.agrees", ASKED, "ASCII only")
        return
    wrong = [f"{text.sent} declared as {text.shown}" for text in odd if not agrees(text.declared, text.sent)]
    verdict = Verdict.NO if wrong else Verdict.YES
    words = "; ".join(wrong) or "text is what it is declared to be"
    session.add("text.agrees", verdict, words, ASKED, f"{len(odd)} way(s) of writing", not wrong)


def uid_cleanliness(session: Session) -> None:
    """Spaces, emptiness and other characters in UIDs."""
    wrong = dirty_uids(session.talk.answers())
    number = wrong.pop("all", 0)
    if not number:
        session.not_told("uid.dirty", ALL_UIDS, "no UIDs")
    elif not wrong:
        session.add("uid.dirty", Verdict.NO, "UIDs are clean", ALL_UIDS, f"none dirty of {number}", 0)
    else:
        _dirty(session, wrong, number)


def _dirty(session: Session, wrong: Mapping[str, int], number: int) -> None:
    kinds = sorted(wrong)
    counted = ", ".join(f"{what}: {wrong[what]}" for what in kinds)
    came, dirty = f"{counted}; of {number} UIDs", sum(wrong.values())
    session.add("uid.dirty", Verdict.YES, f"dirty UIDs: {', '.join(kinds)}", ALL_UIDS, came, dirty)
