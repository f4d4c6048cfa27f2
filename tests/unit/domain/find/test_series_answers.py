"""The one reader of SERIES level answers."""

from __future__ import annotations

import itertools

import pytest

from pacs_module.domain.find.series_answers import series_of

STUDY = "1.2.3"


def row(uid: str, count: str | None = None, **told: str) -> dict[str, str]:
    counts = {} if count is None else {"NumberOfSeriesRelatedInstances": count}
    return {"StudyInstanceUID": STUDY, "SeriesInstanceUID": uid, **counts, **told}


@pytest.mark.parametrize(
    ("count", "instances"),
    [
        ("12", 12),
        (" 12 ", 12),
        ("0", None),
        ("", None),
        (None, None),
        ("n/a", None),
        ("-1", None),
        ("12.0", 12),
    ],
)
def test_a_count_as_pacs_write_it(count: str | None, instances: int | None) -> None:
    assert [facts.instances for facts in series_of(STUDY, [row("1.2.3.1", count)])] == [instances]


def test_series_of_other_studies_and_those_without_a_uid_are_left_out() -> None:
    answers = [
        row(" 1.2.3.1 "),
        row(""),
        {"SeriesInstanceUID": "1.2.3.2"},
        {**row("1.2.9.1"), "StudyInstanceUID": "1.2.9"},
    ]
    assert [facts.series_uid for facts in series_of(STUDY, answers)] == ["1.2.3.1", "1.2.3.2"]


@pytest.mark.parametrize(
    ("rows", "count", "description"),
    [
        (
            [row("1.1", "300", SeriesDescription="LUNG"), row("1.1", "2", SeriesDescription="LUNG")],
            300,
            "LUNG",
        ),
        ([row("1.1", SeriesDescription=""), row("1.1", "2", SeriesDescription="LUNG")], 2, "LUNG"),
        (
            [
                row("1.1", "2"),
                row("1.1", "300", SeriesDescription="B"),
                row("1.1", "0", SeriesDescription="A"),
            ],
            300,
            "A",
        ),
    ],
)
def test_several_rows_of_a_series_are_one(rows: list[dict[str, str]], count: int, description: str) -> None:
    """K7."""
    for order in itertools.permutations(rows):
        (facts,) = series_of(STUDY, order)
        assert (facts.instances, facts.text("SeriesDescription")) == (count, description)
