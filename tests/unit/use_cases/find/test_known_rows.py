"""
What a find of a known day costs: rows that came before are neither matched, read nor looked up again, and new
studies are written together.

Does not prove how long that takes (``make bench`` measures it).
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.find.go_live import Backlog
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PULL, Study
from pacs_module.ports import StudyStore
from pacs_module.use_cases.find import known_rows
from pacs_module.use_cases.find.find_studies import AT_ONCE
from pacs_module.use_cases.find.known_rows import MOST_QUERIES, KnownRows
from tests.fakes.pipeline import Pipeline, answer
from tests.fakes.world import DAY

QUERY = {"StudyDate": "20200618"}
MANY = 45


@pytest.fixture(autouse=True)
def few_rows_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_rows, "WORTH_KEEPING", 1)


def read_once(rows: KnownRows, told: dict[str, str], pacs: str = "A", query: dict[str, str] = QUERY) -> None:
    of_query = rows.of_query(pacs, query)
    of_query.take(told)
    rows.keep(of_query)


def test_a_row_that_came_before_is_known() -> None:
    rows = KnownRows()
    read_once(rows, answer(count=100))
    known = rows.of_query("A", QUERY).known(dict(answer(count=100)))
    assert known is not None
    assert (known.pacs, known.count) == ("A", 100)


@pytest.mark.parametrize("changed", [
    {"NumberOfStudyRelatedInstances": "101"}, {"PatientID": "P2"}, {"ModalitiesInStudy": "CT\\PR"},
    {"StudyDescription": ""}, {"StationName": "CT1"}, {"StudyInstanceUID": "1.2.9"},
])  # fmt: skip
def test_a_row_that_differs_in_anything_is_not(changed: dict[str, str]) -> None:
    rows = KnownRows()
    read_once(rows, answer(count=100))
    assert rows.of_query("A", QUERY).known({**answer(count=100), **changed}) is None


def test_a_row_of_another_pacs_or_query_is_not() -> None:
    rows = KnownRows()
    read_once(rows, answer())
    assert rows.of_query("B", QUERY).known(answer()) is None
    assert rows.of_query("A", {"StudyDate": "20200619"}).known(answer()) is None


def test_a_row_that_was_not_among_the_last_is_forgotten() -> None:
    rows = KnownRows()
    read_once(rows, answer())
    read_once(rows, answer(uid="1.2.9"))
    assert rows.of_query("A", QUERY).known(answer()) is None


def test_it_does_not_grow_with_the_number_of_queries() -> None:
    rows = KnownRows()
    for number in range(3 * MOST_QUERIES):
        read_once(rows, answer(), query={"StudyDate": str(number)})
    assert len(rows._rows) == MOST_QUERIES


def test_a_row_that_does_not_match_is_dropped_each_time(world: Pipeline) -> None:
    world.pacs.find = lambda *asked: [answer(StudyDate="20200101")]  # type: ignore[method-assign]
    for _ in range(3):
        world.find("A", DAY)
        assert world.store.count({}) == 0


def test_a_changed_count_in_a_known_day_is_seen(world: Pipeline) -> None:
    world.until_handed_over()
    for _ in range(3):
        world.clock.pass_seconds(10)
        assert world.find("A", DAY) == 0
    grown = [{**row, "NumberOfStudyRelatedInstances": "500"} for row in world.pacs.studies["A"]]
    world.pacs.studies["A"] = grown
    world.clock.pass_seconds(10)
    world.find("A", DAY)
    assert world.study().count == 500
    assert world.study().state is State.META_ONLY


class Counted:
    """A store; how often it is asked and written."""

    def __init__(self, store: StudyStore) -> None:
        self.store, self.calls = store, []  # type: ignore[var-annotated]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            self.calls.append(name)
        return getattr(self.store, name)


def test_a_quiet_day_asks_no_store_for_its_studies(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer(f"1.2.{n}", ModalitiesInStudy="MR") for n in range(MANY)]
    world.find("A", DAY)
    world.find("A", DAY)
    counted = Counted(world.store)
    world.finding.store = counted
    world.find("A", DAY)
    assert not [name for name in counted.calls if name.startswith(("get", "insert", "replace"))]


def test_the_studies_of_a_first_find_are_written_together(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer(f"1.2.{n}") for n in range(AT_ONCE + MANY)]
    counted = Counted(world.store)
    world.finding.store = counted
    world.find("A", DAY)
    assert world.store.count({"state": State.META_ONLY.value}) == AT_ONCE + MANY
    assert counted.calls.count("insert_many") == 2
    assert not {"get", "insert", "replace"} & set(counted.calls)
    world.clock.pass_seconds(10)
    assert world.find("A", DAY) == AT_ONCE + MANY
    assert counted.calls.count("replace_many") == 2


def test_studies_of_the_backlog_that_are_found_together_get_times_of_their_own() -> None:
    world = Pipeline()
    world.finding.backlog = Backlog("2030-01-01 000000", per_hour=60)
    world.pacs.studies["A"] = [answer(f"1.2.{n}", ModalitiesInStudy="DX") for n in range(5)]
    world.find("A", DAY)
    times = sorted(study.due[PULL] for study in world.store.find({}))
    assert [later - first for first, later in itertools.pairwise(times)] == [60_000] * 4


def test_what_another_process_wrote_in_between_is_not_lost(world: Pipeline) -> None:
    """Between reading a batch and writing it: one study is new in the store, one has another revision."""
    world.pacs.studies["A"] = [answer("1.2.1", 5), answer("1.2.2", 5)]
    world.find("A", DAY)
    world.pacs.studies["A"] = [answer("1.2.1", 6), answer("1.2.2", 6), answer("1.2.3", 6)]

    class Meddled(Counted):
        def get_many(self, uids: list[str]) -> dict[str, Study]:
            read = self.store.get_many(uids)
            other = self.store.get("1.2.1")
            assert other is not None
            other.user_name = "somebody"  # type: ignore[attr-defined]
            other.why = "written by another process"
            assert self.store.replace(other)
            assert self.store.insert(Study("1.2.3", first_seen_at="theirs"))
            return read

    world.finding.store = Meddled(world.store)  # type: ignore[assignment]
    world.find("A", DAY)
    for uid in ("1.2.1", "1.2.2", "1.2.3"):
        assert world.study(uid).count == 6
    assert world.study("1.2.3").first_seen_at == "theirs"


def test_a_transaction_that_fails_leaves_the_studies_as_they_were(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db")
    assert store.insert(Study("1.2.1"))
    known, new = store.get("1.2.1"), Study("1.2.2", study_description=object())  # type: ignore[arg-type]
    assert known is not None
    good = Study("1.2.3")
    with pytest.raises(Exception, match="cannot be stored"):
        store.insert_many([good, new])
    assert (good.revision, new.revision) == (0, 0)
    assert store.count({}) == 1
    store.close()
