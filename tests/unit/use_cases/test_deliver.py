"""
From the notification to the result: outbox, delivery, results, release.

Does not prove what RabbitMQ does with an unsettled message (tests/contract does), nor the HTTP of the backend.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.pipeline import RETENTION_S, THIN, UID, Pipeline, answer
from fakes.world import DAY, SteppingConsumer
from log_grammar import check

from pacs_module.adapters.sqlite_store import SqliteStore
from pacs_module.domain.errors import Busy, MessageError, PermanentError, PipelineError, Refused, RetriableError, Unreachable
from pacs_module.domain.lifecycle import State
from pacs_module.domain.story import story
from pacs_module.domain.study import PUBLISH, PULL, RELEASE, iso


@pytest.fixture
def world() -> Pipeline:
    return Pipeline()


def states(world: Pipeline) -> list[str]:
    return [item.message_state for item in world.study().handovers]


# --- notification ---


def test_the_whole_way_in_the_contracts_lines_letter_by_letter(tmp_path: Path) -> None:
    world = Pipeline(SqliteStore(tmp_path / "study.db"))
    world.answers_while_waiting("completed")
    request = world.until_asked(100)
    world.log.take()
    message = world.message(request)
    assert world.accept(message)
    world.report(request, "received", "COMPLETE", received=100)
    assert world.publish()
    assert world.deliver(0)
    assert world.log.take() == [
        f"after receive notify {message}",
        f"move success: [['{UID}', 'A']]",
        f"send {UID} to rabbitmq success",
        f"send_to_backend WORKER-1 get message {message}",
        "upload_image_path file_path /store_image/H1 has file number is 80",
        "upload_image_path file_path ----/store_image/H1----success",
    ]
    study = world.study()
    assert study.state is State.COMPLETED
    assert study.due == {RELEASE: world.clock.now() + int(RETENTION_S * 1000)}
    assert world.events() == ["wanted", "stable", "pull asked", "received", "pull ended", "delivered", "result completed"]
    assert world.queue.depth() == 0
    world.store.close()


def test_every_line_that_the_use_cases_write_is_in_the_grammar(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.answers_while_waiting("completed")
    world.deliver(0)
    world.until_stable(120)
    world.pull()
    world.accept(world.message(world.plugins.asked[-1], 90))
    world.manual({"PatientID": "P1"}, "x")
    world.report(world.plugins.asked[-1], "failed")
    counts = check("dcm_end.log", world.log.lines)
    assert counts["calc again"] == counts["manual pull"] == 1
    assert f"{UID} exists, last isloading is 2, we receive a new one, calc again" in world.log.lines


def test_a_repeated_notification_changes_nothing(world: Pipeline) -> None:
    message = world.message(world.until_asked())
    assert world.accept(message)
    before = world.study()
    assert not world.accept(message)
    assert world.study() == before
    assert not any("calc again" in line for line in world.log.lines)


def test_what_comes_unasked_becomes_a_study(world: Pipeline) -> None:
    assert world.accept(world.message(None, priorities=2))
    study = world.study()
    assert (study.state, study.is_push, study.priority, study.baseline) == (State.PULL_DATA_END, True, 2, 100)
    assert (study.accession_number, study.study_date, study.modality) == ("A1", "2020-06-18", ["CT"])


def test_images_beside_a_running_pull_do_not_end_it(world: Pipeline) -> None:
    request = world.until_asked()
    world.accept(world.message(None))
    assert world.study().state is State.PULL_DATA
    world.report(request, "short", "SHORT 90 of 100")
    assert world.study().waits_for_pull
    assert states(world) == ["owed"]


def test_a_push_of_a_part_does_not_cancel_the_pull_and_one_of_the_whole_does(world: Pipeline) -> None:
    world.until_stable(150)
    world.accept(world.message(None, 80))
    assert world.study().waits_for_pull
    world.accept(world.message(None, 140))
    assert (world.study().state, PULL in world.study().due) == (State.PULL_DATA_END, False)


def test_everything_filtered_settles_it(world: Pipeline) -> None:
    request = world.until_asked()
    world.accept(world.filtered_message(request))
    world.report(request, "filtered")
    study = world.study()
    assert (study.state, study.due) == (State.UNSUPPORTED_SERIES, {})
    assert study.why == "statecode 801 all filtered"


@pytest.mark.parametrize(
    "changed",
    [
        {"studyUID": ""},
        {"handoverID": 7},
        {"numberReceived": "80"},
        {"priorities": 300},
        {"priorities": -1},
        {"identity": []},
        {"identity": {"StudyDate": 20200618}},
        {"seriesReports": ["x"]},
        {"seriesReports": [{"seriesUID": "1", "taken": True, "rule": "r", "because": "b", "received": "many"}]},
        {"series": ["x"]},
        {"series": [{"seriesUID": "1", "filepath": "/x"}]},
        {"series": 5},
    ],
)
def test_a_notification_that_cannot_be_used_later_is_refused_now(world: Pipeline, changed: dict[str, Any]) -> None:
    with pytest.raises(MessageError):
        world.accept({**world.message(None), **changed})
    assert world.store.get(UID) is None


# --- outbox ---


def test_rabbitmq_away_and_back(world: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    world.until_handed_over()
    publish = world.queue.publish

    def away(message: Mapping[str, Any], message_id: str, priority: int) -> None:
        raise RetriableError("RabbitMQ is away")

    monkeypatch.setattr(world.queue, "publish", away)
    for _ in range(3):
        with pytest.raises(RetriableError, match="away"):
            world.publish()
        assert states(world) == ["owed"]
        assert not world.publish()
        world.clock.pass_seconds(5)
    monkeypatch.setattr(world.queue, "publish", publish)
    assert world.publish()
    assert (states(world), world.queue.depth()) == (["queued"], 1)
    assert not world.publish()


def test_a_message_that_cannot_be_published_lets_the_others_by(world: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    world.until_handed_over()
    world.clock.pass_seconds(1)
    world.accept(world.message(None, studyUID="1.2.3", handoverID="OTHER"))
    publish = world.queue.publish

    def refuses(message: Mapping[str, Any], message_id: str, priority: int) -> None:
        if not message_id.startswith("OTHER"):
            raise PermanentError("too large")
        publish(message, message_id, priority)

    monkeypatch.setattr(world.queue, "publish", refuses)
    with pytest.raises(PermanentError):
        world.publish()
    assert world.publish()
    assert world.study("1.2.3").handovers[0].message_state == "queued"


def test_killed_between_publishing_and_writing_it_down_it_is_published_again_and_computed_once(world: Pipeline) -> None:
    handover = world.until_handed_over()
    world.queue.publish(world.study().handovers[0].message, handover, 0)
    world.publish()
    assert world.queue.depth() == 2
    world.answers_while_waiting("completed")
    world.deliver(0)
    world.deliver(0)
    assert world.backend.submitted == [handover]
    assert world.queue.depth() == 0


def test_a_worker_that_is_faster_than_the_confirmation_is_not_overwritten(
    world: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ delivers before it confirms: the backend is down, the message is put off, and only then the publisher goes on."""
    world.until_handed_over()
    publish = world.queue.publish
    world.backend.error = Unreachable("connection refused")

    def delivered_before_confirmed(message: Mapping[str, Any], message_id: str, priority: int) -> None:
        publish(message, message_id, priority)
        world.deliver(0)

    monkeypatch.setattr(world.queue, "publish", delivered_before_confirmed)
    world.publish()
    study = world.study()
    assert (states(world), world.queue.depth()) == (["owed"], 0)
    assert study.due[PUBLISH] == world.clock.now() + 15_000


def test_what_rabbitmq_lost_is_published_again(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.clock.pass_seconds(59)
    assert not world.publish()
    world.clock.pass_seconds(1)
    assert world.publish()
    assert world.queue.depth() == 1, "it waits for a worker: looked for, not published again"
    lost = world.queue.take(0)
    assert lost is not None
    world.clock.pass_seconds(60)
    assert world.publish()
    assert world.queue.depth() == 1


def test_an_accepted_delivery_whose_message_and_worker_are_gone_is_published_again(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.deliver.stopping = lambda: True
    assert world.deliver(0)
    assert world.study().handovers[0].message_state == "accepted"
    assert world.queue.take(0) is not None, "RabbitMQ has given it back, and is lost now"
    world.clock.pass_seconds(119)
    assert not world.publish()
    world.clock.pass_seconds(1)
    assert world.publish()
    assert world.queue.depth() == 1


# --- delivery ---


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
        world.accept(world.message(None, studyUID=f"1.{number}", handoverID=f"H{number}"))
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
    "error", [Busy("the backend answered 503", timedelta(seconds=20)), Refused("the backend", 401, "wrong key")]
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
    wait = 20_000 if isinstance(error, Busy) else 5_000
    assert world.circuit.told()["retryAt"] == iso(world.clock.now() + wait)


def test_five_failures_in_a_row_open_the_circuit_and_one_success_closes_it(world: Pipeline) -> None:
    for number in range(6):
        world.accept(world.message(None, studyUID=f"1.{number}", handoverID=f"H{number}"))
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
    world.queue.publish(message, "H1:1", 0)
    world.backend.error = None
    assert world.deliver(0)
    assert (world.backend.submitted, world.queue.depth(), states(world)) == ([], 0, ["owed"])


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
    assert (study.state, states(world), world.queue.dead_depth(), world.queue.depth()) == (State.DEAD_LETTER, ["dead"], 1, 0)
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


def test_killed_before_the_dead_letter_was_laid_down_it_is_laid_down_at_the_next_take(world: Pipeline) -> None:
    world.until_handed_over()
    world.backend.error = Refused("the backend", 422, "no")
    message = world.published()
    world.deliver(0)
    world.queue.publish(message, "H1", 0)
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
    assert states(world) == ["accepted"]
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


def test_a_stop_gives_the_message_back(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.deliver.stopping = lambda: True
    world.deliver(0)
    assert (states(world), world.queue.depth()) == (["accepted"], 1)


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_a_result_that_is_faster_than_our_bookkeeping(world: Pipeline, state: str) -> None:
    world.until_handed_over()
    world.publish()
    world.backend.then = lambda message: world.result(state, "H1")
    began = world.clock.now()
    world.deliver(0)
    assert world.clock.now() - began < 1000, "nothing is waited for"
    assert states(world) == [{"completed": "done", "failed": "owed"}[state]]
    (tried,) = world.study().handovers[0].tries
    assert tried.outcome == {"completed": "accepted", "failed": "failed there"}[state]
    assert world.queue.depth() == 0


def test_a_store_that_fails_leaves_no_message_in_the_workers_hand(world: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
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
    world.files.counts["/store_image/H1"] = 79
    world.deliver(0)
    study = world.study()
    assert (study.state, states(world)) == (State.META_ONLY, ["lost"])
    assert study.due[PULL] == world.clock.now()
    assert world.pull() == 1
    assert world.plugins.asked[-1].forced
    assert world.backend.submitted == []


def test_a_folder_that_pacs_module_cannot_see_is_not_pulled_in_a_loop(world: Pipeline) -> None:
    world.until_handed_over()
    pauses = []
    for number in range(1, 5):
        world.files.counts[f"/store_image/H{number}"] = 0
        world.publish()
        world.deliver(0)
        pauses.append((world.study().due[PULL] - world.clock.now()) // 1000)
        world.clock.at = world.study().due[PULL]
        assert world.pull() == 1
        world.accept(world.message(world.plugins.asked[-1]))
        world.report(world.plugins.asked[-1], "received")
    assert pauses == [0, 30, 60, 120]


def test_files_lost_while_a_pull_for_growth_runs_are_fetched_when_it_brings_nothing_new(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.until_stable(120)
    world.pull()
    growing = world.plugins.asked[-1]
    world.files.counts["/store_image/H1"] = 0
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
    world.files.counts["/store_image/H1"] = 0
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


# --- results ---


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
    assert world.result("completed", "H2") == "recorded"
    before = world.study()
    assert world.result("unsupported_series", "H2") == "known already"
    assert world.study() == before
    assert before.state is State.COMPLETED
    assert states(world) == ["done", "done"]


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
    assert (world.study().state, states(world), world.queue.dead_depth()) == (State.DEAD_LETTER, ["dead"], 1)
    assert len(world.backend.submitted) == 3


# --- release ---


def test_each_folder_is_kept_for_its_own_retention(world: Pipeline) -> None:
    world.until_handed_over()
    world.result("completed")
    world.clock.pass_seconds(RETENTION_S - 10)
    world.until_stable(120)
    world.pull()
    world.accept(world.message(world.plugins.asked[-1], 110))
    world.result("completed", "H2")
    assert world.release()
    assert world.plugins.released == ["H1"]
    assert not world.release()
    world.clock.pass_seconds(RETENTION_S)
    assert world.release()
    assert world.plugins.released == ["H1", "H2"]
    assert RELEASE not in world.study().due


def test_a_release_that_the_plugins_do_not_hear_is_repeated(world: Pipeline) -> None:
    world.until_handed_over()
    world.result("completed")
    world.clock.pass_seconds(RETENTION_S)
    world.plugins.deaf = Unreachable("Orthanc restarts")
    with pytest.raises(Unreachable):
        world.release()
    world.plugins.deaf = None
    assert not world.release()
    world.clock.pass_seconds(60)
    assert world.release()
    assert world.plugins.released == ["H1"]


# --- what the debug API says ---


def test_the_story_names_the_next_step_and_its_time(world: Pipeline) -> None:
    def following() -> tuple[str, float | None]:
        step = story(world.study(), world.clock.now())["next"]
        return step["what"], step["inSeconds"]

    world.pacs.studies["A"] = [answer()]
    world.find("A", DAY)
    assert following() == (
        "the next find counts its instances: pulled when the count has not changed, at the latest then",
        600.0,
    )
    world.find("A", DAY)
    assert following() == ("pull number 1, priority 0", 0.0)
    world.pull()
    assert following() == ("the plugins report the end of the running pull; asked after then", 15.0)
    request = world.plugins.asked[-1]
    world.accept(world.message(request))
    world.report(request, "received")
    assert following()[0] == "delivery number 1 is published to RabbitMQ"
    world.publish()
    assert following() == ("a delivery worker takes it from RabbitMQ; looked for there then", 60.0)
    world.deliver.stopping = lambda: True
    world.deliver(0)
    assert following() == ("the backend posts its result", None)
    world.result("completed")
    assert following() == ("nothing: the result is in; growth at the PACS or a person starts it again", None)
    told = story(world.study(), world.clock.now())
    assert told["state"] == "completed"
    assert told["filtered"] == [f"{THIN[:-1]}2 filter because SliceThickness 8"]
