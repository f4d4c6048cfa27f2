"""
pacs_module each of whose threads dies once, some seconds after its start: ``dying.py run --settings FILE``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from pacs_module.cli.app import main
from pacs_module.service.loop import Loop

DIES_AFTER_S = 3.0
_one_step, _died = Loop._one_step, set[str]()
_began = time.monotonic()


def one_step(self: Loop) -> bool:
    """The step, and once the end of the thread after it: with whatever it has claimed or holds by then."""
    busy = _one_step(self)
    if self.name not in _died and time.monotonic() - _began > DIES_AFTER_S:
        _died.add(self.name)
        raise SystemExit
    return busy


Loop._one_step = one_step  # type: ignore[method-assign]
main()
