"""
Reconciliation as a comparison of values: every cause, clashes, duplicates, manual pulls and lists that are
not whole (M26).

Not proved here: that a PACS and our store bring about these values (tests/long/reconcile/test_reconcile_day.py does).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from pacs_module.domain.dicom.attributes import FoundStudy
from pacs_module.domain.dicom.device import Device
from pacs_module.domain.find.sighting import new_study, see, unpullable_key
from pacs_module.domain.find.stability import StabilityPolicy
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.reconcile.compare import AGAIN, DELAY, MISS, reconcile
from pacs_module.domain.reconcile.counts import ANNOUNCED, EQUAL, GROWN, UNTOLD
from pacs_module.domain.reconcile.report import (
    NOT_COMPARED,
    NOTHING_MISSING,
    PATIENTS,
    RECONSTRUCTED,
    SEVERAL,
    SOMETHING_MISSING,
    report,
)
from pacs_module.domain.reconcile.report_line import Cause, PacsList, ReportLine, Role
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.lifecycle import Event, State
from pacs_module.domain.study.message_state import MessageState
from pacs_module.domain.study.pull_state import PullOutcome, PullStatus
from pacs_module.domain.study.study import PacsCopy, Pull, SeriesRecord, Study

DAY = date(2020, 6, 18)
SITE = Switches()
NOW = 1_592_481_600_000


def found(uid: str = "1.2.3", pacs: str = "A", count: int | None = 100, **changed: Any) -> FoundStudy:
    made = FoundStudy(pacs, uid, "2020-06-18", "080000", f"ACC{uid}", f"PID{uid}", "Thorax", ("CT",), count)
    return replace(made, **changed)


def listed(*studies: FoundStudy, pacs: str = "A", **changed: Any) -> PacsList:
    return replace(PacsList(pacs, DAY, studies), **changed)


def known(
    state: State | None, seen: FoundStudy | None = None, why: str = "", count: int | None = 100
) -> Study:
    """A document in some state, pulled with ``count`` instances (None: never pulled)."""
    seen = seen or found()
    study = new_study(seen, NOW, SITE)
    see(study, seen, NOW, StabilityPolicy(), SITE)
    study.state, study.why, study.sightings = state, why, []
    study.pacs = {seen.pacs: PacsCopy(seen.count)}
    if count is not None:
        pulled(study, count, "COMPLETE")
    return study


def pulled(
    study: Study, received: int, completeness: str, level: str = "STUDY", expected: int | None = None
) -> None:
    request = PullRequest("P1", study.study_uid, "A", level=level, expected=expected or study.count)
    outcome = PullOutcome.SHORT if completeness.startswith("SHORT") else PullOutcome.RECEIVED
    study.pull = Pull(request, 1, "", PullStatus.ENDED, outcome, completeness, received)
    study.baseline = study.count


def record(uid: str, taken: bool, rule: str, because: str) -> SeriesRecord:
    return SeriesRecord(uid, taken, rule, because, "find")


def handover(uid: str = "H1", result: str = "", words: str = "", completeness: str = "COMPLETE") -> HandOver:
    done = MessageState.DONE if result else MessageState.QUEUED
    return HandOver(uid, "1.2.3.1", 80, "/x", {}, "", completeness, done, result=result, result_message=words)


def one(study: Study | None, *copies: FoundStudy, **changed: Any) -> ReportLine:
    """The only line."""
    (line,) = reconcile([listed(*copies, **changed)], [study] if study else [], SITE, NOW)
    return line


def test_what_is_computed_is_not_missing() -> None:
    line = one(known(State.COMPLETED), found())
    assert (line.cause, line.counts.verdict, line.counts.received, line.missing) == (
        Cause.COMPUTED,
        EQUAL,
        100,
        False,
    )


def test_a_wanted_study_that_no_find_brought() -> None:
    line = one(None, found())
    assert (line.cause, line.why, line.missing) == (
        Cause.NOT_FOUND,
        "no find has seen it; ModalitiesInStudy CT",
        True,
    )
    assert (line.accession_number, line.patient_id, line.pacs) == ("ACC1.2.3", "PID1.2.3", ("A",))


@pytest.mark.parametrize("document", [True, False])
def test_an_unwanted_modality_is_told_with_it(document: bool) -> None:
    mr = found(modalities=("MR", "SR"))
    line = one(known(None, mr, count=None) if document else None, mr)
    assert (line.cause, line.why, line.missing) == (Cause.NOT_WANTED, "ModalitiesInStudy MR\\SR", False)


def test_one_that_was_not_wanted_and_has_a_ct_now_was_not_found() -> None:
    study = known(None, found(modalities=("MR",)), "A: ModalitiesInStudy MR", count=None)
    line = one(study, found(modalities=("MR", "CT")))
    assert line.cause is Cause.NOT_FOUND
    assert line.why == "not wanted when it was found (A: ModalitiesInStudy MR); now ModalitiesInStudy MR\\CT"


def test_what_was_filtered_has_each_reason_once() -> None:
    study = known(State.UNSUPPORTED_SERIES, count=None)
    head = "BodyPartExamined HEAD"
    study.series = {str(n): record(str(n), False, "body part", head) for n in range(2)} | {
        "3": record("3", False, "slice thickness", "SliceThickness 8")
    }
    line = one(study, found())
    assert (line.cause, line.why, line.missing) == (Cause.FILTERED, f"2 x {head}; SliceThickness 8", False)


def test_what_the_backend_could_not_use_has_its_words() -> None:
    study = known(State.UNSUPPORTED_SERIES)
    study.handovers = [handover(result="unsupported_series", words="no lung in it")]
    assert one(study, found()).why == "the backend: no lung in it"


def test_what_its_order_dropped_has_the_orders_words() -> None:
    study = known(State.UNSUPPORTED_SERIES, why="order 4711 is for KNEE", count=None)
    study.dropped_by_order = True
    assert (one(study, found()).cause, one(study, found()).why) == (Cause.FILTERED, "order 4711 is for KNEE")


@pytest.mark.parametrize("taken", [None, True])
def test_what_nobody_judged_is_not_called_filtered(taken: bool | None) -> None:
    """K14: the plugins say nothing_new of a study whose hand-over our store has lost."""
    study = known(State.UNSUPPORTED_SERIES, why="nothing new, still unsupported", count=None)
    study.series = {} if taken is None else {"1": record("1", True, "all", "no rule speaks against it")}
    line = one(study, found())
    assert (line.cause, line.missing) == (Cause.NO_VERDICT, True)
    assert line.why == "no verdict on its series is known here; nothing new, still unsupported"


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (State.PULL_FAILED, Cause.FAILED),
        (State.DEAD_LETTER, Cause.DEAD_LETTER),
    ],
)
def test_what_was_given_up_keeps_its_reason(state: State, cause: Cause) -> None:
    line = one(known(state, why="the backend refused with status 400"), found())
    assert (line.cause, line.why, line.missing) == (cause, "the backend refused with status 400", True)


@pytest.mark.parametrize(
    ("state", "cause"), [(State.DONE_BY_HAND, Cause.ELSEWHERE), (State.CANCELLED, Cause.FILTERED)]
)
def test_what_a_person_closed_is_not_missing(state: State, cause: Cause) -> None:
    line = one(known(state, why="read on the old system"), found())
    assert (line.cause, line.why) == (cause, f"closed by hand ({state.value}): read on the old system")


def test_waiting_says_with_what_and_what_comes_next() -> None:
    study = known(State.META_ONLY, why="no room on the RAM disk: 12 MB free", count=None)
    study.due = {"pull": NOW + 5_000}
    line = one(study, found())
    assert line.cause is Cause.WAITING
    assert line.why == (
        "no room on the RAM disk: 12 MB free; next: pull number 1, priority 0 at "
        "2020-06-18T12:00:05.000+00:00"
    )


def test_waiting_for_the_backend() -> None:
    study = known(State.PULL_DATA_END, why="100 instances, COMPLETE")
    study.handovers = [handover()]
    assert "a delivery worker takes it from RabbitMQ" in one(study, found()).why


def test_a_short_copy_is_missing_even_if_it_was_computed() -> None:
    study = known(State.COMPLETED)
    pulled(study, 90, "SHORT 90 of 100")
    line = one(study, found())
    assert (line.cause, line.why, line.counts.verdict) == (Cause.SHORT, "short 90 of 100; completed", "short")


def test_what_grew_since_and_was_not_pulled_again_is_short() -> None:
    line = one(known(State.COMPLETED), found(count=140))
    assert (line.cause, line.counts.verdict) == (Cause.SHORT, GROWN)
    assert line.why == "A has 140 instances, 100 when last pulled; completed"


def test_a_mirror_that_was_tried_with_its_larger_number_is_no_growth() -> None:
    study = known(State.COMPLETED)
    study.pacs["B"] = PacsCopy(102, "", 102)
    lists = [listed(found()), listed(found(pacs="B", count=102), pacs="B")]
    (line,) = reconcile(lists, [study], SITE, NOW)
    assert line.cause is Cause.COMPUTED
    assert line.pacs == ("A", "B")
    assert line.notes == ("the PACS differ: 100 at A, 102 at B",)


def test_a_pacs_that_announces_objects_it_never_sends_is_not_short() -> None:
    study = known(State.COMPLETED, found(count=102), count=None)
    pulled(study, 100, "COMPLETE")
    line = one(study, found(count=102))
    assert (line.cause, line.counts.verdict) == (Cause.COMPUTED, ANNOUNCED)


def test_without_counts_nothing_is_called_equal() -> None:
    study = known(State.COMPLETED, found(count=None), count=None)
    pulled(study, 100, "UNVERIFIED")
    line = one(study, found(count=None))
    assert (line.cause, line.counts.verdict, line.counts.in_pacs) == (Cause.COMPUTED, UNTOLD, None)


def test_of_a_pull_of_some_series_only_what_was_asked_for_is_compared() -> None:
    study = known(State.COMPLETED, found(count=500), count=None)
    pulled(study, 80, "COMPLETE", "SERIES", expected=80)
    line = one(study, found(count=500))
    assert (line.counts.in_pacs, line.counts.asked, line.counts.received, line.counts.verdict) == (
        500,
        80,
        80,
        EQUAL,
    )


def test_what_the_pacs_lists_no_more_is_told_and_not_missing() -> None:
    line = one(known(State.COMPLETED))
    assert (line.cause, line.why, line.missing) == (
        Cause.GONE,
        "seen there before, in no list now; completed here",
        False,
    )


@pytest.mark.parametrize("changed", [{"error": "time-out"}, {"complete": False}])
def test_nothing_is_called_gone_from_a_list_that_is_not_whole(changed: dict[str, Any]) -> None:
    line = one(known(State.COMPLETED), **changed)
    assert line.cause is Cause.COMPUTED
    assert line.notes == ("not compared: A did not answer, or not with the whole list",)


def test_of_two_mirrors_one_that_does_not_answer_calls_nothing_gone() -> None:
    study = known(State.COMPLETED)
    study.pacs["B"] = PacsCopy(100)
    (line,) = reconcile([listed(), listed(pacs="B", error="refused")], [study], SITE, NOW)
    assert (line.cause, line.notes) == (
        Cause.COMPUTED,
        ("not compared: B did not answer, or not with the whole list",),
    )


def test_what_was_pushed_and_no_pacs_lists_is_not_gone() -> None:
    study = known(State.COMPLETED)
    study.pacs, study.is_push = {}, True
    assert one(study).notes == ("came without our asking; no PACS lists it",)


def test_a_study_without_uid_is_found_under_its_key() -> None:
    bare = found("")
    study = known(
        State.UNPULLABLE,
        replace(bare, study_uid=unpullable_key(bare)),
        "A gives it no StudyInstanceUID",
        count=None,
    )
    line = one(study, bare)
    assert (line.cause, line.why, line.missing) == (Cause.UNPULLABLE, "A gives it no StudyInstanceUID", True)


def test_a_study_without_uid_that_was_resolved_is_found_by_its_other_names() -> None:
    study = known(State.COMPLETED)
    line = one(study, found("", accession_number="ACC1.2.3", patient_id="PID1.2.3"))
    assert (line.cause, line.study_uid) == (Cause.COMPUTED, "1.2.3")


def test_two_that_could_be_meant_are_not_guessed_between() -> None:
    names: dict[str, Any] = {"accession_number": "A", "patient_id": "P"}
    studies = [known(State.COMPLETED, found(uid, **names)) for uid in ("1.2.3", "1.2.4")]
    lines = reconcile(
        [listed(*(found(s.study_uid, **names) for s in studies), found("", **names))], studies, SITE, NOW
    )
    assert [line.cause for line in lines] == [Cause.UNPULLABLE, Cause.COMPUTED, Cause.COMPUTED]


def test_names_that_differ_are_told() -> None:
    lists = [listed(found(patient_id="P2")), listed(found(pacs="B", patient_id="P3"), pacs="B")]
    (line,) = reconcile(lists, [known(State.COMPLETED, found(patient_id="P1"))], SITE, NOW)
    assert line.notes == ("PatientID differs: P2 A, P3 B, P1 here",)


# --- duplicates ---


def plain_and(other: Study | None, copy: FoundStudy) -> tuple[ReportLine, ...]:
    plain = known(State.COMPLETED, found(accession_number="A1", patient_id="P1"))
    plain.series = {"1": record("1", True, "body part", "BodyPartExamined CHEST")}
    copies = (found(accession_number="A1", patient_id="P1"), copy)
    return reconcile([listed(*copies)], [plain, other] if other else [plain], SITE, NOW)


def reconstruction(copy: FoundStudy) -> Study:
    study = known(State.UNSUPPORTED_SERIES, copy, count=None)
    study.series = {"9": record("9", False, "image type", "ImageType DERIVED\\SECONDARY\\VRT")}
    return study


def test_field_case_13_a_reconstruction_of_a_computed_chest_is_told_apart() -> None:
    copy = found("1.2.9", accession_number="A1", patient_id="P1", study_time="090000")
    lines = plain_and(reconstruction(copy), copy)
    assert [line.role for line in lines] == [Role.PLAIN, Role.RECONSTRUCTION]
    assert [line.cause for line in lines] == [Cause.COMPUTED, Cause.ELSEWHERE]
    assert lines[1].why.startswith("computed as 1.2.3, of the same AccessionNumber; ImageType DERIVED")
    (same,) = report([DAY], "", [], lines).duplicates
    assert (same.accession_number, same.kind, same.study_uids) == ("A1", RECONSTRUCTED, ("1.2.3", "1.2.9"))


def test_a_reconstruction_that_no_find_brought_is_told_by_its_description() -> None:
    copy = found(
        "1.2.9", accession_number="A1", patient_id="P1", study_time="090000", study_description="胸部三维重建"
    )
    lines = plain_and(None, copy)
    assert [line.cause for line in lines] == [Cause.COMPUTED, Cause.NOT_FOUND]
    assert report([DAY], "", [], lines).duplicates[0].kind == RECONSTRUCTED


def test_the_same_accession_number_of_two_patients_is_a_clash_and_nothing_is_computed_elsewhere() -> None:
    copy = found("1.2.9", accession_number="A1", patient_id="P2", study_time="090000")
    lines = plain_and(reconstruction(copy), copy)
    assert [line.cause for line in lines] == [Cause.COMPUTED, Cause.FILTERED]
    (same,) = report([DAY], "", [], lines).duplicates
    assert (same.kind, same.patient_ids) == (PATIENTS, ("P1", "P2"))


def test_two_examinations_under_one_number_are_just_that() -> None:
    copy = found("1.2.9", accession_number="A1", patient_id="P1", study_time="090000")
    other = known(State.COMPLETED, copy)
    other.series = {"1": record("1", True, "all", "")}
    assert report([DAY], "", [], plain_and(other, copy)).duplicates[0].kind == SEVERAL


def test_empty_accession_numbers_are_no_duplicates() -> None:
    lines = reconcile(
        [listed(found("1.1", accession_number=""), found("1.2", accession_number=""))], [], SITE, NOW
    )
    assert report([DAY], "", [], lines).duplicates == []


# --- manual pulls ---


def asked_for(study: Study, by: str = "manual: Dr. Wang") -> Study:
    study.apply(Event.MANUAL, "study", NOW, by=by)
    return study


def test_what_a_person_found_and_we_did_not_is_a_miss() -> None:
    study = asked_for(new_study(found(), NOW, SITE))
    assert one(study, found()).manual == MISS


@pytest.mark.parametrize("before", [True, False])
def test_what_we_found_too_is_a_delay(before: bool) -> None:
    study = new_study(found(), NOW, SITE)
    if before:
        see(study, found(), NOW, StabilityPolicy(), SITE)
    asked_for(study)
    if not before:
        see(study, found(), NOW, StabilityPolicy(), SITE)
    assert one(study, found()).manual == DELAY


@pytest.mark.parametrize("state", [State.UNSUPPORTED_SERIES, State.PULL_FAILED, State.DEAD_LETTER, None])
def test_what_we_had_dropped_or_given_up_is_a_miss(state: State | None) -> None:
    assert one(asked_for(known(state)), found()).manual == MISS


@pytest.mark.parametrize("state", [State.COMPLETED, State.PULL_DATA_END, State.CANCELLED, State.DONE_BY_HAND])
def test_what_had_been_received_or_closed_is_neither(state: State) -> None:
    assert one(asked_for(known(state)), found()).manual == AGAIN


def test_a_repair_is_no_manual_pull() -> None:
    assert one(asked_for(known(State.PULL_FAILED), "reconcile: cron"), found()).manual == ""


# --- the report ---


def test_a_report_counts_and_comes_back_from_its_document() -> None:
    lists = [listed(found(), found("1.2.4"), found("1.2.5", modalities=("MR",)))]
    lines = reconcile(lists, [known(State.COMPLETED)], SITE, NOW)
    ge = Device("GE", "Revolution", "CT99")
    lines = tuple(replace(line, devices=(ge,)) if line.missing else line for line in lines)
    made = report([DAY], "2020-06-19T03:00:00.000+00:00", lists, lines)
    assert made.by_cause == {"computed": 1, "not wanted": 1, "not found": 1}
    assert made.by_device == {"GE / Revolution / CT99": {"not found": 1}}
    assert made.instances == {"studies": 1, "asked": 100, "received": 100, "lacking": 0}
    document = made.to_document()
    assert (document["studiesInPacs"], document["accessionNumbers"], document["missing"]) == (3, 3, 1)
    assert [line["cause"] for line in document["lines"]] == [line.cause for line in made.lines]


@pytest.mark.parametrize(
    ("lists", "status"),
    [
        ([listed()], NOTHING_MISSING),
        ([listed(found())], SOMETHING_MISSING),
        ([listed(found(), complete=False)], NOT_COMPARED),
        ([listed(found()), listed(pacs="B", error="connection refused")], NOT_COMPARED),
    ],
)
def test_the_exit_status_is_for_cron(lists: list[PacsList], status: int) -> None:
    made = report([DAY], "", lists, reconcile(lists, [], SITE, NOW))
    assert made.exit_status == status
