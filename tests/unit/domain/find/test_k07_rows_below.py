"""Several rows for one series and for one object, in any order, are one answer (K7)."""

from __future__ import annotations

import itertools

import pytest

from pacs_module.domain.dicom.attributes import FRAMES, SeriesFacts
from pacs_module.domain.find.series_answers import series_of
from pacs_module.domain.find.slices_told import with_slices

ENHANCED = "1.2.840.10008.5.1.4.1.1.2.1"
PLAIN = "1.2.840.10008.5.1.4.1.1.2"


def row(**values: str) -> dict[str, str]:
    return {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.1", **values}


def test_a_moment_that_no_row_tells_is_not_made_of_two() -> None:
    rows = [row(SeriesDate="20200618", SeriesTime="235900"), row(SeriesDate="20200619", SeriesTime="000100")]
    for order in itertools.permutations(rows):
        (facts,) = series_of("1.2", order)
        assert (facts.text("SeriesDate"), facts.text("SeriesTime")) == ("20200618", "235900")


def test_a_time_without_a_date_is_kept() -> None:
    for order in itertools.permutations([row(SeriesTime="101530"), row(Modality="CT")]):
        (facts,) = series_of("1.2", order)
        assert (facts.text("SeriesTime"), facts.modality) == ("101530", "CT")


OBJECTS = {
    "frames in one row only": ([{"NumberOfFrames": "300"}, {}], "300"),
    "two numbers of frames": ([{"NumberOfFrames": "1"}, {"NumberOfFrames": "300"}], "300"),
    "class in one row, frames in the other": ([{"SOPClassUID": ENHANCED}, {"NumberOfFrames": "300"}], "300"),
    "text in one of them": ([{"NumberOfFrames": "n/a"}, {"NumberOfFrames": "300"}], "300"),
    "two classes": ([{"SOPClassUID": PLAIN}, {"SOPClassUID": ENHANCED, "NumberOfFrames": "300"}], "300"),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_several_rows_of_one_object(name: str) -> None:
    rows, frames = OBJECTS[name]
    series = SeriesFacts("1.2.1", {}, 1)
    for order in itertools.permutations(rows):
        told = with_slices(series, [row(SOPInstanceUID="1.7", **one) for one in order])
        assert told.attributes[FRAMES] == frames


def test_rows_of_one_object_that_tell_nothing_leave_the_number_open() -> None:
    told = with_slices(SeriesFacts("1.2.1", {}, 1), [row(SOPInstanceUID="1.7"), row(SOPInstanceUID="1.7")])
    assert (told.instances, told.text(FRAMES)) == (None, "")
