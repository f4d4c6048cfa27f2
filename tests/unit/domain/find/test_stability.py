"""Whether a study has stopped growing at the PACS (M11)."""

from datetime import timedelta

import pytest

from pacs_module.domain.dicom.attributes import Sighting
from pacs_module.domain.find.stability import FIXED_DELAY, StabilityPolicy, judge_stability

COUNT = StabilityPolicy()
DELAY = StabilityPolicy(FIXED_DELAY, timedelta(minutes=10))
MINUTE = 60_000


def seen(*counts: int | None) -> list[Sighting]:
    """One find a minute."""
    return [Sighting(number * MINUTE, "PACS", count) for number, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("counts", "verdict", "why"),
    [
        ((300,), "TOO_EARLY", "seen once, with 300 instances"),
        ((300, 300), "STABLE", "300 instances in two finds"),
        ((290, 300), "GROWING", "290 instances, then 300"),
        ((290, 300, 300), "STABLE", "300 instances in two finds"),
        ((300, 300, 310), "GROWING", "300 instances, then 310"),
        ((300, 290), "GROWING", "300 instances, then 290"),
        ((0, 0), "GROWING", "0 instances, then 0"),
        ((None, 300), "GROWING", "None instances, then 300"),
    ],
)
def test_the_count_of_two_finds(counts: tuple[int | None, ...], verdict: str, why: str) -> None:
    judged = judge_stability(seen(*counts), COUNT, now=len(counts) * MINUTE)
    assert (judged.verdict, judged.why, judged.stable) == (verdict, why, verdict == "STABLE")


@pytest.mark.parametrize(
    ("policy", "count", "minutes", "verdict"),
    [
        (DELAY, 300, 9, "TOO_EARLY"),
        (DELAY, 300, 10, "STABLE"),
        (DELAY, None, 9, "NO_COUNT"),
        (COUNT, None, 9, "NO_COUNT"),
        (COUNT, None, 10, "STABLE"),
        (COUNT, 0, 9, "GROWING"),
        (COUNT, 0, 10, "STABLE"),
    ],
)
def test_the_fixed_delay_also_for_a_pacs_without_counts(
    policy: StabilityPolicy, count: int | None, minutes: int, verdict: str
) -> None:
    assert judge_stability(seen(count, count), policy, minutes * MINUTE).verdict == verdict
