"""What takes results back, made of the settings. No logic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ...adapters.files.upload_source import FolderSource
from ...adapters.results.files import DiskResults
from ...adapters.results.inbox import FolderInbox
from ...adapters.results.pseudonyms import PSEUDONYMS, DiskPseudonyms
from ...adapters.results.reader import ChildReader
from ...domain.results.kinds import ResultKind
from ...settings import Settings
from ...settings.optional import ResultSettings
from ...use_cases.deliver.record_result import RecordResult
from ...use_cases.results.collect import CollectResults
from ...use_cases.results.render import RenderResults
from ...use_cases.results.take import TakeResults
from ...use_cases.results.tidy import TidyResults
from ..upload.destinations import plan_of

MIB = 2**20


@dataclass
class Results:
    """What a service with ``[results]`` has; without it it has none of it."""

    told: ResultSettings
    files: DiskResults
    take: TakeResults
    tidy: TidyResults
    collect: CollectResults | None = None
    render: RenderResults | None = None

    def folder(self, result_id: str) -> str:
        """Where a set lies."""
        return str(self.files.folder(result_id))


def open_results(
    settings: Settings, folder: Path, record: RecordResult, owner: str, is_inside: Callable[[str], bool]
) -> Results | None:
    """
    Results of the settings; None: they are off.

    Args:
        settings: All of them.
        folder: Of results, writable.
        record: What takes results in JSON.
        owner: This process.
        is_inside: Whether a folder is a hand-over's.
    """
    told = settings.results
    if told is None:
        return None
    files, pseudonyms = DiskResults(folder), DiskPseudonyms(folder / PSEUDONYMS)
    plans = [plan_of(one) for one in settings.destination if one.what == "results"]
    take = TakeResults(
        store=record.store,
        reader=ChildReader(told.max_object_mb * MIB),
        files=files,
        pseudonyms=pseudonyms,
        source=FolderSource(is_inside),
        plans=plans,
        clock=record.clock,
        log=record.log,
        kinds=frozenset(ResultKind(one) for one in told.kinds),
    )
    keep = timedelta(days=told.keep_days)
    tidy = TidyResults(record.store, files, pseudonyms, keep, told.pseudonym_days, record.clock, record.log)
    made = Results(told, files, take, tidy)
    if told.inbox is not None:
        tidy.inbox = _inbox(told.inbox, told.quiet_s)
        made.collect = CollectResults(tidy.inbox, take, record, record.log)
    if told.render:
        made.render = _render(settings, told, take, owner)
    return made


def _inbox(folder: Path, quiet_s: float) -> FolderInbox:
    folder.mkdir(parents=True, exist_ok=True)
    return FolderInbox(folder, quiet_s)


def _render(settings: Settings, told: ResultSettings, take: TakeResults, owner: str) -> RenderResults:
    zone = settings.zone
    algorithm = (told.algorithm, told.algorithm_version)
    return RenderResults(
        take.store, take, told.render, algorithm, take.clock, lambda at: _local(at, zone), take.log, owner
    )


def _local(at: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(at).astimezone(zone).isoformat()
