"""Puts the parts together; knows every one of them and decides nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pacs_module.domain.receive.image_origin import KnownSenders
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.http import HttpLink
from pacs_module.shared.http_addresses import HttpAddresses
from pacs_module.shared.logs import ContractLog
from pacs_module.shared.rules_in_force import RulesInForce

from .hand_over.adopt import adopt_handovers
from .hand_over.deletion import Deletion
from .hand_over.folder import HandoverFolder
from .hand_over.lost_files_watch import LostFilesWatch
from .hand_over.notifier import Notifier
from .image_validation.quarantine import check_row
from .image_validation.wiring import Validation, open_validation
from .journal.damage import DamagedRows, KeptTable, set_damaged_file_aside
from .journal.device_sizes import SizeRows
from .journal.handovers import HandoverRows
from .journal.journal import Journal
from .journal.pulls import PullRows
from .journal.receptions import ReceptionRows
from .journal.rules import Rules, RulesWatch
from .journal.tables import Tables
from .plugin_api import PluginApi
from .pull.admission import Admission, Sizes
from .pull.crash_record import CrashRecord
from .pull.missing_images import MissingImages
from .pull.pull_worker import PullWorker
from .pull.ram_disk_watch import RamDiskWatch
from .quarantine_api import api_of
from .receive.arrival_counts import ArrivalCounts
from .receive.arriving_studies import ArrivingStudies
from .receive.ask_pacs import AskPacs
from .receive.ask_pacs_module import ANSWER_WAIT_S, AskPacsModule, ModuleClient
from .receive.conclude import Concluder
from .receive.count_again import CountAgain
from .receive.identify import Identify
from .receive.judge_series import Judge
from .receive.reception import ReceptionWorker
from .receive.senders import Senders, without_host_name
from .retention.purge import KEEP_HANDOVERS_MS, KEEP_MS, Purge
from .runtime.clock import now_ms
from .runtime.environment import Environment, OrthancFacts, filesystem_of
from .runtime.folder_lock import FolderLock
from .runtime.worker import Worker
from .server.change_log import Changes, begin_epoch, same_epoch
from .server.last_associations import last_associations, tell_associations
from .server.orthanc_client import OrthancClient
from .server.previous_exit import PreviousExit
from .server.refused_senders import RefusedSenders
from .server.stored_file import StoredFiles

_STOP_S = 2.0


@dataclass(frozen=True)
class _Ground:
    """What the workers stand on, opened once."""

    environment: Environment
    facts: OrthancFacts
    log: ContractLog
    journal: Journal
    tables: Tables
    damage: DamagedRows
    sizes: SizeRows
    rules: Rules
    rest: OrthancClient
    files: StoredFiles
    folder: HandoverFolder
    module: HttpAddresses

    @property
    def switches(self) -> Switches:
        """As they are at the start."""
        return self.rules.current


def _open(
    environment: Environment, in_force: RulesInForce, facts: OrthancFacts, token: str, log: ContractLog
) -> _Ground:
    journal = _journal(environment.journal, log)
    tables = Tables(journal, PullRows(journal), ReceptionRows(journal), HandoverRows(journal))
    damage = DamagedRows(journal, log, [KeptTable("quarantine", "number", check_row)])
    damage.look()
    rest = OrthancClient(facts.base_url, token)
    storage = None if facts.compressed else facts.storage
    checksums = in_force.current.handover_checksums
    files = StoredFiles(storage, rest)
    return _Ground(
        environment=environment,
        facts=facts,
        log=log,
        journal=journal,
        tables=tables,
        damage=damage,
        sizes=SizeRows(journal),
        rules=Rules(in_force, journal),
        rest=rest,
        files=files,
        folder=HandoverFolder(
            environment.handover_folder, environment.handover_seen_as, storage, rest, checksums, files
        ),
        module=_module(environment),
    )


def _journal(path: Path, log: ContractLog) -> Journal:
    """Opened, and without what cannot be read; before anybody asks it for anything."""
    damaged = set_damaged_file_aside(path)
    if damaged is not None:
        log.event(
            "journal_damaged",
            "the journal's file has damaged pages: it is kept under another name, and a new one begins",
            level="ERROR", path=path, keptAs=damaged,
        )  # fmt: skip
    return Journal(path)


def _module(environment: Environment) -> HttpAddresses:
    """Where pacs_module is, for all who ask it."""
    key, authorities = {"X-API-Key": environment.api_key}, environment.pacs_module_ca
    link = HttpLink("pacs_module", key, ca_file=authorities, keep=True)
    return HttpAddresses(link, environment.pacs_module_urls)


def _pull_worker(ground: _Ground, on_end: Callable[[], None]) -> PullWorker:
    facts, tables = ground.facts, ground.tables
    missing = MissingImages(ground.rest, tables.receptions, ground.rules)
    return PullWorker(
        ground.rest, tables.pulls, tables.receptions, facts.aet, facts.concurrent_jobs, missing, ground.log,
        on_end
    )  # fmt: skip


def _judge(ground: _Ground) -> Judge:
    return Judge(ground.rest, ground.files, ground.tables.receptions, ground.rules, ground.log)


def _identify(ground: _Ground) -> Identify:
    senders = Senders(ground.facts.senders, ground.journal, ground.log)
    answers = AskPacs(ground.rest, ModuleClient(ground.module).announced, ground.log)
    return Identify(ground.rest, senders, ArrivalCounts(), answers)


def _concluder(ground: _Ground, validation: Validation) -> Concluder:
    return Concluder(
        ground.tables, ground.rest, ground.folder, ground.switches, ground.environment.time_zone, ground.log,
        validation.words, ground.environment.receiver,
    )  # fmt: skip


def _validation(ground: _Ground) -> Validation:
    folder = ground.environment.quarantine_folder or ground.environment.journal.parent / "quarantine"
    known = KnownSenders(frozenset(map(without_host_name, ground.facts.senders.values())))
    return open_validation(
        folder, ground.switches, known, ground.journal, ground.rest, ground.files, ground.log
    )


def _crash_record(ground: _Ground) -> CrashRecord:
    """What the former process left."""
    journal, exit_before = ground.journal, PreviousExit(ground.journal)
    return CrashRecord(
        journal, ground.tables.pulls, ground.log, last_associations(), exit_before.read(), exit_before.begin
    )


def _admission(ground: _Ground) -> Admission:
    facts, tables, switches = ground.facts, ground.tables, ground.switches
    sizes = Sizes(ground.rest, tables.receptions, ground.sizes, switches)
    return Admission(
        facts.storage, switches.ram_disk_reserve_mb, tables.pulls, sizes, tables.handovers, tables.receptions,
        facts.index, ground.environment.copies_folder,
    )  # fmt: skip


def _arrivals(ground: _Ground) -> ArrivingStudies:
    changes = Changes(ground.rest, ground.journal)
    return ArrivingStudies(ground.rest, ground.tables, changes, ground.switches.stable_age, ground.log)


def _deletion(ground: _Ground, on_done: Callable[[], None]) -> Deletion:
    receptions = ground.tables.receptions
    return Deletion(ground.rest, ground.files, receptions, ground.sizes, ground.log, on_done=on_done)


def _ram_disk_watch(ground: _Ground, room: Admission, on_deleting: Callable[[], None]) -> RamDiskWatch:
    percent = ground.switches.ram_disk_alarm_percent
    return RamDiskWatch(room, ground.tables, ground.rest, percent, ground.log, on_deleting=on_deleting)


def _lost_files_watch(ground: _Ground) -> LostFilesWatch:
    return LostFilesWatch(
        ground.journal,
        ground.tables.handovers,
        ground.folder,
        ground.environment.handover_folder,
        ground.log,
        ground.damage.look,
    )


class Plugins:
    """
    All workers and the REST handlers.

    Args:
        environment: Places and addresses.
        in_force: The site's switches.
        facts: Of Orthanc's configuration.
        token: For Orthanc's own REST API.
        log: Both log files.
    """

    def __init__(
        self,
        environment: Environment,
        in_force: RulesInForce,
        facts: OrthancFacts,
        token: str,
        log: ContractLog,
    ) -> None:
        self._lock = FolderLock(environment.handover_folder, "AIPULL_HANDOVER_FOLDER")
        ground = self._ground = _open(environment, in_force, facts, token, log)
        self.log, self.journal, self.folder = log, ground.journal, ground.folder
        self._tables, self.rules = ground.tables, ground.rules
        arrivals = _arrivals(ground)
        self.validation = _validation(ground)
        self.quarantine_api = api_of(self.validation, arrivals.pace)
        self.deaths = _crash_record(ground)
        self.pulls = _pull_worker(ground, on_end=self._pull_ended)
        self.deletion = _deletion(ground, on_done=self.pulls.wake)
        self.notifier = Notifier(self.journal, ground.module, log)
        self.reception = self._reception(arrivals)
        self.asker = AskPacsModule(
            arrivals, ground.tables.pulls, ground.switches.stable_age, ModuleClient(ground.module), log
        )
        room = _admission(ground)
        self.ram_disk = _ram_disk_watch(ground, room, on_deleting=self.deletion.wake)
        self.records = _lost_files_watch(ground)
        self.rules_watch = RulesWatch(self.rules, log)
        self.refused = RefusedSenders(log)
        self.api = self._api(room, facts.modalities)
        self._adopt_handovers(environment.handover_folder)
        self._warn_of_journal(environment)

    def _reception(self, arrivals: ArrivingStudies) -> ReceptionWorker:
        ground = self._ground
        return ReceptionWorker(
            ground.tables, arrivals, _judge(ground), _identify(ground), _concluder(ground, self.validation),
            ground.switches, self.log,
            CountAgain(AskPacs(ground.rest, ModuleClient(ground.module).announced, self.log)),
            on_owed=partial(self.notifier.wake, at_once=True), on_deleting=self.deletion.wake,
            answer_wait_s=ANSWER_WAIT_S, validate=self.validation.validate,
        )  # fmt: skip

    def _api(self, room: Admission, modalities: frozenset[str]) -> PluginApi:
        return PluginApi(
            self.journal, self._tables.pulls, self._tables.handovers, self.folder, room, modalities, self.log,
            on_pull=partial(self.pulls.wake, at_once=True), on_call=self.notifier.is_back,
            on_never=self.ram_disk.drop, full=self.ram_disk.is_full, deaths=self.deaths.state,
            records_whole=self.records.is_whole, refused=self.refused.shown,
            tell_reception=self.reception.tell, rules_version=lambda: self.rules.current.version,
            learn_rules=self.rules.of, receiver=self._ground.environment.receiver,
            purge=Purge(self.journal, self._tables.handovers, self.folder, self.log),
        )  # fmt: skip

    def start(
        self, get_property: Callable[[int, str], str], set_property: Callable[[int, str], None]
    ) -> None:
        """Orthanc's database is open: take up the work."""
        self.deaths.take_up()
        if not same_epoch(self.journal, get_property):
            epoch = begin_epoch(self.journal, set_property, self._forget_index)
            self.log.event(
                "new_index",
                "new index in Orthanc: everything is read from its start",
                epoch=epoch,
            )
        self._tidy_handovers()
        self.journal.forget_before(now_ms() - KEEP_MS, now_ms() - KEEP_HANDOVERS_MS)
        # In a thread: Orthanc's own REST API answers once its start is over.
        threading.Thread(
            target=tell_associations, args=(self._ground.rest,), name="log level", daemon=True
        ).start()
        for worker in self._workers():
            worker.start()
        self.log.event("started", "started", counts=self.journal.counts())

    def _tidy_handovers(self) -> None:
        """Journal and folder know the same hand-overs."""
        if lost := self.records.lose_missing():
            self.log.event("handovers_lost", "hand-overs whose files are gone", level="ERROR", handovers=lost)
        leftovers = self.folder.sweep(row.folder for row in self._tables.handovers.given())
        if leftovers:
            self.log.event("unfinished_handovers_removed", "unfinished hand-overs removed", folders=leftovers)

    def _adopt_handovers(self, folder: Path) -> None:
        """Before anybody can ask for a pull: a journal with a pull in it is not new."""
        if adopted := adopt_handovers(folder, self.journal, self._tables.handovers):
            self.log.event(
                "handovers_adopted", "the journal is new; hand-overs that wait in the folder are taken up",
                level="WARNING",
                handovers=adopted,
            )  # fmt: skip

    def stop(self) -> None:
        """Orthanc ends: let running steps come to their end, for a moment."""
        self.deaths.ends()
        for worker in self._workers():
            worker.stop()
        for worker in self._workers():
            worker.join(_STOP_S)
        self._lock.release()
        self.log.event("stopped", "stopped")

    def _workers(self) -> tuple[Worker, ...]:
        return (
            self.reception,
            self.pulls,
            self.deletion,
            self.notifier,
            self.asker,
            self.ram_disk,
            self.records,
            self.rules_watch,
            self.refused,
            self.validation.worker,
        )

    def _pull_ended(self) -> None:
        self.reception.wake(at_once=True)
        self.notifier.wake()

    def _forget_index(self) -> None:
        """
        The RAM disk was emptied: what was arriving is pulled again, and hand-overs whose files are gone are
        lost.
        """
        self._tables.receptions.close_all(now_ms())
        self._tables.pulls.restart_all()
        self.records.lose_missing()

    def _warn_of_journal(self, environment: Environment) -> None:
        kind = filesystem_of(environment.journal)
        if kind in ("tmpfs", "ramfs"):
            self.log.event(
                "journal_in_memory",
                "the journal lies in memory and is lost with it; AIPULL_JOURNAL should name a place on disk",
                level="WARNING",
                journal=environment.journal,
            )
