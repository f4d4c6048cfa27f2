"""Everything that happened to a study as one list; how far it is on its way."""

from __future__ import annotations

from pacs_module.domain.errors import RetriableError
from pacs_module.domain.explain.timeline import since, stages, timeline
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import Study
from tests.fakes.pipeline import H1, Pipeline


def lived() -> Pipeline:
    """Found twice, pulled short, pulled again, delivered at the second try, computed."""
    world = Pipeline()
    request = world.until_asked(100)
    world.clock.pass_seconds(5)
    world.report(request, "short", "SHORT 60 of 100", received=60, job_id="J1", move_seconds=4.5)
    world.clock.pass_seconds(30)
    world.pull()
    request = world.plugins.asked[-1]
    world.clock.pass_seconds(5)
    world.accept(world.message(request))
    world.report(request, "received", "COMPLETE", received=100)
    world.clock.pass_seconds(1)
    world.publish()
    world.backend.error = RetriableError("the backend answered 500")
    world.deliver(0)
    world.backend.error = None
    world.clock.pass_seconds(30)
    world.publish()
    world.answers_while_waiting("completed")
    world.deliver(0)
    return world


def test_the_whole_life_in_its_order_with_counts_and_words() -> None:
    told = [(one.kind, one.what, one.detail) for one in timeline(lived().study())]
    kinds = [kind for kind, _, _ in told]
    assert kinds[0] == "find"
    assert ("find", "A: 100 instances", "") in told
    assert ("pull", "pull ended: short", "60 received, SHORT 60 of 100, C-MOVE took 4.50 s, job J1") in told
    assert ("pull", "C-MOVE from A, attempt 2", "STUDY level, priority 0, 100 instances expected") in told
    assert ("delivery", "delivery: failed", "the backend answered 500") in told
    assert ("delivery", "message confirmed by RabbitMQ", f"message {H1}:2") in told
    assert ("result", "result: completed", "") in told
    tries = [what for kind, what, _ in told if kind == "delivery" and what.startswith("delivery")]
    assert tries == ["delivery: failed", "delivery: accepted"]
    assert kinds.index("pull") < kinds.index("hand-over") < kinds.index("delivery") < kinds.index("result")
    times = [one.at for one in timeline(lived().study())]
    assert times == sorted(times)


def test_a_count_that_changes_is_told_with_the_one_before() -> None:
    world = Pipeline()
    world.until_stable(100)
    world.until_stable(120)
    finds = [(one.what, one.detail) for one in timeline(world.study()) if one.kind == "find"]
    assert finds == [("A: 100 instances", ""), ("A: 120 instances", "100 before")]


def test_how_far_it_is() -> None:
    world = Pipeline()
    world.until_stable()
    assert stages(world.study()) == {"done": ["found", "stable"], "now": "pulled"}
    world.pull()
    assert stages(world.study())["now"] == "received"
    assert stages(lived().study()) == {
        "done": ["found", "stable", "pulled", "received", "handed over", "delivered", "result"],
        "now": None,
    }
    for state in (None, State.UNSUPPORTED_SERIES, State.CANCELLED, State.DEAD_LETTER):
        assert stages(Study("1.2.3", state=state))["now"] is None, "nothing is waited for"


def test_since_when_it_is_in_its_state() -> None:
    world = Pipeline()
    world.until_stable()
    assert since(world.study()) == "2020-06-18T12:00:10.000+00:00"
    assert since(Study("1.2.3", first_seen_at="2020")) == "2020"
