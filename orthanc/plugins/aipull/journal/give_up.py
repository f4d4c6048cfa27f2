"""Ends a reception that fails at every try (K8): with the reason, and without a loss."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.json_messages.messages import PullReport
from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure
from pacs_module.domain.receive.decision import FAILED
from pacs_module.domain.receive.give_up import given_up_because
from pacs_module.domain.receive.reception_state import ReceptionEvent, ReceptionState
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.logs import ContractLog

from ..runtime.clock import now_ms
from .pulls import ENDED, Pull
from .receptions import Reception
from .tables import Tables


@dataclass(frozen=True)
class Hopeless:
    """
    A reception whose step fails at every try.

    Args:
        row: In the journal.
        counts: Images here by SeriesInstanceUID.
        instances: Their ids in Orthanc.
        why: The error in one line.
    """

    row: Reception
    counts: Mapping[str, int]
    instances: Collection[str]
    why: str


@dataclass(frozen=True)
class GiveUp:
    """
    Pulled images are deleted, their PACS has them. Pushed ones stay in Orthanc: nobody else may have them.
    """

    tables: Tables
    switches: Switches
    log: ContractLog

    def reception(self, failed: Hopeless, pull: Pull | None) -> bool:
        """
        End a reception; False: its pull still moves, what comes may be something else.

        Args:
            failed: As it is here.
            pull: That it came in; None: unasked, or after its end.
        """
        if pull is not None and pull.job_state != ENDED:
            return False
        study, why, images = failed.row.study_uid, failed.why, sum(failed.counts.values())
        with self.tables.journal.transaction():
            if pull is not None or failed.row.state is ReceptionState.OPEN:
                self._owe(study, pull, why, images)
            self._close(failed, pull)
        self._tell(study, why, images, pull)
        return True

    def pull(self, pull: Pull, why: str) -> None:
        """End a pull whose end cannot be reported; with what was concluded of it, if anything was."""
        if pull.conclusion is not None:
            self.tables.pulls.report(pull.request.pull_id, pull.conclusion)
        else:
            self._owe(pull.request.study_uid, pull, why, 0)
        self._tell(pull.request.study_uid, why, 0, pull)

    def _close(self, failed: Hopeless, pull: Pull | None) -> None:
        receptions, row, now = self.tables.receptions, failed.row, now_ms()
        if row.state is ReceptionState.OPEN:
            row = receptions.move(row, ReceptionEvent.CONCLUDE, now, failed.counts)
        pushed = pull is None and row.is_push
        if pushed or not self.switches.delete_after_send:
            receptions.move(row, ReceptionEvent.RETAIN, now)
        else:
            receptions.delete(row, failed.instances, now)

    def _owe(self, study_uid: str, pull: Pull | None, why: str, images: int) -> None:
        report = PullReport(
            report_id=uuid.uuid4().hex,
            pull_id=pull.request.pull_id if pull is not None else "",
            study_uid=study_uid,
            outcome=FAILED,
            received=images,
            message=given_up_because(why),
            failure=PullFailure(FailureKind.NOT_TAKEN_IN, words=why),
        )
        if pull is not None:
            self.tables.pulls.conclude(pull, report)
        else:
            self.tables.journal.to_send(study_uid, "pull_report", to_document(report))

    def _tell(self, study_uid: str, why: str, images: int, pull: Pull | None) -> None:
        self.log.event(
            "reception_given_up", "the reception of a study failed at every try: it is given up", "ERROR",
            studyUID=study_uid, error=why, images=images, pullID=pull.request.pull_id if pull else "",
        )  # fmt: skip
