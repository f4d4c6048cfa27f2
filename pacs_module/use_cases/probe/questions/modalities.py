"""ModalitiesInStudy: how it comes back, and how it is matched."""

from __future__ import annotations

from ....domain.dicom.attributes import split_values
from ....domain.probe import MATCH_VERDICT, Match, Verdict, judge_match, judge_modalities, text_of, uid_of
from .session import STUDY_KEYS, Session, dicom, nothing


def modalities(session: Session) -> None:
    """How ModalitiesInStudy comes back, against the modalities of the series."""
    values = [text_of(answer, "ModalitiesInStudy") for answer in session.whole.answers]
    by_series = [
        (
            text_of(session.today_list.studies[uid], "ModalitiesInStudy"),
            [text_of(answer, "Modality") or "" for answer in answers],
        )
        for uid, answers in session.series.items()
    ]
    verdict, kind = judge_modalities(values, by_series)
    words = {
        "list": "all modalities of a study, with backslashes between them",
        "single": "one modality only, where the study's series have several",
        "one each": "one modality a study; no study with several was seen",
        "absent": "does not come: modalities are known from SERIES level only",
        "empty": "comes, always empty: modalities are known from SERIES level only",
        "": "not told",
    }.get(kind, f"several modalities in one text, with a {kind} between them")
    several = sum(len(split_values((value or "").replace(",", "\\").replace("/", "\\"))) > 1 for value in values)
    came = f"filled in {sum(bool(value) for value in values)} of {len(values)} answers, several values in {several}"
    session.add("modalities", verdict, words, "ModalitiesInStudy", came, kind or None)
    _match_modality(session)


def _match_modality(session: Session) -> None:
    asked = "ModalitiesInStudy of a study that has others too"
    having = {
        uid: set(split_values(text_of(each, "ModalitiesInStudy") or "")) for uid, each in session.today_list.studies.items()
    }
    mixed = [sorted(modalities) for modalities in having.values() if len(modalities) > 1]
    alone = [sorted(modalities) for modalities in having.values() if len(modalities) == 1]
    if not session.today_list.studies:
        session.not_told("match.modality", asked, "no studies")
        return
    wanted = mixed[0][0] if mixed else alone[0][0] if alone else ""
    if not wanted:
        _modality_control(session, "ModalitiesInStudy does not come: asked with one that no study has")
        return
    holding = {uid for uid, modalities in having.items() if wanted in modalities}
    reply = session.query(ModalitiesInStudy=wanted)
    session.today_list.take(reply.answers)
    got = {uid_of(answer) for answer in reply.answers}
    match = judge_match(holding, set(having) - holding, got, cut=session.at_the_cap(reply))
    equal = {uid for uid in holding if having[uid] == {wanted}}
    came = f"{len(got)} of {len(holding)} studies that have it, {len(got - holding)} others"
    if mixed and match is Match.PARTLY and got == equal:
        session.add(
            "match.modality", Verdict.PARTLY, "must equal the whole value: CT does not find CT\\PR", asked, came, "equals"
        )
    elif mixed and match is Match.NOTHING:
        session.add("match.modality", Verdict.NO, f"one of several {nothing(reply)}", asked, came, "nothing")
    elif match is Match.NOT_TOLD:
        _modality_control(session, "all studies have the same; asked with one that no study has")
    elif match is Match.HONOURED and not mixed:
        words = "a study is found by its modality; whether also by one of several, no study showed"
        session.add("match.modality", Verdict.NOT_TOLD, words, "ModalitiesInStudy", came, "single")
    else:
        said = {Match.HONOURED: "a study is found by any of its modalities", Match.IGNORED: "not matched: all studies come"}
        word = said.get(match, str(match))
        session.add(
            "match.modality", MATCH_VERDICT[match], word, asked, came, "contains" if match is Match.HONOURED else str(match)
        )


def _modality_control(session: Session, asked: str) -> None:
    reply = session.talk.find("STUDY", {"StudyDate": dicom(session.today_list.day), "ModalitiesInStudy": "XX"}, STUDY_KEYS)
    came = f"{len(reply.answers)} answers, {reply.ending}"
    if reply.answers:
        session.add("match.modality", Verdict.NO, "not matched: all studies come", asked, came, str(Match.IGNORED))
    else:
        session.add("match.modality", Verdict.NOT_TOLD, "what no study has brings nothing; more was not told", asked, came)
