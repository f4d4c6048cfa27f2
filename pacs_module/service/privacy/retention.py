"""Wiring of the nightly job that removes what is older than its age. No logic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial
from typing import Protocol

from ...adapters.audit_trail.trail_file import TrailFile
from ...adapters.files.archive import CompressedArchive
from ...adapters.files.report_folder import ReportFolder
from ...adapters.machine import SystemClock
from ...adapters.results.files import DiskResults
from ...adapters.results.pseudonyms import PSEUDONYMS, DiskPseudonyms
from ...domain.audit_trail.entry import Act, Deed, blanked, named_in
from ...domain.instants import iso, milliseconds
from ...domain.privacy.patient_identifiers import Traces
from ...domain.privacy.pseudonym import Pseudonyms
from ...domain.privacy.retention import RetentionAges, found_from
from ...domain.report_exchange.entry import EntryKind
from ...domain.study.study import Study
from ...ports import HeaderRecords, Ledger, PluginMemory, PluginRecordsKept, StudyStore
from ...ports.leases import Leases
from ...settings import Settings
from ...shared.log_lines import Words
from ...shared.logs import ContractLog
from ...shared.pseudonym_key import key_of
from ...use_cases.privacy.clear_lease_notes import ClearMemos
from ...use_cases.privacy.forget import ForgetPatient
from ...use_cases.privacy.forgotten import Forgotten, key_in_store
from ...use_cases.privacy.retain import Part, RemoveStudies, Retain
from ...use_cases.recover.lease_holder import LeaseHolder


class PluginsKept(PluginRecordsKept, PluginMemory, Protocol):
    """Both of what the plugins can remove."""


def pseudonyms_of(settings: Settings, leases: Leases) -> Pseudonyms:
    """With the site's key, or the one in the store, which need not answer yet."""
    file = settings.privacy.key_file
    return Pseudonyms(key_of(file) if file is not None else cache(partial(key_in_store, leases)))


@dataclass(frozen=True)
class Kept:
    """
    Everything that names patients, and where it is kept; ``find_days`` gives the days that are found now.
    """

    settings: Settings
    store: StudyStore
    headers: HeaderRecords
    ledger: Ledger
    plugins: PluginsKept
    log: ContractLog
    clock: SystemClock
    find_days: Callable[[], Sequence[date]]
    leases: LeaseHolder
    trail: TrailFile | None = None

    @property
    def ages(self) -> RetentionAges:
        """The site's ages."""
        return self.settings.ages

    def retain(self) -> Retain | None:
        """The step of the service's loop; None: everything is kept for ever."""
        if not (self.ages.studies or self.ages.logs or self.ages.audit):
            return None
        local = self.clock.local
        at = self.settings.privacy.at
        return Retain(self.parts(), self.leases, self.clock, local, self.log, at, local())

    def forget(self, forgotten: Forgotten) -> ForgetPatient:
        """The command that forgets one patient."""
        return ForgetPatient(
            store=self.store,
            ledger=self.ledger,
            plugins=self.plugins,
            elsewhere=self._elsewhere,
            clear_memos=ClearMemos(self.leases.leases, self.store),
            forgotten=forgotten,
            pseudonyms=forgotten.pseudonyms,
            pacs=[one.name for one in self.settings.pacs],
            clock=self.clock,
            log=self.log,
        )

    def _elsewhere(self, traces: Traces, studies: Sequence[Study]) -> Mapping[str, int]:
        words = Words.of(traces.words)
        folder = ReportFolder(self.settings.reconcile_folder, self.ages.reports)
        return {
            "reconciliationReports": folder.remove_with(words.named_in),
            "archived": self._archived(studies),
            "results": self._results(studies),
            "logLines": self.log.drop_lines(words),
            "auditTrail": self._blank(traces),
        }

    def _blank(self, traces: Traces) -> int:
        """The trail keeps the pseudonyms."""
        if self.trail is None:
            return 0
        return self.trail.rewrite(lambda one: blanked(one) if named_in(one, traces.words) else one)

    def _trail(self) -> Mapping[str, int]:
        """Identifiers go after the age of the studies, entries after their own."""
        if self.trail is None:
            return {}
        hidden, gone = (self._moment(days) for days in (self.ages.studies, self.ages.audit))
        number = self.trail.rewrite(lambda one: blanked(one) if one.get("at", "") < hidden else one, gone)
        self.trail.append(
            Act(Deed.REMOVED, way="pacs_module", note="what was older than its age", status=200)
        )
        return {"auditTrail": number}

    def _moment(self, days: int) -> str:
        return iso(self.clock.now() - milliseconds(timedelta(days=days))) if days else ""

    def _archived(self, studies: Sequence[Study]) -> int:
        told = self.settings.archive
        if told is None:
            return 0
        ids = [item.handover_id for study in studies for item in study.handovers]
        return CompressedArchive(told.folder, told.keep_days).remove(ids)

    def _results(self, studies: Sequence[Study]) -> int:
        """Objects that came back, and who stood behind the pseudonyms."""
        told = self.settings.results
        if told is None:
            return 0
        files, pseudonyms = DiskResults(told.folder), DiskPseudonyms(told.folder / PSEUDONYMS)
        for study in studies:
            pseudonyms.forget(study.study_uid)
        sets = [one.result_id for study in studies for one in study.results]
        for result_id in sets:
            files.remove(result_id)
        return len(sets)

    def parts(self) -> dict[str, Part]:
        """In this order; the bytes of what was removed go last."""
        parts: dict[str, Part] = {}
        if self.ages.studies:
            parts["studies"] = RemoveStudies(self.store, self.clock, self.ages.studies, self._first_found)
            parts["headers"] = self._headers
            parts["reports and quality records"] = self._entries
            parts["reconciliation reports"] = self._reports
        if self.ages.logs:
            parts["logs"] = self._logs
        parts["plugins"] = self._plugins
        parts["audit trail"] = self._trail
        if self.ages.studies:
            parts["memos"] = self._memos
            parts["store file"] = self._scrub
        return parts

    def _first_found(self) -> str:
        return found_from(self.clock.today(), self.find_days(), self.settings.reconcile.days_back)

    def _before(self, days: int) -> date:
        return self.clock.today() - timedelta(days=days)

    def _headers(self) -> Mapping[str, int]:
        return {"headers": self.headers.purge(self._before(self.ages.headers).isoformat())}

    def _entries(self) -> Mapping[str, int]:
        before = self._before(self.ages.ledger).isoformat()
        return {"entries": sum(self.ledger.purge(kind, before) for kind in EntryKind)}

    def _reports(self) -> Mapping[str, int]:
        folder = ReportFolder(self.settings.reconcile_folder, self.ages.reports)
        return {"reconciliationReports": folder.purge(self._before(self.ages.reports))}

    def _logs(self) -> Mapping[str, int]:
        return {"logFiles": self.log.keep(self.ages.logs, self.clock.now() / 1000)}

    def _plugins(self) -> Mapping[str, int]:
        did = self.plugins.remove_old(self.clock.now(), self.ages.studies, self.ages.logs)
        return {f"plugins.{name}": number for name, number in did.items()}

    def _memos(self) -> Mapping[str, int]:
        return {"memos": ClearMemos(self.leases.leases, self.store)()}

    def _scrub(self) -> Mapping[str, int]:
        self.store.scrub(self._moment(self.ages.studies))
        return {}
