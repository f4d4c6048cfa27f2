"""
Asks a PACS about a study whose images are here: under which PatientID it has it, how many images, and which
ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from pacs_module.domain.dicom.attributes import clean_uid, parse_count, unpadded
from pacs_module.domain.errors import PipelineError
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.json_messages.uid_syntax import is_uid
from pacs_module.domain.receive.image_origin import PacsWord, patient_key
from pacs_module.shared.logs import ContractLog

from ..server.orthanc_client import OrthancClient

ANSWER_WAIT_S = 60.0
"""So long a study waits for the answer; a PACS that is silent says nothing."""
_ANSWER_S = 55.0
_ANSWER_WAIT_OVER_S = ANSWER_WAIT_S - _ANSWER_S
_AT_ONCE = 4
_MAX_SERIES = 60
_CONTROLS = 5
"""So many of the images that a list does not have are asked for by their own UIDs."""


@dataclass(frozen=True)
class Question:
    """
    What is asked of a PACS.

    ``series``: of which the SOPInstanceUIDs are wanted; ``state``: what is here when it is asked, so that an
    answer is not taken for one about what came later. ``counts_only``: nothing but the numbers of the series.
    ``within_s``: seconds that this PACS has for a query, as its settings say; None: not told.
    ``doubted``: by SeriesInstanceUID the SOPInstanceUIDs that are here and may not be the PACS's.
    """

    study_uid: str
    pacs: str
    series: frozenset[str]
    state: tuple[object, ...] = ()
    counts_only: bool = False
    within_s: float | None = None
    doubted: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def wait_s(self) -> float:
        """So long a study waits for the answer: no shorter than the PACS may take for one query."""
        return max(ANSWER_WAIT_S, (self.within_s or 0) + _ANSWER_WAIT_OVER_S)


class Answers(Protocol):
    """Asks without waiting."""

    def word(self, question: Question) -> PacsWord | None:
        """The answer, None while it is awaited; the first call asks."""

    def forget(self, study_uid: str) -> None:
        """The study is dealt with."""


@dataclass
class AskPacs:
    """
    Asks in threads of its own, one question a study at a time.

    Args:
        rest: Orthanc, which makes the C-FIND.
        ask_module: Asks pacs_module, which has other finders, about a PACS whose answers Orthanc cannot read.
        log: Told of answers that cannot be had.
    """

    rest: OrthancClient
    ask_module: Callable[[str, str, bool], PullRequest | None]
    log: ContractLog
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ask PACS")
    )
    _open: dict[str, tuple[Question, Future[PacsWord], float]] = field(default_factory=dict)

    def word(self, question: Question) -> PacsWord | None:
        """The answer, None while it is awaited; one that does not come says nothing."""
        known = self._open.get(question.study_uid)
        if known is None or not _covers(known[0], question):
            known = question, self._pool.submit(self._ask, question), time.monotonic()
            self._open[question.study_uid] = known
        asked, answer, asked_at = known
        if answer.done():
            return answer.result()
        return PacsWord() if time.monotonic() - asked_at > asked.wait_s else None

    def forget(self, study_uid: str) -> None:
        """The study is dealt with."""
        self._open.pop(study_uid, None)

    def _ask(self, question: Question) -> PacsWord:
        try:
            return self._by_orthanc(question)
        except Exception as error:  # Orthanc cannot read the answers, or the PACS does not give any
            said = f"{type(error).__name__}: {error}"
        try:
            request = self.ask_module(question.study_uid, question.pacs, bool(question.series))
        except Exception as error:  # whatever it is, the study goes on without the answer
            request, said = None, f"{said}; {error}"
        if request is not None:
            return word_of(request)
        self.log.event(
            "pacs_not_asked", f"{question.pacs} does not say what it has of a study", "WARNING",
            studyUID=question.study_uid, pacs=question.pacs, error=said,
        )  # fmt: skip
        return PacsWord()

    def _by_orthanc(self, question: Question) -> PacsWord:
        study = {"StudyInstanceUID": question.study_uid}
        if question.counts_only:
            return PacsWord(series=self._counts(question))
        wanted = {"PatientID": "", "NumberOfStudyRelatedInstances": ""}
        studies = self._find(question, "Study", {**study, **wanted})
        word = read_study(question.study_uid, studies)
        counts = self._counts(question)
        images: dict[str, frozenset[str]] = {}
        for uid in sorted(question.series)[:_MAX_SERIES]:
            if uids := self._images(question, uid):
                images[uid] = uids
        controlled = {uid: self._is_whole(question, uid, uids) for uid, uids in images.items()}
        whole = {uid: told for uid, told in controlled.items() if told is not None}
        return PacsWord(word.patient_id, word.study, counts, images, whole)

    def _counts(self, question: Question) -> dict[str, int]:
        wanted = {"SeriesInstanceUID": "", "NumberOfSeriesRelatedInstances": ""}
        answers = self._find(question, "Series", {"StudyInstanceUID": question.study_uid, **wanted})
        return read_series(question.study_uid, answers)

    def _is_whole(self, question: Question, series_uid: str, listed: frozenset[str]) -> bool | None:
        """
        Whether a list of images is whole, as far as the images tell that are here and not in it; None: the
        PACS cannot be asked for one image.

        A PACS may cut its lists at any number and say nothing of it, and it may count nothing. Asked for an
        image by its own UID it still answers with that.
        """
        for sop_uid in spread(question.doubted.get(series_uid, frozenset()) - listed):
            try:
                found = self._images(question, series_uid, sop_uid)
            except PipelineError:
                return None
            if found:
                return None if found != {sop_uid} else False
        return True

    def _images(self, question: Question, series_uid: str, sop_uid: str = "") -> frozenset[str]:
        """The images of a series that the PACS has, all or this one."""
        keys = {"StudyInstanceUID": question.study_uid, "SeriesInstanceUID": series_uid}
        keys["SOPInstanceUID"] = sop_uid
        return read_images(question.study_uid, series_uid, self._find(question, "Instance", keys))

    def _find(self, question: Question, level: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        within = question.within_s or _ANSWER_S
        body = {"Level": level, "Query": dict(query), "Normalize": False, "Timeout": max(int(within), 1)}
        query_id = self.rest.post(f"/modalities/{question.pacs}/query", body, within)["ID"]
        return list(self.rest.get(f"/queries/{query_id}/answers?expand&simplify"))


def _covers(asked: Question, question: Question) -> bool:
    same = (asked.study_uid, asked.pacs, asked.state) == (question.study_uid, question.pacs, question.state)
    return same and question.series <= asked.series


def spread(uids: Collection[str]) -> list[str]:
    """Some of these UIDs, evenly from the first to the last: images of one sender lie side by side."""
    ordered = sorted(uids)
    number = min(_CONTROLS, len(ordered))
    return [ordered[n * len(ordered) // number] for n in range(number)]


def read_study(study_uid: str, answers: Collection[Mapping[str, Any]]) -> PacsWord:
    """PatientID and count of the study, of answers that are about it; of several the largest count."""
    ours = [one for one in answers if clean_uid(_text(one, "StudyInstanceUID")) == study_uid]
    told = sorted(patient for one in ours if (patient := unpadded(_text(one, "PatientID"))))
    patients = {patient_key(patient): patient for patient in told}  # in two spellings it is one
    counts = [count for one in ours if (count := parse_count(_text(one, "NumberOfStudyRelatedInstances")))]
    patient_id = next(iter(patients.values())) if len(patients) == 1 else None
    return PacsWord(patient_id, max(counts, default=None))


def read_series(study_uid: str, answers: Collection[Mapping[str, Any]]) -> dict[str, int]:
    """Counts by SeriesInstanceUID, of answers that are about the study."""
    counts: dict[str, int] = {}
    for one in answers:
        uid, count = (
            clean_uid(_text(one, "SeriesInstanceUID")),
            parse_count(_text(one, "NumberOfSeriesRelatedInstances")),
        )
        if is_uid(uid) and count and clean_uid(_text(one, "StudyInstanceUID")) in ("", study_uid):
            counts[uid] = max(count, counts.get(uid, 0))
    return counts


def read_images(study_uid: str, series_uid: str, answers: Collection[Mapping[str, Any]]) -> frozenset[str]:
    """SOPInstanceUIDs of the series, of answers that are about it."""
    ours = (
        one
        for one in answers
        if clean_uid(_text(one, "StudyInstanceUID")) in ("", study_uid)
        and clean_uid(_text(one, "SeriesInstanceUID")) in ("", series_uid)
    )
    uids = (clean_uid(_text(one, "SOPInstanceUID")) for one in ours)
    return frozenset(uid for uid in uids if is_uid(uid))


def word_of(request: PullRequest) -> PacsWord:
    """What pacs_module says that a PACS has, in the same terms."""
    images = {uid: frozenset(uids) for uid, uids in request.expected_instances.items()}
    return PacsWord(request.patient_id or None, request.expected, request.expected_series, images)


def _text(answer: Mapping[str, Any], keyword: str) -> str:
    value = answer.get(keyword)
    return value if isinstance(value, str) else ""
