"""
Make the extract of public series headers that the benchmark reads. Run by developers only, in a throw-away
environment.

    python3 -m venv /tmp/idc && /tmp/idc/bin/pip install idc-index-data==25.0.5 pyarrow
    /tmp/idc/bin/python benchmarks/headers/extract.py

Source: ``idc_index.parquet`` of the PyPI package idc-index-data (see README.md for the licence). Only what
the rules read is kept, each distinct combination once; no PatientID, UID, date, age or sex.
"""

from __future__ import annotations

import csv
import io
import lzma
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MODALITIES = ("CT", "CR", "DX")
HEADER = ("collection_id", "Modality", "BodyPartExamined", "StudyDescription", "SeriesDescription")
COLUMNS = (*HEADER, "StudyInstanceUID", "instanceCount", "analysis_result_id")


def read_rows() -> list[dict[str, Any]]:
    """One row a series, original images only: series that an analysis derived from others are left out."""
    import idc_index_data  # type: ignore[import-not-found]
    import pyarrow as pa  # type: ignore[import-not-found]
    import pyarrow.compute as pc  # type: ignore[import-not-found]
    import pyarrow.parquet as pq  # type: ignore[import-not-found]

    path = Path(idc_index_data.__file__).parent / "idc_index.parquet"
    table = pq.read_table(path, columns=list(COLUMNS))
    wanted = pc.and_(
        pc.is_in(table["Modality"], pa.array(MODALITIES)), pc.is_null(table["analysis_result_id"])
    )
    return list(table.filter(wanted).to_pylist())


def write(name: str, lines: Iterable[Iterable[object]]) -> None:
    """Write rows as CSV, packed."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    path = FOLDER / name
    path.write_bytes(lzma.compress(text.getvalue().encode("utf-8"), preset=9 | lzma.PRESET_EXTREME))
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """
    Write headers.csv.xz (distinct headers) and studies.csv.xz (which headers a study has, with the number of
    images).
    """
    rows = read_rows()
    headers = Counter(tuple(row[name] or "" for name in HEADER) for row in rows)
    numbers = {header: number for number, header in enumerate(sorted(headers))}
    write("headers.csv.xz", (header for header in sorted(headers)))
    studies: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        header = tuple(row[name] or "" for name in HEADER)
        studies[row["StudyInstanceUID"]].append((numbers[header], row["instanceCount"]))
    kinds = Counter(tuple(sorted(series)) for series in studies.values())
    write("studies.csv.xz", _study_lines(kinds))
    print(
        f"{len(rows)} series, {len(headers)} headers, {len(studies)} studies, {len(kinds)} kinds of studies"
    )


def _study_lines(kinds: Counter[tuple[tuple[int, int], ...]]) -> Iterable[list[object]]:
    """Per kind of study: how many there are, then header number and number of images of each series."""
    for series in sorted(kinds):
        numbers = [value for pair in series for value in pair]
        yield [kinds[series], *numbers]


if __name__ == "__main__":
    main()
