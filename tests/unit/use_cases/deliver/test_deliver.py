"""
Delivery: the backend down, slow, refusing; a worker killed; files that are lost.

Does not prove what RabbitMQ does with an unsettled message (tests/contract does), nor the HTTP of the
backend.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from pacs_module.domain.errors import Busy, PipelineError, Refused, RetriableError, Unreachable
from pacs_module.domain.instants import iso
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PUBLISH, PULL
from pacs_module.use_cases.deliver.deliver import GONE_S, LOOK_S
from tests.fakes.pipeline import H1, Pipeline, handover_id
from tests.fakes.world import SteppingConsumer


def test_a_backend_that_is_down_costs_no_attempt(world: Pipeline) -> None:
    world.until_handed_over()
    world.backend.error = Unreachable("connection refused")
    for _ in range(200):
        world.publish()
        world.deliver(5)
        world.clock.pass_seconds(1)
    item = world.study().handovers[0]
    assert (item.attempts, item.last_error) == (0, "connection refused")
    assert item.message_state in ("owed", "queued")
    assert {entry.outcome for entry in item.tries} == {"away"}
    assert 10 < len(item.tries) < 25, "once a minute in the end"
    world.backend.error = None
    world.clock.pass_seconds(60)
    world.publish()
    world.answers_while_waiting("completed")
    world.deliver(0)
    assert world.study().state is State.COMPLETED


def test_while_the_circuit_is_open_messages_wait_in_the_queue(world: Pipeline) -> None:
    for number in range(5):
        world.accept(world.message(None, studyUID=f"1.{number}", handoverID=handover_id(number)))
        world.publish()
    world.backend.error = Unreachable("connection refused")
    assert world.deliver(0)
    assert not world.deliver(1), "nobody takes one"
    assert world.queue.depth() == 4
    world.clock.pass_seconds(4)
    assert world.deliver(0), "the probe"
    assert not world.deliver(0)
    assert world.queue.depth() == 3
    told = [(what, values["retryAt"]) for what, values in world.log.events if "circuit" in what]
    assert told == [
        ("circuit of the backend is open", "2020-06-18T12:00:05.000+00:00"),
        ("circuit of the backend is open", "2020-06-18T12:00:15.000+00:00"),
    ]


@pytest.mark.parametrize(
    "error",
    [
        Busy("the backend answered 503", timedelta(seconds=20)),
        Refused("the backend", 401, "wrong key"),
        Refused("the backend", 301, "301 to /app: redirects are not followed"),
        Refused("the backend", 308, "308 to http://elsewhere: redirects are not followed"),
    ],
)
def test_a_backend_that_asks_to_be_left_alone_or_knows_no_such_key_costs_no_attempt(
    world: Pipeline, error: PipelineError
) -> None:
    world.until_handed_over()
    world.backend.error = error
    world.publish()
    world.deliver(0)
    item = world.study().handovers[0]
    assert (item.attempts, item.message_state, world.queue.dead_depth()) == (0, "owed", 0)
    assert (item.last_error, world.circuit.told()["why"]) == (str(error), error.public)
    wait = 20_000 if isinstance(error, Busy) else 5_000
    assert world.circuit.told()["retryAt"] == iso(world.clock.now() + wait)


def test_five_failures_in_a_row_open_the_circuit_and_one_success_closes_it(world: Pipeline) -> None:
    for number in range(6):
        world.accept(world.message(None, studyUID=f"1.{number}", handoverID=handover_id(number)))
        world.publish()
    world.backend.error = RetriableError("the backend answered 500")
    assert [world.deliver(0) for _ in range(6)] == [True] * 5 + [False]
    world.clock.pass_seconds(5)
    world.backend.error = None
    world.deliver.stopping = lambda: True
    assert world.deliver(0)
    assert world.circuit.told()["circuit"] == "closed"
    assert world.log.events[-1] == ("circuit of the backend is closed", {"level": "INFO", "afterFailures": 5})


def test_a_message_that_is_out_of_date_is_dropped(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.backend.error = RetriableError("500")
    world.deliver(0)
    message = world.study().handovers[0].message
    world.queue.publish(message, f"{H1}:1", 0)
    world.backend.error = None
    assert world.deliver(0)
    assert (world.backend.submitted, world.queue.depth(), world.handover_states()) == ([], 0, ["owed"])


def test_errors_of_the_backend_are_repeated_to_the_limit_and_then_a_dead_letter(world: Pipeline) -> None:
    world.until_handed_over()
    world.backend.error = RetriableError("the backend answered 500")
    for pause in (30, 60):
        world.publish()
        world.deliver(0)
        assert world.study().due[PUBLISH] == world.clock.now() + pause * 1000
        world.clock.pass_seconds(pause)
    world.publish()
    world.deliver(0)
    study = world.study()
    assert (study.state, world.handover_states(), world.queue.dead_depth(), world.queue.depth()) == (
        State.DEAD_LETTER,
        ["dead"],
        1,
        0,
    )
    assert study.why == "the backend answered 500; attempt 3 was the last"
    assert PUBLISH not in study.due
    assert world.result("completed") == "recorded"
    assert world.study().state is State.COMPLETED


def test_a_refusal_is_a_dead_letter_at_once(world: Pipeline) -> None:
    world.until_handed_over()
    world.backend.error = Refused("the backend", 422, "no such model")
    world.publish()
    world.deliver(0)
    assert (world.study().state, world.queue.dead_depth()) == (State.DEAD_LETTER, 1)


def test_killed_before_the_dead_letter_was_laid_down_it_is_laid_down_at_the_next_take(
    world: Pipeline,
) -> None:
    world.until_handed_over()
    world.backend.error = Refused("the backend", 422, "no")
    message = world.published()
    world.deliver(0)
    world.queue.publish(message, H1, 0)
    world.deliver(0)
    assert (world.queue.dead_depth(), world.queue.depth()) == (2, 0)


def test_pacs_module_killed_after_the_backend_accepted(world: Pipeline) -> None:
    handover = world.until_handed_over()
    world.publish()

    def killed() -> None:
        raise SystemExit

    world.consumer.meanwhile = killed
    with pytest.raises(SystemExit):
        world.deliver(0)
    assert world.handover_states() == ["accepted"]
    world.consumer.close()
    world.deliver.consumer = SteppingConsumer(world.queue, world.clock)
    world.backend.then = lambda message: world.result("completed")  # computed long since: posts again
    world.deliver(0)
    assert world.backend.submitted == [handover, handover]
    assert (world.study().state, world.queue.depth()) == (State.COMPLETED, 0)


def test_no_result_in_time_is_sent_again(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.deliver(0)
    item = world.study().handovers[0]
    assert (item.message_state, item.attempts, item.last_error) == ("owed", 1, "no result within 0:01:00")
    assert world.study().why == "no result within 0:01:00; again in 0:00:30"


def test_a_backend_that_dies_while_it_computes_is_asked_again_without_waiting_for_a_result(
    world: Pipeline,
) -> None:
    handover = world.until_handed_over()
    world.publish()
    began = world.clock.now()
    world.consumer.meanwhile = lambda: setattr(world.backend, "is_gone", world.clock.now() > began + 10_000)
    world.deliver(0)
    item = world.study().handovers[0]
    assert (item.message_state, item.attempts, item.tries[-1].outcome) == ("owed", 1, "gone")
    assert world.study().why == "the backend has gone while it computed; again in 0:00:30"
    assert began + 10_000 < world.clock.now() <= began + 10_000 + 1000 * (GONE_S + LOOK_S)
    assert world.deliver.circuit.told()["circuit"] == "open"
    world.consumer.meanwhile, world.backend.is_gone = lambda: None, False
    world.clock.pass_seconds(30)
    world.backend.then = lambda message: world.result("completed")
    world.publish()
    world.deliver(0)
    assert world.backend.submitted == [handover, handover], "under the same key"
    assert world.study().state is State.COMPLETED


def test_a_hand_over_that_kills_the_backend_each_time_ends_as_a_dead_letter(world: Pipeline) -> None:
    world.until_handed_over()
    world.backend.is_gone = True
    for _ in range(3):
        world.clock.pass_seconds(3600)
        world.publish()
        world.deliver(0)
    assert world.study().state is State.DEAD_LETTER
    assert world.study().why == "the backend has gone while it computed; attempt 3 was the last"


def test_a_clock_that_is_set_back_does_not_prolong_the_wait_for_a_result(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    began = world.clock.now()

    def set_back() -> None:
        if world.clock.now() > began + 20_000:
            world.consumer.meanwhile = lambda: None
            world.clock.pass_seconds(-3600)

    world.consumer.meanwhile = set_back
    world.deliver(0)
    assert world.handover_states() == ["owed"]
    assert world.clock.now() < began - 3_500_000


def test_a_stop_gives_the_message_back(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.deliver.stopping = lambda: True
    world.deliver(0)
    assert (world.handover_states(), world.queue.depth()) == (["accepted"], 1)


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_a_result_that_is_faster_than_our_bookkeeping(world: Pipeline, state: str) -> None:
    world.until_handed_over()
    world.publish()
    world.backend.then = lambda message: world.result(state, H1)
    began = world.clock.now()
    world.deliver(0)
    assert world.clock.now() - began < 1000, "nothing is waited for"
    assert world.handover_states() == [{"completed": "done", "failed": "owed"}[state]]
    (tried,) = world.study().handovers[0].tries
    assert tried.outcome == {"completed": "accepted", "failed": "failed there"}[state]
    assert world.queue.depth() == 0


def test_a_store_that_fails_leaves_no_message_in_the_workers_hand(
    world: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.until_handed_over()
    world.publish()

    def away(study_uid: str) -> None:
        raise RetriableError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "get", away)
        with pytest.raises(RetriableError):
            world.deliver(0)
    assert world.queue.depth() == 1
    world.answers_while_waiting("completed")
    assert world.deliver(0)
    assert world.study().state is State.COMPLETED


def test_a_message_of_nobody_is_a_dead_letter(world: Pipeline) -> None:
    world.queue.publish({"studyUID": "9.9", "handoverID": "X"}, "X", 0)
    assert world.deliver(0)
    assert world.queue.dead_depth() == 1
    assert not world.deliver(0)


# --- files lost ---


def test_lost_files_are_pulled_again_and_handed_over_whatever_was_before(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.files.counts[f"/store_image/{H1}"] = 79
    world.deliver(0)
    study = world.study()
    assert (study.state, world.handover_states()) == (State.META_ONLY, ["lost"])
    assert study.due[PULL] == world.clock.now()
    assert world.pull() == 1
    assert world.plugins.asked[-1].forced
    assert world.backend.submitted == []


def test_a_folder_that_pacs_module_cannot_see_is_not_pulled_in_a_loop(world: Pipeline) -> None:
    world.until_handed_over()
    pauses = []
    for number in range(1, 5):
        world.files.counts[f"/store_image/{handover_id(number)}"] = 0
        world.publish()
        world.deliver(0)
        pauses.append((world.study().due[PULL] - world.clock.now()) // 1000)
        world.clock.at = world.study().due[PULL]
        assert world.pull() == 1
        world.accept(world.message(world.plugins.asked[-1]))
        world.report(world.plugins.asked[-1], "received")
    assert pauses == [0, 30, 60, 120]


def test_files_lost_while_a_pull_for_growth_runs_are_fetched_when_it_brings_nothing_new(
    world: Pipeline,
) -> None:
    world.until_handed_over()
    world.publish()
    world.until_stable(120)
    world.pull()
    growing = world.plugins.asked[-1]
    world.files.counts[f"/store_image/{H1}"] = 0
    world.deliver(0)
    assert world.pull() == 0
    world.report(growing, "nothing_new")
    assert world.study().waits_for_pull
    assert world.pull() == 1
    assert world.plugins.asked[-1].forced


def test_lost_files_of_a_study_that_came_unasked_are_asked_for_everywhere() -> None:
    world = Pipeline(pacs=("A", "B"))
    world.accept(world.message(None))
    world.publish()
    world.files.counts[f"/store_image/{H1}"] = 0
    world.deliver(0)
    assert world.pull() == 1
    world.report(world.plugins.asked[-1], "failed")
    world.clock.pass_seconds(30)
    assert world.pull() == 1
    assert [request.pacs for request in world.plugins.asked] == ["A", "B"]


def test_a_pull_that_fails_to_the_limit_leaves_the_older_hand_over_its_way(world: Pipeline) -> None:
    world.until_handed_over()
    world.until_stable(120)
    for _ in range(3):
        world.clock.pass_seconds(300)
        assert world.pull() == 1
        world.report(world.plugins.asked[-1], "failed")
    assert world.study().state is State.PULL_DATA_END
    world.publish()
    world.answers_while_waiting("completed")
    world.deliver(0)
    assert world.study().state is State.COMPLETED
