"""UIDs of rendered results."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any


def rendered_uid(kind: str, told: Mapping[str, Any], what: str) -> str:
    """A UID (PS3.5 B.2) that belongs to this result of this hand-over and to nothing else."""
    key = f"{told['handoverID']}:{told['at']}:{kind}:{what}"
    digest = hashlib.sha256(key.encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"
