"""Row 13: the rows 1 and 3 on a newer Orthanc, where one is at hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench.row import Line, Row, Scale
from benchmarks.bench.rows.r01_receiving import ROW as RECEIVING
from benchmarks.bench.rows.r03_latency import ROW as LATENCY
from benchmarks.bench.whole_way import forget

VARIABLE = "NEWER_ORTHANC"


def run(scale: Scale) -> Sequence[Line]:
    """With that Orthanc first on the PATH."""
    folder = Path(os.environ.get(VARIABLE, ""))
    if not os.environ.get(VARIABLE):
        raise FileNotFoundError(
            f"no other Orthanc at hand: {VARIABLE}=folder with an Orthanc and its Python plugin"
        )
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}:{before}"
    forget()
    try:
        told = subprocess.run(["Orthanc", "--version"], capture_output=True, text=True, check=True)
        version = told.stdout.splitlines()[0]
        lines = [*RECEIVING.run(scale), *LATENCY.run(scale)]
    finally:
        os.environ["PATH"] = before
        forget()
    return [_named(line, version) for line in lines]


def _named(line: Line, version: str) -> Line:
    values = {**vars(line), "what": f"{version}: {line.what}"}
    return Line(**values)


ROW = Row(13, "newer Orthanc", f"rows 1 and 3 with the Orthanc in {VARIABLE}", run, quick=False)
