"""
The example backend, started in its place, that refuses (422) the studies whose UIDs stand in the file
REFUSE_FILE.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from fastapi import HTTPException

sys.path.insert(0, str(Path(__file__).parents[3]))
from examples import ai_backend

REFUSE_FILE = "REFUSE_FILE"
WORDS = "these images cannot be computed"


class RefusingBackend(ai_backend.Backend):
    """Refuses for good what the file names now."""

    def accept(self, job: dict[str, Any], key: str) -> str:
        """Take a job, or refuse it."""
        file = Path(os.environ[REFUSE_FILE])
        if file.exists() and job["studyUID"] in file.read_text(encoding="utf-8").split():
            raise HTTPException(422, WORDS)
        return super().accept(job, key)


if __name__ == "__main__":
    ai_backend.Backend = RefusingBackend  # type: ignore[misc]
    ai_backend.main()
