"""What the plugins say of a study's images that arrive now: counts, and why its reception is still open."""

from __future__ import annotations

from typing import Any

from ...domain.errors import PipelineError
from ...ports import ReceivedImages


def receiving(images: ReceivedImages, study_uid: str) -> dict[str, Any]:
    """Where the newest reception of a study stands; empty: there is none, or Orthanc does not answer."""
    try:
        return dict(images.reception(study_uid) or {})
    except PipelineError:
        return {}
