"""
One pull in Orthanc's terms: a query, then ``/queries/{id}/answers/{n}/retrieve``, which alone makes a job that survives a
restart in 1.10.1.

A retrieve of no answers is a success in Orthanc, so the answers are looked at first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pacs_module.domain.dicom.attributes import clean_uid
from pacs_module.domain.errors import PermanentError
from pacs_module.domain.wire.messages import PullRequest

from ..server.rest import PACS_ANSWER_S, OrthancRest, absent_as_none
from .missing_images import Lacking

_STUDY_TAG = "0020,000d"
_SERIES_TAG = "0020,000e"
_SOP_TAG = "0008,0018"
_MOST_IMAGES = 100
"""So many UIDs fit into one key of a C-FIND everywhere; where more are missing the series comes whole."""
_CLOCK_STEP_MS = 2000
"""Job times of Orthanc are in whole seconds."""


@dataclass(frozen=True)
class Job:
    """A retrieve job: ``error`` empty on success, ``seconds`` that it ran."""

    ended: bool
    error: str
    seconds: float


class Retrieve:
    """
    Submits retrieve jobs and reads their state.

    Args:
        rest: Orthanc.
        aet: Move destination.
    """

    def __init__(self, rest: OrthancRest, aet: str) -> None:
        self._rest = rest
        self._aet = aet

    def submit(self, request: PullRequest, maybe_since: int | None, lacking: Lacking | None = None) -> tuple[str, ...]:
        """
        Submit the jobs of a pull.

        Args:
            request: The pull.
            maybe_since: Epoch milliseconds; jobs of this pull that were submitted since then, and not journaled before a
                crash, are
                taken over. None: there are none.
            lacking: Of a study that came short: only this is pulled. None: the whole of the request.

        Raises:
            PermanentError: The PACS does not have it.
            RetriableError: The PACS does not answer.
        """
        wanted = tuple(lacking.here) if lacking else request.series_uids if request.level == "SERIES" else ("",)
        there = self._submitted_before(request, maybe_since, wanted) if maybe_since is not None else []
        if lacking is not None:
            covered = {uid for _, uid in there}
            open_ones = {uid: here for uid, here in lacking.here.items() if uid not in covered}
            return (*(job for job, _ in there), *self._repair(request, open_ones, lacking.by_image))
        if request.level == "STUDY":
            return tuple(job for job, _ in there[:1]) or self._study(request)
        covered = {uid for _, uid in there}
        missing = [uid for uid in request.series_uids if uid not in covered]
        jobs = [job for job, _ in there]
        return (*jobs, *self._series(request, missing)) if missing else tuple(jobs)

    def job(self, job_id: str) -> Job | None:
        """A job, None when Orthanc does not know it."""
        answer = absent_as_none(lambda: self._rest.get(f"/jobs/{job_id}"))
        if answer is None:
            return None
        state = answer["State"]
        words = " ".join(str(answer.get(key) or "") for key in ("ErrorDescription", "ErrorDetails")).strip()
        error = words or state if state == "Failure" else ""
        return Job(state in ("Success", "Failure"), error, float(answer.get("EffectiveRuntime", 0)))

    def _study(self, request: PullRequest) -> tuple[str, ...]:
        query, answers = self._find(request, "Study", {"StudyInstanceUID": request.study_uid})
        place = _places(answers, _STUDY_TAG, [request.study_uid])
        if not place:
            raise PermanentError(f"{request.pacs} does not have study {request.study_uid}")
        return (self._retrieve(request, query, place[request.study_uid]),)

    def _series(self, request: PullRequest, wanted: Sequence[str]) -> tuple[str, ...]:
        query, answers = self._find(
            request, "Series", _series_query(request, "\\".join(wanted))
        )  # a list of UIDs, PS3.4 C.2.2.2.2
        places = _places(answers, _SERIES_TAG, wanted)
        jobs = [self._retrieve(request, query, place) for place in places.values()]
        for uid in (uid for uid in wanted if uid not in places):  # a PACS that cannot match a list
            query, answers = self._find(request, "Series", _series_query(request, uid))
            jobs += [self._retrieve(request, query, place) for place in _places(answers, _SERIES_TAG, [uid]).values()]
        if not jobs:
            raise PermanentError(f"{request.pacs} has none of the {len(wanted)} series of study {request.study_uid}")
        return tuple(jobs)

    def _repair(self, request: PullRequest, lacking: Mapping[str, frozenset[str]], by_image: bool) -> tuple[str, ...]:
        """Single images where they are few and the PACS names them, else the series that lack some."""
        jobs: list[str] = []
        whole = []
        for uid, here in lacking.items():
            images = self._images(request, uid, here) if by_image and here else ()
            jobs += images
            whole += [] if images else [uid]
        return (*jobs, *(self._series(request, whole) if whole else ()))

    def _images(self, request: PullRequest, series_uid: str, here: frozenset[str]) -> tuple[str, ...]:
        """Jobs for the images of a series that are not here; none where the PACS cannot tell them."""
        of_series = _series_query(request, series_uid)
        uids = request.expected_instances.get(series_uid) or self._image_uids(request, of_series)
        missing = [uid for uid in uids if uid not in here]
        if not missing or len(missing) > _MOST_IMAGES:
            return ()
        query, answers = self._find(request, "Instance", {**of_series, "SOPInstanceUID": "\\".join(missing)})
        places = _places(answers, _SOP_TAG, missing)
        if len(places) < len(missing):
            return ()
        if len(answers) == len(missing):
            return (self._submit(request, f"/queries/{query}/retrieve"),)
        return tuple(self._retrieve(request, query, place) for place in places.values())

    def _image_uids(self, request: PullRequest, of_series: dict[str, str]) -> list[str]:
        _, answers = self._find(request, "Instance", {**of_series, "SOPInstanceUID": ""})
        return list(dict.fromkeys(clean_uid(str(answer.get(_SOP_TAG, {}).get("Value", ""))) for answer in answers))

    def _find(self, request: PullRequest, level: str, query: dict[str, str]) -> tuple[str, list[dict[str, Any]]]:
        body = {"Level": level, "Query": query, "Normalize": False}
        query_id = self._rest.post(f"/modalities/{request.pacs}/query", body, PACS_ANSWER_S)["ID"]
        return query_id, self._rest.get(f"/queries/{query_id}/answers?expand")

    def _retrieve(self, request: PullRequest, query: str, place: int) -> str:
        return self._submit(request, f"/queries/{query}/answers/{place}/retrieve")

    def _submit(self, request: PullRequest, path: str) -> str:
        body = {"TargetAet": self._aet, "Asynchronous": True, "Priority": request.priority}
        return str(self._rest.post(path, body)["ID"])

    def _submitted_before(self, request: PullRequest, asked_at: int, wanted: Collection[str]) -> list[tuple[str, str]]:
        """Jobs of this pull that were submitted in the moment before a crash: (job, series)."""
        jobs = [job for job in self._rest.get("/jobs?expand") if _belongs(job, request, asked_at, wanted)]
        return [(job["ID"], _identifier(job).get(_SERIES_TAG, "")) for job in jobs]


def _series_query(request: PullRequest, series: str) -> dict[str, str]:
    return {"StudyInstanceUID": request.study_uid, "SeriesInstanceUID": series}


def _places(answers: list[dict[str, Any]], tag: str, wanted: Sequence[str]) -> dict[str, int]:
    """Where each wanted UID stands among the answers; the first place of a duplicate."""
    places: dict[str, int] = {}
    for place, answer in enumerate(answers):
        uid = clean_uid(str(answer.get(tag, {}).get("Value", "")))
        if uid in wanted:
            places.setdefault(uid, place)
    return places


def _belongs(job: dict[str, Any], request: PullRequest, asked_at: int, wanted: Collection[str]) -> bool:
    """``wanted``: SeriesInstanceUIDs, or an empty one for the whole study."""
    if job.get("Type") != "DicomMoveScu" or _created_ms(job) < asked_at - _CLOCK_STEP_MS:
        return False
    identifier = _identifier(job)
    return identifier.get(_STUDY_TAG) == request.study_uid and identifier.get(_SERIES_TAG, "") in wanted


def _identifier(job: dict[str, Any]) -> dict[str, str]:
    queries = job.get("Content", {}).get("Query") or [{}]
    return {tag: clean_uid(str(value)) for tag, value in queries[0].items()}


def _created_ms(job: dict[str, Any]) -> int:
    created = datetime.strptime(str(job["CreationTime"]).split(".")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return int(created.timestamp() * 1000)
