"""
Whose images these are: the PatientID that a PACS tells in answers and the one in the images that it sends.

Without a habit both are the PatientID of the study at that moment, corrections included.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from io import BytesIO

from pydicom.filereader import data_element_generator

from hospital_sim.pacs.content.studies import Attributes, Encoded, Study
from hospital_sim.pacs.find.spoiled_answers import is_hit
from hospital_sim.pacs.habits import Habits
from hospital_sim.pacs.wire.data_sets import encode_element, tag_of, value_to_bytes, vr_of
from hospital_sim.pacs.wire.text import TextCoding

OLD = "OLD"
"""Before the number of a patient that is not corrected yet."""
OTHER = "X"
_IN_IMAGES = ("PatientName", "PatientID")  # in the order of their tags
_LONG_FORM_HEAD, _SHORT_FORM_HEAD = 12, 8  # bytes before a value (PS3.5 7.1.2, 7.1.3)


class Corrected:
    """Studies whose PatientID was corrected by a first move; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._studies: set[str] = set()

    def __contains__(self, study_uid: str) -> bool:
        return study_uid in self._studies

    def add(self, study_uid: str) -> None:
        """From now on the right PatientID is told and sent."""
        with self._lock:
            self._studies.add(study_uid)


def is_uncorrected(study: Study, habits: Habits, corrected: Corrected) -> bool:
    """Whether the habit ``corrected-patient`` still gives this study an old PatientID."""
    every = habits.count("corrected-patient")
    return every is not None and is_hit(study, every) and study.uid not in corrected


def told_attributes(study: Study, habits: Habits, corrected: Corrected, now: dt.datetime) -> Attributes:
    """What PATIENT and STUDY level answers say, and are matched by."""
    values = study.attributes_at(now)
    if is_uncorrected(study, habits, corrected):
        return {**values, "PatientID": OLD + values.get("PatientID", "")}
    return values


def sent_attributes(study: Study, place: float, habits: Habits, told: Attributes) -> Mapping[str, str]:
    """
    What an image says in place of what it was made with; empty when nothing has changed.

    Args:
        study: Its study.
        place: Where in its series it is: 0.0 the first, towards 1.0 the last.
        habits: Of the PACS.
        told: What answers say of the study.
    """
    changed: dict[str, str] = {}
    if "stale-headers" not in habits:
        changed = {
            name: told[name]
            for name in _IN_IMAGES
            if name in told and told[name] != study.attributes.get(name)
        }
    word = habits.word("patient-half")
    if word is not None and place >= 0.5:
        changed["PatientID"] = _ANOTHER[word].format(told.get("PatientID", ""))
    return changed


_ANOTHER = {"other": OTHER + "{}", "behind": "{}   ", "before": "  {}", "empty": ""}


def with_attributes(
    image: Encoded, values: Mapping[str, str], coding: TextCoding, *, implicit: bool
) -> Encoded:
    """An image with other values in these elements, which it must have; all other bytes stay as they are."""
    data = image.data
    for name, value in values.items():
        tag = tag_of(name)
        vr = vr_of(tag)
        begin, end = _place_of(data, tag, implicit)
        if begin < end:
            encoded = encode_element((tag, vr, value_to_bytes(vr, value, coding)), implicit=implicit)
            data = data[:begin] + encoded + data[end:]
    return Encoded(image.sop_class, image.sop_instance, image.transfer_syntax, data)


def _place_of(data: bytes, wanted: int, implicit: bool) -> tuple[int, int]:
    """From where to where an element of defined length reaches, head included; ``(0, 0)``: not there."""
    elements = data_element_generator(
        BytesIO(data), implicit, True, stop_when=lambda tag, vr, length: int(tag) > wanted
    )
    for one in elements:
        if int(one.tag) != wanted:
            continue
        begin = int(getattr(one, "value_tell", 0) or 0)
        length = int(getattr(one, "length", 0))
        long_form = not implicit and one.VR in ("OB", "OW", "UN", "UT", "UC")
        head = _LONG_FORM_HEAD if long_form else _SHORT_FORM_HEAD
        return begin - head, begin + length
    return 0, 0
