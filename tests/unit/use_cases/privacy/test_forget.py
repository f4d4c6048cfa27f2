"""One patient is forgotten everywhere, or, when something of him is in flight, nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from pacs_module.adapters.report_exchange.ledger import MemoryLedger
from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.domain.dicom.attributes import FoundStudy
from pacs_module.domain.errors import MessageError, RetriableError
from pacs_module.domain.privacy.patient_identifiers import Traces, names_patient, traces_of
from pacs_module.domain.privacy.pseudonym import Pseudonyms
from pacs_module.domain.report_exchange.entry import Entry, EntryKind, EntryState
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PacsCopy, Study
from pacs_module.use_cases.privacy.clear_lease_notes import ClearMemos
from pacs_module.use_cases.privacy.forget import Asked, ForgetPatient
from pacs_module.use_cases.privacy.forgotten import Forgotten, key_in_store
from tests.fakes.pipeline import Pipeline
from tests.fakes.world import FakeClock, FakeLog, FakePlugins

P1 = "10939048"
ASKED = Asked(P1, "manual: Anna", "asked for erasure")


class World:
    def __init__(self) -> None:
        self.store, self.ledger, self.plugins = MemoryStore(), MemoryLedger(), FakePlugins()
        self.clock, self.log, self.leases = FakeClock(), FakeLog(), MemoryLeases()
        pseudonyms = Pseudonyms(key_in_store(self.leases))
        self.forgotten = Forgotten(self.leases, pseudonyms)
        self.traces: list[Traces] = []
        self.forget = ForgetPatient(
            self.store, self.ledger, self.plugins, self._elsewhere, self.forgotten, pseudonyms, ["A"],
            self.clock, self.log,
        )  # fmt: skip

    def _elsewhere(self, traces: Traces, studies: Sequence[Study]) -> Mapping[str, int]:
        self.traces.append(traces)
        return {"logLines": 3}

    def study(self, uid: str, patient: str = P1, state: State = State.COMPLETED, **values: object) -> Study:
        study = Study(uid, patient_id=patient, accession_number=f"acc-{uid}", state=state, **values)  # type: ignore[arg-type]
        assert self.store.insert(study)
        return study

    def report(self, serial: str, patient: str, state: EntryState) -> Entry:
        entry = Entry(
            EntryKind.REPORT, serial, "2020-06-18", {"patient": {"id": patient}}, 1, "d", "", state=state
        )
        assert self.ledger.put(entry)
        return entry


@pytest.fixture
def world() -> World:
    made = World()
    made.study("1.1")
    made.study("1.2", pacs={"A": PacsCopy(3, earlier={"patientID": ["OLD-7"]})})
    made.study("1.3", patient="another")
    made.report("R1", P1, EntryState.SENT)
    made.report("R2", "another", EntryState.SENT)
    return made


def test_everything_of_the_patient_goes_and_nothing_of_another(world: World) -> None:
    told = world.forget(ASKED)
    assert (told.done, told.studies, told.in_flight) == (True, 2, {})
    assert [study.study_uid for study in world.store.find({})] == ["1.3"]
    assert world.ledger.get(EntryKind.REPORT, "R1") is None
    assert world.ledger.get(EntryKind.REPORT, "R2") is not None
    ((studies, words),) = world.plugins.forgot
    assert set(studies) == {"1.1", "1.2"}
    assert {P1, "acc-1.1", "acc-1.2", "1.1", "OLD-7"} <= words
    assert world.traces[0].words == words
    assert "another" not in words


def test_a_dry_run_changes_nothing(world: World) -> None:
    told = world.forget(replace(ASKED, dry_run=True))
    assert (told.done, told.studies, told.did) == (False, 2, {"entries": 1})
    assert world.store.count({}) == 3
    assert world.plugins.forgot == []


def test_no_identifier_is_in_what_is_logged_of_it(world: World) -> None:
    world.forget(ASKED)
    assert world.log.keys == ["patient_forgotten"]
    assert P1 not in str(world.log.events)
    assert "1.1'" not in str(world.log.events)
    assert world.log.events[0][1]["patient"] == world.forgotten.pseudonyms.of(P1)


@pytest.mark.parametrize("state", [State.META_ONLY, State.PULL_DATA, State.PULL_DATA_END])
def test_what_is_in_flight_holds_all_of_it(world: World, state: State) -> None:
    world.study("1.4", state=state)
    told = world.forget(ASKED)
    assert list(told.in_flight) == ["1.4"]
    assert not told.done
    assert world.store.count({}) == 4
    assert world.plugins.forgot == []


def test_images_at_the_plugins_and_reports_that_were_not_sent_hold_it_too(world: World) -> None:
    world.plugins.held["1.1"] = "its images are on the RAM disk"
    world.report("R3", P1, EntryState.WAITING)
    told = world.forget(ASKED)
    assert set(told.in_flight) == {"1.1", "report R3"}
    assert not told.done


def test_after_a_kill_in_the_middle_the_same_call_does_the_rest(world: World) -> None:
    original = world.forget.elsewhere

    def dies(traces: Traces, studies: Sequence[Study]) -> Mapping[str, int]:
        raise RetriableError("killed")

    world.forget.elsewhere = dies
    with pytest.raises(RetriableError):
        world.forget(ASKED)
    world.forget.elsewhere = original
    assert world.forget(ASKED).done
    assert world.traces[0].words >= {P1, "acc-1.1"}


@pytest.mark.parametrize(("by", "why"), [("", "w"), ("Anna", " "), ("Anna", f"erase {P1}")])
def test_who_and_why_are_needed_and_do_not_name_him(world: World, by: str, why: str) -> None:
    with pytest.raises(MessageError):
        world.forget(Asked(P1, by, why))


def test_a_find_does_not_bring_him_back_but_a_person_may() -> None:
    world, leases = Pipeline(), MemoryLeases()
    forgotten = Forgotten(leases, Pseudonyms(key_in_store(leases)))
    find = world.finding
    find.passed_by = forgotten.passed_by
    forgotten.add([("1.2.777", "2020-06-18")])
    assert "1.2.777" not in str(leases.all())
    answers = [
        FoundStudy("A", uid, "2020-06-18", "101500", "", "P", "", ("CT",), 3)
        for uid in ("1.2.777", "1.2.778")
    ]
    find.take_note(answers)
    assert [study.study_uid for study in world.store.find({})] == ["1.2.778"]
    world.store.insert(Study("1.2.777"))
    find.take_note([replace(answers[0], count=9)])
    known = world.store.get("1.2.777")
    assert known is not None
    assert known.pacs["A"].count == 9


def test_short_numbers_count_only_where_a_number_stands() -> None:
    body = {"patientID": "12", "pages": "7"}
    entry = Entry(EntryKind.REPORT, "R", "2020-06-18", body, 1, "d", "")
    assert names_patient(entry, frozenset({"12"}))
    assert not names_patient(entry, frozenset({"7"}))


def test_all_ids_of_hand_overs_and_pulls_are_words() -> None:
    study = Study("1.1", patient_id=P1, series_uids=["1.1.1"], notified=["n1"], pseudonym_uid="2.25.1")
    study.handovers = [HandOver("h1", "1.1.1", 3, "/x", {}, "")]
    pseudonyms = Pseudonyms(b"k" * 32)
    named = {P1, "1.1", "1.1.1", "n1", "2.25.1", "h1"}
    assert traces_of(P1, [study], pseudonyms).words == named | {pseudonyms.of(word) for word in named}


def test_what_processes_wrote_down_for_each_other_names_no_study_that_is_gone() -> None:
    store, leases = MemoryStore(), MemoryLeases()
    store.insert(Study("1.2.3.4.5"))
    memo = {"came": "1.2.3.4.6", "failing": ["1.2.3.4.5", "1.2.3.4.6"], "at": 5, "deep": {"x": "1.2.3.4.5"}}
    leases.edit("move A", lambda now: memo)
    leases.edit("other", lambda now: {"version": "1.2.3"})
    assert ClearMemos(leases, store)() == 1
    kept = {"came": "", "failing": ["1.2.3.4.5"], "at": 5, "deep": {"x": "1.2.3.4.5"}}
    assert leases.memo("move A") == kept
    assert leases.memo("other") == {"version": "1.2.3"}
    assert ClearMemos(leases, store)() == 0
