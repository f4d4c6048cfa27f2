"""Find: ask for the days, follow what a scanner is still writing, look again at what may have grown."""

from __future__ import annotations

from dataclasses import dataclass

from ...use_cases.find.ask_window import AskWindow
from ...use_cases.find.check_growth import CheckGrowth
from ...use_cases.find.find_studies import FindStudies
from ...use_cases.find.follow_scan import FollowScan
from ...use_cases.find.resolve_uid import ResolveUid
from .edges import Edges


@dataclass(frozen=True)
class Finding:
    """The use cases that ask the PACS what they have."""

    find: FindStudies
    follow: FollowScan
    look: CheckGrowth


def finding(edges: Edges) -> Finding:
    """The use cases that ask the PACS what they have."""
    find = _find_studies(edges)
    settings = edges.settings
    look = CheckGrowth(
        edges.store, edges.finder, edges.clock, edges.log, edges.switches,
        settings.stability, settings.traits, edges.owner,
    )  # fmt: skip
    return Finding(find, _follow_scan(edges, find), look)


def _find_studies(edges: Edges) -> FindStudies:
    switches = edges.switches
    wanted = switches.ct_modalities + switches.dx_modalities
    return FindStudies(
        store=edges.store,
        ask=AskWindow(edges.finder, edges.log, wanted),
        resolve=ResolveUid(edges.finder, edges.clock, edges.log),
        clock=edges.clock,
        log=edges.log,
        switches=switches,
        stability=edges.settings.stability,
        backlog=edges.settings.backlog,
        passed_by=edges.forgotten.passed_by,
        traits=edges.settings.traits,
    )


def _follow_scan(edges: Edges, find: FindStudies) -> FollowScan:
    settings = edges.settings
    budgets = {pacs.name: pacs.queries_per_second for pacs in settings.pacs}
    return FollowScan(
        store=edges.store,
        finder=edges.finder,
        find=find,
        clock=edges.clock,
        log=edges.log,
        switches=edges.switches,
        traits=settings.traits,
        knowledge=edges.knowledge,
        policy=settings.follow,
        queries_per_second=lambda pacs: budgets[pacs],
        asked=edges.metrics.followed,
    )
