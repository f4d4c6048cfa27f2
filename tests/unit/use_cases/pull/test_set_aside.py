"""A study that killed the receiving Orthanc twice is given up at once; a person may ask for it again."""

from pacs_module.domain.json_messages.messages import PullReport
from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure
from pacs_module.domain.study.lifecycle import State
from tests.fakes.pipeline import UID, Pipeline

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


GIVEN_UP = "given up, its reception failed at every try: KeyError: 'PatientID'"
NOT_TAKEN_IN = PullFailure(FailureKind.NOT_TAKEN_IN, words="KeyError: 'PatientID'")


def test_k08_what_cannot_be_taken_in_is_pulled_as_often_as_is_allowed_and_then_told_with_the_reason(
    world: Pipeline,
) -> None:
    request = world.until_asked()
    for attempt in range(1, world.ends.retry.attempts + 1):
        assert len(world.plugins.asked) == attempt
        world.report(request, "failed", received=3, message=GIVEN_UP, failure=NOT_TAKEN_IN)
        world.clock.pass_seconds(24 * 3600)
        if world.pull():
            request = world.plugins.asked[-1]
    study = world.study(request.study_uid)
    assert (study.state, len(world.plugins.asked)) == (State.PULL_FAILED, world.ends.retry.attempts)
    assert GIVEN_UP in study.history[-1].why


def test_k08_a_push_that_cannot_be_taken_in_is_noted_once(world: Pipeline) -> None:
    world.until_stable()
    report = PullReport("R", "", UID, "failed", message=GIVEN_UP, failure=NOT_TAKEN_IN)
    for _ in range(2):
        assert world.ends.accept_report(report)
    assert [entry.why for entry in world.study().history].count(GIVEN_UP) == 1
