"""Puts the parts together; knows every one of them and decides nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.logs import ContractLog
from pacs_module.shared.rules_in_force import RulesInForce

from .hand_over.adopt import adopt_handovers
from .hand_over.deletion import Deletion
from .hand_over.folder import HandoverFolder
from .hand_over.lost_files_watch import LostFilesWatch
from .hand_over.notifier import Notifier
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
from .receive.arrival_counts import ArrivalCounts
from .receive.arriving_studies import ArrivingStudies
from .receive.ask_pacs import AskPacs
from .receive.ask_pacs_module import ANSWER_WAIT_S, AskPacsModule, ModuleClient
from .receive.conclude import Concluder
from .receive.identify import Identify
from .receive.judge import Judge
from .receive.reception import ReceptionWorker
from .receive.senders import Senders
from .runtime.clock import now_ms
from .runtime.environment import Environment, OrthancFacts, filesystem_of
from .runtime.worker import Worker
from .server.change_log import Changes, begin_epoch, same_epoch
from .server.last_associations import last_associations, tell_associations
from .server.last_end import last_ending
from .server.orthanc_client import OrthancClient
from .server.refused_senders import RefusedSenders
from .server.stored_file import StoredFiles

_DAY_MS = 24 * 3600 * 1000
_KEEP_MS = 7 * _DAY_MS
_KEEP_HANDOVERS_MS = 180 * _DAY_MS
_STOP_S = 2.0


@dataclass(frozen=True)
class _Ground:
    """What the workers stand on, opened once."""

    environment: Environment
    facts: OrthancFacts
    log: ContractLog
    journal: Journal
    tables: Tables
    sizes: SizeRows
    rules: Rules
    rest: OrthancClient
    files: StoredFiles
    folder: HandoverFolder
    module: ModuleClient

    @property
    def switches(self) -> Switches:
        """As they are at the start."""
        return self.rules.current


def _open(
    environment: Environment, in_force: RulesInForce, facts: OrthancFacts, token: str, log: ContractLog
) -> _Ground:
    journal = Journal(environment.journal)
    rest = OrthancClient(facts.base_url, token)
    storage = None if facts.compressed else facts.storage
    checksums = in_force.current.handover_checksums
    return _Ground(
        environment=environment,
        facts=facts,
        log=log,
        journal=journal,
        tables=Tables(journal, PullRows(journal), ReceptionRows(journal), HandoverRows(journal)),
        sizes=SizeRows(journal),
        rules=Rules(in_force, journal),
        rest=rest,
        files=StoredFiles(storage, rest),
        folder=HandoverFolder(
            environment.handover_folder, environment.handover_seen_as, storage, rest, checksums
        ),
        module=ModuleClient(environment.pacs_module_url, environment.api_key, environment.pacs_module_ca),
    )


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
    answers = AskPacs(ground.rest, ground.module.announced, ground.log)
    return Identify(ground.rest, senders, ArrivalCounts(), answers)


def _concluder(ground: _Ground) -> Concluder:
    time_zone = ground.environment.time_zone
    return Concluder(ground.tables, ground.rest, ground.folder, ground.switches, time_zone, ground.log)


def _admission(ground: _Ground) -> Admission:
    facts, tables, switches = ground.facts, ground.tables, ground.switches
    sizes = Sizes(ground.rest, tables.receptions, ground.sizes, switches)
    return Admission(
        facts.storage, switches.ram_disk_reserve_mb, tables.pulls, sizes, tables.handovers, tables.receptions,
        facts.index, ground.environment.copies_folder,
    )  # fmt: skip


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
        ground = self._ground = _open(environment, in_force, facts, token, log)
        self.log, self.journal, self.folder = log, ground.journal, ground.folder
        self._tables, self.rules = ground.tables, ground.rules
        rest, tables, switches = ground.rest, ground.tables, in_force.current
        changes = Changes(rest, self.journal)
        arrivals = ArrivingStudies(rest, tables, changes, switches.stable_age, log)
        self.deaths = CrashRecord(
            self.journal, tables.pulls, log, last_associations(), last_ending(self.journal)
        )
        self.pulls = _pull_worker(ground, on_end=self._pull_ended)
        self.deletion = Deletion(
            rest, ground.files, tables.receptions, ground.sizes, log, on_done=self.pulls.wake
        )
        self.notifier = Notifier(
            self.journal, environment.pacs_module_url, environment.api_key, log, environment.pacs_module_ca
        )
        self.reception = ReceptionWorker(
            tables, arrivals, _judge(ground), _identify(ground), _concluder(ground), switches, log,
            on_owed=partial(self.notifier.wake, at_once=True), on_deleting=self.deletion.wake,
            answer_wait_s=ANSWER_WAIT_S,
        )  # fmt: skip
        self.asker = AskPacsModule(arrivals, tables.pulls, switches.stable_age, ground.module, log)
        room = _admission(ground)
        self.ram_disk = RamDiskWatch(
            room, tables, rest, switches.ram_disk_alarm_percent, log, on_deleting=self.deletion.wake
        )
        folder = environment.handover_folder
        self.records = LostFilesWatch(self.journal, tables.handovers, self.folder, folder, log)
        self.rules_watch = RulesWatch(self.rules, log)
        self.refused = RefusedSenders(log)
        self.api = self._api(room, facts.modalities)
        self._adopt_handovers(folder)
        self._warn_of_journal(environment)

    def _api(self, room: Admission, modalities: frozenset[str]) -> PluginApi:
        return PluginApi(
            self.journal, self._tables.pulls, self._tables.handovers, self.folder, room, modalities, self.log,
            on_pull=partial(self.pulls.wake, at_once=True), on_call=self.notifier.is_back,
            on_never=self.ram_disk.drop, full=self.ram_disk.is_full, deaths=self.deaths.state,
            records_whole=self.records.is_whole,
            tell_reception=self.reception.tell, rules_version=lambda: self.rules.current.version,
            learn_rules=self.rules.of,
        )  # fmt: skip

    def start(
        self, get_property: Callable[[int, str], str], set_property: Callable[[int, str], None]
    ) -> None:
        """Orthanc's database is open: take up the work."""
        if not same_epoch(self.journal, get_property):
            epoch = begin_epoch(self.journal, set_property, self._forget_index)
            self.log.event(
                "new_index",
                "new index in Orthanc: everything is read from its start",
                epoch=epoch,
            )
        if lost := self.records.lose_missing():
            self.log.event("handovers_lost", "hand-overs whose files are gone", level="ERROR", handovers=lost)
        leftovers = self.folder.sweep(row.folder for row in self._tables.handovers.given())
        if leftovers:
            self.log.event("unfinished_handovers_removed", "unfinished hand-overs removed", folders=leftovers)
        self.journal.forget_before(now_ms() - _KEEP_MS, now_ms() - _KEEP_HANDOVERS_MS)
        self.deaths.take_up()
        # In a thread: Orthanc's own REST API answers once its start is over.
        threading.Thread(
            target=tell_associations, args=(self._ground.rest,), name="log level", daemon=True
        ).start()
        for worker in self._workers():
            worker.start()
        self.log.event("started", "started", counts=self.journal.counts())

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
