"""A study that killed the receiving Orthanc twice is given up at once; a person may ask for it again."""

from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure
from pacs_module.domain.study.lifecycle import State
from tests.fakes.pipeline import Pipeline

WHY = "killed Orthanc twice while it was received"


def test_set_aside_is_not_repeated_and_a_person_may_ask_again(world: Pipeline) -> None:
    request = world.until_asked()
    world.report(request, "failed", message=WHY, failure=PullFailure(FailureKind.POISON))
    study = world.study(request.study_uid)
    assert (study.state, study.attempts) == (State.PULL_FAILED, 1)
    assert study.history[-1].why == f"set aside: {WHY}"
    world.clock.pass_seconds(24 * 3600)
    world.pull()
    assert len(world.plugins.asked) == 1
