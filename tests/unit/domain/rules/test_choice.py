"""Which series is computed, and whether it is handed over again (M17; field cases 6, 11, 16, 17)."""

from dataclasses import replace
from itertools import permutations

import pytest

from pacs_module.domain.rules.choice import Candidate, Choice, HandedOver, choose, judge_resend, kernel_rank
from pacs_module.domain.rules.switches import Switches

SITE = Switches()
PREFERS_SOFT = replace(SITE, kernel_preferred=("B30", "FC01"))

THICK = Candidate("thick", 5.0, 60, "B30f")
THIN_SOFT = Candidate("thin soft", 1.0, 300, "B30f")
THIN_SHARP = Candidate("thin sharp", 1.0, 300, "B70f")
THIN_SHORT = Candidate("thin short", 1.0, 120, "B30f")
NO_THICKNESS = Candidate("no thickness", None, 250)


@pytest.mark.parametrize(
    ("candidates", "site", "chosen"),
    [
        ((THICK,), SITE, "thick"),
        ((THICK, THIN_SOFT), SITE, "thin soft"),
        ((THIN_SHORT, THIN_SOFT), SITE, "thin soft"),
        ((THIN_SHARP, THIN_SOFT), SITE, "thin sharp"),  # a tie: by UID, always the same
        ((THIN_SHARP, THIN_SOFT), PREFERS_SOFT, "thin soft"),
        ((THIN_SHARP, THIN_SHORT), PREFERS_SOFT, "thin sharp"),  # more instances stand before the kernel
        ((THICK, NO_THICKNESS), SITE, "no thickness"),
        ((THIN_SOFT, NO_THICKNESS), SITE, "thin soft"),
        ((THICK, THIN_SOFT), replace(SITE, choice_order=("kernel", "instances", "thickness")), "thin soft"),
        ((THIN_SHARP, THICK), replace(PREFERS_SOFT, choice_order=("kernel", "thickness")), "thick"),
    ],
)
def test_of_a_ct_study_the_thinnest(candidates: tuple[Candidate, ...], site: Switches, chosen: str) -> None:
    for order in permutations(candidates):
        choice = choose(order, dx=False, switches=site)
        assert [candidate.series_uid for candidate in choice.series] == [chosen]


def test_the_reason_is_in_words() -> None:
    why = choose((THICK, THIN_SOFT), dx=False, switches=SITE).why
    criteria = "thickness, instances, kernel, kernel class"
    assert why == f"of 2 series by {criteria}: 1 mm, 300 instances, kernel B30f; by thickness before thick"
    kernels = choose((THIN_SHARP, THIN_SOFT), dx=False, switches=SITE).why
    assert kernels.endswith("kernel B70f; by kernel before thin soft")
    tie = choose((replace(THIN_SOFT, series_uid="a twin"), THIN_SOFT), dx=False, switches=SITE).why
    assert tie.endswith("kernel B30f; equal to thin soft, by UID")
    assert choose((NO_THICKNESS,), dx=False, switches=SITE).why.endswith(
        "unknown, 250 instances, kernel unknown"
    )


def test_field_case_16_a_dx_study_is_handed_over_whole() -> None:
    frontal, lateral = Candidate("b frontal", None, 1), Candidate("a lateral", None, 1)
    choice = choose((frontal, lateral), dx=True, switches=SITE)
    assert choice.series == (lateral, frontal)
    assert choice.instances == 2
    assert choice.why == "DX: all 2 series"


@pytest.mark.parametrize(
    ("kernel", "preferred", "rank"),
    [
        ("B30f", ("B30f", "B70f"), 0),
        ("b70F", ("B30f", "B70f"), 1),
        ("B30f", ("B3", "B30f"), 1),
        ("B31f", ("B3",), 0),
        ("", ("B30f",), 1),
        ("X", (), 0),
    ],
)
def test_kernels_by_name_then_by_part_of_it(kernel: str, preferred: tuple[str, ...], rank: int) -> None:
    assert kernel_rank(kernel, preferred) == rank


# --- again? ---

OFF = replace(SITE, resend_only_thicker_series=False)


def of(uid: str, instances: int) -> Choice:
    return Choice((Candidate(uid, 1.0, instances),), "")


@pytest.mark.parametrize(
    ("choice", "last", "dx", "forced", "site", "send"),
    [
        (of("a", 300), None, False, False, SITE, True),
        (of("a", 300), HandedOver(("a",), 300), False, False, SITE, False),
        (of("a", 300), HandedOver(("a",), 290), False, False, SITE, True),  # the same one, that was short
        (
            of("b", 1147),
            HandedOver(("a",), 588),
            False,
            False,
            SITE,
            True,
        ),  # field case 11: a thinner one came late
        (of("b", 60), HandedOver(("a",), 300), False, False, SITE, False),
        (of("b", 300), HandedOver(("a",), 300), False, False, SITE, False),
        (of("b", 60), HandedOver(("a",), 300), False, False, OFF, True),
        (of("a", 300), HandedOver(("a",), 300), False, False, OFF, False),
        (of("a", 300), HandedOver(("a",), 300), False, True, SITE, True),
        (of("a", 2), HandedOver(("a",), 1), True, False, SITE, True),  # field case 17: DX whenever it grew
        (of("a", 1), HandedOver(("a",), 1), True, False, SITE, False),
        (of("b", 1), HandedOver(("a",), 1), True, False, OFF, False),  # the switch never applies to DX
    ],
)
def test_resend(
    choice: Choice, last: HandedOver | None, dx: bool, forced: bool, site: Switches, send: bool
) -> None:
    judged = judge_resend(choice, last, dx, forced, site)
    assert judged.send is send
    assert judged.why


@pytest.mark.parametrize(("reception", "send"), [(4, True), (5, False), (None, False)])
def test_what_was_handed_over_early_and_turns_out_otherwise_is_followed_by_the_right_series(
    reception: int | None, send: bool
) -> None:
    assert (
        judge_resend(of("b", 60), HandedOver(("a",), 300, reception=4), False, False, SITE, reception).send
        is send
    )
