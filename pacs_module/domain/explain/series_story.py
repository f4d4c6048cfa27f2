"""What became of each series of a study, for people: handed over, kept back, filtered, and why (M24)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from ..dicom.text_repair import hex_bytes, readable
from ..json_messages.documents import to_document
from ..study.study import SeriesRecord


class Standing(StrEnum):
    """What became of a series, in the words that the page, the command line and the JSON all show."""

    HANDED_OVER = "handed over"
    KEPT_BACK = "kept back"
    FILTERED = "filtered"
    NEVER_CAME = "never came"
    SET_ASIDE = "set aside"
    TAKEN = "taken"
    """It passed the filter, and nothing was handed over yet."""


_BY_OUTCOME = {
    "handed_over": Standing.HANDED_OVER,
    "kept_back": Standing.KEPT_BACK,
    "filtered": Standing.FILTERED,
    "missing": Standing.NEVER_CAME,
    "set_aside": Standing.SET_ASIDE,
}


def standing_of(record: SeriesRecord) -> Standing:
    """Say what became of a series; a record of an earlier version has its verdict only."""
    known = _BY_OUTCOME.get(record.outcome)
    if known is not None:
        return known
    if record.rule == "missing":
        return Standing.NEVER_CAME
    return Standing.TAKEN if record.taken else Standing.FILTERED


def reason_of(record: SeriesRecord) -> str:
    """The reason that decided what became of it: the choice where it passed the filter, else the verdict."""
    words = record.outcome_why if record.taken and record.outcome_why else record.why_not
    images = record.verdict.images if record.verdict is not None else ""
    return f"{words} ({images})" if images else words


def series_story(record: SeriesRecord) -> dict[str, Any]:
    """
    A series of the document with what people need beside it.

    Returns:
        The record, with ``standing`` (a :class:`Standing`), ``reason`` and ``description`` (see
        :func:`text_for_people`).
    """
    return {
        **to_document(record),
        "standing": standing_of(record).value,
        "reason": reason_of(record),
        "description": text_for_people(record.series_description),
    }


def text_for_people(text: str) -> dict[str, str]:
    """
    A text of the PACS as a person would read it.

    Returns:
        ``text``: repaired where the damage is beyond doubt. ``raw`` and ``bytes``, only where that differs
        from what arrived: the text as it arrived, and its UTF-8 bytes as hex.
    """
    repaired = readable(text)
    if repaired == text:
        return {"text": text}
    return {"text": repaired, "raw": text, "bytes": hex_bytes(text.encode("utf-8", "surrogatepass"))}
