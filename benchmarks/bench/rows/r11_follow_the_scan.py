"""Row 11: a growing CT study, from the last image of the series to compute in the PACS to the backend."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from benchmarks.bench.row import Line, Scale, Target
from benchmarks.bench.row import Row as TableRow
from benchmarks.follow_the_scan import STABLE_AGES_S, WAYS, Row, Shape, measure

FOLLOWED, BUDGET, COUNTED = (way.name for way in WAYS)
SHAPE = Shape(rate=40.0, pause=3.0, every=25.0, matrix=512)
QUERIES = 12.0


def run(scale: Scale) -> Sequence[Line]:
    """All ways side by side, on studies of one make."""
    return list(_lines(measure(scale.of(5, 1), SHAPE, 3.0)))


def _lines(rows: Sequence[Row]) -> Iterator[Line]:
    def times(way: str) -> tuple[float, ...]:
        return tuple(row.from_series for row in rows if row.way == way)

    what = "last C-STORE of the chosen series to accepted"
    gap = statistics.median(row.from_series - row.from_study for row in rows)
    references = [("two equal counts", times(COUNTED))]
    references += [(f"StableAge {age:g}, at least", (gap + age,)) for age in STABLE_AGES_S]
    for against, reference in references:
        target = Target(3.0) if against == references[0][0] else None
        yield Line(what, "s", times(FOLLOWED), against, reference, target=target)
    yield Line(f"{what}, p95", "s", times(FOLLOWED), target=Target(6.0, p95=True))
    yield Line(f"{what}, 1 query a second", "s", times(BUDGET), target=Target(6.0))
    for way in (FOLLOWED, BUDGET):
        mine = [row for row in rows if row.way == way]
        key = "queriesAStudy" if way == FOLLOWED else ""
        yield Line(f"queries a study, {way}", "", (mine[0].queries,), target=Target(QUERIES), key=key)
        ratios = tuple(row.pulled / row.used for row in mine)
        yield Line(f"pulled / used, {way}", "", ratios, target=Target(1.05))
    handed = tuple(float(row.handovers) for row in rows if row.way == FOLLOWED)
    yield Line("hand-overs a study, followed", "", handed)


ROW = TableRow(
    11,
    "follow the scan",
    "chest CTs of some 700 images (512 x 512) sent at 40 a second, three ways in the same run; StableAge is its lower bound",
    run,
    needs=("Orthanc", "rabbitmqctl"),
    quick=False,
)
