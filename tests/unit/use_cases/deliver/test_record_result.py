"""Results: late, repeated, unknown, failed, and for an older hand-over."""

from __future__ import annotations

from pacs_module.domain.study.lifecycle import State
from tests.fakes.pipeline import H2, Pipeline


def test_results_late_repeated_unknown_and_for_an_older_hand_over(world: Pipeline) -> None:
    first = world.until_handed_over()
    assert world.result("failed", first) == "known already", "nobody has sent it yet"
    assert world.result("completed", "H99") is None
    assert world.result("completed", series="9.9") is None
    world.until_stable(120)
    world.pull()
    world.accept(world.message(world.plugins.asked[-1], 110))
    world.report(world.plugins.asked[-1], "received")
    assert world.result("unsupported_series", first) == "recorded"
    assert world.study().state is State.PULL_DATA_END, "the newer one decides"
    assert world.result("completed", H2) == "recorded"
    before = world.study()
    assert world.result("unsupported_series", H2) == "known already"
    assert world.study() == before
    assert before.state is State.COMPLETED
    assert world.handover_states() == ["done", "done"]


def test_nothing_new_goes_back_to_where_the_hand_over_stands(world: Pipeline) -> None:
    world.until_handed_over()
    world.until_stable(120)
    world.pull()
    assert world.result("completed") == "recorded"
    assert world.study().state is State.PULL_DATA
    world.report(world.plugins.asked[-1], "nothing_new")
    assert world.study().state is State.COMPLETED


def test_a_failed_result_is_computed_again_to_the_limit(world: Pipeline) -> None:
    world.until_handed_over()
    for _ in range(3):
        world.publish()
        world.answers_while_waiting("failed")
        world.deliver(0)
        world.clock.pass_seconds(300)
    assert (world.study().state, world.handover_states(), world.queue.dead_depth()) == (
        State.DEAD_LETTER,
        ["dead"],
        1,
    )
    assert len(world.backend.submitted) == 3
