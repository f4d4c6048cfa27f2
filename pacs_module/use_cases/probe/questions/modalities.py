"""ModalitiesInStudy: how it comes back, and how it is matched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....domain.dicom.attributes import split_values
from ....domain.probe import MATCH_VERDICT, Match, Verdict, judge_match, judge_modalities, text_of, uid_of
from .session import STUDY_KEYS, Session, dicom, nothing, values_by_study, values_of

ONE_OF_SEVERAL = "ModalitiesInStudy of a study that has others too"
Having = Mapping[str, frozenset[str]]
"""Modalities by study."""


_KIND_WORDS = {
    "list": "all modalities of a study, with backslashes between them",
    "single": "one modality only, where the study's series have several",
    "one each": "one modality a study; no study with several was seen",
    "absent": "does not come: modalities are known from SERIES level only",
    "empty": "comes, always empty: modalities are known from SERIES level only",
    "": "not told",
}


def modalities(session: Session) -> None:
    """How ModalitiesInStudy comes back, against the modalities of the series."""
    values = values_of(session.whole.answers, "ModalitiesInStudy")
    verdict, kind = judge_modalities(values, _by_series(session))
    words = _KIND_WORDS.get(kind, f"several modalities in one text, with a {kind} between them")
    session.add("modalities", verdict, words, "ModalitiesInStudy", _filled_words(values), kind or None)
    _match_modality(session)


def _filled_words(values: Sequence[str | None]) -> str:
    filled = sum(bool(value) for value in values)
    several = sum(_has_several(value or "") for value in values)
    return f"filled in {filled} of {len(values)} answers, several values in {several}"


def _by_series(session: Session) -> list[tuple[str | None, list[str]]]:
    """What STUDY level told of each study whose series were asked for, and what its series told."""
    told = []
    for uid, series in session.series.items():
        of_study = text_of(session.today_list.studies[uid], "ModalitiesInStudy")
        told.append((of_study, [text_of(answer, "Modality") or "" for answer in series]))
    return told


def _has_several(value: str) -> bool:
    return len(split_values(value.replace(",", "\\").replace("/", "\\"))) > 1


def _match_modality(session: Session) -> None:
    """Whether a study is found by one of several modalities."""
    told = values_by_study(session.today_list, "ModalitiesInStudy")
    having = {uid: frozenset(split_values(value)) for uid, value in told.items()}
    if not having:
        session.not_told("match.modality", ONE_OF_SEVERAL, "no studies")
        return
    wanted = _telling_modality(having)
    if not wanted:
        _modality_control(session, "ModalitiesInStudy does not come: asked with one that no study has")
        return
    _judge_modality(session, wanted, having)


def _judge_modality(session: Session, wanted: str, having: Having) -> None:
    reply = session.query(ModalitiesInStudy=wanted)
    session.today_list.take(reply.answers)
    asked = _Asked(wanted, having, frozenset(uid_of(answer) for answer in reply.answers))
    match = asked.match(cut=session.at_the_cap(reply))
    if match is Match.NOT_TOLD:
        _modality_control(session, "all studies have the same; asked with one that no study has")
        return
    verdict, words, value = _modality_words(asked, match, nothing(reply))
    question = "ModalitiesInStudy" if value == "single" else ONE_OF_SEVERAL
    session.add("match.modality", verdict, words, question, asked.came, value)


def _telling_modality(having: Having) -> str:
    """One of a study that has several, else any; empty when no study tells one."""
    several = [sorted(modalities) for modalities in having.values() if len(modalities) > 1]
    told = several or [sorted(modalities) for modalities in having.values() if modalities]
    return told[0][0] if told else ""


@dataclass(frozen=True)
class _Asked:
    """A modality that was asked for, which modalities each study has, and the studies that came."""

    modality: str
    having: Having
    got: frozenset[str]

    @property
    def holding(self) -> frozenset[str]:
        """The studies that have it."""
        return frozenset(uid for uid, modalities in self.having.items() if self.modality in modalities)

    @property
    def mixed(self) -> bool:
        """Whether one of them has others, too."""
        return any(len(self.having[uid]) > 1 for uid in self.holding)

    @property
    def only_equal(self) -> bool:
        """Whether just those came that have no other modality."""
        return self.got == {uid for uid in self.holding if self.having[uid] == {self.modality}}

    @property
    def came(self) -> str:
        """What came, in words."""
        others = len(self.got - self.holding)
        return f"{len(self.got)} of {len(self.holding)} studies that have it, {others} others"

    def match(self, *, cut: bool) -> Match:
        """What the PACS did with the key; ``cut``: the list may be cut."""
        return judge_match(self.holding, self.having.keys() - self.holding, self.got, cut=cut)


def _modality_words(asked: _Asked, match: Match, nothing_words: str) -> tuple[Verdict, str, str]:
    """The verdict, the words and the value of the finding."""
    if asked.mixed and match is Match.PARTLY and asked.only_equal:
        return Verdict.PARTLY, "must equal the whole value: CT does not find CT\\PR", "equals"
    if asked.mixed and match is Match.NOTHING:
        return Verdict.NO, f"one of several {nothing_words}", "nothing"
    if match is Match.HONOURED:
        return _honoured_words(asked)
    words = "not matched: all studies come" if match is Match.IGNORED else str(match)
    return MATCH_VERDICT[match], words, str(match)


def _honoured_words(asked: _Asked) -> tuple[Verdict, str, str]:
    if asked.mixed:
        return Verdict.YES, "a study is found by any of its modalities", "contains"
    words = "a study is found by its modality; whether also by one of several, no study showed"
    return Verdict.NOT_TOLD, words, "single"


def _modality_control(session: Session, asked: str) -> None:
    query = {"StudyDate": dicom(session.today_list.day), "ModalitiesInStudy": "XX"}
    reply = session.talk.find("STUDY", query, STUDY_KEYS)
    if reply.answers:
        words, ignored = "not matched: all studies come", str(Match.IGNORED)
        session.add("match.modality", Verdict.NO, words, asked, reply.came, ignored)
    else:
        words = "what no study has brings nothing; more was not told"
        session.add("match.modality", Verdict.NOT_TOLD, words, asked, reply.came)
