"""Pull: choose, prepare and ask for pulls, and record their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ...adapters.http.plugins import MoveDestination
from ...adapters.ris_sql import RisColumns, RisSql
from ...domain.dicom.attributes import SeriesFacts
from ...domain.find.traits import traits_of
from ...settings.ris import RisSettings
from ...use_cases.privacy.note_refused_senders import NoteRefusedSenders
from ...use_cases.pull.judge_orders import JudgeOrders, OrderTimes
from ...use_cases.pull.move_circuits import MoveCircuits
from ...use_cases.pull.pacs_locks import PacsLocks
from ...use_cases.pull.prepare_pull import PreparePull
from ...use_cases.pull.pull_studies import PullStudies
from ...use_cases.pull.record_pull_end import RecordPullEnd
from ...use_cases.pull.watch_ram_disk import WatchRamDisk
from ...use_cases.receive.ask_expected import AskExpected
from ..policies import pull_policy
from .edges import Edges


@dataclass(frozen=True)
class Pulling:
    """The use cases that bring studies to the receivers."""

    pull: PullStudies
    ends: RecordPullEnd
    announce: AskExpected
    ram_disk: WatchRamDisk
    paths: MoveCircuits


def pulling(edges: Edges) -> Pulling:
    """The use cases that bring studies to the receivers."""
    log, ram_disk = edges.log, _watch_ram_disk(edges)
    paths, prepare = _move_paths(edges, ram_disk), _prepare_pull(edges)
    ends = _record_pull_end(edges, paths)
    announce = AskExpected(edges.finder, prepare, log, edges.pacs_names, edges.store)
    return Pulling(_pull_studies(edges, prepare, ends), ends, announce, ram_disk, paths)


def _watch_ram_disk(edges: Edges) -> WatchRamDisk:
    puller, log, tell = edges.puller, edges.log, edges.metrics.ram_disk_state
    watch = WatchRamDisk(puller, log, tell, receivers=edges.receivers, each=puller.each)
    if edges.trail is not None:
        watch.refused = NoteRefusedSenders(edges.trail.append, edges.leases.leases, log)
    return watch


def _record_pull_end(edges: Edges, paths: MoveCircuits) -> RecordPullEnd:
    settings = edges.settings
    return RecordPullEnd(
        edges.store, edges.clock, edges.log, settings.pull_retry, paths, edges.headers,
        count_on=settings.stability.delay,
    )  # fmt: skip


def _move_paths(edges: Edges, ram_disk: WatchRamDisk) -> MoveCircuits:
    each = {
        one.name: MoveDestination(edges.puller.of(one.name), one.dicom_host, one.dicom_port)
        for one in edges.settings.receivers
    }
    first = each[edges.settings.orthanc.name]
    return MoveCircuits(
        edges.leases.leases, edges.clock, edges.log, first, ram_disk.is_full, edges.settings.pull.path,
        lambda receiver: each.get(receiver, first)(),
    )  # fmt: skip


def _prepare_pull(edges: Edges) -> PreparePull:
    return PreparePull(
        finder=edges.finder,
        puller=edges.puller,
        clock=edges.clock,
        log=edges.log,
        switches=edges.switches,
        traits=edges.settings.traits,
        find_timeout_s=edges.settings.orthanc.find_timeout_s,
        headers=edges.headers,
        count_on=edges.settings.stability.delay,
        learn=partial(_learn, edges),
    )


def _learn(edges: Edges, pacs: str, series: Sequence[SeriesFacts], final: bool) -> None:
    if traits_of(edges.settings.traits, pacs).follow:
        edges.knowledge.take_study(pacs, series, final)


def _pull_studies(edges: Edges, prepare: PreparePull, ends: RecordPullEnd) -> PullStudies:
    return PullStudies(
        store=edges.store,
        puller=edges.puller,
        prepare=prepare,
        ends=ends,
        clock=edges.clock,
        log=edges.log,
        policy=pull_policy(edges.settings),
        owner=edges.owner,
        unreachable=lambda: edges.unreachable,
        orders=_orders(edges),
        receivers=edges.receivers,
        locks=_locks(edges),
    )


def _locks(edges: Edges) -> PacsLocks:
    settings, clock = edges.settings, edges.clock
    limits = {pacs.name: settings.limits_of(pacs) for pacs in settings.pacs}
    return PacsLocks(limits, clock, clock.local, edges.log, edges.leases)


def _orders(edges: Edges) -> JudgeOrders | None:
    ris = edges.settings.ris
    if ris is None:
        return None
    view = _view(ris)
    times = OrderTimes(timedelta(seconds=ris.wait_s), timedelta(seconds=ris.again_s))
    return JudgeOrders(
        view, edges.store, edges.puller, edges.clock, edges.log, edges.switches, ris.policy, times
    )


def _view(ris: RisSettings) -> RisSql:
    columns = RisColumns(**ris.columns.model_dump())
    return RisSql(ris.url.get_secret_value(), ris.view, columns, ris.day_format, ris.timeout_s)
