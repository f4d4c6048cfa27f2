"""Whether our copy is the PACS's copy (M15, M16; field case 8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.receive.completeness import (
    COMPLETE,
    GROWING,
    MORE,
    SHORT,
    UNVERIFIED,
    Check,
    Completeness,
    Expectations,
    judge_completeness,
)

BY_SERIES = Expectations({"thin": 300, "scout": 2})
BY_STUDY = Expectations(study=302)
PARTLY = Expectations({"thin": 300}, 360)
NOTHING_TOLD = Expectations()


def judge(
    expected: Expectations, received: dict[str, int], ended: bool, needed: str = "thin scout"
) -> Completeness:
    return judge_completeness("STUDY", expected, received, frozenset(needed.split()), ended)


@pytest.mark.parametrize(
    ("expected", "received", "needed", "ended", "words"),
    [
        (BY_SERIES, {"thin": 300, "scout": 2}, "thin scout", False, COMPLETE),
        (BY_SERIES, {"thin": 299, "scout": 2}, "thin scout", False, GROWING),
        (BY_SERIES, {"thin": 299, "scout": 2}, "thin scout", True, "SHORT 301 of 302"),
        (BY_SERIES, {"thin": 300}, "thin", False, COMPLETE),  # its own count decides
        (BY_SERIES, {"thin": 300}, "thin scout", True, "SHORT 300 of 302"),
        (BY_SERIES, {"thin": 300, "scout": 2, "late": 5}, "thin scout", False, COMPLETE),
        (
            BY_SERIES,
            {"thin": 310, "scout": 2, "late": 5},
            "thin scout",
            False,
            GROWING,
        ),  # the PACS is asked again at the end
        (BY_SERIES, {"thin": 310, "scout": 2, "late": 5}, "thin scout", True, "MORE 312 of 302"),
        (
            BY_SERIES,
            {"thin": 301, "scout": 1},
            "thin scout",
            True,
            "SHORT 301 of 302",
        ),  # one too many is none instead
        (BY_SERIES, {"thin": 300, "scout": 9}, "thin", True, COMPLETE),  # what does not matter may be more
        (
            BY_SERIES,
            {"thin": 300, "scout": 2, "late": 5},
            "thin late",
            False,
            GROWING,
        ),  # nobody counted the late one
        (BY_SERIES, {"thin": 300, "scout": 2, "late": 5}, "thin late", True, UNVERIFIED),
        (BY_SERIES, {"thin": 299, "late": 5}, "thin late", True, "SHORT 299 of 300"),
        (BY_SERIES, {}, "thin scout", True, "SHORT 0 of 302"),
        (BY_SERIES, {}, "", False, GROWING),
        (BY_SERIES, {}, "", True, "SHORT 0 of 302"),
        (BY_SERIES, {"scout": 1}, "", False, GROWING),  # nothing is wanted, as far as is known
        (BY_SERIES, {"scout": 1}, "", True, COMPLETE),
        (PARTLY, {"thin": 300, "thick": 60}, "thin thick", False, COMPLETE),  # to the last image of the study
        (PARTLY, {"thin": 300, "thick": 59}, "thin thick", False, GROWING),
        (PARTLY, {"thin": 300, "thick": 59}, "thin thick", True, "SHORT 359 of 360"),
        (PARTLY, {"thin": 300, "thick": 61}, "thin thick", True, "MORE 361 of 360"),  # it has grown
        (PARTLY, {"thin": 300}, "thin", False, COMPLETE),
        (BY_STUDY, {"a": 300, "b": 2}, "a", False, COMPLETE),
        (BY_STUDY, {"a": 300, "b": 1}, "a", False, GROWING),
        (BY_STUDY, {"a": 300, "b": 1}, "a", True, "SHORT 301 of 302"),
        (BY_STUDY, {"a": 400}, "a", False, GROWING),
        (BY_STUDY, {"a": 400}, "a", True, "MORE 400 of 302"),
        (BY_STUDY, {"a": 3}, "", True, "SHORT 3 of 302"),  # all of dropped series
        (
            Expectations({"scout": 3}, 14),
            {"scout": 3},
            "",
            True,
            "SHORT 3 of 14",
        ),  # the PACS named one series of more
        (Expectations({"scout": 3}, 14), {"scout": 3, "b": 11}, "", True, COMPLETE),
        (Expectations({"scout": 3, "sr": 11}, 14), {"scout": 3}, "", True, COMPLETE),  # named, and not wanted
        (Expectations(uncounted=frozenset({"a", "b"})), {"a": 1}, "a b", True, "SHORT 1 of 2 series"),
        (Expectations(uncounted=frozenset({"a", "b"})), {"a": 1}, "a b", False, GROWING),
        (
            Expectations(uncounted=frozenset({"a", "b"})),
            {"a": 1},
            "a",
            True,
            UNVERIFIED,
        ),  # the other one is not wanted
        (Expectations(uncounted=frozenset({"a", "b"})), {"a": 1, "b": 1}, "a b", True, UNVERIFIED),
        (Expectations(uncounted=frozenset({"a", "b"})), {}, "", True, "SHORT 0 of 2 series"),
        (Expectations({"a": 5}, uncounted=frozenset({"b"})), {"a": 5}, "a b", True, "SHORT 1 of 2 series"),
        (Expectations({"a": 5}, 9, frozenset({"b"})), {"a": 5, "b": 4}, "a b", False, COMPLETE),
        (Expectations({"a": 5}, 9, frozenset({"b"})), {"a": 5}, "a b", True, "SHORT 5 of 9"),
        (
            Expectations(study=2, uncounted=frozenset({"a", "b"})),
            {"a": 2},
            "a b",
            True,
            "SHORT 1 of 2 series",
        ),
        (NOTHING_TOLD, {"a": 300}, "a", False, GROWING),
        (NOTHING_TOLD, {"a": 300}, "a", True, UNVERIFIED),
        (Expectations(study=0), {}, "", True, "SHORT 0 of 0"),
        (Expectations(study=0), {"a": 5}, "a", False, GROWING),
        (Expectations(study=0), {"a": 5}, "a", True, UNVERIFIED),
        (Expectations({"a": 0}), {"a": 5}, "a", False, GROWING),
        (Expectations({"a": 0}), {"a": 5}, "a", True, UNVERIFIED),
        (Expectations({"a": 0, "b": 0}), {"a": 5}, "a b", True, "SHORT 1 of 2 series"),
        (Expectations({"a": 0}, study=5), {"a": 5}, "a", False, COMPLETE),
        (Expectations({"a": 0}, study=5), {"a": 4}, "a", True, "SHORT 4 of 5"),
        (Expectations({"a": 3}, study=0), {"a": 3}, "a", False, COMPLETE),
    ],
)
def test_verdicts(
    expected: Expectations, received: dict[str, int], needed: str, ended: bool, words: str
) -> None:
    assert judge(expected, received, ended, needed).words == words


def test_field_case_8_a_slice_missing_at_the_pacs_too_is_not_missing() -> None:
    assert judge(Expectations({"thin": 299}), {"thin": 299}, ended=False, needed="thin").verdict == COMPLETE


def test_the_checks_are_the_comparisons_of_the_log() -> None:
    assert judge(BY_SERIES, {"thin": 290}, ended=True).checks == (
        Check("series", "scout", 2, 0),
        Check("series", "thin", 300, 290),
    )
    assert judge(BY_STUDY, {"thin": 290}, ended=True).checks == (Check("study", "STUDY", 302, 290),)


COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 5))


@given(COUNTS, st.none() | st.integers(0, 9), COUNTS, st.frozensets(st.sampled_from("abcd")), st.booleans())
def test_complete_only_when_nothing_wanted_is_missing(
    series: dict[str, int], study: int | None, received: dict[str, int], needed: frozenset[str], ended: bool
) -> None:
    judged = judge_completeness("S", Expectations(series, study), received, needed, ended)
    if judged.verdict == COMPLETE:
        other = [uid for uid, count in series.items() if uid in needed and received.get(uid, 0) != count]
        assert not other
        assert series or sum(received.values()) == study
        uncounted = needed - series.keys()
        assert not (series and uncounted) or sum(received.values()) == study
    assert (judged.verdict == GROWING) <= (not ended)
    assert judged.verdict in (COMPLETE, GROWING, SHORT, MORE, UNVERIFIED)
