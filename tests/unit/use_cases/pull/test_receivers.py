"""
Several receiving Orthancs: spread, away, full, back; the same images are computed once.

Over the use cases, with fakes; with real Orthancs: tests/long/pull/test_two_receivers.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pacs_module.adapters.http.receivers import Receivers
from pacs_module.domain.errors import NoRoom, RetriableError, TooLarge, Unreachable
from pacs_module.domain.recover.consistency import JournalHandover
from pacs_module.domain.study.lifecycle import State
from pacs_module.use_cases.pull.receiver_book import ReceiverBook
from pacs_module.use_cases.pull.watch_ram_disk import WatchRamDisk
from pacs_module.use_cases.recover.adopt import Adopt
from pacs_module.use_cases.recover.audit_records import AuditRecords
from tests.fakes.pipeline import THIN, UID, Pipeline, answer
from tests.fakes.world import DAY, FakePlugins

GB = 1_000_000_000
AWAY_S = 60
_ROOM = {"totalBytes": 8 * GB, "freeBytes": 8 * GB, "reserveBytes": GB, "promisedBytes": 0}


class Two:
    """A pipeline with the receivers ``a`` and ``b``, each with plugins of its own."""

    def __init__(self) -> None:
        self.world = Pipeline()
        world = self.world
        self.a, self.b = FakePlugins(), FakePlugins()
        self.plugins = {"a": self.a, "b": self.b}
        for name, plugins in self.plugins.items():
            plugins.ram_disk = {**_ROOM, "receiver": name}
        self.book = ReceiverBook(list(self.plugins), world.clock, world.log, timedelta(seconds=AWAY_S))
        both: Any = Receivers(self.plugins)  # type: ignore[arg-type]
        world.pull.receivers = world.pull.ask.receivers = self.book
        world.pull.puller = world.pull.ask.puller = world.release.puller = both
        world.release.away = self.book.is_away
        self.watch = WatchRamDisk(both, world.log, lambda _: None, receivers=self.book, each=self.plugins)
        adopt = Adopt(world.store, world.accept, world.clock, world.log)
        self.audit = AuditRecords(
            world.store, both, world.queue, adopt, world.clock, world.log, 1, self.plugins
        )
        self.look()

    def look(self) -> None:
        for name in self.plugins:
            try:
                self.watch.look(name)
            except RetriableError:
                continue

    def studies(self, number: int) -> None:
        """So many studies are found stable."""
        self.world.pacs.studies["A"] = [answer(f"{UID}.{one}") for one in range(number)]
        for _ in range(2):
            self.world.clock.pass_seconds(10)
            self.world.find("A", DAY)

    def asked(self) -> tuple[int, int]:
        return len(self.a.asked), len(self.b.asked)

    def loses(self, name: str, error: RetriableError | None = None) -> None:
        self.plugins[name].deaf = error or Unreachable("connection refused")
        self.look()

    def message(self, name: str, **changed: Any) -> dict[str, Any]:
        """The hand-over of what was asked of one, as its plugins tell it."""
        return self.world.message(self.plugins[name].asked[-1], receiver=name, **changed)

    def asked_at_b_after_a_was_away(self) -> None:
        self.world.until_stable()
        assert (self.world.pull(), self.asked()) == (1, (1, 0))
        self.loses("a")
        self.world.clock.pass_seconds(AWAY_S)
        assert self.world.pull.watch()
        assert (self.world.pull(), self.asked()) == (1, (1, 1))


@pytest.fixture
def two() -> Two:
    return Two()


def test_pulls_are_spread(two: Two) -> None:
    two.studies(4)
    assert (two.world.pull(), two.asked()) == (4, (2, 2))
    assert {request.receiver for request in two.b.asked} == {"b"}


def test_the_document_says_where_and_why(two: Two) -> None:
    two.loses("a")
    two.world.until_stable()
    assert two.world.pull() == 1
    study = two.world.study()
    assert study.pull is not None
    assert study.pull.request.receiver == "b"
    assert "; to b: most room: b 7000 MB, 0 pulls" in study.why


def test_one_that_is_away_gets_none_and_gets_some_when_it_is_back(two: Two) -> None:
    two.loses("a")
    two.studies(2)
    assert (two.world.pull(), two.asked()) == (2, (0, 2))
    two.a.deaf = None
    two.look()
    two.world.pacs.studies["A"].append(answer(f"{UID}.9"))
    for _ in range(2):
        two.world.clock.pass_seconds(10)
        two.world.find("A", DAY)
    two.world.pull()
    assert two.asked() == (1, 2)
    assert [key for key in two.world.log.keys if key.startswith("receiver_")] == [
        "receiver_away",
        "receiver_back",
    ]


def test_one_that_is_found_away_when_it_is_asked_loses_the_pull_at_once_and_no_attempt_counts(
    two: Two,
) -> None:
    two.world.until_stable()
    two.a.deaf = Unreachable("connection refused")  # and nobody has looked since
    assert two.world.pull() == 0
    assert two.world.study().state is State.META_ONLY
    shown = two.watch.state  # health and pages know it as well, before it is asked again
    assert shown["receivers"]["a"]["away"] == "connection refused"
    assert shown["totalBytes"] == _ROOM["totalBytes"]
    assert (two.world.pull(), two.asked()) == (1, (0, 1))
    assert two.world.study().attempts == 1


def test_one_without_room_is_passed_by(two: Two) -> None:
    two.world.until_stable()
    two.a.refuse = lambda request: NoRoom("256 MB free")
    assert two.world.pull() == 0
    assert (two.world.pull(), two.asked()) == (1, (0, 1))


def test_where_none_has_room_it_waits(two: Two) -> None:
    two.world.until_stable()
    two.a.refuse = two.b.refuse = lambda request: NoRoom("256 MB free")
    assert [two.world.pull() for _ in range(3)] == [0, 0, 0]
    two.a.refuse = two.b.refuse = lambda request: None
    assert two.world.pull() == 0
    two.world.clock.pass_seconds(6)
    assert two.world.pull() == 1


def test_a_study_larger_than_one_disk_goes_to_the_other_and_fails_where_both_are_too_small(two: Two) -> None:
    two.world.until_stable()
    two.a.refuse = lambda request: TooLarge("larger than the RAM disk")
    two.world.pull()
    two.world.pull()
    assert two.asked() == (0, 1)
    both = Two()
    both.world.until_stable()
    both.a.refuse = both.b.refuse = lambda request: TooLarge("larger than the RAM disk")
    both.world.pull()
    both.world.pull()
    assert both.world.study().state is State.PULL_FAILED


def test_while_all_are_away_a_study_waits_and_its_document_says_so(two: Two) -> None:
    two.world.until_stable()
    two.loses("a")
    two.loses("b")
    assert two.world.pull() == 0
    assert two.world.study().why == "no receiver: a: connection refused; b: connection refused"


def test_pulls_of_one_that_stays_away_go_to_another_not_those_of_one_that_is_away_for_a_moment(
    two: Two,
) -> None:
    two.world.until_stable()
    assert two.world.pull() == 1
    two.loses("a")
    two.world.clock.pass_seconds(20)
    with pytest.raises(Unreachable):
        two.world.pull.watch()
    two.world.clock.pass_seconds(AWAY_S)
    assert two.world.pull.watch()
    assert (two.world.pull(), two.asked()) == (1, (1, 1))
    study = two.world.study()
    assert (study.attempts, study.pulls[-1].left) == (1, True)
    assert "the receiver a has not answered for" in study.pulls[-1].blamed


def test_what_the_first_one_had_is_not_computed_again_after_the_second_one_was(two: Two) -> None:
    two.asked_at_b_after_a_was_away()
    world = two.world
    assert world.accept(two.message("b"))
    world.publish()
    assert world.accept(two.message("a"))
    states = [(item.receiver, str(item.message_state)) for item in world.study().handovers]
    assert states == [("a", "cancelled"), ("b", "queued")]
    assert world.study().state is State.PULL_DATA_END
    assert not world.publish()
    two.a.deaf = None
    two.look()
    assert world.release()
    assert (two.a.released, two.b.released) == ([world.study().handovers[0].handover_id], [])


def test_what_comes_from_the_first_one_while_the_second_one_pulls_is_computed_once(two: Two) -> None:
    two.asked_at_b_after_a_was_away()
    world = two.world
    assert world.accept(two.message("a"))
    assert world.accept(two.message("b"))
    assert world.report(two.b.asked[-1], "received", "COMPLETE", received=100)
    states = [(item.receiver, str(item.message_state)) for item in world.study().handovers]
    assert states == [("b", "cancelled"), ("a", "owed")]
    assert world.study().state is State.PULL_DATA_END
    assert world.result("completed", world.study().handovers[-1].handover_id) == "recorded"
    assert world.study().state is State.COMPLETED


def test_what_comes_from_the_first_one_before_another_was_asked_spares_that_pull(two: Two) -> None:
    two.world.until_stable()
    two.world.pull()
    two.loses("a")
    two.world.clock.pass_seconds(AWAY_S)
    assert two.world.pull.watch()
    assert two.world.accept(two.message("a"))
    assert (two.world.pull(), two.asked()) == (0, (1, 0))
    assert two.world.study().state is State.PULL_DATA_END


def test_a_larger_hand_over_of_the_second_one_is_computed(two: Two) -> None:
    two.asked_at_b_after_a_was_away()
    assert two.world.accept(two.message("a", instances=60))
    assert two.world.accept(two.message("b"))
    assert [str(item.message_state) for item in two.world.study().handovers] == ["owed", "owed"]


OTHER = {"identity": {"AccessionNumber": "A1", "PatientID": "P2", "ModalitiesInStudy": "CT"}}


def test_k01_a_patient_id_that_was_corrected_between_the_two_pulls_is_computed(two: Two) -> None:
    two.asked_at_b_after_a_was_away()
    assert two.world.accept(two.message("a"))
    assert two.world.accept(two.message("b", **OTHER))
    assert [str(item.message_state) for item in two.world.study().handovers] == ["owed", "owed"]


def test_k01_the_earlier_pull_that_comes_later_has_the_old_patient_id_and_is_not_computed(two: Two) -> None:
    two.asked_at_b_after_a_was_away()
    assert two.world.accept(two.message("b", **OTHER))
    assert two.world.accept(two.message("a"))
    states = [(item.receiver, str(item.message_state)) for item in two.world.study().handovers]
    assert states == [("a", "cancelled"), ("b", "owed")]


@pytest.mark.parametrize("identity", [{}, {"PatientID": " Ｐ１ "}])
def test_k01_a_copy_without_names_or_another_spelling_is_no_other_patient(
    two: Two, identity: dict[str, str]
) -> None:
    two.asked_at_b_after_a_was_away()
    assert two.world.accept(two.message("a", identity=identity))
    assert two.world.accept(two.message("b"))
    assert sorted(str(item.message_state) for item in two.world.study().handovers) == ["cancelled", "owed"]


def test_lost_files_of_the_first_one_count_for_nothing(two: Two) -> None:
    two.asked_at_b_after_a_was_away()
    world = two.world
    assert world.accept(two.message("a"))
    world.publish()
    world.files.counts[world.study().handovers[0].filepath] = 0
    world.deliver(1)
    assert world.handover_states() == ["lost"]
    assert world.accept(two.message("b"))
    assert world.handover_states() == ["lost", "owed"]


def test_another_receiver_is_told_what_was_handed_over_before(two: Two) -> None:
    two.world.until_stable()
    two.world.pull()
    assert two.world.accept(two.message("a"))
    assert two.world.report(two.a.asked[-1], "received", "COMPLETE", received=100)
    two.loses("a")
    two.world.until_stable(count=120)
    two.world.pull()
    assert (two.b.asked[-1].before_series, two.b.asked[-1].before_instances) == ((THIN,), 80)


def test_the_folders_of_one_that_is_away_wait_and_those_of_others_are_let_go(two: Two) -> None:
    world = two.world
    two.world.until_stable()
    two.world.pull()
    assert world.accept(two.message("a"))
    assert world.result("completed", world.study().handovers[-1].handover_id) == "recorded"
    world.clock.pass_seconds(700)
    two.loses("a")
    assert world.release()
    assert two.a.released == []
    two.a.deaf = None
    two.look()
    world.clock.pass_seconds(31)
    assert world.release()
    assert len(two.a.released) == 1


def test_each_journal_is_compared_with_what_the_store_has_of_its_receiver(two: Two) -> None:
    two.asked_at_b_after_a_was_away()
    two.a.deaf = None
    for plugins in two.plugins.values():
        plugins.set_installation(two.world.store.identity().installation)
    lost = two.message("a", studyUID=f"{UID}.7", pullID="")
    row = JournalHandover(lost["handoverID"], lost["studyUID"], files=80, instances=80, notification=lost)
    two.a.records = replace(two.a.records, handovers=(row,))
    found = two.audit()
    told = [(one.what.name, one.receiver, one.study_uid) for one in found.differences]
    assert told == [("STORE_HANDOVER", "a", f"{UID}.7"), ("JOURNAL_PULL", "b", UID)]
    adopted = two.world.store.get(f"{UID}.7")
    assert adopted is not None
    assert adopted.handovers[0].receiver == "a"


def test_one_that_is_away_is_named_and_the_others_are_compared_all_the_same(two: Two) -> None:
    two.loses("a")
    found = two.audit()
    assert set(found.away) == {"plugins of a"}
    assert "journal of b" in found.installations


def test_the_state_is_the_sum_with_each_beside_it(two: Two) -> None:
    assert two.watch.state["totalBytes"] == 16 * GB
    two.loses("b")
    assert (two.watch.state["totalBytes"], two.watch.state["receivers"]["b"]["away"]) == (
        8 * GB,
        "connection refused",
    )


def test_an_address_that_leads_to_another_receiver_is_told_and_not_used(two: Two) -> None:
    two.b.ram_disk = {**two.b.ram_disk, "receiver": "a"}
    two.look()
    two.studies(2)
    assert (two.world.pull(), two.asked()) == (2, (2, 0))
    assert two.book.shown()["b"]["away"] == "what answers there is called a"
