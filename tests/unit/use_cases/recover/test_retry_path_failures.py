"""Studies that an earlier version gave up for the fault of a path are pulled once more, and only those."""

from __future__ import annotations

import pytest

from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure
from pacs_module.domain.study.lifecycle import State
from pacs_module.use_cases.recover.retry_path_failures import RetryPathFailures
from tests.fakes.pipeline import RETRY, Pipeline

NETWORK = "Error in the network protocol"
STATUS = f'{NETWORK} C-MOVE SCU to AET "A" has failed with DIMSE status 0x'
DAY_S = 24 * 3600.0


def given_up(world: Pipeline, words: str) -> None:
    """As the version before left it: attempts used up, the reason only in words."""
    world.until_stable()
    for _ in range(RETRY.attempts):
        assert world.pull() == 1
        study = world.study()
        assert study.pull is not None
        study.pull.failure = None
        assert world.store.replace(study)
        world.report(
            world.plugins.asked[-1],
            "failed",
            message="said below",
            failure=PullFailure(FailureKind.NOT_THERE),
        )
        world.clock.pass_seconds(400)
    study = world.study()
    assert study.pull is not None
    study.pull.failure, study.why = (
        None,
        f"failed: no image came {words}; attempt {RETRY.attempts} was the last",
    )
    study.history[-2].why = f"failed  no image came {words}"
    assert world.store.replace(study)
    assert world.study().state is State.PULL_FAILED


def retry(world: Pipeline) -> State | None:
    assert not RetryPathFailures(world.store, world.clock, world.log)()
    return world.study().state


@pytest.fixture
def world() -> Pipeline:
    return Pipeline()


@pytest.mark.parametrize(
    "words",
    [
        f"{STATUS}A801", f"{STATUS}A702", f"{STATUS}A701", f"{STATUS}0122", f"{STATUS}0124", f"{STATUS}C000",
        f'{NETWORK} DicomAssociation - connecting to AET "A": DUL Association Rejected',
        f'{NETWORK} DicomAssociation - connecting to AET "A": TCP Initialization Error: Connection refused',
        f'{NETWORK} DicomAssociation - C-MOVE to AET "A": Peer aborted Association (or never connected)',
        (
            f'{NETWORK} DicomAssociation - C-MOVE to AET "A": DIMSE No data available (timeout in '
            'non-blocking mode)'
        ),
        "",
    ],
)  # fmt: skip
def test_what_the_path_was_to_blame_for_is_pulled_again(world: Pipeline, words: str) -> None:
    given_up(world, words)
    assert retry(world) is State.META_ONLY
    assert world.study().attempts == 0
    assert world.study().history[-1].kind == "path_at_fault"
    assert world.pull() == 1
    assert world.log.keys.count("path_failures_retried") == 1


@pytest.mark.parametrize(
    "words", ["A does not have study 1.2.3", "killed Orthanc twice while it was received"]
)
def test_what_was_the_studys_own_is_left(world: Pipeline, words: str) -> None:
    given_up(world, "")
    study = world.study()
    study.why = f"failed: {words}; attempt 3 was the last"
    study.history[-2].why = f"failed  {words}"
    assert world.store.replace(study)
    assert retry(world) is State.PULL_FAILED


def test_what_this_version_has_judged_is_left(world: Pipeline) -> None:
    given_up(world, f"{STATUS}A801")
    study = world.study()
    assert study.pull is not None
    study.pull.failure = PullFailure(FailureKind.UNABLE_TO_PROCESS, "C000")
    assert world.store.replace(study)
    assert retry(world) is State.PULL_FAILED


def test_once_and_not_what_is_long_ago(world: Pipeline) -> None:
    given_up(world, f"{STATUS}A801")
    world.clock.pass_seconds(31 * DAY_S)
    assert retry(world) is State.PULL_FAILED
    again = Pipeline()
    given_up(again, f"{STATUS}A801")
    assert (retry(again), retry(again)) == (State.META_ONLY, State.META_ONLY)
    assert again.log.keys.count("path_failures_retried") == 1
