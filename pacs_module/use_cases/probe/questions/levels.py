"""SERIES, IMAGE and PATIENT level, and the keys that come back."""

from __future__ import annotations

from collections.abc import Sequence

from ....domain.dicom.attributes import parse_count, split_values
from ....domain.probe import Answer, Reply, Verdict, judge_counts, judge_key, text_of, uid_of
from .session import Session, is_plain, level_words, uids_of, values_by_study, values_of

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
_COUNT_WORDS = {
    "number": "instance counts come as numbers",
    "text": "instance counts come as text, not always a number",
    "sometimes": "instance counts come in some answers only",
    "empty": "instance counts are always empty",
    "absent": "no instance counts",
}
_KEY_WORDS = {"filled": "comes", "empty": "comes, always empty here", "absent": "does not come"}


def count(session: Session, key: str, keyword: str, answers: Sequence[Answer]) -> None:
    """How a number of instances comes back."""
    values = values_of(answers, keyword)
    verdict, kind = judge_counts(values)
    words = _COUNT_WORDS.get(kind, "not told")
    readable = sum(parse_count(value) is not None for value in values)
    came = f"a number in {readable} of {len(values)} answers"
    session.add(key, verdict, words, keyword, came, kind or None)


def series_level(session: Session) -> None:
    """The series of a few studies, with the keys that the filter judges by."""
    replies = _ask_series(session)
    answers = _all_series(session)
    _add_series_level(session, replies)
    count(session, "count.series", "NumberOfSeriesRelatedInstances", answers)
    for keyword in FILTER_KEYS:
        _key(session, keyword, _ct_series(session) if keyword in CT_KEYS else answers)
    _series_alone(session, answers)


def _add_series_level(session: Session, replies: Sequence[Reply]) -> None:
    verdict = _series_verdict(session, len(replies))
    came = "no study with a UID"
    if replies:
        came = f"{len(_all_series(session))} answers, {replies[-1].ending}"
    asked = f"the series of {len(replies)} studies"
    session.add("level.series", verdict, level_words(verdict), asked, came)


def _ask_series(session: Session) -> list[Reply]:
    """Ask for the series of a few studies, and of some more until one of them has a CT series."""
    replies: list[Reply] = []
    for uid in _studies_to_ask(session):
        if len(replies) >= STUDIES_ASKED and (_ct_series(session) or not session.series):
            break
        reply = session.talk.find("SERIES", {"StudyInstanceUID": uid}, SERIES_KEYS, some=True)
        replies.append(reply)
        if reply.answers:
            session.series[uid] = list(reply.answers)
    return replies


def _series_verdict(session: Session, asked: int) -> Verdict:
    """By how many of the studies asked about had series."""
    if not asked:
        return Verdict.NOT_TOLD
    if not session.series:
        return Verdict.NO
    return Verdict.YES if len(session.series) == asked else Verdict.PARTLY


def _all_series(session: Session) -> list[Answer]:
    return [answer for found in session.series.values() for answer in found]


def _studies_to_ask(session: Session) -> list[str]:
    """
    Those that have several modalities, or one that never comes alone; other than ASCII letters; small ones
    first.
    """
    studies = session.today_list.studies
    ordered = sorted(studies, key=lambda uid: _promise(studies[uid]))
    ct = [uid for uid in ordered if "CT" in _modalities(studies[uid])]
    middle_ct = ct[len(ct) // 2 :][:1]
    once_each = dict.fromkeys([*ordered[:2], *middle_ct, *ordered[-1:], *ordered])
    return list(once_each)[:MOST_STUDIES_ASKED]


def _promise(answer: Answer) -> tuple[bool, bool, int]:
    """How much a study's series will show, for sorting: the most promising first."""
    modalities = set(split_values(text_of(answer, "ModalitiesInStudy") or ""))
    several = len(modalities) > 1 or bool(_COMPANIONS & modalities)
    ascii_only = all(value.isascii() for value in answer.values())
    images = parse_count(text_of(answer, "NumberOfStudyRelatedInstances")) or 0
    return (not several, ascii_only, images)


def _modalities(answer: Answer) -> str:
    return (text_of(answer, "ModalitiesInStudy") or "").upper()


def _ct_series(session: Session) -> list[Answer]:
    return [each for each in _all_series(session) if (text_of(each, "Modality") or "").upper() == "CT"]


def _key(session: Session, keyword: str, answers: Sequence[Answer]) -> None:
    values = values_of(answers, keyword)
    verdict, kind = judge_key(values)
    words = _KEY_WORDS.get(kind, "not told")
    which = "CT series" if keyword in CT_KEYS else "series"
    came = f"filled in {sum(bool(value) for value in values)} of {len(values)} {which}"
    session.add(f"key.{keyword}", verdict, words, f"return key {keyword}", came, kind or None)


def _series_alone(session: Session, answers: Sequence[Answer]) -> None:
    asked = "a series by its own UID, without the study's"
    one = next((uid for answer in answers if (uid := uid_of(answer, "SeriesInstanceUID"))), "")
    if not one:
        session.not_told("level.series_alone", asked, "no series with a UID")
        return
    reply = session.talk.find("SERIES", {"SeriesInstanceUID": one}, SERIES_KEYS, some=True)
    verdict, words = Verdict.NO, "SERIES level needs the StudyInstanceUID (the pipeline gives it)"
    if one in uids_of(reply, "SeriesInstanceUID"):
        verdict, words = Verdict.YES, "finds a series without its study"
    session.add("level.series_alone", verdict, words, asked, reply.came)


def image_level(session: Session) -> None:
    """The images of one small series, against its count."""
    asked = "the images of one series"
    smallest = smallest_series(session)
    if smallest is None:
        session.not_told("level.image", asked, "no series is known")
        return
    study, series, count = smallest
    reply = _ask_images(session, study, series)
    number = len(uids_of(reply, "SOPInstanceUID"))
    if number:
        session.images[series] = number
    verdict, words = _judge_images(number, count)
    session.add("level.image", verdict, words, asked, f"{number} images are listed, {reply.ending}", number)


def _ask_images(session: Session, study: str, series: str) -> Reply:
    query = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
    return session.talk.find("IMAGE", query, IMAGE_KEYS, some=True)


def _judge_images(number: int, count: int | None) -> tuple[Verdict, str]:
    """By how many images IMAGE level listed, and what the series' count says (None: nothing)."""
    if not number:
        return Verdict.NO, level_words(Verdict.NO)
    words = level_words(Verdict.YES)
    if count is None:
        return Verdict.YES, words
    if number == count:
        return Verdict.YES, f"{words}, as many as the count says"
    return Verdict.PARTLY, f"{words}, but the count says {count}"


def smallest_series(session: Session) -> tuple[str, str, int | None] | None:
    """Study, series and its count: the smallest with two images or more, else any."""
    found: list[tuple[str, str, int | None]] = []
    for study, answers in session.series.items():
        for answer in answers:
            count = parse_count(text_of(answer, "NumberOfSeriesRelatedInstances"))
            if uid := uid_of(answer, "SeriesInstanceUID"):
                found.append((study, uid, count))
    return min(found, key=_smallest_first, default=None)


def _smallest_first(series: tuple[str, str, int | None]) -> tuple[bool, bool, int]:
    """Counted series before uncounted ones, those of two images or more before single ones."""
    count = series[2]
    return (count is None, (count or 0) < 2, count or 0)


def patient_level(session: Session) -> None:
    """One patient, in the patient root model."""
    asked = "one patient by PatientID, patient root"
    if not session.value_of("model.patient find"):
        words = "patient root is not accepted"
        session.add("level.patient", Verdict.NO, words, asked, "no presentation context")
        return
    patient = next(filter(is_plain, values_by_study(session.today_list, "PatientID").values()), "")
    if not patient:
        session.not_told("level.patient", asked, "no study with a PatientID")
        return
    reply = _ask_patient(session, patient)
    verdict = Verdict.YES if reply.answers else Verdict.NO
    session.add("level.patient", verdict, level_words(verdict), asked, reply.came)


def _ask_patient(session: Session, patient: str) -> Reply:
    query, keys = {"PatientID": patient}, ("PatientName", "PatientID")
    return session.talk.find("PATIENT", query, keys, some=True, root="patient")
