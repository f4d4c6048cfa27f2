"""
The plugins with their journal in memory, loaded by Orthanc in place of pull_plugin.py: what a restart would
then lose.
"""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "orthanc" / "plugins")]

from aipull.journal import journal  # noqa: E402

_open = journal.Journal.__init__


def in_memory(self: journal.Journal, path: Path, *more: Any, **named: Any) -> None:
    """Whatever the path."""
    _open(self, ":memory:", *more, **named)  # type: ignore[arg-type]


journal.Journal.__init__ = in_memory  # type: ignore[method-assign]

import pull_plugin  # noqa: E402, F401
