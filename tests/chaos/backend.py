"""
The example backend with one more place at which a test may stop or kill it: while it computes.

``BACKEND_KEEPS``, a folder: what it reads is kept there, for a test that must see it as the backend did.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from examples import ai_backend  # noqa: E402
from pacs_module.shared.crash_points import reach  # noqa: E402

_compute = ai_backend.compute


def compute(folder: Path) -> Any:
    """Reaches ``computing`` before it reads an image."""
    reach("computing")
    answer = _compute(folder)
    if keeps := os.environ.get("BACKEND_KEEPS"):
        shutil.copytree(folder, Path(keeps) / folder.name, dirs_exist_ok=True)
    return answer


ai_backend.compute = compute
ai_backend.main()
