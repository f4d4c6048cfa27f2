"""
The way back is broken, not the study (K4): whole outages with a simulated clock.

The PACS answers finds all the time; what its moves answer is said by each test. Not proved here: that
Orthanc's words are read (tests/unit/domain/pull/test_failure_blame.py), and a real C-MOVE that answers so
(tests/long/pull/test_k04_move_paths.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.domain.errors import Refused
from pacs_module.domain.json_messages.messages import PullReport, PullRequest
from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure, kind_of_status
from pacs_module.domain.pull.failure_words import read_failure
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.priority import EMERGENCY
from pacs_module.domain.study.pull_state import Charge
from pacs_module.use_cases.operate.manual_work import Who
from tests.fakes.pipeline import RETRY, UID, Pipeline, answer
from tests.fakes.world import DAY

A801 = PullFailure(
    FailureKind.NO_DESTINATION, "A801", 'C-MOVE SCU to AET "A" has failed with DIMSE status 0xA801'
)
TOLD = "A does not know our AE title AIPULL at 10.1.2.3:4242: register it as a move destination"
STEP_S = 1.0

Moves = Callable[[PullRequest], PullFailure | None]


def status(digits: str) -> PullFailure:
    return PullFailure(kind_of_status(int(digits, 16)), digits)


def study_uid(number: int) -> str:
    return f"{UID}.{number}"


def found(world: Pipeline, number: int, *pacs: str) -> None:
    for name in pacs or ("A",):
        world.pacs.studies[name] = [
            answer(study_uid(place), 100, StudyTime=f"08{place:02}00") for place in range(number)
        ]
    for _ in range(2):
        world.clock.pass_seconds(10)
        for name in pacs or ("A",):
            world.find(name, DAY)


def run(world: Pipeline, seconds: float, moves: Moves) -> list[PullRequest]:
    """Let time pass: each pull that is asked for ends within the step, as the PACS's moves go."""
    asked: list[PullRequest] = []
    for _ in range(int(seconds / STEP_S)):
        world.pull()
        for request in world.plugins.asked[:]:
            world.plugins.asked.remove(request)
            asked.append(request)
            end(world, request, moves(request))
        world.clock.pass_seconds(STEP_S)
    return asked


def end(world: Pipeline, request: PullRequest, failure: PullFailure | None) -> None:
    if failure is None:
        world.report(request, "nothing_new", "COMPLETE", request.study_uid, received=100)
    else:
        message = f"no image came {failure.words}"
        world.report(request, "failed", "", request.study_uid, message=message, failure=failure)


def states(world: Pipeline, number: int) -> set[str]:
    return {world.study(study_uid(place)).state or "" for place in range(number)}


def attempts(world: Pipeline, number: int) -> list[int]:
    return [world.study(study_uid(place)).attempts for place in range(number)]


@pytest.fixture
def world() -> Pipeline:
    return Pipeline()


# --- the case ---


@pytest.mark.parametrize("number", [1, 2, 12])
def test_ten_minutes_without_a_destination_then_registered(world: Pipeline, number: int) -> None:
    found(world, number)
    asked = run(world, 600, lambda request: A801)
    assert states(world, number) == {State.META_ONLY}
    assert attempts(world, number) == [0] * number
    assert 1 < len(asked) < 30, "one probe now and then, not every study"
    assert world.paths.told("A")["why"] == TOLD
    assert any(world.study(study_uid(place)).why.startswith(TOLD) for place in range(number))
    run(world, 240, lambda request: None)
    assert states(world, number) == {State.UNSUPPORTED_SERIES}, (
        "nothing new and nothing handed over: as the fake says"
    )
    assert world.paths.told("A")["circuit"] == "closed"
    keys = [key for key in world.log.keys if key.startswith("move_path")]
    assert (keys[0], keys[-1], keys.count("move_path_closed")) == ("move_path_open", "move_path_closed", 1)


OUTAGES = {
    "unknown destination": A801,
    "the PACS cannot reach our port": status("A702"),
    "all sub-operations failed": status("B000"),
    "success, and no image": PullFailure(FailureKind.NOTHING_CAME, "", "no image came"),
    "the PACS is out of resources": status("A701"),
    "C-MOVE is not offered": status("0122"),
    "not authorised": status("0124"),
    "unable to process": status("C001"),
    "cancelled there": status("FE00"),
    "association rejected": PullFailure(FailureKind.REFUSED, "", "DUL Association Rejected"),
    "no connection": PullFailure(FailureKind.UNREACHABLE, "", "Connection refused"),
    "aborted": PullFailure(FailureKind.ABORTED, "", "Peer aborted Association"),
    "silent": PullFailure(FailureKind.TIMEOUT, "", "DIMSE No data available"),
    "our own disk": PullFailure(FailureKind.OURSELVES, "", "Cannot write to the storage area"),
}


@pytest.mark.parametrize("failure", OUTAGES.values(), ids=OUTAGES)
@pytest.mark.parametrize("number", [1, 6])
def test_no_outage_costs_a_study_an_attempt_and_all_goes_on_by_itself(
    world: Pipeline, failure: PullFailure, number: int
) -> None:
    found(world, number)
    run(world, 1800, lambda request: failure)
    assert states(world, number) == {State.META_ONLY}
    assert attempts(world, number) == [0] * number
    told = world.paths.told("A")
    assert told["circuit"] != "closed"
    assert "A" in told["why"] or "receiving Orthanc" in told["why"]
    run(world, 300, lambda request: None)
    assert states(world, number) == {State.UNSUPPORTED_SERIES}
    assert attempts(world, number) == [1] * number, "only the pull that came"


def test_without_a_reason_one_study_is_charged_and_several_are_not(world: Pipeline) -> None:
    other = PullFailure(FailureKind.OTHER, "", "words of a later version")
    found(world, 1)
    run(world, 600, lambda request: other)
    assert states(world, 1) == {State.PULL_FAILED}
    many = Pipeline()
    found(many, 6)
    run(many, 1800, lambda request: other)
    assert states(many, 6) == {State.META_ONLY}
    run(many, 300, lambda request: None)
    assert states(many, 6) == {State.UNSUPPORTED_SERIES}


# --- a study of its own ---


@pytest.mark.parametrize(
    "failure", [status("C001"), status("A702"), OUTAGES["aborted"], OUTAGES["success, and no image"]]
)
def test_one_that_fails_while_others_come_is_charged_as_ever(world: Pipeline, failure: PullFailure) -> None:
    found(world, 30)
    tries: list[str] = []

    def moves(request: PullRequest) -> PullFailure | None:
        if request.study_uid != study_uid(0):
            return None
        tries.append(request.pull_id)
        return failure

    for late in range(40):  # others go on coming
        world.pacs.studies["A"] = [answer(f"{UID}.9{late}", 100)]
        world.find("A", DAY)
        world.find("A", DAY)
        run(world, 10, moves)
    assert world.study(study_uid(0)).state is State.PULL_FAILED
    assert len(tries) == RETRY.attempts
    assert states(world, 30) == {State.PULL_FAILED, State.UNSUPPORTED_SERIES}
    assert world.paths.told("A")["circuit"] == "closed"


def test_one_bad_study_does_not_keep_the_probe_for_itself(world: Pipeline) -> None:
    found(world, 4)
    world.work.prioritise(study_uid(0), EMERGENCY, Who("a person", "urgent"))
    bad = study_uid(0)
    run(world, 40, lambda request: status("A702"))
    assert world.paths.told("A")["circuit"] != "closed"
    run(world, 240, lambda request: status("A702") if request.study_uid == bad else None)
    others = {world.study(study_uid(place)).state for place in (1, 2, 3)}
    assert others == {State.UNSUPPORTED_SERIES}


def test_one_that_failed_while_another_came_is_given_up_also_when_nobody_comes_any_more(
    world: Pipeline,
) -> None:
    found(world, 2)
    asked = run(world, 900, lambda request: status("C001") if request.study_uid == study_uid(0) else None)
    assert [world.study(study_uid(place)).state for place in range(2)] == [
        State.PULL_FAILED,
        State.UNSUPPORTED_SERIES,
    ]
    assert sum(request.study_uid == study_uid(0) for request in asked) == RETRY.attempts
    assert world.paths.told("A")["circuit"] == "closed"


def test_suspects_that_fail_together_are_an_outage(world: Pipeline) -> None:
    found(world, 6)
    bad = {study_uid(place) for place in range(4)}
    run(world, 5, lambda request: status("A702") if request.study_uid in bad else None)
    run(world, 1800, lambda request: status("A702"))
    assert max(attempts(world, 4)) <= 2
    assert world.paths.told("A")["circuit"] != "closed"
    run(world, 300, lambda request: None)
    assert states(world, 6) == {State.UNSUPPORTED_SERIES}


def test_what_the_pacs_does_not_have_is_the_studys_own(world: Pipeline) -> None:
    found(world, 1)
    run(world, 600, lambda request: PullFailure(FailureKind.NOT_THERE, "", "A does not have study 1"))
    assert states(world, 1) == {State.PULL_FAILED}
    assert world.paths.told("A")["circuit"] == "closed"


def test_some_images_show_that_the_path_works(world: Pipeline) -> None:
    found(world, 1)
    for place in range(RETRY.attempts):
        world.pull()
        request = world.plugins.asked.pop()
        world.report(
            request,
            "short",
            "SHORT 50 of 100",
            request.study_uid,
            received=50 + place,
            failure=status("B000"),
        )
        world.clock.pass_seconds(300)
    assert states(world, 1) == {State.PULL_FAILED}
    assert world.paths.told("A")["circuit"] == "closed"


def test_poison_is_set_aside_and_says_nothing_against_the_path(world: Pipeline) -> None:
    found(world, 1)
    poison = PullFailure(FailureKind.POISON, "", "killed Orthanc twice while it was received")
    asked = run(world, 600, lambda request: poison)
    assert len(asked) == 1
    assert states(world, 1) == {State.PULL_FAILED}
    assert "set aside" in world.study(study_uid(0)).why
    assert world.paths.told("A")["circuit"] == "closed"
    world.work.redo(study_uid(0), Who("a person", "once more"))
    assert len(run(world, 30, lambda request: poison)) == 1, "by hand it is pulled again, once"


# --- what the store and the log have of it ---


def test_hours_of_an_outage_leave_one_pull_and_few_lines(world: Pipeline) -> None:
    found(world, 1)
    before = len(world.study(study_uid(0)).history)
    run(world, 3 * 3600, lambda request: A801)
    study = world.study(study_uid(0))
    assert study.pull is not None
    assert (study.pull.charge, study.pull.blamed) == (Charge.NOT_CHARGED, TOLD)
    assert len(study.pulls) == 0
    assert len(study.history) - before <= 4
    assert study.history[-1].why.startswith(f"{TOLD}; not counted as an attempt; again in")


def test_a_word_of_older_plugins_is_read_from_the_message(world: Pipeline) -> None:
    found(world, 1)
    assert world.pull() == 1
    request = world.plugins.asked.pop()
    world.ends.accept_report(
        PullReport("R", request.pull_id, request.study_uid, "failed", message=f"no image came {A801.words}")
    )
    assert attempts(world, 1) == [0]
    assert world.paths.told("A")["why"] == TOLD


def test_plugins_that_do_not_know_the_pacs_are_a_path_too(world: Pipeline) -> None:
    found(world, 3)
    words = "A is not in Orthanc's DicomModalities: HOSPITAL-PACS"
    world.plugins.refuse = lambda request: Refused("the receiving Orthanc", 404, words)
    run(world, 900, lambda request: None)
    assert (states(world, 3), attempts(world, 3)) == ({State.META_ONLY}, [0, 0, 0])
    world.plugins.refuse = lambda request: None
    run(world, 300, lambda request: None)
    assert states(world, 3) == {State.UNSUPPORTED_SERIES}


def test_a_full_ram_disk_is_told_as_the_reason(world: Pipeline) -> None:
    world.paths.disk_full = lambda: True
    found(world, 2)
    run(world, 120, lambda request: status("A702"))
    assert world.paths.told("A")["why"].startswith("the RAM disk is full")
    assert attempts(world, 2) == [0, 0]


# --- people, probes, mirrors, processes ---


def test_what_a_person_asks_for_need_not_wait_for_the_next_probe(world: Pipeline) -> None:
    found(world, 3)
    run(world, 300, lambda request: A801)
    world.pacs.studies["A"] = [answer(study_uid(2), 100)]
    world.manual({"StudyInstanceUID": study_uid(2)}, "a person")
    (request,) = run(world, 1, lambda request: None)
    assert request.study_uid == study_uid(2)
    assert world.paths.told("A")["circuit"] == "closed"


def test_the_most_urgent_study_is_the_probe_and_only_one_at_a_time(world: Pipeline) -> None:
    found(world, 6)
    world.pull()
    for request in world.plugins.asked[:]:
        end(world, request, A801)
    world.plugins.asked.clear()
    world.clock.pass_seconds(60)
    world.work.prioritise(study_uid(5), EMERGENCY, Who("a person", "urgent"))
    assert (world.pull(), world.pull()) == (1, 0)
    (request,) = world.plugins.asked
    assert request.study_uid == study_uid(5)
    assert world.paths.told("A")["circuit"] == "half-open"


def test_a_probe_that_vanished_leaves_its_place(world: Pipeline) -> None:
    found(world, 2)
    run(world, 30, lambda request: A801)
    world.clock.pass_seconds(60)
    assert world.pull() == 1
    request = world.plugins.asked.pop()
    world.work.cancel(request.study_uid, Who("a person", "not needed"))
    world.report(request, "nothing_new", "COMPLETE", request.study_uid)
    run(world, 120, lambda request: None)
    assert State.UNSUPPORTED_SERIES in states(world, 2)


def test_with_a_mirror_studies_are_moved_from_the_other() -> None:
    world = Pipeline(pacs=("A", "B"), limit=1)
    found(world, 6, "A", "B")

    def moves(request: PullRequest) -> PullFailure | None:
        return A801 if request.pacs == "A" else None

    asked = run(world, 240, moves)
    assert states(world, 6) == {State.UNSUPPORTED_SERIES}
    assert attempts(world, 6) == [1] * 6, "only the pull that came"
    assert {request.pacs for request in asked} == {"A", "B"}
    assert sum(request.pacs == "A" for request in asked) < len(asked) / 2 + 2
    assert (world.paths.told("A")["circuit"], world.paths.told("B")["circuit"]) == ("open", "closed")


def test_an_emergency_is_no_probe_while_a_mirror_has_it() -> None:
    world = Pipeline(pacs=("A", "B"), limit=1)
    found(world, 2, "A", "B")
    end_a = PullFailure(FailureKind.NO_DESTINATION, "A801")
    world.paths.failed("A", "1.2", world.paths.judge("A", end_a, 0))
    world.clock.pass_seconds(60)
    for place in range(2):
        world.work.prioritise(study_uid(place), EMERGENCY, Who("a person", "urgent"))
    asked = run(world, 10, lambda request: A801 if request.pacs == "A" else None)
    assert {request.pacs for request in asked} == {"B"}
    assert states(world, 2) == {State.UNSUPPORTED_SERIES}


def test_a_restart_and_a_second_process_know_what_the_first_has_learned() -> None:
    store, leases = MemoryStore(), MemoryLeases()
    first = Pipeline(store=store, leases=leases)
    found(first, 6)
    run(first, 120, lambda request: A801)
    second = Pipeline(store=store, leases=leases)
    second.clock.at = first.clock.at
    assert second.paths.told("A")["why"] == TOLD
    probes = run(second, 600, lambda request: A801)
    assert len(probes) < 20
    assert attempts(second, 6) == [0] * 6
    first.clock.at = second.clock.at
    run(first, 300, lambda request: None)
    assert states(first, 6) == {State.UNSUPPORTED_SERIES}
    assert second.paths.told("A")["circuit"] == "closed"


def test_a_store_that_lost_the_path_learns_it_again_without_a_charge() -> None:
    store = MemoryStore()
    first = Pipeline(store=store)
    found(first, 6)
    run(first, 300, lambda request: A801)
    second = Pipeline(store=store)
    second.clock.at = first.clock.at
    run(second, 300, lambda request: A801)
    assert (states(second, 6), attempts(second, 6)) == ({State.META_ONLY}, [0] * 6)


def test_a_find_goes_on_while_moves_fail(world: Pipeline) -> None:
    found(world, 1)
    run(world, 120, lambda request: A801)
    found(world, 3)
    assert states(world, 3) == {State.META_ONLY}


@pytest.mark.parametrize("wrong_s", [3600.0, -3600.0])
def test_a_clock_that_jumps_does_not_keep_the_path_shut(world: Pipeline, wrong_s: float) -> None:
    found(world, 2)
    run(world, 60, lambda request: A801)
    world.clock.jump(wrong_s)
    for place in range(2):
        study = world.study(study_uid(place))
        study.schedule("pull", world.clock.now())
        assert world.store.replace(study)
    run(world, 120, lambda request: None)
    assert states(world, 2) == {State.UNSUPPORTED_SERIES}


def test_the_pauses_between_probes_grow_to_a_minute(world: Pipeline) -> None:
    found(world, 3)
    times: list[int] = []

    def moves(request: PullRequest) -> PullFailure | None:
        times.append(world.clock.now())
        return A801

    run(world, 600, moves)
    pauses = [timedelta(milliseconds=after - before) for before, after in itertools.pairwise(times[4:])]
    assert max(pauses) <= timedelta(seconds=70)
    assert min(pauses) >= timedelta(seconds=19)


def test_words_from_orthanc_are_read_where_the_plugins_send_none() -> None:
    assert read_failure(f"no image came {A801.words}").kind is FailureKind.NO_DESTINATION


# --- a C-MOVE that failed half way and that nobody could count (K13) ---


def half_received(world: Pipeline, completeness: str = "UNVERIFIED") -> None:
    request = world.plugins.asked[-1]
    assert world.accept(world.message(request, 12, completeness=completeness))
    failure = status("C000")
    world.report(request, "received", completeness, received=12, message=failure.words, failure=failure)


def test_what_was_handed_over_uncounted_after_a_failure_is_pulled_again_while_attempts_are_left(
    world: Pipeline,
) -> None:
    world.until_stable(count=None)
    world.clock.pass_seconds(3600)
    assert world.pull() == 1
    for attempt in range(1, RETRY.attempts):
        half_received(world)
        study = world.study()
        assert (study.state, study.attempts) == (State.META_ONLY, attempt)
        assert "not known to be whole" in study.why
        world.clock.pass_seconds(300)
        assert world.pull() == 1
    assert world.plugins.asked[-1].final
    half_received(world)
    assert world.study().state is State.PULL_DATA_END


@pytest.mark.parametrize("completeness", ["COMPLETE", "SHORT 12 of 20"])
def test_what_was_counted_is_judged_by_its_count(world: Pipeline, completeness: str) -> None:
    world.until_asked(count=12)
    half_received(world, completeness)
    assert world.study().state is State.PULL_DATA_END
