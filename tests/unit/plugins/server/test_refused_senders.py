"""Who was refused at the DICOM port: lines that Orthanc 1.10.1 writes, read as they come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aipull.server.refused_senders import RefusedSenders
from pacs_module.shared.logs import ContractLog

NOT_LISTED = (
    "W1130 15:37:46.435110 main.cpp:404] DICOM authorization rejected  for AET STRANGER on IP 127.0.0.1: "
    'This AET is not listed in configuration option "DicomModalities"\n'
)
OTHER_ADDRESS = (
    "W1130 15:37:46.450706 main.cpp:415] DICOM authorization rejected for AET CT 1 on IP 10.1.2.3: "
    "Its IP address "
    'should be 10.9.9.9 according to configuration option "DicomModalities"\n'
)
CALLED = (
    "W1130 15:37:46.857643 CommandDispatcher.cpp:602] Rejected association, because of a bad "
    "called AET in the "
    "request (OTHER)\n"
)

HANDSHAKES = "".join(
    f"E1130 22:16:02.45298{number} CommandDispatcher.cpp:284] Receiving Association failed: TLS error: {why}\n"
    for number, why in enumerate(
        ("wrong version number", "peer did not return a certificate", "certificate verify failed")
    )
)


def events(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "log" / "orthanc-python.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one.get("event") == "sender_refused"]


def watch(folder: Path, before: str = "") -> tuple[RefusedSenders, Path]:
    file = folder / "orthanc.log"
    file.write_text(before)
    return RefusedSenders(ContractLog(folder / "log", "orthanc-python"), file), file


def test_each_refusal_is_told_once_with_what_to_set(tmp_path: Path) -> None:
    watcher, file = watch(tmp_path, NOT_LISTED.replace("STRANGER", "FORMER"))
    watcher.begin()
    with file.open("a") as log:
        log.write(NOT_LISTED * 3 + OTHER_ADDRESS + CALLED + "other words\n" + NOT_LISTED[:60])
    assert watcher.step() > 0
    told = events(tmp_path)
    assert [(one.get("aeTitle"), one.get("called")) for one in told] == [
        ("STRANGER", None), ("CT 1", None), (None, "OTHER"),
    ]  # fmt: skip
    assert told[1]["setting"] == "AIPULL_SENDERS=CT 1@10.1.2.3"
    with file.open("a") as log:  # the rest of a line that was half written
        log.write(NOT_LISTED[60:].replace("STRANGER", "SECOND"))
    watcher.step()
    assert events(tmp_path)[3]["aeTitle"] == "SECOND"


def test_the_last_ones_are_shown_for_the_audit_trail_with_numbers_that_do_not_begin_anew(
    tmp_path: Path,
) -> None:
    watcher, file = watch(tmp_path)
    watcher.begin()
    file.write_text("".join(NOT_LISTED.replace("STRANGER", f"AET{number}") for number in range(60)) + CALLED)
    watcher.step()
    shown = watcher.shown()
    assert [one["number"] for one in shown["senders"]] == list(range(12, 62))
    assert (shown["senders"][0]["aeTitle"], shown["senders"][0]["address"]) == ("AET11", "127.0.0.1")
    assert shown["senders"][-1]["called"] == "OTHER"
    assert shown["process"] != watch(tmp_path)[0].shown()["process"], "another process numbers from 1 again"


def test_a_failed_handshake_is_told_once_a_kind_and_without_a_name(tmp_path: Path) -> None:
    watcher, file = watch(tmp_path)
    watcher.begin()
    file.write_text(HANDSHAKES * 2)
    watcher.step()
    assert [(one["why"], one.get("aeTitle")) for one in events(tmp_path)] == [
        ("TLS error: wrong version number", None),
        ("TLS error: peer did not return a certificate", None),
        ("TLS error: certificate verify failed", None),
    ]


def test_a_log_that_is_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    watcher, file = watch(tmp_path, "x" * 1000)
    watcher.begin()
    file.write_text(NOT_LISTED)
    watcher.step()
    assert [one["aeTitle"] for one in events(tmp_path)] == ["STRANGER"]


def test_whoever_knocks_with_ever_new_names_is_not_told_for_ever(tmp_path: Path) -> None:
    watcher, file = watch(tmp_path)
    watcher.begin()
    file.write_text("".join(NOT_LISTED.replace("STRANGER", f"AET{number}") for number in range(2000)))
    while watcher.step() == 0.0:
        pass
    assert len(events(tmp_path)) == 500


def test_where_standard_error_is_no_file_nothing_is_read(tmp_path: Path) -> None:
    watcher = RefusedSenders(ContractLog(tmp_path / "log", "orthanc-python"), Path("/dev/null"))
    watcher.begin()
    assert watcher.step() == 3600.0
