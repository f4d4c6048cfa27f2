"""
``python3 -m scripts.advisories REPORT``: what pip-audit's JSON report says, for people.

Exit status 0: every package was looked up and nothing is known; 1: something is known; 3: packages could not
be looked up, because no source of advisories answered: that is no clean bill.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FINE, KNOWN, UNASKED = 0, 1, 3


def lines_of(packages: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """
    What is said of each package, and the exit status.

    Args:
        packages: ``dependencies`` of the report.
    """
    lines, unasked = [], []
    for package in packages:
        if package.get("skip_reason"):
            unasked.append(str(package["name"]))
        for known in package.get("vulns", []):
            fixed = ", ".join(known.get("fix_versions", [])) or "none yet"
            names = " ".join([known["id"], *known.get("aliases", [])])
            lines.append(f"{package['name']} {package['version']}: {names}; fixed in {fixed}")
    status = KNOWN if lines else UNASKED if unasked or not packages else FINE
    if unasked or not packages:
        lines.append(
            f"not looked up, no source of advisories answered for them: {', '.join(unasked) or 'all'}"
        )
    return lines or [f"{len(packages)} packages, nothing is known against them"], status


def main(report: Path) -> int:
    """Print; the exit status."""
    try:
        packages = json.loads(report.read_text(encoding="utf-8"))["dependencies"]
    except (OSError, ValueError, KeyError):
        packages = []
    lines, status = lines_of(packages)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
