"""Wiring of reconciliation, for the service and for the command. No logic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ..adapters.files.report_folder import ReportFolder
from ..adapters.upload.pacing import Pacer
from ..domain.reconcile.at_destination import AtDestination
from ..domain.reconcile.nightly import NightlyPolicy
from ..domain.reconcile.report import Report
from ..domain.rules.switches import Switches
from ..ports import Clock, EventLog, StudyStore
from ..settings import Settings
from ..use_cases.find.ask_window import AskWindow
from ..use_cases.find.match_answers import MatchedFinder
from ..use_cases.reconcile.ask_devices import AskDevices
from ..use_cases.reconcile.destinations import CompareDestinations
from ..use_cases.reconcile.nightly import Nightly
from ..use_cases.reconcile.reconcile import Reconcile
from ..use_cases.reconcile.repair import Repair
from ..use_cases.recover.lease_holder import LeaseHolder
from .upload.destinations import plan_of
from .upload.ways import uploader_of


@dataclass(frozen=True)
class World:
    """What both ways of reconciling have in common."""

    settings: Settings
    rules: Callable[[], Switches]
    store: StudyStore
    finder: MatchedFinder
    clock: Clock
    log: EventLog


def reconciler(world: World) -> Reconcile:
    """For one run: a PACS that failed last night is asked anew."""
    pacs = world.settings.pacs
    switches = world.rules()
    wanted = switches.ct_modalities + switches.dx_modalities
    return Reconcile(
        store=world.store,
        ask=AskWindow(world.finder, world.log, wanted),
        devices=AskDevices(world.finder, world.log, world.settings.traits),
        clock=world.clock,
        log=world.log,
        switches=switches,
        pacs=tuple(one.name for one in pacs),
        destinations=_destinations(world),
    )


def _destinations(world: World) -> Callable[[Sequence[date]], tuple[AtDestination, ...]]:
    """Each destination by its own settings, as the file has them."""
    told = {one.name: one for one in world.settings.destination}
    plans = [plan for plan in map(plan_of, told.values()) if not plan.for_results]
    if not plans:
        return lambda days: ()
    return CompareDestinations(
        world.store,
        world.finder,
        plans,
        lambda name: uploader_of(told[name], Pacer()),
        world.clock,
        world.log,
    )


def repairer(world: World) -> Repair:
    """What pulls the missing ones."""
    return Repair(world.store, world.clock, world.log, world.rules())


def nightly(world: World, leases: LeaseHolder, local: Callable[[], datetime]) -> Nightly:
    """The step of the service's loop; ``local``: the hospital's time."""
    settings = world.settings.reconcile

    def reconcile(days: Sequence[date]) -> Report:
        return reconciler(world)(days)

    def repair(report: Report) -> Report:
        return repairer(world)(report, "nightly") if settings.repair else report

    return Nightly(
        reconcile=reconcile,
        repair=repair,
        keep=ReportFolder(world.settings.reconcile_folder, world.settings.ages.reports).keep,
        leases=leases,
        clock=world.clock,
        local=local,
        log=world.log,
        policy=NightlyPolicy(settings.at, settings.days_back),
        started=local(),
    )
