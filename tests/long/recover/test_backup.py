"""
A machine is lost with everything on its disk and in its memory, and comes back from a backup (`pacs-module
backup`, `restore`): nothing is lost, also not what happened after the backup.

The PACS is the hospital's and stays. Does not prove a machine that loses power in the middle of a backup
(tests/unit/cli/test_backup.py: no half archive).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pacs_module.adapters.queue.topology import Topology
from tests.chaos.rig.harness import Rig
from tests.contract.queue.queue_cases import raw_channel

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]
EQUAL_S = 120.0


def pacs_module(rig: Rig, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as an administrator calls it beside the running service."""
    environment = {**os.environ, "PACS_MODULE_BACKUP__JOURNAL": str(rig.stack.receiver.journal)}
    command = [sys.executable, "-m", "pacs_module", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def lose_the_machine(rig: Rig) -> None:
    """Disk, memory and queue; nothing ends in order."""
    stack = rig.stack
    stack.pacs_module.kill()
    rig.empty_ram_disk()
    assert isinstance(rig.store, Path)
    for file in (rig.store, stack.receiver.journal):
        for path in file.parent.glob(f"{file.name}*"):
            path.unlink()
    topology = Topology()
    with raw_channel(stack.rabbitmq.url) as channel:
        for queue in (topology.queue, topology.installation_queue):
            channel.queue_delete(queue)


def test_a_lost_machine_is_restored_and_what_came_after_the_backup_is_found_again(tmp_path: Path) -> None:
    with Rig(tmp_path / "rig") as rig:
        settings = str(rig.stack.pacs_module.settings_file)
        rig.servers["backend"].kill()
        before = rig.send_day("bk1", cts=2)
        rig.wait(lambda: handed_over(rig, len(before.wanted)), "the first day waits for the backend")

        made = pacs_module(rig, "backup", "-s", settings, "--to", str(tmp_path / "backups"))
        assert made.returncode == 0, made.stderr
        archive = made.stdout.split(": ")[0]

        after = rig.send_day("bk2", cts=1)
        both = len(before.wanted) + len(after.wanted)
        rig.wait(lambda: handed_over(rig, both), "the second day waits, too")

        lose_the_machine(rig)
        restored = pacs_module(rig, "restore", archive, "-s", settings)
        assert restored.returncode == 0, restored.stderr
        rig.servers["Orthanc"].start()
        rig.servers["pacs_module"].start()
        rig.wait(
            lambda: pacs_module(rig, "audit", "-s", settings).returncode == 0,
            "the records are equal again",
            EQUAL_S,
        )

        rig.servers["backend"].start()
        found = rig.until_clean(within_s=300)
        assert found.clean, str(found)


def handed_over(rig: Rig, number: int) -> bool:
    """Whether so many hand-overs lie in the folder of the receiving Orthanc."""
    folder = rig.stack.receiver.handover_folder
    return sum(1 for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")) >= number
