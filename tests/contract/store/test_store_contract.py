"""
What every study store does, whichever it is.

Not proved here: that MongoDB keeps its word on ``w=majority, j=True`` over a crash of its own (no replica set
is started), and anything about real MongoDB where the run says it was skipped: SecantusDB is another
programme with the same protocol.
"""

import itertools
import re
import subprocess
import sys
import threading
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pacs_module.adapters.stores.reference_query import matches
from pacs_module.domain.errors import PermanentError
from pacs_module.domain.instants import iso
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.study.growth_checks import GrowthCheck
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.history import Note
from pacs_module.domain.study.lifecycle import Event, State
from pacs_module.domain.study.message_state import MessageState
from pacs_module.domain.study.priority import Ageing
from pacs_module.domain.study.pull_state import PullStatus
from pacs_module.domain.study.study import PacsCopy, Pull, SeriesRecord, Study, upload_work
from pacs_module.domain.upload.upload import Upload
from pacs_module.domain.upload.upload_state import UploadEvent
from pacs_module.ports import AnyOf, AtLeast, AtMost, Exists
from tests.contract.store.store_cases import ConditionalStore, StoreCase
from tests.support.pull_order import pull_key

AGEING = Ageing(timedelta(hours=1))
PROGRAM = Path(__file__).parent / "programs" / "store_process.py"


def uids(studies: list[Study]) -> list[str]:
    return [study.study_uid for study in studies]


def add(store: ConditionalStore, uid: str, **values: Any) -> Study:
    study = Study(uid, **values)
    assert store.insert(study)
    return study


# --- writing ---


def test_insert_and_get(store: ConditionalStore) -> None:
    study = add(store, "1.2.3", study_date="2020-06-12", modality=["CT"])
    assert study.revision == 1
    assert store.get("1.2.3") == study


def test_many_at_once(store: ConditionalStore) -> None:
    add(store, "1.1", accession_number="A")
    new = [Study("1.1", accession_number="B"), Study("1.2"), Study("1.3")]
    assert store.insert_many(new) == {"1.2", "1.3"}
    assert [study.revision for study in new] == [0, 1, 1]
    read = store.get_many(["1.1", "1.2", "1.9"])
    assert {uid: study.accession_number for uid, study in read.items()} == {"1.1": "A", "1.2": ""}
    stale = store.get_many(["1.1", "1.2"])
    read["1.1"].why = "first"
    assert store.replace_many([read["1.1"]]) == {"1.1"}
    for study in stale.values():
        study.why = "second"
    assert store.replace_many(list(stale.values())) == {"1.2"}
    assert {uid: study.why for uid, study in store.get_many(["1.1", "1.2"]).items()} == {
        "1.1": "first", "1.2": "second",
    }  # fmt: skip
    assert (stale["1.1"].revision, stale["1.2"].revision) == (1, 2)
    assert store.get_many([]) == {}
    assert store.insert_many([]) == store.replace_many([]) == set()


def test_get_of_an_unknown_study(store: ConditionalStore) -> None:
    assert store.get("1.2.3") is None


def test_a_second_insert_changes_nothing(store: ConditionalStore) -> None:
    first = add(store, "1.2.3", patient_id="first")
    second = Study("1.2.3", patient_id="second")
    assert not store.insert(second)
    assert second.revision == 0
    assert store.get("1.2.3") == first


def test_what_was_read_is_a_copy(store: ConditionalStore) -> None:
    study = add(store, "1.2.3", modality=["CT"])
    study.modality.append("MR")
    read = store.get("1.2.3")
    assert read is not None
    read.modality.append("PR")
    assert store.get("1.2.3").modality == ["CT"]  # type: ignore[union-attr]


def test_replace_counts_the_revision_up(store: ConditionalStore) -> None:
    study = add(store, "1.2.3")
    study.patient_id = "P1"
    assert store.replace(study)
    assert study.revision == 2
    assert store.get("1.2.3") == study


def test_the_later_of_two_writers_loses_and_learns_it(store: ConditionalStore) -> None:
    add(store, "1.2.3")
    mine, theirs = store.get("1.2.3"), store.get("1.2.3")
    assert mine is not None
    assert theirs is not None
    theirs.patient_id, mine.patient_id = "theirs", "mine"
    assert store.replace(theirs)
    assert not store.replace(mine)
    assert mine.revision == 1
    assert store.get("1.2.3") == theirs


def test_replace_of_a_study_that_is_not_there(store: ConditionalStore) -> None:
    study = Study("1.2.3", revision=1)
    assert not store.replace(study)
    assert study.revision == 1
    assert store.get("1.2.3") is None


def test_a_value_that_no_store_can_hold_is_said_and_changes_nothing(store: ConditionalStore) -> None:
    study = add(store, "1.2.3")
    before = store.get("1.2.3")
    study.handovers = [HandOver("h", "1", 1, "/x", {"strange": object()}, "")]
    with pytest.raises(PermanentError):
        store.replace(study)
    assert study.revision == 1
    assert store.get("1.2.3") == before


# --- what a document may hold ---


@pytest.mark.parametrize(
    "key", ["1.2.840.113619", "PACS.A", "$set", "$", "50%", "%2E", "a%24b", "心", "with space", "nul\0", ""]
)
def test_dictionary_keys_come_back_letter_by_letter(store: ConditionalStore, key: str) -> None:
    study = add(
        store,
        "1.2.3",
        pacs={key: PacsCopy(3)},
        series={key: SeriesRecord(key, True, "rule", "because", "find")},
    )
    study.handovers = [HandOver("h", "1", 1, "/x", {key: {key: [{key: 1}]}}, "")]
    assert store.replace(study)
    assert store.get("1.2.3") == study


@pytest.mark.parametrize(
    "text",
    [
        "张三",
        "Łódź",
        "김",
        "ÐØ²¿",
        "\x1b$)A胸部",
        "line\nbreak\ttab\0nul",
        "'; DROP TABLE--",
        "\U0001f600",
        "",
    ],
)
def test_texts_come_back_letter_by_letter(store: ConditionalStore, text: str) -> None:
    study = add(store, "1.2.3", patient_id=text, study_description=text)
    assert store.get("1.2.3") == study
    assert "\0" in text or uids(store.find({"patientID": text})) == ["1.2.3"]


def test_what_no_store_can_hold_as_it_is_becomes_readable_text(store: ConditionalStore) -> None:
    values = {"nan": float("nan"), "far": float("inf"), "large": 2**63}
    add(
        store,
        "1.2.3",
        patient_id="half \ud83d",
        handovers=[HandOver("h", "1", 1, "/x", {}, "", result_values=values)],
    )
    read = store.get("1.2.3")
    assert read is not None
    assert read.patient_id == "half \\ud83d"
    assert read.handovers[0].result_values == {"nan": "nan", "far": "inf", "large": str(2**63)}


def test_numbers_come_back_as_they_are(store: ConditionalStore) -> None:
    study = add(
        store,
        "1.2.3",
        due={"pull": 1_592_000_000_123},
        pull=Pull(PullRequest("p", "1.2.3", "PACS"), 1, "", move_seconds=29.67),
    )
    read = store.get("1.2.3")
    assert read == study
    assert type(read.due["pull"]) is int
    assert type(read.pull.move_seconds) is float  # type: ignore[union-attr]


# --- the contract's queries (operator contract, section 1) ---


def hospital_day(store: ConditionalStore) -> None:
    add(store, "1", study_date="2020-06-12", state=State.META_ONLY, modality=["CT"])
    add(store, "2", study_date="2020-06-12", state=State.COMPLETED, modality=["CT", "PR"])
    add(
        store, "3", study_date="2020-06-12", state=State.META_ONLY, modality="CT"
    )  # one text, as older documents have it
    add(store, "4", study_date="2020-06-12", state=State.META_ONLY, modality=["DX"])
    add(store, "5", study_date="2020-06-12", modality=["CT"])  # found, not wanted: no state
    add(store, "6", study_date="2020-06-13", state=State.META_ONLY, modality=["CT"])


def test_contract_query_by_date(store: ConditionalStore) -> None:
    hospital_day(store)
    assert sorted(uids(store.find({"studyDate": "2020-06-12"}))) == ["1", "2", "3", "4", "5"]


def test_contract_query_by_date_and_state(store: ConditionalStore) -> None:
    hospital_day(store)
    assert sorted(uids(store.find({"studyDate": "2020-06-12", "state": "meta_only"}))) == ["1", "3", "4"]
    assert sorted(uids(store.find({"studyDate": "2020-06-12", "state": State.META_ONLY}))) == ["1", "3", "4"]


def test_contract_query_count_by_date_modality_and_whether_wanted(store: ConditionalStore) -> None:
    hospital_day(store)
    assert store.count({"studyDate": "2020-06-12", "state": Exists(), "modality": "CT"}) == 3
    assert store.count({"studyDate": "2020-06-12", "state": Exists(False), "modality": "CT"}) == 1


# --- conditions ---


def rich_studies(store: ConditionalStore) -> None:
    handover = HandOver("h-1", "9.1", 5, "/x", {"priorities": 4}, "", message_state=MessageState.OWED)
    other = HandOver("h-2", "9.2", 5, "/x", {}, "", message_state=MessageState.DONE)
    pull = Pull(PullRequest("p-1", "1", "PACS", "SERIES", ("9.1", "9.2"), expected=300), 1, "")
    add(store, "1", handovers=[handover, other], pull=pull, priority=4, due={"pull": 10})
    add(store, "2", modality=["CT"], priority=0, study_date="2020-06-12", is_push=True)
    add(store, "3", modality=["DX", "CR"], priority=2, study_date="2020-06-13", due={"pull": 20, "watch": 5})


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, "1 2 3"),
        ({"studyUID": "2"}, "2"),
        ({"studyUID": AnyOf(("1", "3", "x"))}, "1 3"),
        ({"modality": AnyOf(("CR", "MR"))}, "3"),
        ({"modality": AnyOf(())}, ""),
        ({"modality": ["DX", "CR"]}, "3"),
        ({"modality": ["CR", "DX"]}, ""),
        ({"modality": Exists()}, "1 2 3"),
        ({"priority": AtLeast(2)}, "1 3"),
        ({"priority": AtMost(2), "studyDate": AtLeast("2020-06-13")}, "3"),
        ({"studyDate": AtMost("2020-06-12")}, "1 2"),
        ({"studyDate": AtMost(99999999)}, ""),
        ({"priority": AtLeast("")}, ""),
        ({"due.pull": AtMost(10)}, "1"),
        ({"due.pull": AtLeast(10)}, "1 3"),
        ({"due.pull": Exists(False)}, "2"),
        ({"due.watch": Exists()}, "3"),
        ({"due": Exists()}, "1 2 3"),
        ({"pull": Exists(False)}, "2 3"),
        ({"pull.status": "asked"}, "1"),
        ({"pull.status": None}, "2 3"),
        ({"pull.status": AnyOf((None, "ended"))}, "2 3"),
        ({"pull.request.expected": AtLeast(300)}, "1"),
        ({"pull.request.seriesUIDs": "9.2"}, "1"),
        ({"handovers.messageState": "done"}, "1"),
        ({"handovers.handoverID": AnyOf(("h-2", "h-3"))}, "1"),
        ({"handovers.numberReceived": AtMost(5)}, "1"),
        ({"handovers.message.priorities": 4}, "1"),
        ({"handovers.handoverID": Exists()}, "1"),
        ({"isPush": True}, "2"),
        ({"state": None}, "1 2 3"),
        ({"no such field": Exists()}, ""),
        ({"no'such\"field": "x"}, ""),
        ({"revision": 1}, "1 2 3"),
    ],
)
def test_conditions(store: ConditionalStore, where: dict[str, object], found: str) -> None:
    rich_studies(store)
    assert sorted(uids(store.find(where))) == found.split()
    assert store.count(where) == len(found.split())


SMALL = st.sampled_from(["", "CT", "PR", "2020-06-12", "胸"])
STUDIES = st.builds(
    Study,
    study_uid=st.sampled_from([f"1.{n}" for n in range(9)]),
    study_date=SMALL,
    patient_id=SMALL,
    modality=st.lists(SMALL, max_size=3),
    state=st.sampled_from([None, *(state for state in State if state)]),
    priority=st.sampled_from([0, 1, 2, 4]),
    baseline=st.none() | st.integers(0, 3),
    due=st.dictionaries(st.sampled_from(["pull", "watch"]), st.integers(0, 5)),
)
VALUES = st.none() | SMALL | st.integers(0, 5) | st.just("meta_only")
CONDITIONS = st.one_of(
    VALUES,
    st.builds(Exists, st.booleans()),
    st.builds(AnyOf, st.lists(VALUES, max_size=3).map(tuple)),
    st.builds(AtMost, SMALL | st.integers(0, 5)),
    st.builds(AtLeast, SMALL | st.integers(0, 5)),
)
EXAMPLES = itertools.count()
"""Each example has studies of its own beside those of the ones before."""
FIELDS = st.sampled_from(
    [
        "studyDate",
        "patientID",
        "modality",
        "state",
        "priority",
        "baseline",
        "due.pull",
        "due.watch",
        "due",
        "why",
    ]
)


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    studies=st.lists(STUDIES, max_size=6, unique_by=lambda study: study.study_uid),
    where=st.dictionaries(FIELDS, CONDITIONS, max_size=3),
)
def test_every_query_means_what_the_reference_says(
    case: StoreCase, studies: list[Study], where: dict[str, object]
) -> None:
    example = f"{next(EXAMPLES)}."
    for study in studies:
        study.study_uid = example + study.study_uid
        assert case.store.insert(study)
    wanted = [study.study_uid for study in studies if matches(study.to_document(), where)]
    found = [study.study_uid for study in case.store.find(where) if study.study_uid.startswith(example)]
    assert sorted(found) == sorted(wanted)


def test_order_and_limit(store: ConditionalStore) -> None:
    for uid, day, baseline in (("1", "2020-06-13", 7), ("2", "2020-06-12", None), ("3", "2020-06-12", 9)):
        add(store, uid, study_date=day, baseline=baseline)
    assert uids(store.find({}, (("studyDate", 1), ("studyUID", -1)))) == ["3", "2", "1"]
    assert uids(store.find({}, (("studyDate", -1), ("studyUID", 1)))) == ["1", "2", "3"]
    assert uids(store.find({}, (("baseline", 1),))) == ["2", "1", "3"]
    assert uids(store.find({}, (("baseline", -1),))) == ["3", "1", "2"]
    assert uids(store.find({}, (("studyUID", 1),), limit=2)) == ["1", "2"]
    assert store.find({}, limit=0) == []


# --- claims ---


def test_a_claim_takes_what_is_due_and_nothing_else(store: ConditionalStore) -> None:
    add(store, "later", due={"pull": 2_000})
    add(store, "other", due={"watch": 1})
    add(store, "idle")
    assert store.claim("pull", "w1", now=1_999, lease=100) is None
    taken = store.claim("pull", "w1", now=2_000, lease=100)
    assert taken is not None
    assert (taken.study_uid, taken.claims, taken.due, taken.revision) == (
        "later",
        {"pull": "w1"},
        {"pull": 2_100},
        2,
    )
    assert store.get("later") == taken
    assert store.claim("pull", "w2", now=2_000, lease=100) is None


def test_a_claim_comes_back_when_the_lease_is_over(store: ConditionalStore) -> None:
    add(store, "1.2.3", due={"pull": 0})
    assert store.claim("pull", "dies", now=0, lease=100) is not None
    assert store.claim("pull", "next", now=99, lease=100) is None
    again = store.claim("pull", "next", now=100, lease=100)
    assert again is not None
    assert again.claims == {"pull": "next"}


def test_claims_on_several_kinds_of_work_stand_beside_each_other(store: ConditionalStore) -> None:
    add(store, "1.2.3", due={"pull": 0, "release": 0})
    add(store, "other", due={"pull": 200})
    store.claim("pull", "w1", now=0, lease=100)
    taken = store.claim("release", "w2", now=0, lease=50)
    assert taken is not None
    assert taken.claims == {"pull": "w1", "release": "w2"}
    assert store.find({"due.pull": AtLeast(1), "claims.pull": "w1"}) == [taken]
    assert store.find({"due.pull": AtLeast(1), "claims.pull": "w2"}) == []
    taken.schedule("pull", 70)
    assert store.replace(taken)
    assert store.find({"due.pull": AtLeast(1), "claims.pull": "w1"}) == []
    assert store.find({"claims.release": "w2"}) == [taken]


def test_work_that_is_done_is_not_claimed_again(store: ConditionalStore) -> None:
    add(store, "1.2.3", due={"pull": 0, "watch": 0})
    taken = store.claim("pull", "w1", now=0, lease=100)
    assert taken is not None
    del taken.due["pull"]
    assert store.replace(taken)
    assert store.claim("pull", "w2", now=1_000_000, lease=100) is None
    assert store.claim("watch", "w2", now=0, lease=100) is not None


def test_a_claim_shuts_out_the_write_of_whoever_read_before(store: ConditionalStore) -> None:
    before = add(store, "1.2.3", due={"pull": 0})
    assert store.claim("pull", "w1", now=0, lease=100) is not None
    assert not store.replace(before)


def test_a_claim_keeps_the_rest_of_the_document(store: ConditionalStore) -> None:
    series = {"1.2.840.1": SeriesRecord("1.2.840.1", True, "body part", "SeriesDescription 胸部", "find")}
    study = add(
        store, "1.2.3", due={"pull": 0}, series=series, pacs={"PACS.A": PacsCopy(3, "now")}, patient_id="张"
    )
    taken = store.claim("pull", "w1", now=0, lease=100)
    assert taken is not None
    study.due, study.claims, study.revision = {"pull": 100}, {"pull": "w1"}, 2
    assert taken == study


def test_claims_in_the_order_of_pulls(store: ConditionalStore) -> None:
    now = 1_592_049_600_000  # 2020-06-13 12:00 UTC
    studies = [
        add(
            store,
            f"{priority}.{date}.{minutes}.{backlog}",
            study_date=date,
            study_time="091500",
            priority=priority,
            backlog=backlog,
            waits_since_at=iso(now - minutes * 60_000) if minutes else "",
            due={"pull": 0},
        )
        for priority in (0, 4, 1, 2)
        for date in ("2020-06-13", "2020-06-12", "2012-01-01", "")
        for minutes in (0, 30, 120)
        for backlog in (True, False)
    ]
    for least in (2, -1):
        expected = [
            study
            for study in sorted(studies, key=lambda study: pull_key(study, now, AGEING))
            if study.rank >= least
        ]
        taken = []
        while study := store.claim_pull("", "w", now, 1, least, AGEING):
            taken.append(study)
        assert uids(taken) == uids([study for study in expected if study.rank < 2 or least == 2])


def test_claims_without_an_order_take_the_longest_due_first(store: ConditionalStore) -> None:
    for uid, due in (("a", 30), ("b", 10), ("c", 20)):
        add(store, uid, due={"pull": due})
    assert [store.claim("pull", "w", 50, 100).study_uid for _ in range(3)] == ["b", "c", "a"]  # type: ignore[union-attr]


def test_claims_under_conditions(store: ConditionalStore) -> None:
    add(store, "1", state=State.PULL_DATA, due={"pull": 0}, modality=["CT"])
    add(
        store,
        "2",
        state=State.META_ONLY,
        due={"pull": 0},
        modality=["CT", "PR"],
        handovers=[HandOver("h", "1", 1, "", {}, "")],
    )
    where = {"state": "meta_only", "modality": "CT", "handovers.handoverID": "h"}
    taken = store.claim("pull", "w", 0, 100, where)
    assert taken is not None
    assert taken.study_uid == "2"
    assert store.claim("pull", "w", 0, 100, where) is None


def test_a_study_found_damaged_in_the_name_can_still_be_claimed_by_a_damaged_name(
    store: ConditionalStore,
) -> None:
    add(store, "1.2.3", due={"pull": 0})
    taken = store.claim("pull", "worker \ud800", 0, 100)
    assert taken is not None
    assert taken.claims == {"pull": "worker \\ud800"}


@pytest.mark.parametrize("work", ["", "sleep", "pull'); --"])
def test_unknown_work_is_an_error(store: ConditionalStore, work: str) -> None:
    with pytest.raises(PermanentError, match="is not allowed: pull, watch, publish, release"):
        store.claim(work, "w", 0, 100)
    with pytest.raises(PermanentError):
        store.next_due(work)


def test_next_due(store: ConditionalStore) -> None:
    assert store.next_due("pull") is None
    add(store, "1", due={"pull": 30, "watch": 1})
    add(store, "2", due={"pull": 20})
    add(store, "3")
    assert store.next_due("pull") == 20
    assert store.next_due("watch") == 1
    assert store.next_due("publish") is None


# --- the questions of the use cases ---


def asked(pull_id: str, pacs: str, status: PullStatus = PullStatus.ASKED) -> Pull:
    return Pull(PullRequest(pull_id, "1", pacs), 1, "", status=status)


def test_which_pulls_run(store: ConditionalStore) -> None:
    ended = asked("p2", "A", PullStatus.ENDED)
    for number, pull in enumerate((asked("p1", "A"), ended, asked("p3", "B"), asked("p4", "A"), None)):
        add(store, f"1.{number}", pull=pull)
    assert (store.running(), store.running_at("A"), store.running_at("B"), store.running_at("C")) == (
        3,
        2,
        1,
        0,
    )


def test_a_study_by_the_names_that_others_have_for_it(store: ConditionalStore) -> None:
    study = add(store, "1.2.3", pseudonym_uid="2.25.1", notified=["h-1", "h-2"], series_uids=["9.1", "9.2"])
    add(store, "other", notified=["h-3"], series_uids=["9.3"])
    assert store.of_pseudonym("2.25.1") == study
    assert store.of_handover("h-2") == study
    assert store.with_series("9.1") == study
    assert [store.of_pseudonym("1.2.3"), store.of_handover("h"), store.with_series("9")] == [None, None, None]


def test_the_studies_of_a_day_and_of_a_pacs(store: ConditionalStore) -> None:
    add(store, "1", study_date="2020-06-12", pacs={"A": PacsCopy(3)})
    add(store, "2", study_date="2020-06-12", pacs={"B": PacsCopy(3), "A-2": PacsCopy(1)})
    add(store, "3", study_date="2020-06-13", pacs={"A": PacsCopy(3)})
    add(store, "4", pacs={"A": PacsCopy(3)})
    day = date(2020, 6, 12)
    assert sorted(uids(store.of_day(day))) == ["1", "2"]
    assert uids(store.of_day_at(day, "A")) == ["1"]
    assert uids(store.of_day_at(day, "A-2")) == ["2"]
    assert store.of_day_at(date(2020, 6, 14), "A") == []


def test_what_an_owner_holds_and_what_is_due_too_late(store: ConditionalStore) -> None:
    add(store, "1", due={"pull": 0, "watch": 900})
    add(store, "2", due={"pull": 0})
    assert store.claim("pull", "w1", now=0, lease=100) is not None
    assert store.claim("pull", "w2", now=0, lease=100) is not None
    assert uids(store.held_by("pull", "w1", now=100)) == ["1"]
    assert store.held_by("pull", "w1", now=101) == []
    assert store.held_by("watch", "w1", now=0) == []
    assert uids(store.due_after("watch", 899)) == ["1"]
    assert store.due_after("watch", 900) == []


def test_the_growth_check_of_one_pacs(store: ConditionalStore) -> None:
    add(store, "1", look=GrowthCheck("A"), due={"look": 5})
    add(store, "2", look=GrowthCheck("B"), due={"look": 1})
    add(store, "3", look=GrowthCheck("A"), due={"look": 9})
    assert [
        one.study_uid if one else None
        for one in (store.claim_growth_check("A", "w", 9, 100) for _ in range(3))
    ] == ["1", "3", None]


def test_pulls_of_one_pacs_and_of_none(store: ConditionalStore) -> None:
    add(store, "at A", pacs={"A": PacsCopy(3)}, due={"pull": 0}, priority=1)
    add(store, "at both", pacs={"A": PacsCopy(3), "B": PacsCopy(3)}, due={"pull": 0}, priority=4)
    add(store, "nowhere", due={"pull": 0})
    assert store.claim_pull("B", "w", 0, 100, least=4, ageing=AGEING).study_uid == "at both"  # type: ignore[union-attr]
    assert store.claim_pull("A", "w", 0, 100, least=2, ageing=AGEING) is None
    assert store.claim_pull("A", "w", 0, 100, least=-1, ageing=AGEING).study_uid == "at A"  # type: ignore[union-attr]
    assert store.claim_pull("", "w", 0, 100, least=0, ageing=AGEING).study_uid == "nowhere"  # type: ignore[union-attr]


def test_what_was_given_up(store: ConditionalStore) -> None:
    for uid, changed in (("old", "2020-06-10"), ("new", "2020-06-12"), ("newer", "2020-06-13")):
        add(store, uid, changed_at=changed, state=State.PULL_FAILED)
    add(store, "done", state=State.COMPLETED, changed_at="2020-06-13")
    assert uids(store.given_up("2020-06-11", 9)) == ["newer", "new"]
    assert uids(store.given_up("2020-06-11", 1)) == ["newer"]


def test_what_orders_are_asked_for(store: ConditionalStore) -> None:
    add(store, "2", state=State.META_ONLY, study_date="2020-06-12", changed_at="2020-06-12")
    add(store, "1", state=State.META_ONLY, study_date="2020-06-11")
    add(store, "green", state=State.META_ONLY, priority=1)
    dropped = {"state": State.UNSUPPORTED_SERIES, "dropped_by_order": True}
    for uid, changed in (("old", "2020-06-10"), ("new", "2020-06-12"), ("newer", "2020-06-13")):
        add(store, uid, changed_at=changed, **dropped)
    add(store, "by filter", state=State.UNSUPPORTED_SERIES, changed_at="2020-06-13")
    assert uids(store.waiting_routine(9)) == ["1", "2"]
    assert uids(store.waiting_routine(1)) == ["1"]
    assert uids(store.dropped_by_order("2020-06-11", 9)) == ["newer", "new"]
    assert uids(store.dropped_by_order("2020-06-11", 1)) == ["newer"]


def test_the_last_place_of_the_backlog(store: ConditionalStore) -> None:
    assert store.last_backlog_slot() is None
    add(store, "1", backlog=True, due={"pull": 30})
    add(store, "2", backlog=True, due={"pull": 20})
    add(store, "3", backlog=True)
    add(store, "4", due={"pull": 90})
    assert store.last_backlog_slot() == 30


def test_how_many_are_in_each_state(store: ConditionalStore) -> None:
    hospital_day(store)
    counts = store.counts_by_state()
    assert set(counts) == {state.value for state in State}
    assert {name: number for name, number in counts.items() if number} == {
        "meta_only": 4,
        "completed": 1,
        "": 1,
    }


# --- which store it is ---


def test_a_store_says_which_one_it_is_as_long_as_it_is_this_one(case: StoreCase) -> None:
    identity = case.store.identity()
    assert re.fullmatch(r"[0-9a-f]{32}", identity.installation)
    assert datetime.fromisoformat(identity.made_at).tzinfo is not None
    add(case.store, "1.2.3")
    assert case.store.identity() == identity
    assert case.store.recover() == ""
    assert case.store.unreadable() == {}
    assert case.store.find({"installation": Exists()}) == []


# --- at the same time ---


def test_each_claim_is_made_once_over_eight_threads(case: StoreCase) -> None:
    for number in range(case.crowd):
        add(case.store, f"1.{number}", due={"pull": number % 7})
    claimed: list[str] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        while study := case.store.claim("pull", "w", 1_000, 60_000):
            claimed.append(study.study_uid)

    in_threads(work, 8)
    assert sorted(claimed) == sorted(f"1.{number}" for number in range(case.crowd))


def test_each_claim_is_made_once_over_two_processes_of_eight_threads(case: StoreCase) -> None:
    case.needs_processes()
    for number in range(2 * case.crowd):
        add(case.store, f"1.{number}", due={"pull": number % 7})
    processes = [
        subprocess.Popen(
            [sys.executable, PROGRAM, "claim", case.url, f"w{number}"], stdout=subprocess.PIPE, text=True
        )
        for number in range(2)
    ]
    claimed = [process.communicate(timeout=300)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(claimed[0] + claimed[1]) == sorted(f"1.{number}" for number in range(2 * case.crowd))


def test_no_count_is_lost_when_eight_threads_write_the_same_study(case: StoreCase) -> None:
    add(case.store, "1.2.3")

    def work() -> None:
        for _ in range(10):
            while True:
                study = case.store.get("1.2.3")
                assert study is not None
                study.attempts += 1
                if case.store.replace(study):
                    break

    in_threads(work, 8)
    assert case.store.get("1.2.3").attempts == 80  # type: ignore[union-attr]


def test_one_of_eight_inserts_of_the_same_study_is_the_one(case: StoreCase) -> None:
    won: list[str] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        study = Study("1.2.3", patient_id=threading.current_thread().name)
        if case.store.insert(study):
            won.append(study.patient_id)

    in_threads(work, 8)
    assert won == [case.store.get("1.2.3").patient_id]  # type: ignore[union-attr]


def in_threads(work: object, number: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("lines", [1, 20, 137])
def test_every_acknowledged_write_outlives_a_kill_of_the_writer(case: StoreCase, lines: int) -> None:
    case.needs_processes()
    with subprocess.Popen(
        [sys.executable, PROGRAM, "write", case.url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    acknowledged = dict(line.split() for line in said if line.endswith("\n"))
    assert len(acknowledged) >= lines // 2
    for uid, revision in acknowledged.items():
        study = case.store.get(uid)
        assert study is not None
        assert study.revision >= int(revision)
    assert add(case.store, "after").revision == 1


# --- a life in the store ---


def test_the_state_field_comes_and_goes_with_the_life_cycle(store: ConditionalStore) -> None:
    study = add(store, "1.2.3")
    assert store.count({"state": Exists()}) == 0
    study.apply(Event.WANTED, "chest", at=0)
    assert store.replace(study)
    assert store.count({"state": "meta_only"}) == 1
    read = store.get("1.2.3")
    assert read is not None
    assert read.state is State.META_ONLY
    assert read.history == study.history


# --- destinations: kinds of work that only they bring ---


def test_work_of_a_destination_is_claimed_once_and_by_due_time(store: ConditionalStore) -> None:
    near, far = upload_work("near"), upload_work("far")
    add(store, "1.2.1", due={near: 20, far: 5})
    add(store, "1.2.2", due={near: 10})
    add(store, "1.2.3", due={near: -30, "pull": 1})
    claimed = [store.claim(near, "me", 15, 1000) for _ in range(3)]
    assert [one.study_uid if one else None for one in claimed] == ["1.2.3", "1.2.2", None]
    assert set(uids(store.held_by(near, "me", 15))) == {"1.2.2", "1.2.3"}
    assert store.claim(far, "me", 15, 1000).study_uid == "1.2.1"  # type: ignore[union-attr]
    assert store.next_due(near) == 20


def test_work_of_destinations_is_counted_and_listed(store: ConditionalStore) -> None:
    work = upload_work("centre")
    for number in range(5):
        add(store, f"1.2.{number}", due={work: 100 - number})
    add(store, "1.3", due={"pull": 1})
    assert store.count_due(work) == 5
    assert store.count_due(upload_work("other")) == 0
    assert uids(store.next_with(work, 2)) == ["1.2.4", "1.2.3"]
    assert set(uids(store.due_after(work, 98))) == {"1.2.0", "1.2.1"}


@pytest.mark.parametrize(
    "work", ["upload_to_", "upload_to_A", "upload_to_a.b", "upload_to_a-b", "upload", "x", "upload_to_$a"]
)
def test_there_is_no_other_kind_of_work(store: ConditionalStore, work: str) -> None:
    with pytest.raises(PermanentError, match="is not allowed"):
        store.claim(work, "me", 1, 1)


def test_uploads_are_read_back_as_they_were(store: ConditionalStore) -> None:
    upload = Upload("centre", "0" * 32, "2020-06-18T12:00:00+00:00", "modality: Modality CT", next_at=-5)
    upload.take(UploadEvent.BEGIN)
    upload.tried("failed", "500", 7, "centre-1")
    handover = HandOver("0" * 32, "1.2.3", 1, "/a", {}, "", routed_at="x", cached_at="y")
    study = add(store, "1.2.1", uploads=[upload], handovers=[handover])
    assert store.get("1.2.1") == study


# --- removing (retention) ---


def old(store: ConditionalStore, uid: str, **values: Any) -> Study:
    return add(store, uid, changed_at="2020-01-01T00:00:00.000+00:00", **values)


def test_what_was_changed_before_is_told_in_pages(store: ConditionalStore) -> None:
    for number in (3, 1, 2):
        old(store, f"1.{number}")
    add(store, "1.4", changed_at="2020-03-01T00:00:00.000+00:00")
    moment = "2020-02-01T00:00:00.000+00:00"
    assert uids(store.changed_before(moment, "", 2)) == ["1.1", "1.2"]
    assert uids(store.changed_before(moment, "1.2", 2)) == ["1.3"]
    assert store.changed_before(moment, "1.3", 2) == []


def test_only_what_nobody_wrote_in_between_is_removed_and_with_it_all_that_tells_of_it(
    store: ConditionalStore,
) -> None:
    series = {"1.9.1": SeriesRecord("1.9.1", True, "rule", "because", "find")}
    gone = old(store, "1.9", patient_id="P9", series=series, series_uids=["1.9.1"], study_date="2020-01-01")
    gone.note(Note.ADOPTED, "asked for", 0, by="manual: Anna")
    assert store.replace(gone)
    stays = old(store, "1.8")
    stale = store.get("1.8")
    assert stale is not None
    assert store.replace(stays)
    assert store.remove_many([gone, stale]) == {"1.9"}
    assert store.get("1.9") is None
    assert store.get("1.8") is not None
    assert store.with_series("1.9.1") is None
    assert [act for act in store.lists.acts("", 10) if act.study_uid == "1.9"] == []
    assert [row.study_uid for row in store.lists.rows_of_days(["2020-01-01"])] == []
    assert store.remove_many([gone]) == set()


def test_a_store_whose_last_study_was_removed_is_not_taken_for_lost(case: StoreCase) -> None:
    store = case.store
    studies = [old(store, "1.1"), old(store, "1.2")]
    before = store.identity()
    store.remove_many(studies)
    store.scrub("2020-01-01T00:00:00.000+00:00")
    assert store.identity() == before
    assert store.identity() == before
    add(store, "1.3")
    assert store.identity() == before


def test_a_patient_is_found_by_the_number_of_before_a_correction(store: ConditionalStore) -> None:
    add(store, "1.1", patient_id="P1")
    add(store, "1.2", patient_id="P2", pacs={"A": PacsCopy(3, earlier={"patientID": ["P1"]})})
    add(store, "1.3", patient_id="P3")
    assert sorted(uids(store.of_patient("P1", ["A", "B"]))) == ["1.1", "1.2"]
    assert store.of_patient("P9", ["A"]) == []
