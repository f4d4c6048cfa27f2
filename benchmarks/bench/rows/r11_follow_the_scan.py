"""Row 11: a growing CT study, from the last image of the series to compute in the PACS to the backend."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from benchmarks.bench.row import Line, Scale, Target
from benchmarks.bench.row import Row as TableRow
from benchmarks.follow_the_scan import STABLE_AGES_S, STAGES, WAYS, Row, Shape, measure

FOLLOWED, BUDGET, COUNTED = (way.name for way in WAYS)
SHAPE = Shape(rate=40.0, pause=3.0, every=25.0, matrix=512)
QUERIES = 12.0
_TRANSFER = (
    "the transfer of the series is in it: the stages below say how long it took from asked to received"
)


def run(scale: Scale) -> Sequence[Line]:
    """All ways side by side, on studies of one make."""
    return list(_lines(measure(scale.of(4, 1), SHAPE, 3.0)))


def _lines(rows: Sequence[Row]) -> Iterator[Line]:
    yield from _to_accepted(rows)
    yield from _to_stages(rows)
    for way in (FOLLOWED, BUDGET):
        mine = [row for row in rows if row.way == way]
        if mine:  # else none of its studies was accepted in time: the others are worth having
            yield from _costs(way, mine)
    handed = tuple(float(row.handovers) for row in rows if row.way == FOLLOWED)
    yield Line("hand-overs a study, followed", "", handed)


def _to_accepted(rows: Sequence[Row]) -> Iterator[Line]:
    def times(way: str) -> tuple[float, ...]:
        return tuple(row.from_series for row in rows if row.way == way)

    what = "last C-STORE of the chosen series to accepted"
    counted = times(COUNTED)
    yield Line(what, "s", times(FOLLOWED), "two equal counts", counted, target=Target(3.0), reason=_TRANSFER)
    gap = statistics.median(row.from_series - row.from_study for row in rows)
    for age in STABLE_AGES_S:
        against = f"StableAge {age:g}, at least"
        yield Line(what, "s", times(FOLLOWED), against, (gap + age,), reason=_TRANSFER)
    yield Line(f"{what}, p95", "s", times(FOLLOWED), target=Target(6.0, p95=True), reason=_TRANSFER)
    yield Line(f"{what}, 1 query a second", "s", times(BUDGET), target=Target(6.0), reason=_TRANSFER)


def _to_stages(rows: Sequence[Row]) -> Iterator[Line]:
    for stage in STAGES:
        took = tuple(row.stages[stage] for row in rows if row.way == FOLLOWED and stage in row.stages)
        if took:
            yield Line(f"last C-STORE of the chosen series to {stage}, followed", "s", took)


def _costs(way: str, rows: Sequence[Row]) -> Iterator[Line]:
    """Queries, and images pulled for each that is used."""
    key = "queriesAStudy" if way == FOLLOWED else ""
    yield Line(f"queries a study, {way}", "", (rows[0].queries,), target=Target(QUERIES), key=key)
    ratios = tuple(row.pulled / row.used for row in rows)
    yield Line(f"pulled / used, {way}", "", ratios, target=Target(1.05))


ROW = TableRow(
    11,
    "follow the scan",
    "chest CTs of some 700 images (512 x 512) sent at 40 a second, three ways in the same run; StableAge is its "
    "lower bound",
    run,
    needs=("Orthanc", "rabbitmqctl"),
    quick=False,
    limit_s=330,
)
