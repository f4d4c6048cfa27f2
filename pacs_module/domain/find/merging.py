"""One merged answer a study and find, whichever rows the PACS tells it in, and in whichever order (K7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from ..dicom.attributes import FoundStudy

_TEXTS = ("accession_number", "patient_id", "study_description")


def merged(rows: Iterable[FoundStudy]) -> list[FoundStudy]:
    """
    Every study once, in the order of its first row.

    Some PACS tell a study in several rows: one for each modality, node or archive. The largest count of them
    is the study's, its modalities are those of all rows; of different texts the first in the alphabet is
    taken, which does not depend on the order of the rows, and a time of its date. Rows without a UID are one
    study when all else that names them is the same.
    """
    rows = list(rows)
    uids = {row.study_uid for row in rows}
    if len(uids) == len(rows) and "" not in uids:
        return rows  # the usual list: each study in one row
    together: dict[tuple[str, ...], list[FoundStudy]] = {}
    for row in rows:
        together.setdefault(_key(row), []).append(row)
    return [_one(same) for same in together.values()]


def _key(row: FoundStudy) -> tuple[str, ...]:
    if row.study_uid:
        return (row.pacs, row.study_uid)
    return (row.pacs, "", row.accession_number, row.patient_id, row.study_date, row.study_time)


def _one(rows: Sequence[FoundStudy]) -> FoundStudy:
    if all(row == rows[0] for row in rows):
        return rows[0]
    texts = {name: _first_told(rows, name) for name in _TEXTS}
    date, time = _moment(rows)
    count = max((row.count for row in rows if row.count is not None), default=None)
    return replace(
        rows[0], **texts, study_date=date, study_time=time, modalities=_all_modalities(rows), count=count
    )


def _first_told(rows: Sequence[FoundStudy], name: str) -> str:
    """The first in the order of letters, so that it is the same each time; empty where none tells it."""
    return min((getattr(row, name) for row in rows if getattr(row, name)), default="")


def _all_modalities(rows: Sequence[FoundStudy]) -> tuple[str, ...]:
    told = sorted({row.modalities for row in rows}, key=lambda modalities: (-len(modalities), modalities))
    return tuple(dict.fromkeys(chain.from_iterable(told)))


def _moment(rows: Sequence[FoundStudy]) -> tuple[str, str]:
    """
    The earliest date that is told, and the earliest time of a row with that date, else of one without any.
    """
    date = min((row.study_date for row in rows if row.study_date), default="")
    with_time = [row for row in rows if row.study_time]
    of_date = [row.study_time for row in with_time if row.study_date == date]
    of_none = [row.study_time for row in with_time if not row.study_date]
    return date, min(of_date or of_none, default="")
