"""Who was connected last, out of Orthanc's log."""

from __future__ import annotations

import os
from pathlib import Path

from aipull.server.last_associations import Associations, last_associations


def line(aet: str, address: str, what: str = "Received from") -> str:
    head = f"I1130 08:07:43.162572 CommandDispatcher.cpp:333] (dicom) Association {what} AET"
    return f"{head} {aet} on IP {address}\n"


def test_the_last_associations_are_told_newest_last(tmp_path: Path) -> None:
    log = tmp_path / "orthanc.log"
    log.write_text(
        "".join(line(f"AET{number}", "10.0.0.1") + "other words\n" for number in range(9))
        + line("EVIL", "::1")
    )
    assert last_associations(log).last == (
        "AET5@10.0.0.1",
        "AET6@10.0.0.1",
        "AET7@10.0.0.1",
        "AET8@10.0.0.1",
        "EVIL@::1",
    )


def test_who_was_connected_at_the_end(tmp_path: Path) -> None:
    log = tmp_path / "orthanc.log"
    log.write_text(
        line("BEGUN-BEFORE", "10.0.0.1", "Release with")
        + line("PACS", "10.0.0.2")
        + line("PACS", "10.0.0.2")
        + line("CT1", "10.0.0.3")
        + line("PACS", "10.0.0.2", "Release with")
        + line("CT1", "10.0.0.3", "Aborted with")
    )
    assert last_associations(log).connected == frozenset({"PACS@10.0.0.2"})
    log.write_text("W1130 main.cpp:921] Orthanc has started\n")
    assert last_associations(log).connected is None  # before it was told to write associations
    log.write_text('category "dicom" to "verbose"\nI1130 (dicom) Opening a DICOM SCU connection\n')
    assert last_associations(log).connected == frozenset()


def test_only_the_last_run_counts(tmp_path: Path) -> None:
    log = tmp_path / "orthanc.log"
    log.write_text(
        line("BEFORE", "10.0.0.1") + "W1130 main.cpp:921] Orthanc has started\n" + line("EVIL", "10.0.0.2")
    )
    assert last_associations(log) == Associations(("EVIL@10.0.0.2",), frozenset({"EVIL@10.0.0.2"}))


def test_a_log_that_is_none_tells_nobody(tmp_path: Path) -> None:
    assert last_associations(tmp_path / "absent") == Associations()
    assert last_associations(tmp_path) == Associations()
    assert last_associations(Path(os.devnull)) == Associations()
    (tmp_path / "junk").write_bytes(bytes(range(256)) * 2000 + b"Association Received from AET \xff on IP")
    assert last_associations(tmp_path / "junk") == Associations()
