"""The bytes of text and of UIDs."""

from __future__ import annotations

from ....domain.probe import Sent, Verdict, agrees, dirty_uids, judge_text
from .session import Session


def text(session: Session) -> None:
    """What text is declared to be, and what it is."""
    texts = judge_text(session.talk.answers())
    asked = "the bytes of names and descriptions in all answers"
    if not texts:
        for key in ("text.declared", "text.sent", "text.agrees"):
            session.not_told(key, asked, "no answers")
        return
    odd = [text for text in texts if text.odd]
    declared = ", ".join(text.shown for text in texts)
    came = f"{sum(text.answers for text in texts)} answers"
    session.add("text.declared", Verdict.YES, f"declared: {declared}", "SpecificCharacterSet", came, declared)
    came = "; ".join(
        f"{text.odd} of {text.answers} under {text.shown} hold more than ASCII" for text in texts
    )
    if not odd:
        session.add("text.sent", Verdict.NOT_TOLD, "ASCII only in what came", asked, came, str(Sent.ASCII))
        session.not_told("text.agrees", asked, "ASCII only")
        return
    sent = ", ".join(dict.fromkeys(str(text.sent) for text in odd))
    session.add("text.sent", Verdict.YES, f"sent: {sent}", asked, came, sent)
    wrong = [text for text in odd if not agrees(text.declared, text.sent)]
    words = (
        "; ".join(f"{text.sent} declared as {text.shown}" for text in wrong)
        or "text is what it is declared to be"
    )
    session.add(
        "text.agrees",
        Verdict.NO if wrong else Verdict.YES,
        words,
        asked,
        f"{len(odd)} way(s) of writing",
        not wrong,
    )


def uid_cleanliness(session: Session) -> None:
    """Spaces, emptiness and other characters in UIDs."""
    wrong = dirty_uids(session.talk.answers())
    number = wrong.pop("all", 0)
    asked = "all UIDs in all answers"
    if not number:
        session.not_told("uid.dirty", asked, "no UIDs")
        return
    came = ", ".join(
        f"{count} with {what}" if what != "empty" else f"{count} empty"
        for what, count in sorted(wrong.items())
    )
    words = "some UIDs are " + " or ".join(
        "dirty: " + what if what != "empty" else "empty" for what in sorted(wrong)
    )
    verdict = Verdict.YES if wrong else Verdict.NO
    session.add(
        "uid.dirty",
        verdict,
        words if wrong else "UIDs are clean",
        asked,
        f"{came or 'none dirty'} of {number}",
        sum(wrong.values()),
    )
