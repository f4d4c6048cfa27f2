"""
The places at which a chaos run stops or kills a process. Each is reached by the whole stack only:
tests/chaos.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pacs_module.shared import crash_points
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
_REACH = (
    "from pacs_module.shared.crash_points import reach\nfor place in {places!r}: reach(place); "
    "print(place, flush=True)"
)


def run(fault: str | None, *places: str) -> tuple[int, list[str]]:
    environment = {name: value for name, value in os.environ.items() if name != crash_points.VARIABLE}
    if fault is not None:
        environment[crash_points.VARIABLE] = fault
    command = [sys.executable, "-c", _REACH.format(places=places)]
    ended = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    return ended.returncode, ended.stdout.split()


def test_not_set_it_does_nothing() -> None:
    assert run(None, *crash_points.PLACES) == (0, list(crash_points.PLACES))


def test_the_process_dies_at_the_place_as_by_kill_9() -> None:
    assert run("published", "stable", "published", "consumed") == (-signal.SIGKILL, ["stable"])


def test_the_nth_time_counts() -> None:
    assert run("found:3:kill", "found", "stable", "found", "found") == (
        -signal.SIGKILL,
        ["found", "stable", "found"],
    )


def test_it_waits_until_the_file_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "here"
    reach = crash_points.read(f"exported:2:{file}")
    reach("exported")
    assert not file.exists()
    waiting = threading.Thread(target=reach, args=("exported",))
    waiting.start()
    wait_for(file.exists)
    assert waiting.is_alive()
    file.unlink()
    waiting.join(100)
    assert not waiting.is_alive()
    reach("exported")


def test_a_folder_arms_a_place_once_for_all_lives(tmp_path: Path) -> None:
    assert run(str(tmp_path), "published") == (0, ["published"])
    (tmp_path / "published").write_text("kill", encoding="utf-8")
    assert run(str(tmp_path), "consumed", "published") == (-signal.SIGKILL, ["consumed"])
    assert (tmp_path / "published.reached").exists()
    assert run(str(tmp_path), "published") == (0, ["published"])


def test_a_misspelt_place_is_told() -> None:
    with pytest.raises(ValueError, match="publishd"):
        crash_points.read("publishd")


def test_every_place_is_in_the_code_once_or_more_and_no_other() -> None:
    files = [*(ROOT / "pacs_module").rglob("*.py"), *(ROOT / "orthanc" / "plugins").rglob("*.py")]
    used = {
        name
        for file in files
        for name in re.findall(r"\breach\(\"(\w+)\"\)", file.read_text(encoding="utf-8"))
    }
    assert used == {*crash_points.PLACES, *crash_points.STEPS}
