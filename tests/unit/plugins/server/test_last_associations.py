"""Who was connected last, out of Orthanc's log."""

from __future__ import annotations

import os
from pathlib import Path

from aipull.server.last_associations import last_associations


def line(aet: str, address: str) -> str:
    head = "I1130 08:07:43.162572 CommandDispatcher.cpp:333] (dicom) Association Received from AET"
    return f"{head} {aet} on IP {address}\n"


def test_the_last_associations_are_told_newest_last(tmp_path: Path) -> None:
    log = tmp_path / "orthanc.log"
    log.write_text(
        "".join(line(f"AET{number}", "10.0.0.1") + "other words\n" for number in range(9))
        + line("EVIL", "::1")
    )
    assert last_associations(log) == [
        "AET5@10.0.0.1",
        "AET6@10.0.0.1",
        "AET7@10.0.0.1",
        "AET8@10.0.0.1",
        "EVIL@::1",
    ]


def test_only_the_last_run_counts(tmp_path: Path) -> None:
    log = tmp_path / "orthanc.log"
    log.write_text(
        line("BEFORE", "10.0.0.1") + "W1130 main.cpp:921] Orthanc has started\n" + line("EVIL", "10.0.0.2")
    )
    assert last_associations(log) == ["EVIL@10.0.0.2"]


def test_a_log_that_is_none_tells_nobody(tmp_path: Path) -> None:
    assert last_associations(tmp_path / "absent") == []
    assert last_associations(tmp_path) == []
    assert last_associations(Path(os.devnull)) == []
    (tmp_path / "junk").write_bytes(bytes(range(256)) * 2000 + b"Association Received from AET \xff on IP")
    assert last_associations(tmp_path / "junk") == []
