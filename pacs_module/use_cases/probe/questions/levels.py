"""SERIES, IMAGE and PATIENT level, and the keys that come back."""

from __future__ import annotations

from collections.abc import Sequence

from ....domain.dicom.attributes import parse_count, split_values
from ....domain.probe import Answer, Reply, Verdict, judge_counts, judge_key, text_of, uid_of
from .session import Session, level_words

FILTER_KEYS = (
    "BodyPartExamined",
    "ProtocolName",
    "SeriesDescription",
    "ImageType",
    "SliceThickness",
    "ConvolutionKernel",
)
SERIES_KEYS = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "StudyDescription",
    *FILTER_KEYS,
    "NumberOfSeriesRelatedInstances",
)
IMAGE_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "InstanceNumber")
STUDIES_ASKED = 4
MOST_STUDIES_ASKED = 8
"""Until one has a CT series."""
CT_KEYS = ("SliceThickness", "ConvolutionKernel")
_COMPANIONS = frozenset({"SR", "PR", "KO", "SC", "SEG"})


def count(session: Session, key: str, keyword: str, answers: Sequence[Answer]) -> None:
    """How a number of instances comes back."""
    values = [text_of(answer, keyword) for answer in answers]
    verdict, kind = judge_counts(values)
    words = {
        "number": "instance counts come as numbers",
        "text": "instance counts come as text, not always a number",
        "sometimes": "instance counts come in some answers only",
        "empty": "instance counts are always empty",
        "absent": "no instance counts",
    }.get(kind, "not told")
    readable = sum(parse_count(value) is not None for value in values)
    session.add(
        key, verdict, words, keyword, f"a number in {readable} of {len(values)} answers", kind or None
    )


def series_level(session: Session) -> None:
    """The series of a few studies, with the keys that the filter judges by."""
    replies: list[Reply] = []
    for uid in _studies_to_ask(session):
        if len(replies) >= STUDIES_ASKED and (_ct_series(session) or not session.series):
            break
        reply = session.talk.find("SERIES", {"StudyInstanceUID": uid}, SERIES_KEYS, some=True)
        replies.append(reply)
        if reply.answers:
            session.series[uid] = list(reply.answers)
    asked = f"the series of {len(replies)} studies"
    answers = [answer for found in session.series.values() for answer in found]
    if not replies:
        verdict = Verdict.NOT_TOLD
    else:
        verdict = (
            Verdict.NO
            if not answers
            else Verdict.YES
            if len(session.series) == len(replies)
            else Verdict.PARTLY
        )
    came = f"{len(answers)} answers, {replies[-1].ending}" if replies else "no study with a UID"
    session.add("level.series", verdict, level_words(verdict), asked, came)
    count(session, "count.series", "NumberOfSeriesRelatedInstances", answers)
    for keyword in FILTER_KEYS:
        _key(session, keyword, _ct_series(session) if keyword in CT_KEYS else answers)
    _series_alone(session, answers)


def _studies_to_ask(session: Session) -> list[str]:
    """
    Those that have several modalities, or one that never comes alone; other than ASCII letters; small ones
    first.
    """
    studies = session.today_list.studies

    def order(uid: str) -> tuple[bool, bool, int]:
        answer = studies[uid]
        modalities = split_values(text_of(answer, "ModalitiesInStudy") or "")
        several = len(modalities) > 1 or bool(_COMPANIONS & set(modalities))
        ascii_only = all(value.isascii() for value in answer.values())
        return (not several, ascii_only, parse_count(text_of(answer, "NumberOfStudyRelatedInstances")) or 0)

    ordered = sorted(studies, key=order)
    ct = [uid for uid in ordered if "CT" in (text_of(studies[uid], "ModalitiesInStudy") or "").upper()]
    first = [*ordered[:2], *ct[len(ct) // 2 :][:1], *ordered[-1:]]
    return list(dict.fromkeys([*first, *ordered]))[:MOST_STUDIES_ASKED]


def _ct_series(session: Session) -> list[Answer]:
    answers = [answer for found in session.series.values() for answer in found]
    return [answer for answer in answers if (text_of(answer, "Modality") or "").upper() == "CT"]


def _key(session: Session, keyword: str, answers: Sequence[Answer]) -> None:
    values = [text_of(answer, keyword) for answer in answers]
    verdict, kind = judge_key(values)
    words = {"filled": "comes", "empty": "comes, always empty here", "absent": "does not come"}.get(
        kind, "not told"
    )
    which = "CT series" if keyword in CT_KEYS else "series"
    came = f"filled in {sum(bool(value) for value in values)} of {len(values)} {which}"
    session.add(f"key.{keyword}", verdict, words, f"return key {keyword}", came, kind or None)


def _series_alone(session: Session, answers: Sequence[Answer]) -> None:
    uids = [uid for answer in answers if (uid := uid_of(answer, "SeriesInstanceUID"))]
    asked = "a series by its own UID, without the study's"
    if not uids:
        session.not_told("level.series_alone", asked, "no series with a UID")
        return
    reply = session.talk.find("SERIES", {"SeriesInstanceUID": uids[0]}, SERIES_KEYS, some=True)
    found = any(uid_of(answer, "SeriesInstanceUID") == uids[0] for answer in reply.answers)
    words = (
        "finds a series without its study"
        if found
        else "SERIES level needs the StudyInstanceUID (the pipeline gives it)"
    )
    came = f"{len(reply.answers)} answers, {reply.ending}"
    session.add("level.series_alone", Verdict.YES if found else Verdict.NO, words, asked, came)


def image_level(session: Session) -> None:
    """The images of one small series, against its count."""
    asked = "the images of one series"
    smallest = smallest_series(session)
    if smallest is None:
        session.not_told("level.image", asked, "no series is known")
        return
    study, series, count = smallest
    query = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
    reply = session.talk.find("IMAGE", query, IMAGE_KEYS, some=True)
    number = len({uid for answer in reply.answers if (uid := uid_of(answer, "SOPInstanceUID"))})
    if number:
        session.images[series] = number
    verdict = Verdict.YES if number else Verdict.NO
    words = level_words(verdict)
    if number and count is not None:
        words += ", as many as the count says" if number == count else f", but the count says {count}"
        verdict = Verdict.YES if number == count else Verdict.PARTLY
    session.add("level.image", verdict, words, asked, f"{number} images, {reply.ending}", number)


def smallest_series(session: Session) -> tuple[str, str, int | None] | None:
    """Study, series and its count: the smallest with two images or more, else any."""
    found: list[tuple[str, str, int | None]] = []
    for study, answers in session.series.items():
        for answer in answers:
            count = parse_count(text_of(answer, "NumberOfSeriesRelatedInstances"))
            if uid := uid_of(answer, "SeriesInstanceUID"):
                found.append((study, uid, count))
    return min(found, key=lambda each: (each[2] is None, (each[2] or 0) < 2, each[2] or 0), default=None)


def patient_level(session: Session) -> None:
    """One patient, in the patient root model."""
    asked = "one patient by PatientID, patient root"
    ids = [value for answer in session.today_list.studies.values() if (value := text_of(answer, "PatientID"))]
    plain = [value for value in ids if value.isascii() and not set(value) & set("*?\\")]
    accepted = {finding.key: finding.value for finding in session.findings}.get("model.patient find")
    if not accepted:
        session.add(
            "level.patient", Verdict.NO, "patient root is not accepted", asked, "no presentation context"
        )
    elif not plain:
        session.not_told("level.patient", asked, "no study with a PatientID")
    else:
        reply = session.talk.find(
            "PATIENT", {"PatientID": plain[0]}, ("PatientName", "PatientID"), some=True, root="patient"
        )
        verdict = Verdict.YES if reply.answers else Verdict.NO
        came = f"{len(reply.answers)} answers, {reply.ending}"
        session.add("level.patient", verdict, level_words(verdict), asked, came)
