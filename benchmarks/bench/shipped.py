"""The plugins as Orthanc loads them: ``aipull`` is found in orthanc/plugins only."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

_PLUGINS = Path(__file__).resolve().parent.parent.parent / "orthanc" / "plugins"


def handover(folder: Path, storage: Path) -> Any:
    """A HandoverFolder over Orthanc's storage."""
    _on_path()
    from aipull.hand_over.folder import HandoverFolder

    return HandoverFolder(folder, str(folder), storage, cast(Any, None))


def to_export(told: list[dict[str, Any]], study_uid: str, series_uid: str, patient: str) -> Any:
    """One series of which Orthanc's REST API tells these instances."""
    _on_path()
    from aipull.hand_over.folder import ToExport
    from aipull.server.orthanc_client import InstanceHere

    images = tuple(
        InstanceHere(
            one["ID"], one["MainDicomTags"]["SOPInstanceUID"], int(one["MainDicomTags"]["InstanceNumber"]),
            one["FileUuid"], one["FileSize"],
        )
        for one in told
    )  # fmt: skip
    return ToExport(series_uid, "series", images, study_uid, {one.orthanc_id: patient for one in images})


def _on_path() -> None:
    if str(_PLUGINS) not in sys.path:
        sys.path.insert(0, str(_PLUGINS))
