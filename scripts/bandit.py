"""
Bandit over what is shipped (``make bandit``): each finding of medium or high severity must be answered where
it stands, by ``# noqa: S...`` with the same number (ruff's, which has bandit's rules), or below. Exit status
1: one is not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SHIPPED = ("pacs_module", "orthanc/plugins", "orthanc/config", "site_check", "one_box", "docker")
ANSWERED: Mapping[tuple[str, str], str] = {
    (
        "pacs_module/adapters/upload/ftp.py",
        "B402",
    ): "for sites whose platform takes nothing else; FTPS where it can",
}
"""File and rule of what no comment can stand beside, with the reason."""


def findings() -> list[dict[str, Any]]:
    """What bandit finds, medium and high."""
    command = [sys.executable, "-m", "bandit", "-q", "-r", *SHIPPED, "-f", "json", "-ll"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return found


def is_answered(found: Mapping[str, Any]) -> bool:
    """Whether a comment on one of its lines, or the list above, says why it stays."""
    if (str(found["filename"]), str(found["test_id"])) in ANSWERED:
        return True
    lines = Path(found["filename"]).read_text(encoding="utf-8").splitlines()
    numbers = range(min(found["line_range"]) - 1, max(found["line_range"]))
    rule = f"S{found['test_id'][1:]}"
    return any("noqa" in lines[number] and rule in lines[number] for number in numbers)


def main() -> int:
    """Say what is not answered."""
    found = findings()
    open_ones = [one for one in found if not is_answered(one)]
    for one in open_ones:
        print(
            f"{one['filename']}:{one['line_number']}: {one['test_id']} "
            f"{one['issue_severity']}: {one['issue_text']}"
        )
    print(f"bandit: {len(found)} findings, {len(open_ones)} without an answer")
    return 1 if open_ones else 0


if __name__ == "__main__":
    sys.exit(main())
