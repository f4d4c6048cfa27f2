"""The lists for people: every store gives the rows, in the order, that the reference gives."""

import random
from dataclasses import replace
from typing import Any

import pytest

from pacs_module.adapters.stores.rows.memory import MemoryLists
from pacs_module.domain.explain.listing import Place, RowFilter, RowOrder, row_of, sort_key
from pacs_module.domain.explain.sent import SentStudy
from pacs_module.domain.instants import iso
from pacs_module.domain.results.result_set import RefusedResult, ResultObject, ResultSet
from pacs_module.domain.rules.verdict import Verdict
from pacs_module.domain.study.history import Note
from pacs_module.domain.study.lifecycle import Event, State
from pacs_module.domain.study.study import PacsCopy, SeriesRecord, Study, upload_work
from pacs_module.domain.upload.upload import Upload
from pacs_module.domain.upload.upload_state import UploadState
from tests.contract.store.store_cases import ConditionalStore

NOON = 1_592_481_600_000
FILTERS = [
    RowFilter(),
    RowFilter(state="completed"),
    RowFilter(state="none"),
    RowFilter(first_day="2020-06-13", last_day="2020-06-14"),
    RowFilter(accession_number="A3"),
    RowFilter(patient_id="P1"),
    RowFilter(study_uid="1.2.3"),
    RowFilter(modality="DX"),
    RowFilter(pacs="B"),
    RowFilter(priority=2),
    RowFilter(text="chest p1"),
    RowFilter(text="胸部"),
    RowFilter(text="100%"),
    RowFilter(text="50_"),
    RowFilter(state="meta_only", modality="CT", text="a.b (c"),
    RowFilter(pacs="nobody"),
    RowFilter(device="GE / CT-1"),
    RowFilter(device="GE"),
    RowFilter(device="GE / CT-1", state="completed", text="ge"),
]
DEVICES = ("", "GE / CT-1", "联影 / DX-2")


def studies() -> list[Study]:
    chance = random.Random(7)
    made = []
    for number in range(24):
        study = Study(
            f"1.2.{number}",
            f"2020-06-{12 + number % 5}",
            f"{chance.randrange(24):02}0000",
            f"A{number // 2}",
            f"P{number % 4}",
            chance.choice(["CHEST", "胸部平扫", "Ð\u0098Ø 100%", "a.b (c)", "500", "50_x"]),
            chance.choice([["CT"], ["DX"], ["CT", "PR"]]),
            chance.choice([None, State.META_ONLY, State.COMPLETED]),
            chance.choice([0, 2]),
            pacs={name: PacsCopy(number) for name in chance.choice(["A", "B", "AB"])},
            first_seen_at="" if number % 7 == 0 else f"2020-06-1{2 + number % 5}T08:00:{number:02}.000+00:00",
            changed_at=f"2020-06-18T0{chance.randrange(9)}:00:00.000+00:00",
        )
        study.keep_series([series(f"{study.study_uid}.1", number)])
        made.append(study)
    return made


def series(uid: str, number: int) -> SeriesRecord:
    verdict = Verdict(False, "thickness", "SliceThickness", str(number))
    record = SeriesRecord(uid, False, "thickness", verdict.because, "find", "CT", "HEAD", verdict=verdict)
    return replace(record, device=DEVICES[number % 3])


@pytest.fixture
def made(store: ConditionalStore) -> list[Study]:
    made = studies()
    for study in made:
        assert store.insert(study)
    return made


@pytest.mark.parametrize("order", list(RowOrder))
@pytest.mark.parametrize("wanted", FILTERS, ids=str)
def test_rows_are_those_of_the_reference(
    store: ConditionalStore, made: list[Study], wanted: RowFilter, order: RowOrder
) -> None:
    expected = MemoryLists(lambda: made).rows(wanted, order, None, 100)
    assert store.lists.rows(wanted, order, None, 100) == expected
    assert store.lists.count_rows(wanted, 1000) == len(expected)
    assert store.lists.count_rows(wanted, 3) == min(3, len(expected))


@pytest.mark.parametrize("order", list(RowOrder))
def test_pages_join_to_the_whole(store: ConditionalStore, made: list[Study], order: RowOrder) -> None:
    whole, place = [], None
    while page := store.lists.rows(RowFilter(), order, place, 5):
        whole += page
        place = Place(sort_key(page[-1], order), page[-1].study_uid)
    assert whole == store.lists.rows(RowFilter(), order, None, 100)
    assert len(whole) == len(made)


def test_rows_follow_the_study(store: ConditionalStore, made: list[Study]) -> None:
    study = store.get("1.2.3")
    assert study is not None
    study.state, study.accession_number = State.CANCELLED, "other"
    assert store.replace(study)
    (row,) = store.lists.rows(RowFilter(study_uid="1.2.3"), RowOrder.NEWEST, None, 2)
    assert (row.state, row.accession_number) == ("cancelled", "other")
    assert row == row_of(study)


def test_rows_and_verdicts_of_days(store: ConditionalStore, made: list[Study]) -> None:
    days = ("2020-06-12", "2020-06-14")
    assert {row.day for row in store.lists.rows_of_days(days)} == set(days)
    found = store.lists.judged_between("2020-06-13", "2020-06-14")
    assert found == MemoryLists(lambda: made).judged_between("2020-06-13", "2020-06-14")
    numbers = {number for number in range(24) if number % 5 in (1, 2)}
    assert {(one.value, one.device, one.examples) for one in found} == {
        (str(number), DEVICES[number % 3], (f"1.2.{number}",)) for number in numbers
    }


def test_the_first_find_of_each_study_is_told_by_study_date(
    store: ConditionalStore, made: list[Study]
) -> None:
    days = ("2020-06-12", "2020-06-14")
    expected = MemoryLists(lambda: made).first_seen_on(days)
    assert len(expected) > 5
    assert sorted(store.lists.first_seen_on(days)) == sorted(expected)


def test_what_was_judged_is_counted_again_when_it_changes(store: ConditionalStore, made: list[Study]) -> None:
    before = store.lists.judged_between("2020-06-12", "2020-06-16")
    study = store.get("1.2.0")
    assert study is not None
    study.note(Note.IMAGES, "nothing was judged", NOON)
    assert store.replace(study)
    assert store.lists.judged_between("2020-06-12", "2020-06-16") == before
    study.keep_series([series("1.2.0.2", 0), series("1.2.0.3", 1)])
    assert store.replace(study)
    after = store.lists.judged_between("2020-06-12", "2020-06-16")
    assert sum(one.series for one in after) == sum(one.series for one in before) + 2
    assert after == MemoryLists(lambda: [study, *made[1:]]).judged_between("2020-06-12", "2020-06-16")


def test_a_corrected_study_date_moves_what_was_judged(store: ConditionalStore, made: list[Study]) -> None:
    study = store.get("1.2.1")
    assert study is not None
    study.study_date = "2020-07-01"
    assert store.replace(study)
    assert len(store.lists.judged_between("2020-06-01", "2020-06-30")) == len(made) - 1
    (moved,) = store.lists.judged_between("2020-07-01", "2020-07-01")
    assert moved.examples == ("1.2.1",)


def test_uploads_of_a_day_are_told_without_their_studies(store: ConditionalStore, made: list[Study]) -> None:
    for uid, day, states in (
        ("1.3.1", "2020-06-12", [UploadState.QUEUED, UploadState.DEAD]),
        ("1.3.2", "2020-06-12", [UploadState.VERIFIED]),
        ("1.3.3", "2020-06-13", [UploadState.QUEUED]),
    ):
        uploads = [Upload(f"D{place}", "h", "", state=state) for place, state in enumerate(states)]
        assert store.insert(Study(uid, day, uploads=uploads))
    found = store.lists.uploads_of_day("2020-06-12")
    assert sorted(found) == [("D0", "queued"), ("D0", "verified"), ("D1", "dead")]
    assert store.lists.uploads_of_day("2020-06-16") == []


def test_what_goes_to_destinations_is_told_without_the_rest_of_the_study(
    store: ConditionalStore, made: list[Study]
) -> None:
    work, day = upload_work("archive"), "2020-06-12"
    back = ResultSet(
        "r1", "1.3.2.9", "SR", iso(NOON), "posted", objects=[ResultObject("1.9", "1.8", "sr", "0f")]
    )
    refused = RefusedResult(iso(NOON), "1.9.9", "no study 胸部")
    for uid, due, results, refusals in (
        ("1.3.1", 5, [], []),
        ("1.3.2", 3, [back], []),
        ("1.3.3", None, [], [refused]),
        ("1.3.4", 3, [], []),
    ):
        told = Study(uid, day, "", f"A-{uid}", results=results, refused_results=refusals)
        told.uploads = [Upload("archive", "h", iso(NOON), "all", size=7)]
        told.due = {work: due} if due is not None else {}
        assert store.insert(told)
    assert store.count_due(work) == 3
    found = store.lists.sent_with(work, 10)
    assert [one.study_uid for one in found] == ["1.3.2", "1.3.4", "1.3.1"], "the first to be due, then by UID"
    assert [one.study_uid for one in store.lists.sent_with(work, 2)] == ["1.3.2", "1.3.4"]
    assert store.lists.sent_with(work, 0) == []
    assert found[0] == SentStudy(
        "1.3.2", "A-1.3.2", (Upload("archive", "h", iso(NOON), "all", size=7),), (back,)
    )
    came_back = {one.study_uid: one for one in store.lists.results_of_day(day)}
    assert set(came_back) == {"1.3.2", "1.3.3"}
    assert came_back["1.3.3"].refused_results == (refused,)
    assert store.lists.results_of_day("2020-06-13") == []


def test_studies_are_found_by_their_device(store: ConditionalStore, made: list[Study]) -> None:
    found = store.lists.rows(RowFilter(device="联影 / DX-2"), RowOrder.NEWEST, None, 100)
    assert {row.study_uid for row in found} == {one.study_uid for one in made[2::3]}
    assert store.lists.rows(RowFilter(device="GE"), RowOrder.NEWEST, None, 100) == [], "the whole name"


def test_the_devices_are_told_to_choose_from(store: ConditionalStore, made: list[Study]) -> None:
    assert store.lists.devices("2020-06-12", 10) == ["GE / CT-1", "联影 / DX-2"]
    assert store.lists.devices("2020-06-12", 1) == ["GE / CT-1"]
    assert store.lists.devices("2030-01-01", 10) == []


def test_what_people_did_is_told_newest_first(store: ConditionalStore, made: list[Study]) -> None:
    for place, uid in enumerate(("1.2.3", "1.2.5", "1.2.3")):
        study = store.get(uid)
        assert study is not None
        study.apply(Event.MANUAL, f"reason {place}", NOON + place * 1000, by="manual: Li")
        assert store.replace(study)
    acts = store.lists.acts("", 10)
    assert [(act.study_uid, act.why, act.by) for act in acts] == [
        ("1.2.3", "reason 2", "manual: Li"),
        ("1.2.5", "reason 1", "manual: Li"),
        ("1.2.3", "reason 0", "manual: Li"),
    ]
    assert [act.why for act in store.lists.acts(acts[0].at, 1)] == ["reason 1"]


def test_values_that_no_store_can_hold_are_listed_all_the_same(store: ConditionalStore) -> None:
    odd: dict[str, Any] = {"study_description": "lone \udc80", "accession_number": "\udcff"}
    assert store.insert(Study("1.2.99", "2020-06-12", **odd))
    (row,) = store.lists.rows(RowFilter(accession_number="\udcff"), RowOrder.NEWEST, None, 2)
    assert row.study_uid == "1.2.99"
