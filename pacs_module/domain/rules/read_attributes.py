"""
Which attributes of a series the rules read: what is recorded of a judged header, and nothing else of it.

Names and numbers of patients are not among them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..dicom.attributes import RECEIVED_FACTS
from ..dicom.device import DEVICE_ATTRIBUTES
from .body_part import KEYWORD_ATTRIBUTES

READ_BY_RULES = (
    "Modality",
    *KEYWORD_ATTRIBUTES,
    "ImageType",
    "SliceThickness",
    "ConvolutionKernel",
    "ContrastBolusAgent",
    "SeriesNumber",
    "SeriesDate",
    "SeriesTime",
)
MAX_VALUE = 2048
"""Characters of a value that are recorded: the rules look at no more of it (``dicom/text_folding.py``)."""
_KEPT = frozenset((*READ_BY_RULES, *DEVICE_ATTRIBUTES, *RECEIVED_FACTS))


def kept(attributes: Mapping[str, str]) -> dict[str, str]:
    """
    What is recorded of a header: the attributes that rules read, each bounded, and the device.

    An attribute that was told to be empty stays empty: a rule judges by it, and by one that was not told it
    does not.
    """
    return {
        name: text[:MAX_VALUE]
        for name, text in attributes.items()
        if name in _KEPT and isinstance(text, str) and (text or name in READ_BY_RULES)
    }
