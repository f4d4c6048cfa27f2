"""
Reconciling and repairing over the real use cases: a poor PACS asked again, devices, what a repair does to the
life cycle.

Not proved here: the comparison itself (tests/unit/domain/reconcile/test_report_lines.py), a real PACS
(tests/long/reconcile/test_reconcile_day.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.dicom.device import Device
from pacs_module.domain.errors import PermanentError, RetriableError, TooManyAnswers
from pacs_module.domain.find.traits import PacsTraits
from pacs_module.domain.reconcile.report import NOT_COMPARED, NOTHING_MISSING, SOMETHING_MISSING, Report
from pacs_module.domain.reconcile.report_line import Cause
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PULL
from pacs_module.use_cases.find.ask_window import AskWindow
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.reconcile.ask_devices import AskDevices
from pacs_module.use_cases.reconcile.reconcile import Reconcile, ReconcilePolicy
from pacs_module.use_cases.reconcile.repair import Repair
from tests.fakes.pipeline import THICK, UID, Pipeline, answer, series_answer
from tests.fakes.world import DAY

GE = {
    "Manufacturer": "GE MEDICAL SYSTEMS",
    "ManufacturerModelName": "Revolution EVO",
    "StationName": "CT99GE02",
}


class World(Pipeline):
    """The pipeline with a reconciliation beside it; ``pauses`` are the seconds that it waited."""

    def __init__(self, pacs: Sequence[str] = ("A",), most_devices: int = 300) -> None:
        super().__init__(pacs=pacs)
        self.pauses: list[float] = []
        switches = Switches()
        ask = AskWindow(
            MatchedFinder(self.pacs, self.log), self.log, switches.ct_modalities + switches.dx_modalities
        )
        self.devices = AskDevices(self.pacs, self.log, {name: PacsTraits() for name in pacs})
        rules, wait = ReconcilePolicy(most_devices=most_devices), self.pauses.append
        self.reconciling = Reconcile(
            self.store, ask, self.devices, self.clock, self.log, switches, tuple(pacs), rules, wait
        )
        self.repairing = Repair(self.store, self.clock, self.log, switches)

    def reconcile(self) -> Report:
        return self.reconciling([DAY])

    def causes(self) -> dict[str, Cause]:
        return {line.study_uid: line.cause for line in self.reconcile().lines}


@pytest.fixture
def world() -> World:
    return World()


def until_completed(world: World) -> None:
    """The chest is pulled, delivered and computed."""
    world.until_handed_over()
    world.published()
    world.answers_while_waiting("completed")
    assert world.deliver(0)
    assert world.study().state is State.COMPLETED


def test_a_day_that_is_whole(world: World) -> None:
    until_completed(world)
    made = world.reconcile()
    assert (made.exit_status, made.by_cause) == (NOTHING_MISSING, {"computed": 1})
    assert made.instances == {"studies": 1, "asked": 100, "received": 100, "lacking": 0}
    assert not world.pauses


def test_a_study_under_another_date_in_our_store_is_met_all_the_same(world: World) -> None:
    until_completed(world)
    study = world.study()
    study.study_date = "2020-06-17"
    assert world.store.replace(study)
    assert world.causes() == {UID: Cause.COMPUTED}


class Moody:
    """Answers of a finder in turn: a list of them, or an error; the last one for ever."""

    def __init__(self, *moods: list[dict[str, str]] | Exception) -> None:
        self.moods = list(moods)
        self.asked = 0

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        if level != "STUDY":
            return []
        mood = self.moods[min(self.asked, len(self.moods) - 1)]
        self.asked += 1
        if isinstance(mood, Exception):
            raise mood
        return [dict(one) for one in mood]


def test_an_overloaded_pacs_is_asked_again(world: World) -> None:
    until_completed(world)
    world.reconciling.ask.finder.finder = moody = Moody(RetriableError("time-out"), [answer()])
    assert world.causes() == {UID: Cause.COMPUTED}
    assert (moody.asked, world.pauses) == (2, [5.0])


def test_an_empty_list_of_an_overloaded_pacs_is_controlled_at_once(world: World) -> None:
    """K12: half of the day brings the study, without a pause."""
    until_completed(world)
    world.reconciling.ask.finder.finder = Moody([], [answer()])
    assert world.causes() == {UID: Cause.COMPUTED}
    assert world.pauses == []


def test_answers_of_all_tries_count_together(world: World) -> None:
    until_completed(world)
    other = UID + ".7"
    world.reconciling.ask.finder.finder = Moody([answer(other)], [answer()])
    assert world.causes() == {UID: Cause.COMPUTED, other: Cause.NOT_FOUND}


def test_what_is_still_not_listed_after_the_last_try_is_not_in_the_pacs(world: World) -> None:
    until_completed(world)
    world.pacs.studies["A"] = []
    assert world.causes() == {UID: Cause.GONE}
    assert len(world.pauses) == 2


def test_a_pacs_that_goes_away_in_the_middle_is_told_and_the_other_one_compared() -> None:
    world = World(pacs=("A", "B"))
    until_completed(world)
    world.pacs.studies["B"] = [answer(UID + ".7")]
    world.pacs.errors["A", "STUDY"] = RetriableError("A: association aborted")
    made = world.reconcile()
    assert (made.compared, made.exit_status) == (False, NOT_COMPARED)
    assert [(one.pacs, one.error) for one in made.answered] == [("A", "A: association aborted"), ("B", "")]
    assert {line.study_uid: line.cause for line in made.lines} == {
        UID: Cause.COMPUTED,
        UID + ".7": Cause.NOT_FOUND,
    }


def test_answers_that_cannot_be_read_are_no_empty_list(world: World) -> None:
    until_completed(world)
    world.pacs.errors["A", "STUDY"] = PermanentError("HTTP 400: cannot decode")
    made = world.reconcile()
    assert made.exit_status == NOT_COMPARED
    assert made.lines[0].notes == ("not compared: A did not answer, or not with the whole list",)


def test_a_list_that_is_cut_and_cannot_be_split_is_told(world: World) -> None:
    """Every study at the same second, under the same numbers: no key tells them apart."""
    same = [answer(f"{UID}.{number}", StudyTime="") for number in range(3)]
    world.reconciling.ask.finder.finder = Moody(TooManyAnswers(same))
    made = world.reconcile()
    assert (made.compared, made.exit_status) == (False, NOT_COMPARED)
    assert [one.complete for one in made.answered] == [False]
    assert made.by_cause == {"not found": 3}


# --- devices ---


def lacking(world: World, number: int = 1) -> None:
    """The PACS has studies that no find has brought."""
    world.pacs.studies["A"] = [answer(f"{UID}.{n}", AccessionNumber=f"A{n}") for n in range(number)]


def test_the_device_of_what_is_missing_is_asked_at_series_level(world: World) -> None:
    lacking(world)
    uid = f"{UID}.0"
    report = series_answer(uid + ".9", 1, uid, Modality="SR", Manufacturer="PACS VENDOR")
    world.pacs.series["A"] = [
        series_answer(uid + ".1", 50, uid, **GE),
        series_answer(uid + ".2", 50, uid, **GE),
        report,
    ]
    made = world.reconcile()
    assert made.lines[0].devices == (Device(*GE.values()),)
    assert made.by_device == {"GE MEDICAL SYSTEMS / Revolution EVO / CT99GE02": {"not found": 1}}
    assert [level for _, level, _ in world.pacs.asked].count("SERIES") == 1


def test_where_series_level_tells_no_device_one_image_is_asked_for(world: World) -> None:
    lacking(world)
    uid = f"{UID}.0"
    world.pacs.series["A"] = [series_answer(uid + ".1", 50, uid)]
    find = world.pacs.find

    def with_images(
        pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        if level == "IMAGE":
            assert query == {"StudyInstanceUID": uid, "SeriesInstanceUID": uid + ".1", "InstanceNumber": "1"}
            return [{"StudyInstanceUID": uid, **GE}]
        return find(pacs, level, query, return_keys)

    world.pacs.find = with_images  # type: ignore[method-assign]
    assert world.reconcile().lines[0].device == "GE MEDICAL SYSTEMS / Revolution EVO / CT99GE02"


def test_what_is_computed_costs_no_question(world: World) -> None:
    until_completed(world)
    before = [level for _, level, _ in world.pacs.asked].count("SERIES")
    world.reconcile()
    assert [level for _, level, _ in world.pacs.asked].count("SERIES") == before


def test_a_pacs_that_fails_once_is_not_asked_for_devices_again(world: World) -> None:
    lacking(world, 5)
    world.pacs.errors["A", "SERIES"] = RetriableError("busy")
    made = world.reconcile()
    assert [level for _, level, _ in world.pacs.asked].count("SERIES") == 1
    assert made.by_device == {"not told": {"not found": 5}}


def test_only_so_many_devices_are_asked_for() -> None:
    world = World(most_devices=2)
    lacking(world, 5)
    assert sum(bool(line.devices) for line in world.reconcile().lines) == 2


# --- repair ---


def test_a_repair_pulls_what_no_find_brought_and_says_who_wanted_it(world: World) -> None:
    world.pacs.studies["A"] = [answer()]
    made = world.repairing(world.reconcile(), "Dr. Li")
    assert made.repaired == {UID: "to be pulled"}
    study = world.study()
    assert (study.state, study.due[PULL], study.priority) == (State.META_ONLY, world.clock.now(), 0)
    assert (study.history[-1].by, study.history[-1].why) == (
        "reconcile: Dr. Li",
        "not found: no find has seen it; ModalitiesInStudy CT",
    )
    assert world.pull() == 1
    assert world.plugins.asked[-1].study_uid == UID
    assert world.reconcile().manual == {"miss": 0, "delay": 0, "again": 0}


def test_a_repair_of_one_that_was_not_wanted_takes_what_the_pacs_says_now(world: World) -> None:
    world.pacs.studies["A"] = [answer(ModalitiesInStudy="MR")]
    world.find("A", DAY)
    world.pacs.studies["A"] = [answer(ModalitiesInStudy="MR\\CT")]
    world.repairing(world.reconcile(), "cron")
    assert (world.study().state, world.study().modality) == (State.META_ONLY, ["MR", "CT"])
    assert world.pull() == 1


def test_a_repair_pulls_again_what_was_given_up(world: World) -> None:
    request = world.until_asked()
    for _ in range(3):
        assert world.report(request, "failed", message="refused")
        world.clock.pass_seconds(600)
        if world.study().state is not State.PULL_FAILED:
            assert world.pull() == 1
            request = world.plugins.asked[-1]
    assert world.causes() == {UID: Cause.FAILED}
    world.repairing(world.reconcile(), "cron")
    assert (world.study().state, world.study().attempts, world.study().forced) == (State.META_ONLY, 0, False)
    assert world.pull() == 1


def test_a_repair_of_a_dead_letter_hands_over_once_more(world: World) -> None:
    world.until_handed_over()
    world.published()
    world.backend.error = PermanentError("status 400: no such hospital")
    assert world.deliver(0)
    made = world.reconcile()
    assert (made.lines[0].cause, made.exit_status) == (Cause.DEAD_LETTER, SOMETHING_MISSING)
    assert "no such hospital" in made.lines[0].why
    world.repairing(made, "cron")
    assert world.study().forced
    assert world.pull() == 1
    assert world.plugins.asked[-1].forced


def test_a_repair_leaves_alone_what_has_gone_on_meanwhile(world: World) -> None:
    world.pacs.studies["A"] = [answer()]
    made = world.reconcile()
    world.until_asked()
    assert world.repairing(made, "cron").repaired == {}
    assert world.study().state is State.PULL_DATA


def test_what_waits_or_was_filtered_is_not_repaired(world: World) -> None:
    request = world.until_asked()
    waiting = world.reconcile()
    assert waiting.lines[0].cause is Cause.WAITING
    assert world.repairing(waiting, "cron").repaired == {}
    assert world.accept(world.filtered_message(request))
    filtered = world.reconcile()
    assert filtered.lines[0].cause is Cause.FILTERED
    assert "SliceThickness 8" in filtered.lines[0].why
    assert THICK in world.study().series
    assert world.repairing(filtered, "cron").repaired == {}


def test_a_manual_pull_that_no_find_preceded_is_counted(world: World) -> None:
    world.pacs.studies["A"] = [answer()]
    world.manual({"AccessionNumber": "A1"}, "manual: Dr. Wang")
    assert world.reconcile().manual == {"miss": 1, "delay": 0, "again": 0}
    world.clock.pass_seconds(timedelta(seconds=10).total_seconds())
    world.find("A", DAY)
    assert world.reconcile().manual == {"miss": 0, "delay": 1, "again": 0}
