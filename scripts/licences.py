"""
``python -m scripts.licences requirements.lock``: the licence of every locked package, from the metadata of
what is installed here; exit status 1 when one is not on the list of docs/decisions/0001-licence.md.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ALLOWED = (
    "LGPL",
    "MIT",
    "BSD",
    "Apache",
    "ISC",
    "PSF",
    "Python Software Foundation",
    "MPL",
    "Mozilla",
    "CNRI",
    "Unlicense",
    "Zlib",
    "0BSD",
)
"""What an AGPL programme may use (decision 1); a licence's text or name holds one of them."""
ONLY_OTHERS = re.compile(r"\b(?<!L)GPL-?2\.0-only|\bSSPL\b|\bProprietary\b", re.IGNORECASE)


def locked(lock: Path) -> list[tuple[str, str]]:
    """Names and versions of a lock file."""
    return re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)


def licence_of(package: Distribution) -> str:
    """As the package says: the SPDX expression, else the classifiers, else the first line of the field."""
    said: Any = package.metadata  # a Message; its type here depends on the stubs that mypy finds
    if expression := said.get("License-Expression"):
        return str(expression)
    classifiers = [
        one.rsplit(" :: ", 1)[-1] for one in said.get_all("Classifier") or [] if one.startswith("License ::")
    ]
    if named := [one for one in classifiers if one != "OSI Approved"]:
        return ", ".join(named)
    return (said.get("License") or "not told").strip().splitlines()[0]


def may_be_used(licence: str) -> bool:
    """Whether the licence is on the list."""
    return any(word.lower() in licence.lower() for word in ALLOWED) and not ONLY_OTHERS.search(licence)


def main(lock: Path) -> int:
    """Print a table; the exit status."""
    print("| package | version | licence |\n|---|---|---|")
    strange = []
    for name, version in locked(lock):
        try:
            licence = licence_of(distribution(name))
        except PackageNotFoundError:
            licence = "not installed here"
        print(f"| {name} | {version} | {licence} |")
        if not may_be_used(licence):
            strange.append(f"{name}: {licence}")
    for line in strange:
        print(f"licences: not on the list of decision 1: {line}", file=sys.stderr)
    return 1 if strange else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
