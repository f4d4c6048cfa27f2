"""Who may store besides the PACS: AIPULL_SENDERS as entries of Orthanc's DicomModalities."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "orthanc" / "config" / "senders.py"


def run(text: str, check_host: str = "true") -> subprocess.CompletedProcess[str]:
    environment = {"AIPULL_SENDERS": text, "ORTHANC_CHECK_MODALITY_HOST": check_host}
    return subprocess.run(
        [sys.executable, "-B", str(SCRIPT)], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("text", ["", " ", ",,"])
def test_nobody_is_no_entry(text: str) -> None:
    done = run(text)
    assert (done.returncode, done.stdout.strip()) == (0, "")


def test_each_sender_may_store_and_nothing_else() -> None:
    told = json.loads('{"first": 1' + run("CT1@10.1.2.3, PACS 2@fd00::7").stdout + "}")
    del told["first"]
    assert [(one["AET"], one["Host"]) for one in told.values()] == [
        ("CT1", "10.1.2.3"),
        ("PACS 2", "fd00::7"),
    ]
    assert all(one["AllowStore"] for one in told.values())
    assert not any(one[right] for one in told.values() for right in ("AllowFind", "AllowGet", "AllowMove"))


@pytest.mark.parametrize(
    "text",
    ["SEVENTEENLETTERS1@10.1.2.3", "CT1@ct1.hospital", "@10.1.2.3", "CT\\1@10.1.2.3", "CT1",
     "${X}@10.1.2.300"],
)  # fmt: skip
def test_what_orthanc_could_not_hold_to_is_refused_in_one_line(text: str) -> None:
    done = run(text)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("AIPULL_SENDERS = ")
    assert done.stderr.count("\n") == 1


def test_one_ae_title_may_have_several_addresses_and_none_where_they_are_not_checked() -> None:
    assert run("CT2@10.1.2.3, CT2@10.1.2.4").stdout.count('"CT2"') == 2
    assert run("CT1", "false").returncode == 0
