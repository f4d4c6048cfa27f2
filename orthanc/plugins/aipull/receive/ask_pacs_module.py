"""Asks pacs_module what the PACS has of a study that is being pushed, to count against (M8a)."""

from __future__ import annotations

from pacs_module.domain.errors import PipelineError, RetriableError
from pacs_module.domain.json_messages.messages import PullRequest, read_announced
from pacs_module.domain.receive.reception_state import ReceptionState
from pacs_module.shared.http_addresses import HttpAddresses
from pacs_module.shared.logs import ContractLog

from ..journal.pulls import PullRows
from ..runtime.worker import Worker
from .arriving_studies import ArrivingStudies
from .arriving_study import ArrivingStudy, Told

_PATH = "/api/v1/dcm/announced"
_TIMEOUT_S = 300.0
_LOOK_S = 0.5
_AGAIN_S = 2.0
"""Between two questions where the PACS, or pacs_module, cannot be asked."""
ANSWER_WAIT_S = 60.0
"""A slow PACS or a pacs_module that is away holds a pushed study no longer than this beyond STABLE_AGE."""


class ModuleClient:
    """
    Asks pacs_module what a PACS has.

    Args:
        module: Its addresses.
    """

    def __init__(self, module: HttpAddresses) -> None:
        self._module = module

    def announced(self, study_uid: str, pacs: str = "", images: bool = False) -> PullRequest | None:
        """
        As if the study were pulled; None: no PACS knows it.

        Args:
            study_uid: StudyInstanceUID.
            pacs: Which one is asked; empty: all of them, and the one that has most answers.
            images: Whether SOPInstanceUIDs are wanted.
        """
        question = {
            "studyUID": study_uid,
            **({"pacs": pacs} if pacs else {}),
            **({"images": True} if images else {}),
        }
        answer = self._module.call("POST", _PATH, question, _TIMEOUT_S, slow=True)
        document = answer.json().get("request")
        return None if document is None else read_announced(document)


class AskPacsModule(Worker):
    """
    Asks when no image has come for a moment, and a second time later: a device that sends to the PACS and to
    us at once makes both counts grow alike.

    Nothing of it is journaled: after a restart the quiet begins anew, and it is asked again.

    Args:
        arrivals: What is being pushed; its answers stand there.
        pulls: A study that is also pulled is counted against its pull.
        stable_age: STABLE_AGE in seconds; what has no answer by then is UNVERIFIED.
        module: Asks pacs_module.
        log: For events.
    """

    def __init__(
        self,
        arrivals: ArrivingStudies,
        pulls: PullRows,
        stable_age: float,
        module: ModuleClient,
        log: ContractLog,
    ) -> None:
        super().__init__("asker", log)
        self._arrivals = arrivals
        self._pulls = pulls
        self._module = module
        self._first_s, self._second_s = min(3.0, stable_age / 4), min(13.0, stable_age / 2)
        self._not_before: dict[str, float] = {}
        """By StudyInstanceUID: seconds of quiet from which on it is asked again."""

    def step(self) -> float:
        """Ask for every study whose time it is."""
        pushed = [
            one for one in self._arrivals.all() if one.row.is_push and one.row.state is ReceptionState.OPEN
        ]
        for arrival in pushed:
            if self._is_due(arrival) and self._pulls.current(arrival.row.study_uid) is None:
                self._ask(arrival)
        return _LOOK_S

    def _is_due(self, arrival: ArrivingStudy) -> bool:
        told, quiet = arrival.told_now, arrival.quiet_for()
        if quiet < self._not_before.get(arrival.row.study_uid, 0.0):
            return False
        return quiet >= self._first_s if told is None else not told.settled and quiet >= self._second_s

    def _ask(self, arrival: ArrivingStudy) -> None:
        last_image, before, study = arrival.last_image, arrival.told_now, arrival.row.study_uid
        self._not_before.pop(study, None)
        try:
            request = self._module.announced(study)
        except (PipelineError, AttributeError) as error:
            self._tell(study, error)
            if isinstance(error, RetriableError):  # no answer, which says nothing of whose the images are
                self._not_before[study] = arrival.quiet_for() + _AGAIN_S
                return
            request = None
        arrival.told = Told(request, last_image, settled=before is not None and before.request == request)

    def _tell(self, study_uid: str, error: Exception) -> None:
        words = "pacs_module did not say what the PACS has"
        self._log.event("expected_not_told", words, level="WARNING", studyUID=study_uid, error=str(error))
