"""``make demo-edge`` on the small day: all is at the platform after its line was cut, and the exit status says so."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]


def test_all_is_at_the_platform_after_its_line_was_cut(tmp_path: Path) -> None:
    options = ["--free-ports", "--day", "small", "--run-folder", str(tmp_path / "run")]
    command = [sys.executable, "-m", "demo", "edge", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "the line to the platform is cut for 30 s" in done.stdout
    assert "images seen half at the platform: 0" in done.stdout
    assert "quarantine" in done.stdout
    assert "1000 of" in done.stdout.replace("\n", " ")
    assert "version 2" in done.stdout
    shown = list((tmp_path / "run-platform" / "images").rglob("*.dcm"))
    assert len(shown) > 0
