"""
Hand-overs that lie in the folder and that a new journal does not know: taken up from their manifests (K14).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pacs_module.domain.errors import MessageError
from pacs_module.domain.json_messages.json_text import FROM_ORTHANC, read_object
from pacs_module.domain.json_messages.uid_syntax import is_handover_id, is_uid

from ..journal.handovers import HandoverRow, HandoverRows
from ..journal.journal import Journal
from ..runtime.clock import now_ms

_MANIFEST = ".manifest.json"
_ADOPTED = "adopted"
_REPETITION = re.compile(r"-\d{1,4}$")
"""The number of a repeated hand-over; the groups of an id of Orthanc are longer."""


def adopt_handovers(folder: Path, journal: Journal, handovers: HandoverRows) -> list[str]:
    """
    Note every whole hand-over in the folder as given, if the journal is new.

    With a journal that is not new, a folder that it does not know is what a crash left before the hand-over
    was journaled; it is made again, and this one goes.

    Returns:
        The ids of those that were taken up; they are released by pacs_module as any other.
    """
    if (
        journal.meta(_ADOPTED)
        or journal.row("SELECT 1 FROM handovers LIMIT 1")
        or journal.row("SELECT 1 FROM pulls LIMIT 1")
    ):
        journal.set_meta(_ADOPTED, "1")
        return []
    with journal.transaction():
        rows = list(_rows(folder))
        for row in rows:
            handovers.add(row, _REPETITION.sub("", row.folder), now_ms())
        journal.set_meta(_ADOPTED, "1")
    return [row.handover_id for row in rows]


def _rows(folder: Path) -> Iterator[HandoverRow]:
    for file in sorted(folder.glob(f"*{_MANIFEST}")):
        name = file.name.removesuffix(_MANIFEST)
        if name.startswith(".") or not (folder / name).is_dir():
            continue
        try:
            row = _row(name, read_object(file.read_bytes(), "manifest", FROM_ORTHANC))
        except (OSError, MessageError, KeyError, TypeError, ValueError, json.JSONDecodeError):
            continue  # not ours, or not whole: it goes as every other leftover
        if is_handover_id(row.handover_id) and is_uid(row.study_uid):
            yield row


def _row(name: str, manifest: Mapping[str, Any]) -> HandoverRow:
    series = manifest["series"]
    files = [file for one in series for file in one["files"]]
    uids = tuple(str(one["seriesUID"]) for one in series)
    size = sum(int(file["bytes"]) for file in files)
    return HandoverRow(
        str(manifest["handoverID"]), str(manifest["studyUID"]), uids, len(files), name, size=size
    )
