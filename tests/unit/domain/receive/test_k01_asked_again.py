"""
What a PACS says when it is asked again about images that are here may be cut, or one of two words that it
tells in turn (K1 with K7 and K12).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pacs_module.domain.receive.completeness import Expectations, judge_completeness
from pacs_module.domain.receive.decision import updated
from pacs_module.domain.receive.image_origin import PacsWord
from pacs_module.domain.receive.provenance import Circumstances, Rejection, judge_pulled
from tests.unit.domain.receive.test_k01_whose_images import KNOWN, NODE, PACS, STRANGER, images, listed


@pytest.mark.parametrize(
    ("word", "words"),
    [
        (PacsWord(study=301), "COMPLETE"),
        (PacsWord(study=300), "MORE 301 of 300"),
        (PacsWord(study=2), "MORE 301 of 300"),
        (PacsWord(), "MORE 301 of 300"),
        (PacsWord(study=400), "SHORT 301 of 400"),
    ],
)
def test_a_study_count_that_is_told_in_turn(word: PacsWord, words: str) -> None:
    expected = updated(Expectations(study=300), word)
    assert judge_completeness("1.2", expected, {"1.2.1": 301}, frozenset(), ended=True).words == words


@pytest.mark.parametrize(
    ("series", "images_listed", "words"),
    [
        ({"1.2.1": 301}, 0, "COMPLETE"),
        ({"1.2.1": 2}, 0, "MORE 301 of 300"),
        ({}, 100, "MORE 301 of 300"),
        ({"1.2.1": 301}, 100, "COMPLETE"),
        ({"1.2.1": 2}, 301, "COMPLETE"),
        ({"1.2.9": 7}, 0, "MORE 301 of 300"),
    ],
)
def test_a_series_count_that_is_told_in_turn_or_a_list_that_is_cut(
    series: dict[str, int], images_listed: int, words: str
) -> None:
    uids = {"1.2.1": frozenset(map(str, range(images_listed)))} if images_listed else {}
    for study in (None, 300):
        expected = updated(Expectations({"1.2.1": 300}, study), PacsWord(series=series, sop_uids=uids))
        needed = frozenset({"1.2.1"})
        assert judge_completeness("1.2", expected, {"1.2.1": 301}, needed, ended=True).words == words


@pytest.mark.parametrize("cap", [50, 100, 200, 137, 299])
def test_a_list_of_images_that_is_cut_sets_nothing_of_another_node_aside(cap: int) -> None:
    word = replace(listed(range(cap)), study=300, series={"1.2.1": 300})
    pull = Circumstances(Expectations(study=300), counts_agree=True)
    found = judge_pulled(images(range(300), sender=NODE), KNOWN, word, pull)
    assert (found.total, len(found.rejected), set(found.learned)) == (300, 0, {NODE})


@pytest.mark.parametrize("counted", [20, 21, 22])
def test_a_list_that_lacks_an_object_or_two_is_whole(counted: int) -> None:
    """The PACS counts what it does not list; a stranger's images are not the PACS's for that."""
    word = replace(listed(range(20)), study=counted, series={"1.2.1": counted}, whole={"1.2.1": True})
    here = [*images(range(20), sender=PACS), *images(range(50, 52), sender=STRANGER)]
    found = judge_pulled(here, KNOWN, word, Circumstances(Expectations(study=counted)))
    assert (found.total, {one.why for one in found.rejected}) == (20, {Rejection.NOT_AT_PACS})


def test_images_that_a_cut_list_does_not_have_are_not_certain_beside_the_pacs_own() -> None:
    word = replace(listed(range(100)), study=300, series={"1.2.1": 300})
    here = [*images(range(200), sender=PACS), *images(range(200, 300), sender=NODE)]
    found = judge_pulled(here, KNOWN, word, Circumstances(Expectations(study=300)))
    assert (found.total, found.certain, len(found.rejected)) == (300, False, 0)
