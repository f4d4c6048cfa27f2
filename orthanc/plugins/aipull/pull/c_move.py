"""
One pull in DICOM's terms: C-MOVEs by UID over Orthanc's ``/modalities/{name}/move``.

The UIDs are known, so that nothing is asked before: ``/queries/{id}/retrieve`` would need a C-FIND of its
own, which Orthanc 1.10.1 answers with HTTP 400 where a PACS declares a SpecificCharacterSet that it does not
know, and loses with it pulls that need no text at all. The call lasts as long as the C-MOVE does and is no
job of Orthanc's: the journal repeats it after a restart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pacs_module.domain.dicom.attributes import clean_uid
from pacs_module.domain.errors import PipelineError
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure
from pacs_module.domain.json_messages.uid_syntax import is_uid
from pacs_module.domain.pull.failure_words import read_failure

from ..server.orthanc_client import OrthancClient, Unreachable
from .missing_images import Lacking

_SOP_TAG, _STUDY_TAG, _SERIES_TAG = "0008,0018", "0020,000d", "0020,000e"
_MAX_IMAGES = 100
"""Where more are missing the series comes whole."""
_MAX_FIND_S = 120.0
"""For the one C-FIND of a pull, of which images a PACS has, when the request names no other time."""
_MAX_MOVE_S = 7 * 24 * 3600.0
"""For a C-MOVE as a whole; its silences are limited by Orthanc's DicomScuTimeout."""


@dataclass(frozen=True)
class Move:
    """
    One C-MOVE request: DICOM level and unique keys of what is moved, several of them one after the other.
    """

    level: str
    resources: tuple[Mapping[str, str], ...]


@dataclass
class Moved:
    """
    What became of the moves of a pull.

    Args:
        failures: Of those that failed, in their order.
        seconds: That they took in all.
    """

    failures: list[PullFailure] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def error(self) -> str:
        """All failures in words, each once."""
        return "; ".join(sorted({failure.words for failure in self.failures}))


class CMoves:
    """
    Plans and carries out the C-MOVEs of pulls; used by several threads.

    Args:
        rest: Orthanc.
        aet: Move destination.
        came_before: By the name of a PACS and a study, another study that came from there lately; empty: none
            is known.
    """

    def __init__(
        self, rest: OrthancClient, aet: str, came_before: Callable[[str, str], str] = lambda _pacs, _study: ""
    ) -> None:
        self._rest = rest
        self._aet = aet
        self._came_before = came_before

    def plan(self, request: PullRequest, lacking: Lacking | None = None) -> tuple[Move, ...]:
        """
        The moves of a pull; none when nothing lacks.

        Args:
            request: The pull.
            lacking: Of a study that came short: only this is moved. None: the whole of the request.
        """
        if lacking is not None:
            return tuple(
                self._repair(request, uid, here, lacking.by_image) for uid, here in lacking.here.items()
            )
        if request.level == "STUDY":
            return (Move("Study", ({"StudyInstanceUID": request.study_uid},)),)
        return tuple(_series(request, uid) for uid in dict.fromkeys(request.series_uids))

    def carry_out(
        self, request: PullRequest, moves: Sequence[Move], at_each: Callable[[], None] = lambda: None
    ) -> Moved:
        """
        One move after the other; one that fails does not keep the next from being tried.

        Args:
            request: The pull.
            moves: As planned.
            at_each: Called before each.

        Raises:
            Unreachable: Orthanc itself is away, or stops.
        """
        moved = Moved()
        for move in moves:
            at_each()
            began = time.monotonic()
            try:
                self._move(request, move)
            except Unreachable:
                raise
            except PipelineError as error:
                moved.failures.append(self._diagnosed(request, read_failure(str(error))))
            moved.seconds += time.monotonic() - began
        return moved

    def _move(self, request: PullRequest, move: Move) -> None:
        body = {"Level": move.level, "Resources": list(move.resources), "TargetAet": self._aet}
        self._rest.post(f"/modalities/{request.pacs}/move", body, _MAX_MOVE_S)

    def _repair(self, request: PullRequest, series_uid: str, here: frozenset[str], by_image: bool) -> Move:
        """Single images where they are few and known, else the series that lacks some."""
        missing = self._missing(request, series_uid, here) if by_image and here else []
        if not 0 < len(missing) <= _MAX_IMAGES:
            return _series(request, series_uid)
        keys = {"StudyInstanceUID": request.study_uid, "SeriesInstanceUID": series_uid}
        return Move("Instance", tuple({**keys, "SOPInstanceUID": uid} for uid in missing))

    def _missing(self, request: PullRequest, series_uid: str, here: frozenset[str]) -> list[str]:
        """SOPInstanceUIDs that are not here; none where nobody can tell them."""
        try:
            known = request.expected_instances.get(series_uid) or self._image_uids(request, series_uid)
        except PipelineError:  # the C-FIND failed: the series whole needs none
            return []
        return [uid for uid in known if uid not in here]

    def _diagnosed(self, request: PullRequest, failure: PullFailure) -> PullFailure:
        """
        A PACS that cannot process a C-MOVE may just not have the study: a C-FIND tells, and where it fails
        nothing is lost.
        """
        if failure.kind is not FailureKind.UNABLE_TO_PROCESS:
            return failure
        try:
            missing = not self._has_study(request, request.study_uid) and self._is_believed(request)
        except PipelineError:
            return failure
        if not missing:
            return failure
        words = f"{request.pacs} does not have study {request.study_uid}: {failure.words}"
        return replace(failure, kind=FailureKind.NOT_THERE, words=words)

    def _has_study(self, request: PullRequest, study_uid: str) -> bool:
        """Whether the PACS answers with this very study: one that ignores the key answers with any."""
        answers = self._find(request, "Study", {"StudyInstanceUID": study_uid})
        return any(_uid_in(answer, _STUDY_TAG) in ("", study_uid) for answer in answers)

    def _is_believed(self, request: PullRequest) -> bool:
        """
        Whether a PACS that does not answer with the study answers at all: an overloaded one ends any question
        with Success and nothing.
        """
        another = self._came_before(request.pacs, request.study_uid)
        return not another or self._has_study(request, another)

    def _image_uids(self, request: PullRequest, series_uid: str) -> list[str]:
        """SOPInstanceUIDs of this very series, whatever a PACS answers that ignores the keys."""
        keys = {"StudyInstanceUID": request.study_uid, "SeriesInstanceUID": series_uid, "SOPInstanceUID": ""}
        uids = [
            _uid_in(answer, _SOP_TAG)
            for answer in self._find(request, "Instance", keys)
            if _uid_in(answer, _STUDY_TAG) in ("", request.study_uid)
            and _uid_in(answer, _SERIES_TAG) in ("", series_uid)
        ]
        return [uid for uid in dict.fromkeys(uids) if is_uid(uid)]

    def _find(self, request: PullRequest, level: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        within = request.find_timeout_s or _MAX_FIND_S
        body = {"Level": level, "Query": dict(query), "Normalize": False, "Timeout": max(int(within), 1)}
        query_id = self._rest.post(f"/modalities/{request.pacs}/query", body, within)["ID"]
        answers: list[dict[str, Any]] = self._rest.get(f"/queries/{query_id}/answers?expand")
        return answers


def _uid_in(answer: Mapping[str, Any], tag: str) -> str:
    """A UID of an answer as Orthanc gives it; empty where the PACS does not tell it."""
    told = answer.get(tag)
    return clean_uid(str(told.get("Value") or "")) if isinstance(told, Mapping) else ""


def _series(request: PullRequest, series_uid: str) -> Move:
    return Move("Series", ({"StudyInstanceUID": request.study_uid, "SeriesInstanceUID": series_uid},))
