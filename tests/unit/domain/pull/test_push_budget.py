"""What a push may bring (K8): decided over plain values."""

import pytest

from pacs_module.domain.pull.push_budget import judge_push
from pacs_module.domain.pull.ram_disk import MB, Disk

DISK = Disk(total=2200 * MB, free=1000 * MB, reserve=90 * MB)  # 2000 MB may be filled
HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("size", "seconds", "full", "over", "drop"),
    [
        (0, 0.0, False, False, False),
        (1000 * MB, 0.0, False, False, False),
        (1001 * MB, 0.0, False, True, True),
        (5000 * MB, 9 * HOUR_S, True, True, True),
        (1, 4 * HOUR_S, True, False, False),
        (1, 4 * HOUR_S + 1, False, True, False),
        (1, 4 * HOUR_S + 1, True, True, True),
        (1, -HOUR_S, True, False, False),
    ],
)
def test_a_push_has_a_share_of_the_disk_and_a_time(
    size: int, seconds: float, full: bool, over: bool, drop: bool
) -> None:
    verdict = judge_push(size, seconds, DISK, full)
    assert (verdict.over, verdict.drop, bool(verdict.why)) == (over, drop, over)


def test_a_disk_without_room_for_pulls_has_none_for_pushes() -> None:
    assert judge_push(1, 0.0, Disk(10 * MB, 10 * MB, 10 * MB), full=False).drop
