"""Reconcile: what the PACS have of some days, what we have, and what each difference is (M26)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from ...domain.dicom.attributes import FoundStudy
from ...domain.errors import PipelineError
from ...domain.find.windows import Window
from ...domain.instants import iso
from ...domain.reconcile.at_destination import AtDestination
from ...domain.reconcile.compare import reconcile
from ...domain.reconcile.report import Report, report
from ...domain.reconcile.report_line import Cause, PacsList, ReportLine
from ...domain.rules.switches import Switches
from ...domain.study.study import Study
from ...ports import Clock, EventLog, StudyStore
from ..find.ask_window import Answers, AskWindow
from ..find.confirm_missing import ConfirmMissing
from ..find.find_studies import STUDY_KEYS
from .ask_devices import AskDevices


@dataclass(frozen=True)
class ReconcilePolicy:
    """
    How often a PACS is asked when it fails or leaves out what it had, with which pause; how many devices are
    asked for.
    """

    tries: int = 3
    pause: timedelta = timedelta(seconds=5)
    most_devices: int = 300


@dataclass
class Reconcile:
    """One PACS after the other, one query at a time: it runs at night, but hospitals do not sleep."""

    store: StudyStore
    ask: AskWindow
    devices: AskDevices
    clock: Clock
    log: EventLog
    switches: Switches
    pacs: tuple[str, ...]
    policy: ReconcilePolicy = field(default_factory=ReconcilePolicy)
    sleep: Callable[[float], None] = time.sleep
    destinations: Callable[[Sequence[date]], tuple[AtDestination, ...]] = lambda days: ()
    """Compares what was sent with what is at the destinations beside the backend."""
    confirm: ConfirmMissing = field(init=False)

    def __post_init__(self) -> None:
        """What a list lacks is asked for by UID at the same PACS."""
        self.confirm = ConfirmMissing(self.ask.finder, self.log)

    def __call__(self, days: Sequence[date]) -> Report:
        """
        Compare some days; a PACS that does not answer is told in the report and keeps the others from
        nothing.

        Raises:
            RetriableError: The store is away.
        """
        ours = {study.study_uid: study for day in days for study in self.store.of_day(day)}
        lists = [self._list(pacs, day, ours.values()) for day in days for pacs in self.pacs]
        self._add_listed(ours, lists)
        lines = reconcile(lists, list(ours.values()), self.switches, self.clock.now())
        made = report(days, iso(self.clock.now()), lists, tuple(self._with_devices(lines)))
        made = replace(made, destinations=self.destinations(days))
        self._tell(made)
        return made

    def _add_listed(self, ours: dict[str, Study], lists: Sequence[PacsList]) -> None:
        """Documents of another day, or of none, whose study a PACS lists on these days."""
        listed = {study.study_uid for one in lists for study in one.studies}
        for uid in listed - ours.keys() - {""}:
            study = self.store.get(uid)
            if study is not None:
                ours[uid] = study

    def _tell(self, made: Report) -> None:
        level = "INFO" if made.compared and not made.missing and not made.lacking else "WARNING"
        self.log.event(
            "reconciled",
            "reconciled",
            level,
            days=[made.first_day, made.last_day],
            missing=len(made.missing),
            lackingAtDestinations=len(made.lacking),
            compared=made.compared,
            causes=made.by_cause,
        )

    def _list(self, pacs: str, day: date, ours: Collection[Study]) -> PacsList:
        """
        The PACS's list, asked for again when it fails, is empty, or lacks what the PACS had before.

        An overloaded PACS says Success with no answers or too few (field-notes 3); answers of all tries count
        together.
        """
        known = _listed_before(pacs, ours)
        found: dict[tuple[str, ...], FoundStudy] = {}
        answers, error, queries = Answers((), False, 0), "", 0
        for attempt in range(self.policy.tries):
            if attempt:
                self.sleep(self.policy.pause.total_seconds())
            try:
                answers, error = self.ask(pacs, Window(day), STUDY_KEYS), ""
            except PipelineError as failure:
                error = str(failure)
                self._tell_failure(pacs, day, error)
                continue
            queries += answers.queries
            found |= {_key(study): study for study in answers.studies}
            lacks = known - _uids(found)
            if answers.complete and not lacks and (found or attempt):
                break  # an empty list is believed the second time
        complete = answers.complete and (bool(error) or self._believed(pacs, day, known, found))
        return PacsList(pacs, day, tuple(found.values()), complete, error, queries)

    def _believed(
        self, pacs: str, day: date, known: set[str], found: dict[tuple[str, ...], FoundStudy]
    ) -> bool:
        """Whether a list that lacks what the PACS had is whole; what it has all the same is added to it."""
        missing = known - {study.study_uid for study in found.values()}
        if not missing:
            return True
        before = self.store.of_day_at(day - timedelta(days=1), pacs)
        another = min((study.study_uid for study in before if not study.pacs[pacs].gone_at), default="")
        confirmed = self.confirm(pacs, missing, bool(found), another, STUDY_KEYS)
        found |= {_key(study): study for study in confirmed.still_there}
        return confirmed.believed

    def _tell_failure(self, pacs: str, day: date, error: str) -> None:
        told = {"pacs": pacs, "day": day.isoformat(), "error": error}
        self.log.event("reconcile_no_list", "reconcile: no list", "WARNING", **told)

    def _with_devices(self, lines: Sequence[ReportLine]) -> list[ReportLine]:
        """The devices of what is missing first, then of what was filtered, as far as the limit allows."""
        wanted = [line for line in lines if line.missing] + [
            line for line in lines if line.cause is Cause.FILTERED
        ]
        told = {line.study_uid: self.devices(line) for line in wanted[: self.policy.most_devices]}
        return [replace(line, devices=told.get(line.study_uid, ())) for line in lines]


def _has_uid(study: Study) -> bool:
    return not study.study_uid.startswith("unpullable:")


def _key(found: FoundStudy) -> tuple[str, ...]:
    """A study, also one without a UID."""
    if found.study_uid:
        return (found.study_uid,)
    return ("", found.accession_number, found.patient_id, found.study_date, found.study_time)


def _listed_before(pacs: str, ours: Collection[Study]) -> set[str]:
    """Studies that this PACS had when they were found."""
    listed = (study for study in ours if pacs in study.pacs and study.state is not None)
    return {study.study_uid for study in listed if _has_uid(study)}


def _uids(found: Mapping[tuple[str, ...], FoundStudy]) -> set[str]:
    return {study.study_uid for study in found.values()}
