"""
What the benchmark of following a scan says of a study, and that its studies come at the rate that it was
told.
"""

from __future__ import annotations

import datetime as dt

from rich.console import Console

from benchmarks.follow_the_scan import WAYS, Shape, row_of, studies_of, table_of

BEGIN = dt.datetime(2026, 11, 21, 9)
SHAPE = Shape(rate=40.0, pause=3.0, every=25.0, matrix=64)


def test_a_study_comes_series_after_series_at_its_rate() -> None:
    day = studies_of(2, 0, SHAPE, BEGIN)
    assert [study.arrivals[0].begins_at for study in day.studies] == [BEGIN, BEGIN + dt.timedelta(seconds=25)]
    for before, after in zip(day.studies[0].arrivals, day.studies[0].arrivals[1:], strict=False):
        assert (before.ends_at - before.begins_at).total_seconds() * 40 == before.planned.instances
        assert after.begins_at - before.ends_at == dt.timedelta(seconds=3)


def test_a_row_counts_from_the_last_image_of_the_chosen_series() -> None:
    (study,) = studies_of(1, 0, SHAPE, BEGIN).studies
    (chosen,) = study.expected_series
    end = next(one.ends_at for one in study.arrivals if one.planned.uid == chosen)
    accepted = (end + dt.timedelta(seconds=3.5)).isoformat() + "+08:00"
    document = {
        "handovers": [{"acceptedAt": accepted, "numberReceived": 300}],
        "pulls": [{"received": 60}],
        "pull": {"received": 300},
    }
    row = row_of(WAYS[0], study, document, 9.0)
    assert (row.from_series, row.pulled, row.used, row.handovers) == (3.5, 360, 300, 1)
    console = Console(width=200, record=True, file=None, quiet=True)
    console.print(table_of([row]))
    assert table_of([row]).row_count == len(WAYS) + 2
