"""What the use cases reach the world through, opened once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import TextIO

from ...adapters.audit_trail.trail_file import TrailFile
from ...adapters.http.plugins import OrthancPuller
from ...adapters.http.receivers import Receivers
from ...adapters.machine import SystemClock, process_is_gone, this_process
from ...adapters.metrics import FindMetrics
from ...adapters.queue.rabbitmq import RabbitQueue
from ...adapters.stores.by_url import open_store
from ...adapters.stores.judged_headers import records_of
from ...adapters.stores.leases import leases_of
from ...domain.errors import ConfigurationError
from ...domain.rules.switches import Switches
from ...ports import StudyStore
from ...settings import Settings
from ...settings.profiles import tell_profiles
from ...settings.servers import OrthancSettings
from ...shared.logs import ContractLog
from ...shared.rules_in_force import RulesInForce
from ...shared.switches_file import load_switches
from ...use_cases.find.keep_learned import KeepLearned
from ...use_cases.find.match_answers import MatchedFinder
from ...use_cases.find.pacs_knowledge import PacsKnowledge
from ...use_cases.privacy.forgotten import Forgotten
from ...use_cases.pull.receiver_book import ReceiverBook
from ...use_cases.recover.lease_holder import LeaseHolder
from ...use_cases.rehearse.record_headers import RecordHeaders
from ..finders import finder_by_pacs, finder_of_receivers
from ..folders import handover_folders
from ..privacy.audit_trail import open_trail
from ..privacy.retention import pseudonyms_of
from ..service import find_days


@dataclass(frozen=True)
class Edges:
    """What the use cases reach the world through, opened once."""

    settings: Settings
    in_force: RulesInForce
    log: ContractLog
    clock: SystemClock
    store: StudyStore
    finder: MatchedFinder
    metrics: FindMetrics
    puller: Receivers
    receivers: ReceiverBook
    queue: RabbitQueue
    leases: LeaseHolder
    owner: str
    headers: RecordHeaders
    knowledge: PacsKnowledge
    forgotten: Forgotten
    trail: TrailFile | None
    unreachable: set[str] = field(default_factory=set)

    @property
    def switches(self) -> Switches:
        """As they are in force now."""
        return self.in_force.current

    @property
    def pacs_names(self) -> tuple[str, ...]:
        """All PACS, in the order of the settings."""
        return tuple(pacs.name for pacs in self.settings.pacs)

    @property
    def is_inside(self) -> Callable[[str], bool]:
        """Tells whether a folder lies below the hand-overs' folder."""
        return handover_folders(self.settings).is_inside

    def days(self) -> list[date]:
        """The dates to find now."""
        return find_days(self.settings, self.clock.today())


def open_edges(settings: Settings, echo: TextIO | None) -> Edges:
    """
    Open them.

    Raises:
        ConfigurationError: A switch or a setting cannot be used.
        PipelineError: The store cannot be opened.
    """
    switches = load_switches(settings.config, settings.site_config)
    log = _open_log(settings, echo)
    tell_profiles(settings, log)
    clock, store, metrics = SystemClock(settings.zone), open_store(settings.store.url), FindMetrics()
    owner, lease = this_process(), timedelta(seconds=settings.lease_s)
    receivers = _receiver_book(settings, clock, log)
    leases = LeaseHolder(leases_of(store), owner, clock, log, lease, process_is_gone)
    pseudonyms = pseudonyms_of(settings, leases.leases)
    read = partial(load_switches, settings.config, settings.site_config)
    return Edges(
        settings=settings,
        in_force=RulesInForce(switches, settings.site_config, read, log),
        headers=RecordHeaders(records_of(store), clock, log, settings.ages.headers),
        log=log,
        clock=clock,
        store=store,
        finder=_finder(settings, log, metrics, KeepLearned(leases.leases, clock), receivers),
        metrics=metrics,
        puller=Receivers({one.name: _puller(one) for one in settings.receivers}),
        receivers=receivers,
        queue=RabbitQueue(settings.rabbitmq.address, publisher=lambda: store.identity().installation),
        leases=leases,
        owner=owner,
        knowledge=PacsKnowledge(leases.leases, switches),
        forgotten=Forgotten(leases.leases, pseudonyms),
        trail=open_trail(settings, pseudonyms),
    )


def _open_log(settings: Settings, echo: TextIO | None) -> ContractLog:
    try:
        return ContractLog(settings.log_folder, "dcm_end", echo, settings.privacy.masking)
    except OSError as error:
        allowed = f"a folder that pacs_module may write to ({error.strerror})"
        raise ConfigurationError("log_folder", str(settings.log_folder), allowed) from error


def _receiver_book(settings: Settings, clock: SystemClock, log: ContractLog) -> ReceiverBook:
    away_after = timedelta(seconds=settings.pull.receiver_away_s)
    return ReceiverBook([one.name for one in settings.receivers], clock, log, away_after)


def _finder(
    settings: Settings, log: ContractLog, metrics: FindMetrics, keep: KeepLearned, receivers: ReceiverBook
) -> MatchedFinder:
    deadline_s = settings.orthanc.find_timeout_s
    by_orthanc = partial(finder_of_receivers, settings, receivers.is_away)
    finder = finder_by_pacs(settings.pacs, by_orthanc, deadline_s, log)
    return MatchedFinder(finder, log, settings.traits, metrics.dropped_answers, keep)


def _puller(orthanc: OrthancSettings) -> OrthancPuller:
    password = orthanc.password.get_secret_value()
    return OrthancPuller(orthanc.url, orthanc.username, password, orthanc.timeout_s)
