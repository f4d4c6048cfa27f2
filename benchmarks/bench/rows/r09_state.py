"""Row 9: what a step costs in stores of 1,000 to 1,000,000 studies, and the debug API on 50,000."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from benchmarks import debug_api
from benchmarks.bench.row import Line, Row, Scale, Target
from pacs_module.adapters.stores.json_safe import study_to_listing, study_to_text
from pacs_module.adapters.stores.rows.sqlite import write_row
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.study.lifecycle import Event
from pacs_module.domain.study.priority import BACKLOG, Ageing
from pacs_module.domain.study.study import PULL, Study

NOW = 1_790_000_000_000
PACS = "PACS"
DAY = date(2026, 6, 18)
A_DAY = 900
_SHM = Path("/dev/shm")  # noqa: S108 - what a step costs, and not the disk's fsync
_TENTH = 10
_NEW = 2_000_000
"""From here on are the studies that are inserted while the clock runs."""
AGEING = Ageing(timedelta(hours=1))


def run(scale: Scale) -> Sequence[Line]:
    """Microseconds a step by size of the store; then the debug API."""
    sizes = (1_000, 100_000, 1_000_000) if not scale.quick else (100, 300)
    steps: dict[int, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(dir=_SHM if _SHM.is_dir() else None) as folder:
        path = Path(folder) / "study.db"
        filled = 0
        for size in sizes:
            fill(path, filled, size)
            filled = size
            steps[size] = _steps(path, size, scale.of(300, 20))
        batch = _batch(Path(folder) / "new.db", scale.of(2_000, 50))
    lines = list(_lines(steps, sizes))
    return [*lines, batch, *_debug(scale)]


def _lines(steps: dict[int, dict[str, list[float]]], sizes: Sequence[int]) -> Iterator[Line]:
    first, last = sizes[0], sizes[-1]
    for name in steps[first]:
        for size in sizes[1:]:
            target = Target(2.0, ratio=True) if size == last else None
            ours, reference = tuple(steps[size][name]), tuple(steps[first][name])
            yield Line(
                f"SQLite, {name} among {size:,}", "us", ours, f"among {first:,}", reference, target=target
            )


def study_of(number: int) -> Study:
    """A wanted study as a find leaves it; one of ten is due to be pulled."""
    day = DAY + timedelta(days=number // A_DAY)
    study = Study(
        f"1.2.840.{number}", day.isoformat(), "080000", f"A{number}", f"P{number}", "CHEST CT", ["CT"],
        first_seen_at=f"{day.isoformat()}T08:00:00.000+00:00",
    )  # fmt: skip
    study.apply(Event.WANTED, f"{PACS}: ModalitiesInStudy CT", NOW)
    study.saw(PACS, 300, NOW)
    if number % _TENTH == 0:
        study.schedule(PULL, NOW + number)
    return study


def fill(path: Path, first: int, last: int) -> None:
    """
    Write the studies of these numbers in one transaction.

    One document with other names: to make a million of them is not what is measured.
    """
    store = SqliteStore(path)
    template, listing = study_to_text(study_of(1)), study_to_listing(study_of(1))
    with store.writing() as connection:
        for number in range(first, last):
            study_uid = f"1.2.840.{number}"
            if number % _TENTH == 0:
                study = study_of(number)
                text, told = study_to_text(study), study_to_listing(study)
            else:
                day = (DAY + timedelta(days=number // A_DAY)).isoformat()
                text = template.replace('"1.2.840.1"', f'"{study_uid}"').replace(DAY.isoformat(), day)
                text = text.replace('"A1"', f'"A{number}"').replace('"P1"', f'"P{number}"')
                row = {**listing["row"], "studyUID": study_uid, "accessionNumber": f"A{number}", "day": day}
                told = {**listing, "row": row}
            connection.execute(
                "INSERT INTO study_info_list (studyUID, revision, document) VALUES (?, 0, ?)",
                [study_uid, text],
            )
            write_row(connection, told)
    store.close()


def _steps(path: Path, size: int, times: int) -> dict[str, list[float]]:
    store, chance = SqliteStore(path), random.Random(1)  # noqa: S311 - no secret

    def update() -> None:
        study = store.get(f"1.2.840.{chance.randrange(size)}")
        assert study is not None  # noqa: S101
        study.why = f"{study.revision} times"
        store.replace(study)

    def claim() -> None:
        now = NOW + 10**9 + 10 * next(ticks)
        taken = store.claim_pull(PACS, "bench", now, 1, BACKLOG, AGEING)
        assert taken is not None  # noqa: S101

    numbers, ticks = iter(range(_NEW, 2 * _NEW)), iter(range(10**9))
    works: dict[str, Callable[[], object]] = {
        "read": lambda: store.get(f"1.2.840.{chance.randrange(size)}"),
        "update": update,
        "claim of the most urgent pull": claim,
        "insert": lambda: store.insert(study_of(next(numbers))),
        "next due time": lambda: store.next_due(PULL),
    }
    found = {name: _microseconds(work, times) for name, work in works.items()}
    with store.writing() as connection:
        new = [[f"1.2.840.{number}"] for number in range(_NEW, next(numbers))]
        connection.executemany("DELETE FROM study_info_list WHERE studyUID = ?", new)
    store.close()
    return found


def _microseconds(work: Callable[[], object], times: int) -> list[float]:
    """Medians of ten parts of the calls: one that waits for something else is not the store's."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        took.append(1e6 * (time.perf_counter() - begin))
    part = max(1, times // 10)
    return [statistics.median(took[begin : begin + part]) for begin in range(0, times, part)]


def _batch(path: Path, number: int) -> Line:
    """New studies of a first find, together and one by one."""
    store = SqliteStore(path)
    together = [study_of(one) for one in range(number)]
    alone = [study_of(number + one) for one in range(number // 4)]
    begin = time.perf_counter()
    for first in range(0, number, 200):
        store.insert_many(together[first : first + 200])
    between = time.perf_counter()
    for study in alone:
        store.insert(study)
    end = time.perf_counter()
    store.close()
    rates = number / (between - begin), len(alone) / (end - between)
    return Line(
        "SQLite, inserts of a first find, 200 together", "a second", rates[:1], "one by one", rates[1:]
    )


def _debug(scale: Scale) -> Sequence[Line]:
    studies, lines = scale.of(50_000, 200), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        debug_api.fill(folder / "study.db", studies)
        for url in debug_api.served(folder, folder / "study.db"):
            asked = debug_api.questions(url, studies)
            alone = debug_api.milliseconds(next(iter(asked.values())), scale.of(100, 5))
            for question in ("AccessionNumber", "StudyInstanceUID", "PatientID (3 studies)"):
                took = debug_api.milliseconds(asked[question], scale.of(150, 5))
                what = f"debug API by {question} among {studies:,}"
                lines.append(
                    Line(what, "ms", tuple(took), "HTTP alone", tuple(alone), target=Target(20.0, p95=True))
                )
    return lines


ROW = Row(
    9,
    "state",
    "steps of the store on a RAM disk by its size, against the same store with 1,000; debug API over HTTP",
    run,
)
