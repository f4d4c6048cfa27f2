"""
How soon a study that arrives is looked at again; what it costs is measured by benchmarks/reception_cost.py.
"""

import pytest

from pacs_module.domain.receive.pace import LONGEST_S, SHORTEST_S, USUAL_S, pace


@pytest.mark.parametrize(
    ("lacking", "quiet_s", "expected"),
    [
        (0, 0.0, USUAL_S),
        (1, 0.0, SHORTEST_S),
        (50, 0.0, 0.05),
        (50, 0.1, 0.05),
        (50, 0.4, 0.1),
        (100_000, 0.0, LONGEST_S),
        (1, 3600.0, LONGEST_S),
    ],
)
def test_the_pace_follows_what_is_missing(lacking: int, quiet_s: float, expected: float) -> None:
    assert pace(lacking, quiet_s) == pytest.approx(expected)


def test_a_whole_study_takes_few_looks_and_its_end_is_seen_soon() -> None:
    looks, lacking, rate = 0, 1500.0, 300
    while lacking > 1:
        lacking -= max(pace(int(lacking), 0.0), 1 / rate) * rate
        looks += 1
    assert looks < 40
