"""What the answers of a SERIES level find say of a study's series: the one reader of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..dicom.attributes import Attributes, SeriesFacts, clean_uid, parse_count

SERIES_KEYS = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "BodyPartExamined",
    "ProtocolName",
    "StudyDescription",
    "SeriesDescription",
    "ImageType",
    "SliceThickness",
    "ConvolutionKernel",
    "ContrastBolusAgent",
    "SeriesDate",
    "SeriesTime",
    "NumberOfSeriesRelatedInstances",
)
"""What is asked of a series before its pull: what the rules and the choice read, and its count."""


def series_of(study_uid: str, answers: Iterable[Attributes]) -> list[SeriesFacts]:
    """
    Read the answers about one study, each series once.

    A count of 0 is what some PACS say that do not count: not told. Of several rows of one series the largest
    count is its count, and what a row leaves empty is taken from the others (K7).

    Args:
        study_uid: Answers about another study are left out; one that does not name its study is believed.
        answers: As the finder gives them.
    """
    rows: dict[str, list[Attributes]] = {}
    for answer in answers:
        uid = clean_uid(answer.get("SeriesInstanceUID", ""))
        if uid and clean_uid(answer.get("StudyInstanceUID", "")) in ("", study_uid):
            rows.setdefault(uid, []).append(answer)
    return [SeriesFacts(uid, _together(told), _largest_count(told)) for uid, told in rows.items()]


def _together(rows: Sequence[Attributes]) -> Attributes:
    if len(rows) == 1:
        return rows[0]
    keywords = dict.fromkeys(keyword for row in rows for keyword in row)
    together = {name: _first(rows, name) for name in keywords}
    of_the_day = [row for row in rows if row.get("SeriesDate", "") in ("", together.get("SeriesDate", ""))]
    # A date of one row and a time of another are a moment that nobody told.
    return (
        {**together, "SeriesTime": _first(of_the_day, "SeriesTime")} if "SeriesTime" in keywords else together
    )


def _first(rows: Sequence[Attributes], keyword: str) -> str:
    """The first text in the alphabet, which does not depend on the order of the rows."""
    return min((row[keyword] for row in rows if row.get(keyword)), default="")


def _largest_count(rows: Sequence[Attributes]) -> int | None:
    counts = (parse_count(row.get("NumberOfSeriesRelatedInstances")) for row in rows)
    return max((count for count in counts if count), default=None)
