"""
A small RAM disk under a real stack: what has no room waits, a full disk costs a repeat and no study, what can
never fit is said.

Proves nothing of speed. Needs root for a tmpfs of its own with a hard size.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from stack.whole import Stack
from tests.e2e.conftest import QUICK, Pipeline, options
from tests.support.images.dicom_maker import CHEST_CT, Study, store
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a tmpfs with a hard size"),
]
DISK = 84_000_000
NOW = datetime.now(ZoneInfo("Asia/Shanghai"))
DEADLINE_S = 500


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    settings = {
        **QUICK,
        "find_dates": [NOW.date().isoformat()],
        "move_sync": False,
        "pacs": [{"name": "HOSPITAL-PACS", "parallel_pulls": 5}],
        "pull": {
            "attempts": 12,
            "first_pause_s": 0.5,
            "longest_pause_s": 2.0,
            "watch_s": 2.0,
            "room_pause_s": 0.5,
        },
        "backend": {"first_pause_s": 0.5, "retention_s": 0.5},
    }
    made = options(
        ram_disk_bytes=DISK, settings=settings, switches={"RAM_DISK_RESERVE_MB": 8, "STABLE_AGE": 3.0}
    )
    with Stack(tmp_path_factory.mktemp("stack"), made) as stack:
        yield Pipeline(stack)


def study(name: str, slices: int, side: int) -> Study:
    made = Study(name, NOW.strftime("%Y%m%d"))
    pixels = np.random.default_rng(len(name)).integers(0, 4096, side * side).astype(np.uint16).tobytes()
    made.add_series(slices, CHEST_CT, Rows=side, Columns=side, PixelData=pixels)
    return made


def states(pipeline: Pipeline, studies: list[Study]) -> dict[str, Any]:
    return {one.name: pipeline.state(one.uid) for one in studies}


def put(pipeline: Pipeline, studies: list[Study]) -> None:
    for one in studies:
        store(pipeline.hospital, one.images)


def all_computed_whole(pipeline: Pipeline, studies: list[Study]) -> None:
    what = f"{studies[0].name} and others to be computed"
    wait_for(lambda: set(states(pipeline, studies).values()) == {"completed"}, DEADLINE_S, what=what)
    for one in studies:
        story = pipeline.study(one.uid)
        assert story is not None
        last = story["handovers"][-1]
        assert (last["numberReceived"], last["completeness"]) == (len(one.images), "COMPLETE"), one.name


def events(pipeline: Pipeline, words: str) -> list[str]:
    return [line for line in pipeline.log_lines("orthanc-python.jsonl") if words in line]


def test_a_backend_that_is_down_while_studies_keep_coming_with_room_for_two(pipeline: Pipeline) -> None:
    pipeline.stack.backend.kill()
    studies = [study(f"DOWN{number}", 44, 512) for number in range(5)]  # 23 MB each, reckoned with 26
    put(pipeline, studies)

    def why(one: Study) -> str:
        return str((pipeline.study(one.uid) or {}).get("why", ""))

    wait_for(lambda: any("no room" in why(one) for one in studies), 240, what="a study without room")
    assert "completed" not in states(pipeline, studies).values()
    pipeline.stack.backend.start()
    all_computed_whole(pipeline, studies)


def test_a_disk_that_is_full_half_way_costs_a_repeat_and_no_study(pipeline: Pipeline) -> None:
    studies = [study(f"FULL{number}", 20, 1024) for number in range(3)]  # 42 MB each, reckoned with 12
    put(pipeline, studies)
    all_computed_whole(pipeline, studies)
    attempts = [len(story["pulls"]) + 1 for one in studies if (story := pipeline.study(one.uid))]
    assert max(attempts) > 1, "the disk was never full: this run shows nothing"


@pytest.mark.parametrize(
    ("slices", "side"),
    [(200, 512), (100, 1024)],
    ids=["106 MB, reckoned with 120", "210 MB, reckoned with less: what came of it fills the disk"],
)
def test_what_can_never_fit_ends_in_words_and_the_others_go_on(
    pipeline: Pipeline, slices: int, side: int
) -> None:
    huge, after = study(f"HUGE{side}", slices, side), study(f"AFTER{side}", 20, 512)
    put(pipeline, [huge, after])
    all_computed_whole(pipeline, [after])
    wait_for(
        lambda: pipeline.state(huge.uid) == "pull_failed",
        DEADLINE_S,
        what=f"an end of HUGE: {pipeline.study(huge.uid)}",
    )
    story = pipeline.study(huge.uid)
    assert story is not None
    assert "larger than the RAM disk" in story["why"]
    last = study(f"LAST{side}", 30, 512)
    put(pipeline, [last])
    all_computed_whole(pipeline, [last])
    assert pipeline.get("/health").json()["ramDisk"]["totalBytes"] <= DISK + 4096  # whole pages
