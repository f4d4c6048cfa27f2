"""The child process that reads result objects, gives them their patient back, and makes them of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...domain.json_messages.documents import from_document
from ...domain.results.pseudonyms import PseudonymRecord
from ..files.reader_process import Deed, serve
from . import restore as objects

PROGRAM = "pacs_module.adapters.results.child"


def deeds(config: Mapping[str, Any]) -> Mapping[str, Deed]:
    """What this child can do."""
    return {"look": look, "restore": restore, "render": render}


def look(source: Path, target: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """What an object says of itself; nothing is written."""
    return objects.look(source)


def restore(source: Path, target: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """An object read to its end and written, with its patient where ``told`` names who it is."""
    record = _record(told)
    if record is None:
        objects.check(source, target)
    else:
        objects.restore(source, target, record)
    return {}


def render(source: Path, target: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """An object made of a result in JSON, and of the images in the folder ``source``."""
    from .render import rendered

    rendered(told["kind"], source, told, _record(told)).save_as(target, enforce_file_format=True)
    return {}


def _record(told: Mapping[str, Any]) -> PseudonymRecord | None:
    return from_document(PseudonymRecord, told["identity"]) if "identity" in told else None


if __name__ == "__main__":
    serve(deeds)
