"""
One of two records is lost (K14), over the use cases: store, journal, queue; told, adopted, pulled anew,
published again.

With real processes: tests/long/recover/test_k14_records.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pacs_module.domain.errors import RetriableError, StoreLost
from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.recover.consistency import JournalHandover, JournalPull, PluginRecords
from pacs_module.domain.study.history import Note
from pacs_module.domain.study.lifecycle import State
from pacs_module.ports import Identity
from pacs_module.use_cases.recover.adopt import Adopt
from pacs_module.use_cases.recover.audit_records import AuditRecords
from pacs_module.use_cases.recover.watch_records import RECOVER_AFTER, WatchRecords
from tests.fakes.pipeline import UID, Pipeline, answer, handover_id
from tests.fakes.world import DAY, FakeCopies

OLD = "0" * 32


class Site:
    """A pipeline with its audit; ``lose_store`` puts a new one in the place of all that it knew."""

    def __init__(self, world: Pipeline | None = None) -> None:
        self.world = world or Pipeline()
        world = self.world
        adopt = Adopt(world.store, world.accept, world.clock, world.log)
        self.audit = AuditRecords(
            world.store, world.plugins, world.queue, adopt, world.clock, world.log, workers=1
        )
        world.deliver.adopt = partial(adopt.message, row_of=self.audit.known_to_journal)
        world.deliver.is_foreign = self.audit.foreign
        world.queue._publisher = lambda: world.store.identity().installation
        self.watch = WatchRecords(world.store, self.audit, world.clock, world.log)

    def hand_over(self, number: int, **changed: Any) -> dict[str, Any]:
        """A study is received and handed over; the plugins keep it in their journal."""
        uid = f"{UID}.{number}"
        message = self.world.message(None, studyUID=uid, **changed)
        assert self.world.accept(message)
        row = JournalHandover(message["handoverID"], uid, files=80, instances=80, notification=message)
        records = self.world.plugins.records
        self.world.plugins.records = replace(records, handovers=(*records.handovers, row))
        return message

    def lose_store(self) -> Site:
        """The same plugins and queue, and a store that knows nothing."""
        world = Pipeline(copies=self.world.copies)
        world.queue, world.clock = self.world.queue, self.world.clock
        world.publish.queue = world.consumer._queue = world.queue
        world.deliver.clock = world.accept.clock = world.publish.clock = world.clock
        world.plugins.records = replace(self.world.plugins.records, installation=OLD)
        return Site(world)

    def told(self, key: str) -> list[tuple[str, dict[str, object]]]:
        return [
            event
            for name, event in zip(self.world.log.keys, self.world.log.events, strict=True)
            if name == key
        ]

    def compute(self) -> list[str]:
        """Everything is published, delivered and computed; the hand-overs that the backend was asked for."""
        world = self.world
        world.backend.then = lambda message: world.record(
            _result(message["studyUID"], message["seriesUID"], message["handoverID"])
        )
        for _ in range(100):
            published = world.publish()
            world.deliver(1)
            if not published and not world.queue.depth():
                return world.backend.submitted
        raise AssertionError("it never ends")

    def states(self) -> list[str]:
        return [study.state or "" for study in self.world.store.find({})]


def _result(study_uid: str, series_uid: str, handover_id: str) -> Any:
    from pacs_module.domain.json_messages.messages import Result

    return Result(study_uid, series_uid, "completed", "", handover_id)


def test_the_store_is_lost_while_four_hand_overs_wait_for_the_backend() -> None:
    before = Site()
    messages = [before.hand_over(number) for number in range(4)]
    while before.world.publish():
        pass
    after = before.lose_store()
    found = after.audit()
    assert [one.remedy.name for one in found.differences] == ["ADOPT"] * 4
    ((words, values),) = [told for told in after.told("record_is_new") if told[1]["record"] == "journal"]
    assert words.startswith("this store is new")
    assert "knows 4 studies" in words
    assert "the queue 4 messages" in words
    assert values["level"] == "ERROR"
    assert set(after.compute()) == {message["handoverID"] for message in messages}
    assert after.states() == ["completed"] * 4
    assert any(entry.tells(Note.ADOPTED) for entry in after.world.study(f"{UID}.1").history)


def test_done_twice_it_is_done_once() -> None:
    before = Site()
    before.hand_over(1)
    after = before.lose_store()
    after.audit()
    first = after.world.study(f"{UID}.1")
    assert after.audit().equal
    assert after.world.study(f"{UID}.1") == first
    assert len(first.handovers) == 1
    assert after.told("records_equal")


def test_killed_before_the_marks_are_set_the_next_start_goes_on() -> None:
    before = Site()
    before.hand_over(1)
    before.hand_over(2)
    after = before.lose_store()
    first, *_ = after.audit.look().differences
    after.audit._mend(first, {"": after.world.plugins.records})
    assert [one.study_uid for one in after.audit().differences] == [f"{UID}.2"]
    assert len(after.states()) == 2


def test_workers_meet_the_messages_before_the_audit_does() -> None:
    before = Site()
    messages = [before.hand_over(number) for number in range(4)]
    while before.world.publish():
        pass
    after = before.lose_store()
    assert set(after.compute()) == {message["handoverID"] for message in messages}
    assert after.states() == ["completed"] * 4
    assert after.world.queue.dead_depth() == 0
    assert len(after.told("message_adopted")) == 4


def test_a_message_without_names_is_traced_by_its_id_and_the_study_is_pulled_anew() -> None:
    before = Site(Pipeline(copies=FakeCopies()))
    message = before.hand_over(1)
    while before.world.anonymise() or before.world.publish():
        pass
    rows = before.world.plugins.records.handovers
    before.world.plugins.records = replace(
        before.world.plugins.records, handovers=(replace(rows[0], state="released", files=0),)
    )
    after = before.lose_store()
    after.world.deliver(1)
    study = after.world.study(message["studyUID"])
    assert (study.state, study.forced, study.waits_for_pull) == (State.META_ONLY, True, True)
    assert after.world.queue.dead_depth() == 0


@pytest.mark.parametrize(
    "message",
    [{}, {"studyUID": "1"}, {"handoverID": "h", "identity": {"a": 1}}, {"pullID": "p", "studyUID": 3}],
)
def test_a_message_that_is_none_of_ours_is_buried(message: dict[str, Any]) -> None:
    site = Site()
    site.world.queue.publish(message, "h:1", 0)
    site.world.deliver(1)
    assert site.world.queue.dead_depth() == 1
    assert site.world.store.find({}) == []


def test_a_hand_over_that_cannot_be_adopted_is_pulled_and_handed_over_anew() -> None:
    before = Site()
    message = before.hand_over(1)
    rows = before.world.plugins.records.handovers
    pull = JournalPull("p0", message["studyUID"], "A", "ended")
    before.world.plugins.records = PluginRecords(
        handovers=(replace(rows[0], notification=None),), pulls=(pull,)
    )
    after = before.lose_store()
    after.audit()
    study = after.world.study(message["studyUID"])
    assert (study.state, study.forced, list(study.pacs)) == (State.META_ONLY, True, ["A"])
    assert after.world.pull() == 1
    (request,) = after.world.plugins.asked
    assert (request.study_uid, request.pacs, request.forced) == (message["studyUID"], "A", True)


def test_what_was_pulled_anew_and_computed_leaves_no_old_hand_over_on_the_ram_disk() -> None:
    """Nobody else would release it: the store has never heard of it."""
    site = Site()
    message = site.hand_over(1)
    (row,) = site.world.plugins.records.handovers
    site.world.plugins.records = replace(
        site.world.plugins.records, handovers=(replace(row, notification=None),)
    )
    after = site.lose_store()
    after.audit()
    assert after.world.plugins.released == []
    anew = after.world.message(None, studyUID=row.study_uid, handoverID="f" * 32)
    after.world.accept(anew)
    after.audit()
    assert after.world.plugins.released == []  # no result yet
    assert "f" * 32 in after.compute()
    after.audit()
    assert after.world.plugins.released == [message["handoverID"]]


def test_a_pull_that_runs_is_adopted_and_its_end_is_taken_in() -> None:
    before = Site()
    request = before.world.until_asked()
    row = JournalPull(request.pull_id, UID, "A", "running", to_document(request))
    before.world.plugins.records = PluginRecords(pulls=(row,))
    after = before.lose_store()
    after.audit()
    study = after.world.study()
    assert study.state is State.PULL_DATA
    assert study.pull is not None
    assert study.pull.request == request
    assert after.world.accept(after.world.message(request))
    assert after.world.report(request, "received", "COMPLETE", received=100)
    assert after.world.study().state is State.PULL_DATA_END


def test_a_pull_whose_request_cannot_be_read_is_told_and_costs_only_itself() -> None:
    before = Site()
    before.hand_over(1)
    before.world.plugins.records = replace(
        before.world.plugins.records, pulls=(JournalPull("p1", "1.9", "A", "running", {"level": "PATIENT"}),)
    )
    after = before.lose_store()
    after.audit()
    assert after.told("record_not_mended")
    assert after.world.study(f"{UID}.1").state is State.PULL_DATA_END


def test_the_journal_is_lost() -> None:
    site = Site()
    request = site.world.until_asked()
    site.hand_over(1)
    site.audit()
    site.world.plugins.records = PluginRecords()
    found = site.audit()
    assert {one.what.name for one in found.differences} == {"JOURNAL_HANDOVER", "JOURNAL_PULL"}
    assert [told[1]["record"] for told in site.told("record_is_new")][-1:] == ["journal"]
    site.world.plugins.reports.clear()
    assert site.world.pull.watch()
    assert [asked.pull_id for asked in site.world.plugins.asked] == [request.pull_id] * 2
    assert site.world.plugins.records.installation == site.world.store.identity().installation


def test_the_queue_is_reset_and_its_messages_are_published_again() -> None:
    site = Site()
    messages = [site.hand_over(number) for number in range(3)]
    site.audit()
    while site.world.publish():
        pass
    taken = site.world.consumer.take(0)
    assert taken is not None
    site.world.consumer._held = None
    site.world.queue._waiting.clear()
    site.world.queue.set_installation("")
    found = site.audit()
    assert [one.what.name for one in found.differences] == ["MESSAGES"] * 3
    assert set(site.compute()) == {message["handoverID"] for message in messages}
    assert site.states() == ["completed"] * 3


def test_the_hand_over_folder_is_lost_and_the_studies_are_pulled_anew() -> None:
    site = Site()
    request = site.world.until_asked()
    message = site.world.message(request)
    site.world.accept(message)
    site.world.report(request, "received", "COMPLETE", received=100)
    site.world.plugins.records = PluginRecords(
        handovers=(JournalHandover(message["handoverID"], UID, notification=message),)
    )
    found = site.audit()
    assert [one.what.name for one in found.differences] == ["FILES"]
    site.world.files.counts[message["filepath"]] = 0
    site.world.publish()
    site.world.deliver(1)
    assert site.world.study().waits_for_pull


@pytest.mark.parametrize("deaf", ["plugins", "queue"])
def test_a_record_that_does_not_answer_is_compared_when_it_is_back(deaf: str) -> None:
    before = Site()
    before.hand_over(1)
    after = before.lose_store()
    if deaf == "plugins":
        after.world.plugins.deaf = RetriableError("Orthanc does not answer")
    else:
        after.world.queue.depth = _away  # type: ignore[method-assign]
    after.watch()
    assert after.audit.last is not None
    assert list(after.audit.last.away) == [deaf]
    after.world.plugins.deaf = None
    vars(after.world.queue).pop("depth", None)
    after.world.clock.pass_seconds(120)
    after.watch()
    assert after.audit.last.away == {}
    assert after.states() == ["pull_data_end"]


def _away() -> int:
    raise RetriableError("RabbitMQ is away")


def test_the_records_are_compared_at_the_start_and_every_hour() -> None:
    site = Site()
    site.watch()
    times = [site.audit.last_at]
    for _ in range(70):
        site.world.clock.pass_seconds(60)
        site.watch()
        times += [site.audit.last_at] if site.audit.last_at != times[-1] else []
    assert len(times) == 2


class LostStore:
    """The identity of a store that is lost, and what recovering it does."""

    def __init__(self, site: Site, stays: bool = False) -> None:
        self.lost, self.stays, self.recovered = True, stays, 0
        site.world.store.identity = self.identity  # type: ignore[method-assign]
        site.world.store.recover = self.recover  # type: ignore[method-assign]

    def identity(self) -> Identity:
        if self.lost:
            raise StoreLost("the store was removed while it was in use")
        return Identity(OLD, "")

    def recover(self) -> str:
        if self.stays:
            raise StoreLost("replaced")
        self.lost, self.recovered = False, self.recovered + 1
        return "put back"


def test_a_lost_store_is_told_at_once_and_put_back_after_a_while() -> None:
    site = Site()
    site.watch()
    store = LostStore(site)
    for _ in range(3):
        with pytest.raises(StoreLost):
            site.watch()
    assert len(site.told("store_lost")) == 1
    assert store.recovered == 0
    site.world.clock.pass_seconds(RECOVER_AFTER.total_seconds())
    site.watch()
    assert store.recovered == 1
    assert site.told("store_recovered")
    assert site.audit.last_at == site.world.clock.now(), "compared at once"


def test_a_store_that_somebody_puts_back_is_taken_again() -> None:
    site = Site()
    store = LostStore(site)
    with pytest.raises(StoreLost):
        site.watch()
    store.lost = False
    site.watch()
    assert store.recovered == 0
    assert site.told("store_is_back")


def test_a_store_that_nobody_can_put_back_stays_lost() -> None:
    site = Site()
    LostStore(site, stays=True)
    for _ in range(3):
        with pytest.raises(StoreLost):
            site.watch()
        site.world.clock.pass_seconds(60)
    assert len(site.told("store_lost")) == 1


def test_documents_that_cannot_be_read_are_told_once_each() -> None:
    site = Site()
    for uid in ("1", "2"):
        site.world.store._texts[uid] = "{}"  # type: ignore[attr-defined]
        site.world.store._unreadable._note(uid, "no UID")  # type: ignore[attr-defined]
    for _ in range(3):
        site.watch()
    assert sorted(str(values["studyUID"]) for _, values in site.told("document_unreadable")) == ["1", "2"]


def test_nothing_new_of_a_study_whose_hand_over_this_store_has_lost_is_asked_for_anew() -> None:
    world = Pipeline()
    request = world.until_asked()
    assert world.report(request, "nothing_new", "COMPLETE", message="nothing new since 80 images")
    study = world.study()
    assert (study.state, study.forced, study.waits_for_pull) == (State.META_ONLY, True, True)
    assert world.pull() == 1
    again = world.plugins.asked[-1]
    assert again.forced
    assert world.accept(world.message(again))
    assert world.report(again, "received", "COMPLETE", received=100)
    assert world.study().state is State.PULL_DATA_END
    assert not world.study().forced


def test_nothing_new_of_a_pull_that_was_forced_is_no_reason_to_ask_for_ever() -> None:
    world = Pipeline()
    world.report(world.until_asked(), "nothing_new", "COMPLETE")
    world.pull()
    world.report(world.plugins.asked[-1], "nothing_new", "COMPLETE")
    assert world.study().state is State.UNSUPPORTED_SERIES
    assert world.pull() == 0


def grown(world: Pipeline) -> None:
    """Handed over, computed, and pulled again because the PACS has more."""
    world.until_handed_over()
    world.result("completed")
    world.pacs.studies["A"] = [answer(count=140)]
    for _ in range(3):
        world.clock.pass_seconds(120)
        world.find("A", DAY)
    assert world.pull() == 1


def test_nothing_new_since_a_hand_over_that_an_older_copy_of_the_store_does_not_know_is_asked_for_anew() -> (
    None
):
    """The store was put back from a backup: the later hand-over, computed and released, is not in it."""
    grown(world := Pipeline())
    request = world.plugins.asked[-1]
    world.report(request, "nothing_new", "COMPLETE", received=140, handover_id=handover_id(77))
    study = world.study()
    assert (study.state, study.forced, study.waits_for_pull) == (State.META_ONLY, True, True)
    assert world.pull() == 1
    assert world.plugins.asked[-1].forced


@pytest.mark.parametrize("known", [True, False])
def test_nothing_new_since_a_hand_over_that_is_known_or_not_told_changes_nothing(known: bool) -> None:
    grown(world := Pipeline())
    last = world.study().handovers[-1].handover_id if known else ""
    world.report(world.plugins.asked[-1], "nothing_new", "COMPLETE", received=140, handover_id=last)
    assert world.study().state is State.COMPLETED
    assert world.pull() == 0


def two_installations_at_one_queue() -> tuple[Site, Site]:
    """Each with plugins of its own; the first one's hand-over is in the queue that the second one reads."""
    first, second = Site(), Site()
    second.world.queue = first.world.queue
    second.world.publish.queue = second.world.consumer._queue = first.world.queue
    first.hand_over(1)
    while first.world.publish():
        pass
    return first, second


def test_a_message_of_another_installation_is_left_to_it() -> None:
    first, second = two_installations_at_one_queue()
    for _ in range(3):
        second.world.deliver(0)
    assert second.states() == []
    assert second.world.backend.submitted == []
    assert second.world.queue.depth() == 1
    assert second.world.queue.dead_depth() == 0
    ((words, values),) = second.told("queue_shared")
    assert words.startswith("another installation uses the same queue")
    assert values["installation"] == first.world.store.identity().installation
    assert first.compute() == [handover_id_of(first)]


def handover_id_of(site: Site) -> str:
    (study,) = site.world.store.find({})
    return study.handovers[0].handover_id


def test_own_messages_do_not_wait_behind_those_of_another_installation() -> None:
    first, second = two_installations_at_one_queue()
    second.hand_over(2, handoverID=handover_id(9))
    second.world.backend.then = lambda message: second.world.record(
        _result(message["studyUID"], message["seriesUID"], message["handoverID"])
    )
    while second.world.publish():
        pass
    for _ in range(3):
        second.world.deliver(0)
    assert second.states() == ["completed"]
    assert first.compute() == [handover_id_of(first)]


def test_a_study_that_both_installations_have_is_computed_by_the_one_that_handed_it_over() -> None:
    first, second = two_installations_at_one_queue()
    (study,) = first.world.store.find({})
    second.world.store.insert(type(study)(study.study_uid))
    second.world.deliver(0)
    assert second.world.study(study.study_uid).handovers == []
    assert first.compute() == [handover_id_of(first)]
