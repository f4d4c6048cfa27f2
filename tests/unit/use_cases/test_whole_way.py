"""
From the find to the result: the contract's lines on the way, and what comes next as the debug API tells it.

Does not prove what the servers in between do.
"""

from __future__ import annotations

from pathlib import Path

from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.explain.story import story
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import RELEASE
from tests.fakes.pipeline import H1, RETENTION_S, THIN, UID, Pipeline, answer
from tests.fakes.world import DAY
from tests.support.log_grammar import check


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
        f"upload_image_path file_path /store_image/{H1} has file number is 80",
        f"upload_image_path file_path ----/store_image/{H1}----success",
    ]
    study = world.study()
    assert study.state is State.COMPLETED
    assert study.due == {RELEASE: world.clock.now() + int(RETENTION_S * 1000)}
    assert world.events() == [
        "wanted",
        "stable",
        "pull asked",
        "received",
        "pull ended",
        "delivered",
        "result completed",
    ]
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
