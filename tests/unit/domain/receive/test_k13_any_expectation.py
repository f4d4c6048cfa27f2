"""
Whatever is announced and whatever comes: what was not told is never taken for "all there" (K11, K13).

Does not prove what the plugins announce, nor which series they need.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.completeness import (
    COMPLETE,
    GROWING,
    MORE,
    SHORT,
    UNVERIFIED,
    Completeness,
    Expectations,
    judge_completeness,
)
from pacs_module.domain.receive.decision import RECEIVED, SHORT_OUTCOME, Asked, decide, expectations
from pacs_module.domain.receive.judged import Judged
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.rules.verdict import Verdict

THICK = "1.2.1"
UIDS = st.sampled_from("abc")
COUNTS = st.dictionaries(UIDS, st.integers(0, 3))
IMAGES = st.dictionaries(UIDS, st.integers(1, 4))
ANY_STUDY = st.none() | st.integers(0, 6)


def judge(
    expected: Expectations, received: dict[str, int], needed: frozenset[str], ended: bool
) -> Completeness:
    return judge_completeness("1.2", expected, received, needed, ended)


@given(COUNTS, ANY_STUDY, st.frozensets(UIDS), IMAGES, st.frozensets(UIDS), st.booleans())
def test_no_verdict_says_more_than_was_told(
    counts: dict[str, int],
    study: int | None,
    named: frozenset[str],
    received: dict[str, int],
    needed: frozenset[str],
    ended: bool,
) -> None:
    told = judge(Expectations(counts, study, named - counts.keys()), received, needed, ended)
    known = {uid: count for uid, count in counts.items() if count}
    lacking = [uid for uid in needed if known.get(uid, 0) > received.get(uid, 0)]
    absent = [uid for uid in needed & (named | counts.keys()) if not received.get(uid)]
    if told.verdict == COMPLETE:
        assert received
        assert not lacking
        assert not absent
        assert all(received[uid] == known[uid] for uid in needed & known.keys())
        assert needed <= known.keys() or sum(received.values()) == study, "nobody counted what matters"
    if ended:
        assert told.verdict != GROWING
    if ended and received and (lacking or absent):
        assert told.verdict == SHORT
    if ended and not received and (known or study):
        assert told.verdict == SHORT


@pytest.mark.parametrize(
    ("expected", "received", "needed", "words"),
    [
        (Expectations(study=14), {"a": 3}, "", "SHORT 3 of 14"),
        (Expectations(study=14), {"a": 3}, "a", "SHORT 3 of 14"),
        (Expectations({"a": 3}, study=14), {"a": 3}, "", "SHORT 3 of 14"),
        (Expectations({"a": 3}, study=14), {}, "", "SHORT 0 of 14"),
        (Expectations({"a": 3}), {"a": 3}, "", COMPLETE),
        (Expectations({"a": 3, "b": 200}), {"a": 3}, "a", COMPLETE),
        (Expectations({"a": 3, "b": 200}), {"a": 3}, "a b", "SHORT 3 of 203"),
        (Expectations(uncounted=frozenset("ab")), {"a": 1}, "a b", "SHORT 1 of 2 series"),
        (Expectations(uncounted=frozenset("ab")), {"a": 1, "b": 1}, "a b", UNVERIFIED),
        (Expectations({"a": 0}, uncounted=frozenset("b")), {"a": 1}, "a b", "SHORT 1 of 2 series"),
        (Expectations({"a": 24}), {"a": 25}, "a", "MORE 25 of 24"),
        (Expectations({"a": 24}, study=25), {"a": 24}, "a", COMPLETE),
        (Expectations(study=20), {"a": 25}, "a", "MORE 25 of 20"),
        (Expectations(study=0), {"a": 25}, "a", UNVERIFIED),
        (Expectations(), {"a": 25}, "a", UNVERIFIED),
        (Expectations(), {"a": 25}, "", UNVERIFIED),
        (Expectations({"a": 1, "b": 1}), {"a": 2}, "a b", "SHORT 1 of 2"),
        (Expectations({"a": 3}, study=8), {"a": 2, "b": 6}, "a b", "SHORT 2 of 3"),
        (Expectations({"a": 3}, study=4), {"a": 3, "b": 5}, "a b", "MORE 8 of 4"),
        (Expectations({"a": 3}, study=14), {"a": 2, "b": 1}, "a b", "SHORT 3 of 14"),
    ],
)
def test_what_was_announced_at_any_level_is_expected(
    expected: Expectations, received: dict[str, int], needed: str, words: str
) -> None:
    told = judge(expected, received, frozenset(needed.split()), True)
    assert told.words == words
    assert told.verdict in (COMPLETE, SHORT, MORE, UNVERIFIED)


@pytest.mark.parametrize("count", [0, -1, -5, -(2**31)])
def test_a_count_below_one_is_not_told_whoever_announced_it(count: int) -> None:
    """-1 is what some data bases have for "not counted"."""
    of_series = judge_completeness("1", Expectations({"a": count}), {"a": 3}, frozenset("a"), ended=True)
    of_study = judge_completeness("1", Expectations({}, count), {"a": 3}, frozenset("a"), ended=True)
    nothing = judge_completeness("1", Expectations({"a": count}), {}, frozenset(), ended=True)
    assert (of_series.verdict, of_study.verdict) == (UNVERIFIED, UNVERIFIED)
    assert nothing.verdict == SHORT


@pytest.mark.parametrize(
    ("series", "study", "here", "failed", "again"),
    [
        ({THICK: 60}, 360, {THICK: 60}, "association aborted", True),
        ({THICK: 60}, 360, {THICK: 60}, "", False),  # it has sent all that it has
        ({THICK: 60}, 360, {THICK: 60, "1.2.3": 300}, "association aborted", False),
        ({THICK: 60}, 60, {THICK: 60}, "association aborted", False),
        ({THICK: 60}, None, {THICK: 60}, "association aborted", False),
        ({THICK: 60}, 59, {THICK: 60}, "association aborted", False),
    ],
)
def test_a_series_beyond_a_list_of_series_that_is_cut_is_waited_for_where_the_job_failed(
    series: dict[str, int], study: int | None, here: dict[str, int], failed: str, again: bool
) -> None:
    """K12 at SERIES level: the count of the study is more than its series have together."""
    request = PullRequest("p1", "1.2", "PACS", expected=study, expected_series=series)
    facts = {uid: SeriesFacts(uid, {"Modality": "CT", "SliceThickness": "5"}, None) for uid in here}
    judged = {uid: Judged(one, Verdict(True, "", "", "")) for uid, one in facts.items()}
    told = judge_completeness("1.2", expectations(request), here, frozenset([THICK]), ended=True)
    assert told.verdict == COMPLETE
    decision = decide(here, judged, told, Asked(request, failed=failed), None, Switches())
    assert (decision.outcome == SHORT_OUTCOME) is again
    last = decide(here, judged, told, Asked(request, failed=failed, final=True), None, Switches())
    assert last.outcome == RECEIVED
