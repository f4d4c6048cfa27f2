"""
The plugins with a journal that each start makes anew, loaded by Orthanc in place of pull_plugin.py: what a
restart would then lose.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "orthanc" / "plugins")]

from aipull.journal import journal  # noqa: E402

_open = journal.Journal.__init__


def forgetful(self: journal.Journal, path: Path, *more: Any, **named: Any) -> None:
    """Whatever the path: beside it, in a folder of this process."""
    _open(self, Path(tempfile.mkdtemp(dir=path.parent)) / path.name, *more, **named)


journal.Journal.__init__ = forgetful  # type: ignore[method-assign]

import pull_plugin  # noqa: E402, F401
