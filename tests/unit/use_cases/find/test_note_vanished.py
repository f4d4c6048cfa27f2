"""
Studies that a PACS answers no more: which finds count, what is written when, and where it is pulled from
then.

Does not prove that a real PACS drops studies like this. The rule itself:
tests/unit/domain/find/test_vanished.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.errors import RetriableError, TooManyAnswers
from pacs_module.domain.explain.story import story
from pacs_module.domain.find.windows import Window
from pacs_module.domain.study.lifecycle import State
from pacs_module.ports import StudyStore
from pacs_module.use_cases.find.note_vanished import RELOAD, NoteVanished
from tests.fakes.pipeline import UID, Pipeline, answer
from tests.fakes.world import DAY

OTHER = answer(UID + ".9", 50, AccessionNumber="A9", PatientID="P9", ModalitiesInStudy="MR")


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StudyStore]:
    store: StudyStore = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "studies.db")
    yield store
    store.close()


def finds(world: Pipeline, number: int = 4, pacs: str = "A", seconds: float = 120) -> None:
    for _ in range(number):
        world.clock.pass_seconds(seconds)
        world.find(pacs, DAY)


def gone_at(world: Pipeline, pacs: str = "A") -> str | None:
    return world.study().pacs[pacs].gone_at


def test_a_study_that_is_gone_and_comes_back(store: StudyStore) -> None:
    world = Pipeline(store)
    world.until_handed_over()
    assert world.result("completed") == "recorded"
    world.find("A", DAY)
    before = world.study().revision
    world.pacs.studies["A"] = [OTHER]
    finds(world, 10)
    study = world.study()
    assert study.history[-1].event == "gone from the PACS"
    assert study.revision == before + 4, "three finds counted, then gone"
    assert study.state is State.COMPLETED
    assert [
        values["studyUIDs"] for what, values in world.log.events if what == "studies are gone from the PACS"
    ] == [[UID]]
    world.pacs.studies["A"] = [OTHER, answer()]
    finds(world, 10)
    study = world.study()
    assert study.revision == before + 5
    assert world.events()[-2:] == ["gone from the PACS", "back at the PACS"]
    assert gone_at(world) is None
    assert study.state is State.COMPLETED


def test_a_quiet_day_reads_the_store_once_in_a_while(
    store: StudyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Pipeline(store)
    world.until_handed_over()
    finds(world, 3, seconds=10)  # until a control has proved the list of one study
    reading = Mock(wraps=store.find)
    monkeypatch.setattr(store, "find", reading)
    finds(world, 100, seconds=10)
    assert reading.call_count <= 1
    world.clock.pass_seconds(RELOAD.total_seconds())
    finds(world, 100, seconds=1)
    assert 1 <= reading.call_count <= 2


def test_capped_failed_and_partial_answers_say_nothing(world: Pipeline) -> None:
    world.until_stable()
    before = world.study().revision
    world.pacs.studies["A"] = [OTHER]
    for error in (TooManyAnswers([OTHER], "more"), RetriableError("away")):
        world.pacs.errors["A", "STUDY"] = error
        for _ in range(6):
            world.clock.pass_seconds(120)
            try:
                assert not world.finding("A", Window(DAY)).complete
            except RetriableError:
                assert not isinstance(error, TooManyAnswers)
    world.pacs.errors.clear()
    for _ in range(6):
        world.clock.pass_seconds(120)
        world.finding("A", Window(DAY, since=40_000))
    assert world.study().revision == before


def test_a_number_that_may_be_a_cap_is_no_proof(world: Pipeline) -> None:
    world.until_stable()
    before = world.study().revision
    world.pacs.studies["A"] = [
        answer(f"1.2.{n}", 10, AccessionNumber=f"N{n}", StudyTime="") for n in range(50)
    ]
    finds(world, 6)
    assert world.study().revision == before
    world.pacs.studies["A"].pop()
    finds(world, 6)
    assert gone_at(world)


def test_after_midnight_the_day_before_is_asked_by_itself(world: Pipeline) -> None:
    world.until_stable()
    world.pacs.studies["A"] = [answer(UID + ".5", StudyDate="20200619")]
    for _ in range(6):
        world.clock.pass_seconds(120)
        world.find("A", DAY + timedelta(days=1))
    assert world.study().pacs["A"].missed is None, "the new day says nothing of the old one"
    finds(world)
    assert gone_at(world)


def test_a_study_whose_date_was_corrected_is_not_gone(world: Pipeline) -> None:
    world.until_stable()
    world.pacs.studies["A"] = [answer(StudyDate="20200619"), OTHER]
    for _ in range(6):
        world.clock.pass_seconds(120)
        world.find("A", DAY + timedelta(days=1))
        world.find("A", DAY)
    assert world.study().study_date == "2020-06-19"
    assert gone_at(world) is None


def test_another_process_that_finds_then_counts_on(world: Pipeline) -> None:
    """The count is in the document, and an answer that this process has known for long ends it."""
    world.until_handed_over()
    assert world.result("completed") == "recorded"
    finds(world, 2)
    elsewhere = NoteVanished(world.store, world.clock, world.log)
    assert elsewhere("A", DAY, [], in_parts=False) == {UID}
    assert world.study().pacs["A"].missed == 1
    world.clock.pass_seconds(RELOAD.total_seconds())
    finds(world, 2)
    assert world.study().pacs["A"].missed is None


def test_it_is_pulled_from_the_pacs_that_still_has_it(store: StudyStore) -> None:
    world = Pipeline(store, pacs=("A", "B"), limit=1)
    world.pacs.studies["B"] = [answer(count=90)]
    world.find("B", DAY)
    world.until_stable(100)
    world.pacs.studies["A"] = [OTHER]
    finds(world)
    assert gone_at(world)
    assert gone_at(world, "B") is None
    world.unreachable.add("B")
    assert world.pull() == 0
    assert world.study().why == "gone from A; waits for B"
    assert world.study().attempts == 0
    world.unreachable.clear()
    world.clock.pass_seconds(60)
    assert world.pull() == 1
    assert [request.pacs for request in world.plugins.asked] == ["B"]


def test_what_no_pacs_has_is_tried_given_up_and_pulled_when_it_is_back(store: StudyStore) -> None:
    world = Pipeline(store)
    world.until_stable()
    world.pacs.studies["A"] = []
    finds(world)
    assert gone_at(world)
    while world.study().state is State.META_ONLY:
        assert world.pull() == 1
        world.report(world.plugins.asked[-1], "failed")
        world.clock.pass_seconds(600)
    assert world.study().state is State.PULL_FAILED
    world.until_stable()
    assert "back at the PACS" in world.events()
    assert world.pull() == 1
    assert world.study().state is State.PULL_DATA


def test_a_list_that_lacks_a_study_is_asked_for_again_before_it_counts(world: Pipeline) -> None:
    """An overloaded PACS says Success without answers, or with too few, to every other question."""
    world.until_stable()
    world.finding("A", Window(DAY))
    whole, asked = [answer(), OTHER], 0

    def moody(*_: object) -> list[dict[str, str]]:
        nonlocal asked
        asked += 1
        return [] if asked % 2 else [*whole]

    world.finder.finder = Mock(find=moody)
    finds(world, 12)
    assert gone_at(world) is None
    assert world.study().pacs["A"].missed is None
    assert world.store.get(UID + ".9") is not None


def test_a_first_find_reads_no_study_back_that_it_has_just_written(
    store: StudyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Pipeline(store)
    read: list[object] = []
    of_day_at = store.of_day_at

    def reading(*asked: Any) -> Any:
        read.append(of_day_at(*asked))
        return read[-1]

    monkeypatch.setattr(store, "of_day_at", reading)
    world.pacs.studies["A"] = [answer(), OTHER]
    ask = world.finding.ask
    with monkeypatch.context() as proved:  # as of a list that a control has proved whole
        proved.setattr(world.finding, "ask", lambda *asked: replace(ask(*asked), proof=True))
        finds(world, 1)
    assert read == [[]]
    assert world.finding.vanished.lacking("A", DAY, ()) == {UID, OTHER["StudyInstanceUID"]}, (
        "known from then on"
    )


MOVED = UID + ".77"


def begin_with_a_longer_list(world: Pipeline) -> None:
    """One that is as long as the longest might end at a cap, and says of nothing that it is gone."""
    more = [answer(f"1.3.{number}", 5, AccessionNumber=f"N{number}") for number in range(3)]
    world.pacs.studies["A"] = [OTHER, answer(), *more]
    finds(world, 3)


def moved(world: Pipeline) -> tuple[str | None, str | None]:
    """Where the study went, and where the other one came from."""
    other = world.store.get(MOVED)
    return world.study().moved_to, other.moved_from if other is not None else None


def test_k09_a_study_that_moved_under_another_uid_is_linked_from_both_sides(store: StudyStore) -> None:
    world = Pipeline(store)
    world.until_handed_over()
    assert world.result("completed") == "recorded"
    begin_with_a_longer_list(world)
    world.pacs.studies["A"] = [OTHER, answer(MOVED)]
    finds(world, 10)
    assert moved(world) == (MOVED, UID)
    assert world.study().history[-1].why == f"A has its AccessionNumber and PatientID under {MOVED} now"
    assert f"there as {MOVED} now" in story(world.study(), world.clock.now())["next"]["what"]
    words = "a study is at the PACS under another UID now"
    told = [values for what, values in world.log.events if what == words]
    assert [(one["studyUID"], one["movedTo"]) for one in told] == [(UID, MOVED)]
    world.pacs.studies["A"] = [OTHER, answer(MOVED), answer()]
    finds(world, 2)
    assert moved(world) == (None, UID), "it is back, and the other one was there before it"


@pytest.mark.parametrize(
    "there",
    [
        [answer(MOVED, AccessionNumber="OTHER")],
        [answer(MOVED, PatientID="OTHER")],
        [answer(MOVED, ModalitiesInStudy="MR")],
        [answer(MOVED), answer(MOVED + ".1")],
        [answer(MOVED, AccessionNumber="")],
        [answer(MOVED, 7)],
    ],
    ids=["another order", "another patient", "another modality", "two at once", "no number", "fewer images"],
)
def test_k09_what_is_not_surely_the_same_is_not_linked(world: Pipeline, there: list[Any]) -> None:
    world.until_handed_over()
    begin_with_a_longer_list(world)
    world.pacs.studies["A"] = [OTHER, *there]
    finds(world, 10)
    assert gone_at(world)
    assert moved(world) == (None, None)


def test_k09_a_sister_that_was_there_beside_it_is_not_where_it_went(world: Pipeline) -> None:
    world.pacs.studies["A"] = [OTHER, answer(), answer(MOVED)]
    finds(world, 20)
    world.pacs.studies["A"] = [OTHER, answer(MOVED)]
    finds(world, 10)
    assert gone_at(world)
    assert moved(world) == (None, None)
