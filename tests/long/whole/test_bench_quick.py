"""``make bench-quick``: the rows with servers run to their end. Its numbers say nothing, and none is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]


def test_the_rows_with_servers_run(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.bench",
        "--quick",
        "--rows",
        "1,2,3,4,5,6,10",
        "--json",
        str(file),
    ]
    done = subprocess.run(command, timeout=580, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    told = json.loads(file.read_text(encoding="utf-8"))
    assert {row["row"]: row["problem"] for row in told["rows"]} == dict.fromkeys((1, 2, 3, 4, 5, 6, 10), "")
