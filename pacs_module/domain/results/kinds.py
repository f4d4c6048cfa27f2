"""The kinds of objects that a backend may send back, by SOP class (PS3.4 annex B)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class ResultKind(StrEnum):
    """As the settings name them."""

    SR = "sr"
    SC = "sc"
    SEG = "seg"
    RTSTRUCT = "rtstruct"
    PR = "pr"
    PDF = "pdf"


_STORAGE = "1.2.840.10008.5.1.4.1.1."
_K = ResultKind
_OF_CLASS: Mapping[str, ResultKind] = {
    f"{_STORAGE}{ending}": kind
    for kind, endings in {
        _K.SR: ("88.11", "88.22", "88.33", "88.34", "88.35", "88.50", "88.59", "88.65"),
        _K.SC: ("7", "7.1", "7.2", "7.3", "7.4"),
        _K.SEG: ("66.4", "66.5"),
        _K.RTSTRUCT: ("481.3",),
        _K.PR: ("11.1", "11.2", "11.3", "11.4", "11.5", "11.8"),
        _K.PDF: ("104.1",),
    }.items()
    for ending in endings
}


def kind_of(sop_class: str) -> ResultKind | None:
    """The kind of a SOPClassUID; None: a result is never of it, an image of a device above all."""
    return _OF_CLASS.get(sop_class)
