"""
The plugins with a journal that each start makes anew, and without the hand-over folder's manifests to take it
from: what a restart would then lose. Loaded by Orthanc in place of pull_plugin.py.
"""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "orthanc" / "plugins")]

from aipull.hand_over import adopt  # noqa: E402


def adopt_nothing(*_: Any) -> list[str]:
    """Whatever lies there."""
    return []


adopt.adopt_handovers = adopt_nothing  # type: ignore[assignment]

import tests.chaos.programs.without_journal  # noqa: E402, F401
