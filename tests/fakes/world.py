"""
The world as use cases see it, small enough to be driven step by step: a clock that stands still, PACS with
studies in them, plugins that note what they are asked, a backend that answers as told, and the log as a list
of lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pacs_module.adapters.queue.memory import MemoryConsumer, MemoryQueue
from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import NoRoom, PipelineError, RetriableError
from pacs_module.domain.json_messages.messages import PullReport, PullRequest, SeriesFolder
from pacs_module.domain.recover.consistency import PluginRecords
from pacs_module.ports import Archived, Copied, Delivery
from pacs_module.shared.log_level import LogLevel

NOON = int(datetime(2020, 6, 18, 12, tzinfo=UTC).timestamp() * 1000)
DAY = date(2020, 6, 18)


class FakeClock:
    """Stands still until a test moves it."""

    def __init__(self, now: int = NOON) -> None:
        self.at = now
        self.wrong = 0

    def steady(self) -> int:
        return self.at - self.wrong

    def jump(self, seconds: float) -> None:
        """Somebody sets it: no time passes."""
        self.wrong += int(seconds * 1000)
        self.at += int(seconds * 1000)

    def now(self) -> int:
        return self.at

    def today(self) -> date:
        return datetime.fromtimestamp(self.at / 1000, UTC).date()

    def pass_seconds(self, seconds: float) -> None:
        self.at += int(seconds * 1000)


class FakeLog:
    """Contract lines and events in the order they were written."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.keys: list[str] = []
        self.events: list[tuple[str, dict[str, object]]] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def event(self, key: str, words: str, level: str = "INFO", **values: object) -> None:
        self.keys.append(key)
        self.events.append((words, {"level": level, **values}))

    def take(self) -> list[str]:
        """The lines since the last call."""
        taken, self.lines = self.lines, []
        return taken


class FakePacs:
    """
    PACS by name, each with study, series and image answers. ``errors`` are raised instead of an answer, by
    PACS and level.
    """

    def __init__(self, *names: str) -> None:
        self.studies: dict[str, list[dict[str, str]]] = {name: [] for name in names}
        self.series: dict[str, list[dict[str, str]]] = {name: [] for name in names}
        self.images: dict[str, list[dict[str, str]]] = {name: [] for name in names}
        self.errors: dict[tuple[str, str], PipelineError] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        self.asked.append((pacs, level, dict(query)))
        if (pacs, level) in self.errors:
            raise self.errors[pacs, level]
        held = {"STUDY": self.studies, "IMAGE": self.images}.get(level, self.series)[pacs]
        return [
            dict(answer)
            for answer in held
            if all(value in ("", answer.get(key, "")) for key, value in query.items())
        ]


class FakePlugins:
    """The plugins: what they were asked for, and what they would say of it."""

    def __init__(self) -> None:
        self.asked: list[PullRequest] = []
        self.reports: dict[str, PullReport | str] = {}
        self.verdicts: list[str] = []
        self.released: list[str] = []
        self.ram_disk: dict[str, Any] = {
            "totalBytes": 100,
            "freeBytes": 60,
            "pullsWaiting": 0,
            "alarm": False,
        }
        self.refuse: Callable[[PullRequest], PipelineError | None] = lambda request: None
        self.deaf: PipelineError | None = None
        self.records = PluginRecords()
        self.level = LogLevel()
        self.ages: list[tuple[int, int, int]] = []
        self.held: dict[str, str] = {}
        self.forgot: list[tuple[tuple[str, ...], frozenset[str]]] = []

    def forget(self, study_uids: Sequence[str], words: Sequence[str], dry_run: bool) -> Mapping[str, Any]:
        self._heard()
        holds = {uid: self.held[uid] for uid in study_uids if uid in self.held}
        if not holds and not dry_run:
            self.forgot.append((tuple(study_uids), frozenset(words)))
        return {"inFlight": holds, "journalRows": 0, "logLines": 0}

    def remove_old(self, now: int, days: int, log_days: int) -> Mapping[str, int]:
        self._heard()
        self.ages.append((now, days, log_days))
        return {"journalRows": 0, "strayFolders": 0, "logFiles": 0}

    def audit(self) -> PluginRecords:
        self._heard()
        return self.records

    def set_installation(self, installation: str) -> None:
        self._heard()
        self.records = replace(self.records, installation=installation)

    def ask(self, request: PullRequest) -> None:
        self._heard()
        error = self.refuse(request)
        if error is not None:
            raise error
        self.asked.append(request)
        self.reports.setdefault(request.pull_id, "running")

    def report_of(self, pull_id: str, receiver: str = "") -> PullReport | str | None:
        self._heard()
        return self.reports.get(pull_id)

    def write_verdicts(self, lines: Sequence[str]) -> None:
        self._heard()
        self.verdicts.extend(lines)

    def release(self, handover_id: str, receiver: str = "") -> None:
        self._heard()
        self.released.append(handover_id)

    def room(self) -> Mapping[str, Any]:
        self._heard()
        return self.ram_disk

    def log_level(self) -> Mapping[str, Any]:
        self._heard()
        return self.level.told()

    def set_log_level(self, level: str, seconds: float) -> None:
        self._heard()
        self.level.set(level, seconds)

    def no_room(self, request: PullRequest) -> PipelineError:
        return NoRoom("256 MB free, 300 MB needed")

    def _heard(self) -> None:
        if self.deaf is not None:
            raise self.deaf


class FakeBackend:
    """
    Accepts, or raises ``error``; ``then`` is called after acceptance (a result that is faster than our own
    bookkeeping).
    """

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.error: BaseException | None = None
        self.then: Callable[[Mapping[str, Any]], object] = lambda message: None
        self.is_gone = False

    def gone(self) -> bool:
        return self.is_gone

    def submit(self, message: Mapping[str, Any], idempotency_key: str) -> None:
        if self.error is not None:
            raise self.error
        self.submitted.append(idempotency_key)
        self.then(message)


class FakeFiles:
    """How many files each folder holds; folders that nobody named hold what their hand-over says."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def count_files(self, folders: Sequence[SeriesFolder], filepath: str) -> int:
        return self.counts.get(filepath, sum(folder.number_received for folder in folders))


class FakeCopies:
    """
    Copies without names: which were made and removed; ``failed`` files and ``error`` are what goes wrong.
    """

    def __init__(self) -> None:
        self.made: list[str] = []
        self.removed: list[str] = []
        self.failed: tuple[str, ...] = ()
        self.error: PipelineError | None = None

    def make(self, handover_id: str, study_uid: str, series: Sequence[SeriesFolder]) -> Copied:
        if self.error is not None:
            raise self.error
        self.made.append(handover_id)
        folder = f"/copies/{handover_id}"
        lost = len(self.failed)
        cleaned = tuple(
            SeriesFolder(pseudonym(one.series_uid), folder, one.number_received - lost) for one in series
        )
        return Copied(pseudonym(study_uid), folder, cleaned, self.failed)

    def remove(self, handover_id: str) -> None:
        self.removed.append(handover_id)

    def sweep(self, is_kept: Callable[[str], bool], is_made: Callable[[str], bool]) -> list[str]:
        there = sorted(set(self.made) - set(self.removed))
        gone = [name for name in there if not is_kept(name)]
        for name in gone:
            self.remove(name)
        return gone


class FakeArchive:
    """
    Which hand-overs were kept, from which folder; ``asked``: the ids that a sweep asks about; ``error``: what
    goes wrong.
    """

    KEEP = timedelta(days=30)

    def __init__(self) -> None:
        self.kept: list[tuple[str, Path]] = []
        self.days: dict[str, date] = {}
        self.error: RetriableError | None = None
        self.asked: tuple[str, ...] = ()
        self.made: list[str] = []

    def store(self, handover_id: str, source: Path, today: date) -> Archived:
        if self.error is not None:
            raise self.error
        if handover_id not in self.days:
            self.kept.append((handover_id, source))
        day = self.days.setdefault(handover_id, today)
        return Archived(f"/archive/{day}/{handover_id}", 3, 900, 300)

    def sweep(self, today: date, is_made: Callable[[str], bool]) -> list[str]:
        self.made = [name for name in self.asked if is_made(name)]
        over = {name: day for name, day in self.days.items() if day < today - self.KEEP}
        for name in over:
            del self.days[name]
        return sorted({day.isoformat() for day in over.values()})


def pseudonym(uid: str) -> str:
    """Another UID that nobody could guess."""
    return "2.25." + str(sum(ord(letter) * 31**place for place, letter in enumerate(uid)))[:30]


class SteppingConsumer(MemoryConsumer):
    """
    A worker's side on which waiting costs no time: the clock is moved instead, and ``meanwhile`` happens.
    """

    def __init__(self, queue: MemoryQueue, clock: FakeClock) -> None:
        super().__init__(queue)
        self._clock = clock
        self.meanwhile: Callable[[], object] = lambda: None

    def take(self, timeout: float) -> Delivery | None:
        delivery = super().take(0)
        if delivery is None:
            self._clock.pass_seconds(timeout)
        return delivery

    def keep_alive(self, seconds: float) -> None:
        self._clock.pass_seconds(seconds)
        self.meanwhile()
