"""
The example backend with one more place at which a test may stop or kill it: while it computes. Its record
says of each image whose it is: ``images``, SOPInstanceUID to PatientID and hash of the pixels, read from the
files and not from any message.

``BACKEND_KEEPS``, a folder: what it reads is kept there, for a test that must see it as the backend did.
"""

import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from examples import ai_backend  # noqa: E402
from pacs_module.shared.crash_points import reach  # noqa: E402
from tests.chaos.audit.identity import pixels_of  # noqa: E402

_compute, _add = ai_backend.compute, ai_backend.Record.add
_read = threading.local()
"""What this thread has read last: it computes and writes down one after the other."""


def compute(folder: Path) -> Any:
    """Reaches ``computing`` before it reads an image."""
    reach("computing")
    _read.images = {}
    for one in ai_backend.read_images(folder):
        _read.images[str(one.SOPInstanceUID)] = (str(one.get("PatientID", "")), pixels_of(one))
    answer = _compute(folder)
    if keeps := os.environ.get("BACKEND_KEEPS"):
        shutil.copytree(folder, Path(keeps) / folder.name, dirs_exist_ok=True)
    return answer


def add(self: ai_backend.Record, event: str, key: str, **values: Any) -> None:
    """With the images where something was computed."""
    _add(self, event, key, **values, **({"images": _read.images} if event == "computed" else {}))


ai_backend.compute = compute
ai_backend.Record.add = add  # type: ignore[method-assign]
ai_backend.main()
