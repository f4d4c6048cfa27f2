"""
Pulls: asked, watched, repeated, given back; and what their reports do to the document.

Does not prove that Orthanc moves anything; the plugins are a list of what they were asked.
"""

from __future__ import annotations

from typing import Any

import pytest

from pacs_module.domain.errors import Refused, RetriableError, TooLarge, Unreachable
from pacs_module.domain.json_messages.messages import PullReport
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.priority import MANUAL
from pacs_module.domain.study.study import PULL, WATCH, Study
from tests.fakes.pipeline import UID, Pipeline, answer
from tests.fakes.world import DAY


def test_a_round_says_what_it_pulls_in_the_contracts_words(world: Pipeline) -> None:
    world.until_stable()
    world.log.take()
    assert world.pull() == 1
    assert world.log.take() == ["move data in ['2020-06-18']", "send move study. amount is 1"]
    study = world.study()
    assert study.state is State.PULL_DATA
    assert study.due == {WATCH: world.clock.now() + 15_000}
    request = world.plugins.asked[0]
    assert (request.pacs, request.level, request.expected, request.final, request.forced) == (
        "A",
        "STUDY",
        100,
        False,
        False,
    )
    assert world.pull() == 0
    assert world.log.take() == []


def test_priority_first_then_the_oldest() -> None:
    world = Pipeline(limit=1)
    world.pacs.studies["A"] = [
        answer(UID + ".3", StudyTime="100000"),
        answer(UID + ".1", StudyTime="090000"),
        answer(UID + ".2", StudyTime="110000", AccessionNumber="A2"),
    ]
    world.find("A", DAY)
    world.find("A", DAY)
    world.manual({"AccessionNumber": "A2"}, "manual: a doctor")
    for _ in range(3):
        assert world.pull() == 1
        assert world.pull() == 0
        last = world.plugins.asked[-1]
        world.filtered(last)
    assert [request.study_uid[-1] for request in world.plugins.asked] == ["2", "1", "3"]


def test_the_limit_holds_for_each_pacs_also_for_mirrored_studies() -> None:
    world = Pipeline(pacs=("A", "B"), limit=1)
    both = [answer(f"{UID}.{number}") for number in range(4)]
    world.pacs.studies = {"A": both, "B": both}
    for name in ("A", "B", "A", "B"):
        world.find(name, DAY)
    assert world.pull() == 2
    assert sorted(request.pacs for request in world.plugins.asked) == ["A", "B"]


def test_the_limit_holds_when_every_study_is_fuller_at_one_pacs() -> None:
    world = Pipeline(pacs=("A", "B"), limit=1)
    world.pacs.studies = {
        name: [answer(f"{UID}.{number}", count) for number in range(4)]
        for name, count in (("A", 90), ("B", 100))
    }
    for name in ("A", "B", "A", "B"):
        world.find(name, DAY)
    assert world.pull() == 2
    assert sorted(request.pacs for request in world.plugins.asked) == ["A", "B"]


def test_short_and_failed_pulls_are_repeated_with_growing_pauses_up_to_the_limit(world: Pipeline) -> None:
    request = world.until_asked()
    world.log.take()
    world.report(request, "short", "SHORT 90 of 100")
    assert world.log.take() == [f"move success: [['{UID}', 'A']]"]
    assert world.study().due == {PULL: world.clock.now() + 30_000}
    assert world.study().state is State.META_ONLY
    world.clock.pass_seconds(30)
    world.pull()
    assert world.log.take() == ["move data in ['2020-06-18']", "continue to pull study, amount=1"]
    world.report(world.plugins.asked[-1], "failed", message="the job ended without a word")
    assert world.log.take() == ["orthanc move failed!", "move success: []"]
    assert world.study().due == {PULL: world.clock.now() + 60_000}
    world.clock.pass_seconds(60)
    world.pull()
    assert [request.final for request in world.plugins.asked] == [False, False, True]
    world.report(world.plugins.asked[-1], "failed", message="the job ended without a word")
    study = world.study()
    assert (study.state, study.due) == (State.PULL_FAILED, {})
    assert study.why == "failed: the job ended without a word; attempt 3 was the last"
    assert [pull.outcome for pull in [*study.pulls, study.pull] if pull] == ["short", "failed", "failed"]


def test_a_report_that_comes_twice_or_for_an_older_pull_changes_nothing(world: Pipeline) -> None:
    request = world.until_asked()
    world.report(request, "short", "SHORT 90 of 100")
    before = world.study()
    world.log.take()
    assert world.report(request, "short", "SHORT 90 of 100")
    assert world.study() == before
    world.clock.pass_seconds(30)
    world.pull()
    asked = world.study()
    assert world.report(request, "failed")
    assert world.study() == asked
    assert world.log.take()[2:] == []
    assert not world.report(request, "failed", uid="1.2.3")


def test_after_a_failure_another_mirror_is_asked() -> None:
    world = Pipeline(pacs=("A", "B"))
    world.pacs.studies["B"] = [answer(count=90)]
    world.find("B", DAY)
    world.until_stable(100)
    world.pull()
    world.report(world.plugins.asked[-1], "failed")
    world.clock.pass_seconds(30)
    world.pull()
    assert [request.pacs for request in world.plugins.asked] == ["A", "B"]
    world.accept(world.message(world.plugins.asked[-1]))
    world.report(world.plugins.asked[-1], "received", received=90)
    for _ in range(3):
        assert world.find("A", DAY) == 0, "A was asked for its 100 and could not deliver"


def test_no_attempt_is_wasted_on_a_pacs_that_is_down_but_a_person_may_try(world: Pipeline) -> None:
    world.until_stable()
    world.unreachable.add("A")
    assert world.pull() == 0
    assert world.study().attempts == 0
    world.manual({"AccessionNumber": "A1"}, "manual: a doctor")
    assert world.pull() == 1
    assert world.plugins.asked[-1].priority == MANUAL


def test_without_room_it_is_asked_again_after_a_pause_and_leaves_one_line_in_the_history(
    world: Pipeline,
) -> None:
    world.plugins.refuse = world.plugins.no_room
    world.until_stable()
    for _ in range(300):
        assert world.pull() == 0
        study = world.study()
        assert (study.state, study.attempts, study.pull, study.pulls) == (State.META_ONLY, 0, None, [])
        assert study.due == {PULL: world.clock.now() + 5_000}
        world.clock.pass_seconds(5)
    assert world.events() == ["wanted", "stable", "pull to be repeated"]
    assert world.study().why == "no room on the RAM disk: 256 MB free, 300 MB needed"
    world.plugins.refuse = lambda request: None
    assert world.pull() == 1
    assert world.events() == ["wanted", "stable", "pull to be repeated", "pull asked"]


def test_a_pull_larger_than_the_ram_disk_ends_at_once_in_a_clear_state_and_the_others_go_on(
    world: Pipeline,
) -> None:
    words = "larger than the RAM disk: 900 MB needed, the whole disk has 500 MB, 256 MB of it kept in reserve"
    world.plugins.refuse = lambda request: TooLarge(words) if request.study_uid == UID else None
    world.pacs.studies["A"] = [answer(), answer(UID + ".9", StudyTime="090000")]
    for _ in range(2):
        world.clock.pass_seconds(10)
        world.find("A", DAY)
    assert world.pull() == 1
    assert [request.study_uid for request in world.plugins.asked] == [UID + ".9"]
    study = world.study()
    assert (study.state, study.why, study.due) == (State.PULL_FAILED, words, {})
    world.clock.pass_seconds(100_000)
    assert world.pull() == 0
    world.plugins.refuse = lambda request: None  # a larger disk, and somebody asks
    world.manual({"StudyInstanceUID": UID}, "manual: me")
    assert world.pull() == 1


def test_a_pull_that_orthanc_refuses_counts_as_failed(world: Pipeline) -> None:
    world.plugins.refuse = lambda request: Refused("the receiving Orthanc", 404, "no such modality")
    world.until_stable()
    world.log.take()
    assert world.pull() == 0
    assert world.log.take()[2:] == ["orthanc move failed!", "move success: []"]
    study = world.study()
    assert (study.state, study.attempts) == (State.META_ONLY, 1)
    assert study.due == {PULL: world.clock.now() + 30_000}


def test_a_pull_that_the_plugins_never_heard_of_is_asked_again_with_the_same_id(world: Pipeline) -> None:
    world.plugins.refuse = lambda request: Unreachable("Orthanc restarts")
    world.until_stable()
    assert world.pull() == 1
    assert world.plugins.asked == []
    world.plugins.refuse = lambda request: None
    assert not world.pull.watch()
    world.clock.pass_seconds(15)
    world.log.take()
    assert world.pull.watch()
    assert world.log.take() == ["continue to pull study, amount=1"]
    pull = world.study().pull
    assert pull is not None
    assert [request.pull_id for request in world.plugins.asked] == [pull.request.pull_id]
    assert WATCH in world.study().due


def test_a_lost_report_is_asked_for(world: Pipeline) -> None:
    request = world.until_asked()
    world.clock.pass_seconds(15)
    assert world.pull.watch()
    assert world.study().state is State.PULL_DATA, "it runs"
    world.plugins.reports[request.pull_id] = PullReport("R", request.pull_id, UID, "short")
    world.clock.pass_seconds(15)
    assert world.pull.watch()
    study = world.study()
    assert study.pull is not None
    assert (study.pull.outcome, study.state) == ("short", State.META_ONLY)
    assert not world.pull.watch()


def test_a_report_before_its_notification_waits_for_it(world: Pipeline) -> None:
    request = world.until_asked()
    world.report(request, "received", "COMPLETE", received=100)
    assert world.study().state is State.PULL_DATA
    world.accept(world.message(request))
    study = world.study()
    assert study.state is State.PULL_DATA_END
    assert WATCH not in study.due


def test_a_notification_that_never_comes_ends_in_another_pull(world: Pipeline) -> None:
    request = world.until_asked()
    world.report(request, "received", "COMPLETE", received=100)
    world.clock.pass_seconds(600)
    assert world.pull.watch()
    assert world.study().state is State.META_ONLY
    world.clock.pass_seconds(30)
    assert world.pull() == 1
    assert world.plugins.asked[-1].forced


def test_a_short_report_after_the_hand_over_blocks_nothing(world: Pipeline) -> None:
    """
    The RAM disk was emptied between the early hand-over and the end of the job: the plugins begin that pull
    again.
    """
    request = world.until_asked()
    world.accept(world.message(request))
    assert world.report(request, "short", "SHORT 3 of 100")
    study = world.study()
    assert study.state is State.PULL_DATA_END
    assert study.pull is not None
    assert study.pull.status == "ended"


def test_a_due_time_in_a_settled_state_is_taken_away(world: Pipeline) -> None:
    world.until_handed_over()
    study = world.study()
    study.schedule(PULL, world.clock.now())
    world.store.replace(study)
    assert world.pull() == 0
    assert PULL not in world.study().due
    assert world.study().state is State.PULL_DATA_END


# --- a store that goes away in the middle ---


def test_a_claim_whose_answer_is_lost_is_pulled_in_the_next_round(
    world: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.until_stable()
    claim = world.store.claim

    def answer_lost(*asked: Any) -> None:
        if claim(*asked) is not None:
            raise RetriableError("the connection broke")

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "claim", answer_lost)
        with pytest.raises(RetriableError, match="broke"):
            world.pull()
    assert world.plugins.asked == []
    assert world.pull() == 1
    assert "taken over" in world.events()


def test_all_that_was_claimed_when_the_store_went_away_is_pulled_in_the_next_round(
    world: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.pacs.studies["A"] = [answer(f"{UID}.{number}") for number in range(3)]
    world.find("A", DAY)
    world.find("A", DAY)

    def away(_: object) -> bool:
        raise RetriableError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "replace", away)
        with pytest.raises(RetriableError, match="away"):
            world.pull()
    assert world.plugins.asked == []
    assert world.pull() == 3


def test_a_pull_is_asked_for_once_when_the_answer_to_writing_it_down_is_lost(
    world: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.until_stable()
    replace = world.store.replace

    def answer_lost(study: Study) -> bool:
        replace(study)
        raise RetriableError("the connection broke")

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "replace", answer_lost)
        with pytest.raises(RetriableError, match="broke"):
            world.pull()
    assert world.pull() == 0
    assert world.study().state is State.PULL_DATA
    world.clock.pass_seconds(15)
    assert world.pull.watch()
    assert [request.study_uid for request in world.plugins.asked] == [UID]
