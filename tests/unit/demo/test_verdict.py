"""
The demo's verdict can fail: each way in which a run can go wrong is told.

Pure values; that the PACS and the record are read rightly is shown by the runs in tests/e2e.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from demo.truth import Computed, PacsSeries, PacsStudy
from demo.verdict import Expected, judge

THIN, THICK = "1.2.3.1", "1.2.3.2"
PACS = PacsStudy(
    "1.2.3",
    "ACC",
    "20261121",
    {THIN: PacsSeries(THIN, "thin", "CT", {"a", "b", "c"}), THICK: PacsSeries(THICK, "thick", "CT", {"d"})},
)
WANTED = Expected("1.2.3", "chest CT", True, (THIN,))
UNWANTED = Expected("1.2.3", "head CT", False, ())
UNKNOWN = Expected("1.2.3", "own files", True, None)
DONE = Computed("1.2.3", "key", "completed", frozenset("abc"), 1.0, "")
DOCUMENT: dict[str, Any] = {
    "state": "completed",
    "pull": {"askedAt": "2026-11-21T10:00:05+00:00", "request": {"pullID": "p"}},
    "handovers": [
        {
            "receivedAt": "2026-11-21T10:00:06+00:00",
            "acceptedAt": "2026-11-21T10:00:08+00:00",
            "message": {"pullID": "p"},
        }
    ],
    "series": {THICK: {"taken": False, "because": "SliceThickness 8"}},
}
SENT_AT = {THIN: 1795255200.0, THICK: 1795255210.0}  # 2026-11-21T10:00:00Z and ten seconds later


def fault(
    expected: Expected,
    done: list[Computed],
    document: dict[str, Any] | None = DOCUMENT,
    pacs: PacsStudy | None = PACS,
) -> str:
    return judge(expected, pacs, done, document, SENT_AT).fault


@pytest.mark.parametrize(
    ("expected", "done", "words"),
    [
        (WANTED, [DONE], ""),
        (WANTED, [], "not computed"),
        (WANTED, [replace(DONE, instances=frozenset("ab"))], "backend read 2 images, 2 of the 3 wanted"),
        (WANTED, [replace(DONE, instances=frozenset("d"))], "backend read 1 images, 0 of the 3 wanted"),
        (WANTED, [replace(DONE, instances=frozenset("d")), DONE], ""),
        (WANTED, [DONE, replace(DONE, instances=frozenset("d"))], "backend read 1 images, 0 of the 3 wanted"),
        (WANTED, [DONE, DONE], "the same 3 images were computed 2 times"),
        (
            WANTED,
            [DONE, replace(DONE, instances=frozenset("ab")), DONE],
            "the same 3 images were computed 2 times",
        ),
        (WANTED, [replace(DONE, instances=frozenset("ab")), DONE], ""),
        (UNKNOWN, [DONE, replace(DONE, at=2.0)], "the same 3 images were computed 2 times"),
        (UNWANTED, [], ""),
        (UNWANTED, [DONE], "computed, but should not be"),
        (UNKNOWN, [DONE], ""),
        (UNKNOWN, [], ""),
        (UNKNOWN, [replace(DONE, instances=frozenset("ab"))], "backend did not read whole series"),
    ],
)
def test_what_is_wrong_is_told(expected: Expected, done: list[Computed], words: str) -> None:
    assert fault(expected, done) == words


def test_a_wanted_study_must_be_completed_in_the_store_too() -> None:
    assert fault(WANTED, [DONE], {**DOCUMENT, "state": "pull_data_end"}) == "state is pull_data_end"
    assert fault(WANTED, [DONE], None) == "state is None"


def test_a_study_that_never_came_into_the_pacs_is_a_fault() -> None:
    assert fault(WANTED, [], pacs=None) == "not in the PACS"


def test_the_row_names_series_reasons_counts_and_times() -> None:
    row = judge(WANTED, PACS, [DONE], DOCUMENT, SENT_AT)
    assert (row.taken, row.filtered, row.images, row.outcome) == (
        "thin (3)",
        "SliceThickness 8",
        "3 / 3",
        "completed",
    )
    assert row.stages == (5.0, 1.0, 2.0, 8.0)
