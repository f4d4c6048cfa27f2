"""Row 7: what a find costs beside the bare C-FIND of the same day at the same PACS."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.bench.row import Line, Row, Scale, Target, Took, took
from benchmarks.find import PACS, finding
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import SimPacs
from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.pynetdicom_finder import PynetdicomFinder
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.find.windows import Window
from pacs_module.use_cases.find.find_studies import STUDY_KEYS, FindStudies

DATE = dt.date(2026, 11, 21)
AE_TITLE = "SIMPACS"
DAYS = (1_240, 6_180, 12_350)
"""Studies in 36 hours, of which 1,000, 5,000 and 10,000 are of the day."""


def run(scale: Scale) -> Sequence[Line]:
    """First find and steady poll, by size of the day."""
    lines: list[Line] = []
    for studies in DAYS if not scale.quick else (60,):
        lines += _of_day(studies, scale)
    return lines


def _of_day(studies: int, scale: Scale) -> Sequence[Line]:
    largest = studies == DAYS[-1]
    with _pacs(studies) as port:
        finder = PynetdicomFinder(Peer("127.0.0.1", port, AE_TITLE, "AIPULL"), 120.0)
        query = {"StudyDate": f"{DATE:%Y%m%d}"}
        answers = 0

        def bare() -> None:
            nonlocal answers
            answers = len(finder.find(PACS, "STUDY", query, STUDY_KEYS))

        took(bare)  # the PACS plans its answers once
        first, steady, bares = [], [], []
        for _ in range(scale.of(2, 1) if largest else 1):
            with tempfile.TemporaryDirectory() as folder:
                find = finding(finder, Path(folder))
                bares.append(took(bare))
                first.append(took(lambda find=find: find(PACS, Window(DATE))))  # type: ignore[misc]
                _settle(find)
                find(PACS, Window(DATE))
                for _ in range(scale.of(2, 1)):
                    bares.append(took(bare))
                    steady.append(took(lambda find=find: find(PACS, Window(DATE))))  # type: ignore[misc]
                find.store.close()
    told = f"{answers:,} studies"
    ours = tuple(max(0.0, one.cpu - _median_cpu(bares)) for one in steady)
    return [
        _line(f"first find, {told}", first, bares, Target(1.5, ratio=True) if largest else None, _FIRST),
        _line(f"steady poll, {told}", steady, bares, Target(1.1, ratio=True) if largest else None),
        Line(
            f"steady poll, CPU beyond the bare C-FIND, {told}", "s", ours,
            target=Target(0.15) if largest else None,
        ),
    ]  # fmt: skip


_FIRST = "a document with its indexes and rows is written for each new study, once; see The first find below"


def _line(
    what: str, ours: Sequence[Took], bares: Sequence[Took], target: Target | None, reason: str = ""
) -> Line:
    walls, cpus = [one.wall for one in ours], [one.cpu for one in ours]
    reference = tuple(one.wall for one in bares)
    return Line(what, "s", tuple(walls), "bare C-FIND", reference, tuple(cpus), target, reason)


def _median_cpu(bares: Sequence[Took]) -> float:
    return sorted(one.cpu for one in bares)[len(bares) // 2]


def _settle(find: FindStudies) -> None:
    """All studies that were found have been pulled and computed: in one write, which is not measured."""
    assert isinstance(find.store, SqliteStore)  # noqa: S101
    with find.store.writing() as connection:
        connection.execute(
            "UPDATE study_info_list SET document = json_set(document, '$.state', 'completed') "
            "WHERE json_extract(document, '$.state') IS NOT NULL"
        )


@contextmanager
def _pacs(studies: int) -> Iterator[int]:
    """A simulated PACS in a process of its own, so that its CPU time is not ours; its port."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(studies, theirs), daemon=True)
    process.start()
    try:
        yield int(ours.recv())
    finally:
        ours.send("stop")
        process.join(20)


def _serve(studies: int, pipe: Connection) -> None:
    with SimPacs(plan_busy_day(DATE, studies, max_slices=12), ae_title=AE_TITLE) as pacs:
        pipe.send(pacs.port)
        pipe.recv()


ROW = Row(
    7,
    "finding",
    (
        "a find of the whole day at the simulated PACS with a SQLite store, against the C-FIND alone "
        "by the same client"
    ),
    run,
    limit_s=300,
)
