"""
Row 9: what a step costs in stores of 1,000 to 1,000,000 studies, with SQLite and the MongoDB adapter; the
debug API and the lists of the pages on 50,000.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from benchmarks import debug_api, pages
from benchmarks.bench.mongo_steps import mongo_lines
from benchmarks.bench.row import Line, Row, Scale, Target
from benchmarks.bench.store_steps import A_DAY, DAY, DUE, Steps, microseconds, study_of
from pacs_module.adapters.stores.json_safe import study_to_listing, study_to_text
from pacs_module.adapters.stores.rows.sqlite import write_row
from pacs_module.adapters.stores.sqlite import SqliteStore

_SHM = Path("/dev/shm")  # noqa: S108 - what a step costs, and not the disk's fsync
PAGES = (
    "Today",
    "Studies, the newest",
    "Studies by accession",
    "Studies by state and span",
    "Studies by free text, frequent",
    "Studies, a page in the middle",
    "Filters, a week",
    "Reconciliation",
)
"""The lists that people look at."""
QUESTIONS = ("AccessionNumber", "StudyInstanceUID", "PatientID (3 studies)")


def run(scale: Scale) -> Sequence[Line]:
    """Microseconds a step by size of the store; then the debug API and the pages."""
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
        claims = _claims(Path(folder) / "due.db", scale)
    return [*_lines(steps, sizes), *claims, batch, *mongo_lines(scale), *_over_http(scale)]


def _lines(steps: dict[int, dict[str, list[float]]], sizes: Sequence[int]) -> Iterator[Line]:
    first, last = sizes[0], sizes[-1]
    for name in steps[first]:
        for size in sizes[1:]:
            target = Target(2.0, ratio=True) if size == last else None
            ours, reference = tuple(steps[size][name]), tuple(steps[first][name])
            yield Line(
                f"SQLite, {name} among {size:,}", "us", ours, f"among {first:,}", reference, target=target
            )


def fill(path: Path, first: int, last: int) -> None:
    """
    Write the studies of these numbers in one transaction.

    One document with other names: to make a million of them is not what is measured.
    """
    store = SqliteStore(path)
    template, listing = study_to_text(study_of(DUE)), study_to_listing(study_of(DUE))
    with store.writing() as connection:
        for number in range(first, last):
            study_uid = f"1.2.840.{number}"
            if number < DUE:
                study = study_of(number)
                text, told = study_to_text(study), study_to_listing(study)
            else:
                day = (DAY + timedelta(days=number // A_DAY)).isoformat()
                text = template.replace(f'"1.2.840.{DUE}"', f'"{study_uid}"').replace(DAY.isoformat(), day)
                text = text.replace(f'"A{DUE}"', f'"A{number}"').replace(f'"P{DUE}"', f'"P{number}"')
                row = {**listing["row"], "studyUID": study_uid, "accessionNumber": f"A{number}", "day": day}
                told = {**listing, "row": row}
            connection.execute(
                "INSERT INTO study_info_list (studyUID, revision, document) VALUES (?, 0, ?)",
                [study_uid, text],
            )
            write_row(connection, told)
    store.close()


def _steps(path: Path, size: int, times: int) -> dict[str, list[float]]:
    store = SqliteStore(path)
    steps = Steps(store, size).measured(times)
    with store.writing() as connection:
        new = [[uid] for uid in steps.inserted]
        connection.executemany("DELETE FROM study_info_list WHERE studyUID = ?", new)
    store.close()
    return steps.by_name


def _claims(path: Path, scale: Scale) -> list[Line]:
    """A claim by how many pulls are due; all others wait, too."""
    dues = (100, 10_000, 100_000) if not scale.quick else (50, 100)
    store, filled, took = SqliteStore(path), 0, {}
    text = study_to_text(study_of(0))
    for due in dues:
        with store.writing() as connection:
            for number in range(filled, due):
                values = [f"1.2.840.{number}", text.replace('"1.2.840.0"', f'"1.2.840.{number}"')]
                sql = "INSERT INTO study_info_list (studyUID, revision, document) VALUES (?, 0, ?)"
                connection.execute(sql, values)
        filled, claim = due, Steps(store, due).claim
        took[due] = tuple(microseconds(claim, scale.of(100, 20)))
    store.close()
    what, first = "SQLite, claim of the most urgent pull of {:,} due", dues[0]
    target = Target(2.0, ratio=True)
    return [
        Line(what.format(due), "us", took[due], f"of {first}", took[first], target=target) for due in dues[1:]
    ]


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


def _over_http(scale: Scale) -> Iterator[Line]:
    """The same store behind the debug API and the pages, small and large."""
    few, many = scale.of(10_000, 100), scale.of(50_000, 200)
    small, large = _asked(few, scale), _asked(many, scale)
    alone = tuple(large["HTTP alone"])
    for name in QUESTIONS:
        what = f"debug API by {name} among {many:,}"
        yield Line(
            what, "ms", tuple(large[name]), "HTTP alone", alone, target=Target(20.0, p95=True), reason=_BUSY
        )
    for name in PAGES:
        what = f"page {name} among {many:,}"
        ours, reference = tuple(large[name]), tuple(small[name])
        yield Line(
            what, "ms", ours, f"among {few:,}", reference, target=Target(2.0, ratio=True), reason=_LISTED
        )


_BUSY = "p95 of 150 questions over HTTP: what else ran is in it"
_LISTED = "a week and a page are full in both: what is left grows with the store"


def _asked(studies: int, scale: Scale) -> dict[str, list[float]]:
    """Milliseconds a question, by name."""
    today = date.today()  # noqa: DTZ011 - whichever day it is here
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with closing(SqliteStore(folder / "study.db")) as store:
            pages.fill(store, studies, today)
        for url in debug_api.served(folder, f"sqlite:///{folder / 'study.db'}"):
            debug = debug_api.questions(url, studies)
            shown = pages.questions(url, studies, today)
            alone = debug_api.milliseconds(next(iter(debug.values())), scale.of(100, 5))
            took = {name: debug_api.milliseconds(debug[name], scale.of(150, 5)) for name in QUESTIONS}
            lists = {name: debug_api.milliseconds(shown[name], scale.of(15, 2)) for name in PAGES}
            return {"HTTP alone": alone, **took, **lists}
    raise AssertionError("the server yields its address once")


ROW = Row(
    9,
    "state",
    "steps of the store on a RAM disk by its size, against the same store with 1,000; debug API and lists of "
    "the pages "
    "over HTTP",
    run,
    limit_s=300,
)
