"""Operate: what people do and ask for through the pages, the API and the commands."""

from __future__ import annotations

from dataclasses import dataclass

from ...adapters.files.site_rules import SiteRulesFile
from ...adapters.http.images import OrthancImages
from ...adapters.http.quarantine import Quarantines
from ...adapters.http.receivers import ImagesOfReceivers
from ...ports import ReceivedImages
from ...settings import Settings
from ...settings.servers import OrthancSettings
from ...use_cases.image_validation.quarantine import ManageQuarantine
from ...use_cases.operate.look_up_at_pacs import LookUp
from ...use_cases.operate.manage_keys import ManageKeys
from ...use_cases.operate.manual_pull import ManualPull
from ...use_cases.operate.manual_work import ManualWork
from ...use_cases.operate.set_log_level import SetLogLevel
from ...use_cases.recover.free_claims import FreeClaims
from ...use_cases.rehearse.manage_rules import ManageRules
from ...use_cases.rehearse.pull_newly_taken import PullNewlyTaken
from ...use_cases.rehearse.rehearse import Rehearse
from ..policies import delivery_policy
from ..upload.destinations import works_of
from .edges import Edges


@dataclass(frozen=True)
class Operating:
    """The use cases that people begin."""

    manual: ManualPull
    work: ManualWork
    look_up: LookUp
    free_claims: FreeClaims
    log_level: SetLogLevel
    keys: ManageKeys
    quarantine: ManageQuarantine
    images: ReceivedImages


def operating(edges: Edges) -> Operating:
    """The use cases that people begin."""
    settings, store, clock, log, puller = edges.settings, edges.store, edges.clock, edges.log, edges.puller
    work = ManualWork(store, clock, log, delivery_policy(settings))
    return Operating(
        manual=ManualPull(store, edges.finder, clock, log, edges.switches, edges.pacs_names),
        work=work,
        look_up=_look_up(edges),
        free_claims=FreeClaims(store, edges.leases, clock, log, works_of(settings)),
        log_level=SetLogLevel(log.level, puller, log),
        keys=ManageKeys(edges.leases.leases, clock, log),
        quarantine=ManageQuarantine(Quarantines(puller.quarantines), store, work, clock, log),
        images=_images(settings),
    )


@dataclass(frozen=True)
class Rehearsing:
    """The use cases that try the rules over and put them in force."""

    rehearse: Rehearse
    pull_newly_taken: PullNewlyTaken
    rules: ManageRules


def rehearsing(edges: Edges) -> Rehearsing:
    """The use cases that try the rules over and put them in force."""
    store, clock, log = edges.store, edges.clock, edges.log
    rehearse = Rehearse(edges.headers.records, store, lambda: edges.switches, clock)
    rules = ManageRules(site_rules(edges.settings), lambda: edges.switches, clock, log, edges.puller)
    return Rehearsing(rehearse, PullNewlyTaken(rehearse, store, clock, log), rules)


def site_rules(settings: Settings) -> SiteRulesFile:
    """The site's file and the history of what was applied to it; for the commands, too."""
    return SiteRulesFile(settings.config, settings.site_config, settings.rules_history)


def _look_up(edges: Edges) -> LookUp:
    return LookUp(edges.finder, edges.clock, edges.switches, edges.pacs_names, edges.unreachable, edges.days)


def _images(settings: Settings) -> ReceivedImages:
    images = [_images_of(one) for one in settings.receivers]
    return images[0] if len(images) == 1 else ImagesOfReceivers(images)


def _images_of(orthanc: OrthancSettings) -> OrthancImages:
    return OrthancImages(orthanc.url, orthanc.username, orthanc.password.get_secret_value())
