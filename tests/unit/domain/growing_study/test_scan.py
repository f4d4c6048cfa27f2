"""Which series of a growing study is pulled already, and when its PACS is asked again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.growing_study.foreseen import Foreseen, foreseen_of
from pacs_module.domain.growing_study.quiet import DevicePauses, Pauses
from pacs_module.domain.growing_study.scan import Decision, FollowPolicy, Step, Watch, decide, next_pause
from pacs_module.domain.growing_study.usual import (
    Usual,
    in_thick,
    learned,
    protocol_of,
    usual_memo,
    usual_of,
)
from pacs_module.domain.rules.switches import Switches

POLICY, SWITCHES = FollowPolicy(), Switches(kernel_preferred=("B30f",))


def series(uid: str, instances: int | None, thickness: str = "1.0", **more: str) -> SeriesFacts:
    """As a PACS tells a chest series."""
    told = {
        "Modality": "CT",
        "BodyPartExamined": "CHEST",
        "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
        "SliceThickness": thickness,
        "ConvolutionKernel": "B30f",
        "StationName": "CT1",
    }
    return SeriesFacts(uid, {**told, **more}, instances)


SCOUT = series("s", 2, "", ImageType="ORIGINAL\\PRIMARY\\LOCALIZER")
THICK, THIN, SHARP = series("5", 60, "5.0"), series("1", 300), series("b", 300, ConvolutionKernel="B70f")


def looks(*answers: list[SeriesFacts], every: int = 1_000) -> Watch:
    watch = Watch("1.2", "A", 0, 0, 0)
    for number, answer in enumerate(answers):
        watch = watch.seen(answer, number * every)
    return watch


def decided(
    watch: Watch,
    answer: list[SeriesFacts],
    usual: dict[str, tuple[Usual, ...]] | None = None,
    pauses: DevicePauses | None = None,
    dropped: tuple[str, ...] = (),
) -> Decision:
    return decide(watch, answer, dropped, usual or {}, pauses or DevicePauses(), POLICY, SWITCHES)


def test_the_best_series_is_pulled_when_it_stands_still_while_others_grow() -> None:
    thicker = replace(series("3", 40, "3.0"), instances=None)
    answers = [[SCOUT, THICK, THIN, replace(thicker, instances=number)] for number in (10, 60, 110)]
    found = decided(looks(*answers), answers[-1])
    assert (found.step, found.series) == (Step.PULL, ("1",))


def growing(whole: SeriesFacts, one: SeriesFacts, *counts: int) -> Decision:
    answers = [[SCOUT, THICK, whole, replace(one, instances=number)] for number in counts]
    return decided(looks(*answers), answers[-1])


def test_another_reconstruction_of_the_same_scan_is_taken_to_have_as_many_in_the_end() -> None:
    found = growing(THIN, SHARP, 10, 60, 110)
    assert (found.step, found.series) == (Step.PULL, ("1",)), "its kernel loses by as many"
    found = growing(SHARP, THIN, 10, 60, 110)
    assert (found.step, found.series) == (Step.WAIT, ("1",)), "its kernel wins by as many"


def test_a_series_that_grows_beyond_the_whole_one_is_waited_for() -> None:
    found = growing(THIN, SHARP, 280, 300, 320)
    assert (found.step, found.series) == (Step.WAIT, ("b",))


def test_a_growing_series_without_thickness_may_have_any_number_in_the_end() -> None:
    found = growing(THIN, series("b", 1, "", ConvolutionKernel="B70f"), 10, 60, 110)
    assert found.step is Step.WAIT


def test_the_thick_series_of_an_unknown_protocol_waits_until_the_study_stops() -> None:
    answer = [SCOUT, THICK]
    found = decided(looks(*[answer] * 6), answer)
    assert (found.step, found.usual) == (Step.WAIT, True)
    assert "thinner than 5 mm may follow" in found.why
    found = decided(looks(*[answer] * 12), answer)
    assert (found.step, found.series) == (Step.PULL, ("5",)), "it has no thin one"
    usual = {protocol_of(THICK): learned((), THICK, 1, True)}
    assert decided(looks(*[answer] * 6), answer, usual).step is Step.PULL, "nor have others of its protocol"


def test_a_series_that_grows_is_waited_for() -> None:
    answers = [[THICK, replace(THIN, instances=number)] for number in (60, 100, 140, 180)]
    found = decided(looks(*answers), answers[-1])
    assert (found.step, found.series) == (Step.WAIT, ("1",))


def test_without_thickness_each_series_may_be_the_best() -> None:
    silent = [series("1", 300, ""), series("2", 60, "")]
    growing = [[silent[0], replace(silent[1], instances=number)] for number in (20, 40, 60)]
    assert decided(looks(*growing), growing[-1]).step is Step.WAIT
    found = decided(looks(silent, silent, silent), silent)
    assert (found.step, set(found.series)) == (Step.PULL, {"1", "2"})


def test_a_series_without_a_count_is_left_to_the_find_of_the_day() -> None:
    answer = [THICK, replace(THIN, instances=None)]
    assert decided(looks(answer, answer, answer), answer).step is Step.LEAVE


def test_counts_that_come_in_turn_are_left_to_the_find_of_the_day() -> None:
    answers = [[THIN], [replace(THIN, instances=2)], [THIN], [THIN], [THIN]]
    assert decided(looks(*answers), [THIN]).step is Step.LEAVE


def test_radiography_is_left_to_the_find_of_the_day() -> None:
    answer = [SeriesFacts("1", {"Modality": "DX", "BodyPartExamined": "CHEST"}, 1)]
    assert decided(looks(answer, answer, answer), answer).step is Step.LEAVE


def test_nothing_wanted_is_announced_yet() -> None:
    answer = [SCOUT]
    assert decided(looks(answer, answer, answer), answer).step is Step.WAIT


def test_a_series_that_was_filtered_out_by_its_images_is_not_pulled_again() -> None:
    answer = [THIN, THICK]
    found = decided(looks(answer, answer, answer), answer, dropped=("1",))
    assert (found.step, found.series) == (Step.PULL, ("5",))


@pytest.mark.parametrize("known", [THIN, SHARP])
def test_the_series_that_a_device_usually_ends_with_is_waited_for(known: SeriesFacts) -> None:
    """The thick one comes first and stands still for minutes."""
    answer = [SCOUT, THICK]
    usual = {protocol_of(THICK): learned((), known, 1, True)}
    found = decided(looks(answer, answer, answer), answer, usual)
    assert (found.step, found.usual) == (Step.WAIT, True)
    assert "studies of this device end with 1.0 mm" in found.why


def test_a_usual_series_that_is_worse_is_not_waited_for() -> None:
    answer = [SCOUT, THICK, THIN]
    usual = {protocol_of(THICK): learned((), THICK, 1, True)}
    assert decided(looks(answer, answer, answer), answer, usual).step is Step.PULL


def test_all_phases_of_a_contrast_study_are_waited_for() -> None:
    phases = [series(str(number), 300) for number in range(3)]
    usual = {protocol_of(THIN): learned((), phases[0], 3, True)}
    assert decided(looks(phases[:2], phases[:2], phases[:2]), phases[:2], usual).step is Step.WAIT
    assert decided(looks(phases, phases, phases), phases, usual).step is Step.PULL


def test_a_device_that_pauses_is_waited_for_as_long_as_it_did() -> None:
    pauses = DevicePauses({"CT1": Pauses().with_series(6_000)})
    answer = [THIN]
    assert decided(looks(answer, answer, answer), answer, pauses=pauses).step is Step.WAIT
    watch = looks(*([answer] * 10))
    assert decided(watch, answer, pauses=pauses).step is Step.PULL


def pause_after(
    watch: Watch, answer: list[SeriesFacts], usual: dict[str, tuple[Usual, ...]], now: int
) -> int:
    found = decided(watch, answer, usual)
    return next_pause(watch, found, answer, usual, DevicePauses(), POLICY, now)


def test_a_series_that_may_have_ended_is_asked_for_as_soon_as_that_can_be_said() -> None:
    answers = [[replace(THIN, instances=number)] for number in (100, 140, 160)]
    watch = looks(*answers)
    assert pause_after(watch, answers[-1], {}, 2_000) == 300, "a second look tells that it has stopped"
    assert _pause_of_a_device(watch, answers[-1], 1_000) == 1_000, "half as long again as its longest pause"
    assert _pause_of_a_device(watch, answers[-1], 4_000) == POLICY.unknown_ms, (
        "it may not have stopped at all"
    )


def _pause_of_a_device(watch: Watch, answer: list[SeriesFacts], longest: int) -> int:
    pauses = DevicePauses({"CT1": Pauses().with_series(longest)})
    found = decided(watch, answer, pauses=pauses)
    return next_pause(watch, found, answer, {}, pauses, POLICY, 2_000)


def test_a_stop_is_looked_for_again_soon_however_long_the_interval_was() -> None:
    """Twelve of eighty images did not come: it stopped 0.3 s ago, whatever nobody had foreseen."""
    answers = [[replace(THIN, instances=number)] for number in (20, 100, 168)]
    watch = looks(*answers, every=2_000)
    assert pause_after(watch, answers[-1], {}, 4_000) == 300
    assert decided(watch.seen(answers[-1], 4_300), answers[-1]).step is Step.PULL


def test_a_series_that_has_long_to_go_is_asked_for_seldom() -> None:
    answers = [[replace(THIN, instances=number)] for number in (20, 30)]
    usual = {protocol_of(THIN): learned((), THIN, 1, True)}
    assert pause_after(looks(*answers), answers[-1], usual, 1_000) == POLICY.growing_ms
    answers = [[replace(THIN, instances=number)] for number in (250, 260)]
    assert pause_after(looks(*answers), answers[-1], usual, 1_000) == 2_500, "half of the way"
    answers = [[replace(THIN, instances=number)] for number in (285, 295)]
    assert pause_after(looks(*answers), answers[-1], usual, 1_000) == 1_500, (
        "when it will be here, and a second more"
    )


def test_a_thin_series_covers_as_much_as_the_thick_one_that_is_whole() -> None:
    """60 slices of 5 mm: 300 of 1 mm are foreseen, and the look comes when a stop there can be told."""
    answers = [[THICK, replace(THIN, instances=number)] for number in (180, 220, 260)]
    assert pause_after(looks(*answers), answers[-1], {}, 2_000) == 1_250
    assert foreseen_of(answers[-1][1], answers[-1], {"5"}, ()) == Foreseen(300, 5)
    assert foreseen_of(answers[-1][1], answers[-1], (), ()) == Foreseen(), "the thick one still grows"


def test_a_series_that_ends_within_the_last_thick_slice_ends_as_foreseen() -> None:
    """60 slices of 5 mm and a begun one: 304 of 1 mm."""
    answers = [[SCOUT, THICK, replace(THIN, instances=number)] for number in (220, 260, 299)]
    end = [SCOUT, THICK, replace(THIN, instances=304)]
    assert decided(looks(*answers).seen(end, 2_300), end).step is Step.PULL
    beyond = [SCOUT, THICK, replace(THIN, instances=306)]
    assert decided(looks(*answers).seen(beyond, 2_300), beyond).step is Step.WAIT


def test_how_many_slices_a_thick_one_makes_is_learned_from_the_last_study() -> None:
    """1.25 mm, one each millimetre: the thicknesses alone would say four."""
    thin = series("1", 300, "1.25")
    usual = learned((), thin, 1, True, in_thick(thin, [SCOUT, THICK, thin]))
    other = [replace(THICK, instances=50), replace(thin, instances=200)]
    assert foreseen_of(other[-1], other, {"5"}, ()) == Foreseen(200, 4)
    assert foreseen_of(other[-1], other, {"5"}, usual) == Foreseen(250, 5)
    assert foreseen_of(other[-1], other, {"5"}, usual_of(usual_memo(usual))) == Foreseen(250, 5)


def test_of_two_series_with_slices_as_thick_the_second_has_as_many() -> None:
    answer = [THICK, replace(THIN, instances=303), replace(SHARP, instances=100)]
    assert foreseen_of(answer[-1], answer, {"5", "1"}, ()) == Foreseen(303)


def test_a_series_alone_will_have_as_many_as_in_the_last_study() -> None:
    assert foreseen_of(replace(THIN, instances=40), [THIN], (), learned((), THIN, 1, True)) == Foreseen(300)
    assert in_thick(THIN, [SCOUT, THIN, SHARP]) == 0.0


@pytest.mark.parametrize("told", ["5", None, -1, float("nan"), float("inf"), True])
def test_a_memo_of_slices_that_cannot_be_read_is_not_known(told: object) -> None:
    memo = [{**usual_memo(learned((), THIN, 1, True))[0], "inThick": told}]
    assert usual_of(memo)[0].in_thick in (0.0, 1.0)


def test_a_pull_begins_with_the_first_look_at_a_series_that_ends_as_foreseen() -> None:
    answers = [[SCOUT, THICK, replace(THIN, instances=number)] for number in (220, 260, 299)]
    watch = looks(*answers)
    assert decided(watch, answers[-1]).step is Step.WAIT, "it may go on"
    end = [SCOUT, THICK, replace(THIN, instances=301)]
    found = decided(watch.seen(end, 2_300), end)
    assert (found.step, found.series) == (Step.PULL, ("1",))
    assert found.proof_ms == 1_750, "two seconds after its last image, the PACS is asked again"


def test_a_pull_begins_when_a_series_has_stopped_and_tells_what_is_left_to_be_proved() -> None:
    answers = [[SCOUT, replace(THIN, instances=number)] for number in (100, 140, 160)]
    watch = looks(*answers)
    assert decided(watch, answers[-1]).step is Step.WAIT, "the rate alone is no proof"
    found = decided(watch.seen(answers[-1], 2_300), answers[-1])
    assert (found.step, found.proof_ms) == (Step.PULL, 1_200)
    assert decided(watch.seen(answers[-1], 3_500), answers[-1]).proof_ms == 0


def test_a_series_of_a_device_that_pauses_is_not_pulled_before_its_quiet_time() -> None:
    pauses = DevicePauses({"CT1": Pauses().with_series(2_000)})
    answers = [[SCOUT, replace(THIN, instances=number)] for number in (100, 140, 160, 160)]
    assert decided(looks(*answers), answers[-1], pauses=pauses).step is Step.WAIT


def test_while_nothing_comes_it_is_asked_for_ever_more_seldom() -> None:
    answer = [SCOUT]
    watch, pauses = looks(answer, answer), []
    for _ in range(8):
        pause = pause_after(watch, answer, {}, 2_000)
        watch = replace(watch, pause=pause)
        pauses.append(pause)
    assert pauses == sorted(pauses)
    assert pauses[-1] == POLICY.longest_ms


def test_what_no_study_ends_with_any_more_is_forgotten() -> None:
    known = learned((), THIN, 1, True)
    for _ in range(12):
        known = learned(known, THICK, 1, True)
    assert [one.attributes["SliceThickness"] for one in known] == ["5.0"]


def test_a_guess_takes_no_phase_away() -> None:
    known = learned(learned((), THIN, 3, True), THIN, 1, False)
    assert known[0].alike == 3
    assert learned(known, THIN, 1, True)[0].alike == 1
