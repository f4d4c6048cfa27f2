"""One merged answer a study and find, whichever rows the PACS tells it in, and in whichever order (K7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..dicom.attributes import FoundStudy

_TEXTS = ("study_date", "study_time", "accession_number", "patient_id", "study_description")


def merged(rows: Iterable[FoundStudy]) -> list[FoundStudy]:
    """
    Every study once, in the order of its first row.

    Some PACS tell a study in several rows: one for each modality, node or archive. The largest count of them
    is the study's, its modalities are those of all rows; of different texts the first in the alphabet is
    taken, which does not depend on the order of the rows. Rows without a UID are one study when all else that
    names them is the same.
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
    texts = {
        name: min((getattr(row, name) for row in rows if getattr(row, name)), default="") for name in _TEXTS
    }
    told = sorted({row.modalities for row in rows}, key=lambda modalities: (-len(modalities), modalities))
    union = tuple(dict.fromkeys(modality for modalities in told for modality in modalities))
    counts = [row.count for row in rows if row.count is not None]
    return replace(rows[0], **texts, modalities=union, count=max(counts, default=None))
