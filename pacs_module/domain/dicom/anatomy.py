"""
The part of the body by code: what an image says of it where BodyPartExamined is empty (K10).

Radiographs must have AnatomicRegionSequence (PS3.3 C.8.11.2) and need no BodyPartExamined; enhanced CT has it
in its functional groups. A code that is not known here, or names another part, says nothing: what the
descriptions say is not overruled by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from .attributes import unpadded

REGIONS: Mapping[str, str] = MappingProxyType({
    "51185008": "CHEST", "T-D3000": "CHEST", "816094009": "CHEST",
    "39607008": "LUNG", "T-28000": "LUNG", "3341006": "LUNG", "44029006": "LUNG",
    "72410000": "MEDIASTINUM", "T-D3300": "MEDIASTINUM",
    "416550000": "CHESTABDOMEN", "R-FAB55": "CHESTABDOMEN",
    "416775004": "CHESTABDPELVIS", "R-FAB56": "CHESTABDPELVIS",
    "417437006": "NECKCHEST", "R-FAB53": "NECKCHEST",
    "416152001": "NECKCHESTABDOMEN", "R-FAB54": "NECKCHESTABDOMEN",
    "416319003": "NECKCHESTABDPELV", "R-FAB57": "NECKCHESTABDPELV",
    "38266002": "WHOLEBODY", "T-D0010": "WHOLEBODY",
})  # fmt: skip
"""
Code value (SNOMED CT, and SNOMED RT of before) to the term of BodyPartExamined, of those that contain the
chest (PS3.16 Annex L).
"""
_REGION = "AnatomicRegionSequence"
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_MOST_GROUPS = 10


def region_of(tags: Mapping[str, Any]) -> str:
    """
    The term of the part of the body that an image names by its code, and where it stands: ``CHEST
    (AnatomicRegionSequence)``; empty where none is known.

    Args:
        tags: By keyword; a sequence is a list of such mappings.
    """
    frames = (frame for name in _GROUPS for frame in _items(tags, name)[:_MOST_GROUPS])
    anatomies = [tags, *(one for frame in frames for one in _items(frame, "FrameAnatomySequence"))]
    codes = (code for anatomy in anatomies for code in _codes(anatomy))
    return next((f"{REGIONS[code]} ({_REGION})" for code in codes if code in REGIONS), "")


def _codes(anatomy: Mapping[str, Any]) -> Iterator[str]:
    for item in _items(anatomy, _REGION):
        value = item.get("CodeValue")
        if isinstance(value, str):
            yield unpadded(value).upper()


def _items(tags: Mapping[str, Any], keyword: str) -> list[Mapping[str, Any]]:
    value = tags.get(keyword)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
