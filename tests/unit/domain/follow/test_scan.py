"""Which series of a growing study is pulled already, and when its PACS is asked again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.follow.quiet import DevicePauses, Pauses
from pacs_module.domain.follow.scan import Decision, FollowPolicy, Step, Watch, decide, next_pause
from pacs_module.domain.follow.usual import Usual, learned, protocol_of
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
    assert pause_after(looks(*answers), answers[-1], {}, 2_000) == 1_500


def test_a_series_that_has_long_to_go_is_asked_for_seldom() -> None:
    answers = [[replace(THIN, instances=number)] for number in (20, 30)]
    usual = {protocol_of(THIN): learned((), THIN, 1, True)}
    assert pause_after(looks(*answers), answers[-1], usual, 1_000) == POLICY.growing_ms
    answers = [[replace(THIN, instances=number)] for number in (250, 260)]
    assert pause_after(looks(*answers), answers[-1], usual, 1_000) == POLICY.often_ms


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
