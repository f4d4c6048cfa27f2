"""
The headers of a study as they were judged, and how they are kept: a few hundred bytes a study.

What all series of a study have in common is written once; the text is compressed with a dictionary of the
names that stand in each of them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..dicom.attributes import SeriesFacts
from ..dicom.device import DEVICE_ATTRIBUTES, device_of
from ..rules.read_attributes import kept
from ..rules.verdict import Verdict

FIND, RECEPTION = "find", "reception"
MAX_SERIES = 2_000
"""Of one study; more are not recorded."""
_FORMAT = b"\x01"
_DICTIONARY = (
    b'{"pacs": "common": {"Manufacturer": "ManufacturerModelName": "StationName": "StudyDescription": '
    b'"CT" "DX" "ORIGINAL\\\\PRIMARY\\\\AXIAL" "DERIVED\\\\SECONDARY" "LOCALIZER" "CHEST" "STANDARD" '
    b'"images agreeing": "frames": "slice spacing": "position gaps": "0", "duplicate positions": "0", '
    b'"orientations": "1", "body part", "BodyPartExamined", "image type", "slice thickness", "min '
    b'instances", '
    b'"instance nums", "whole study", "no rule speaks against it", "handed_over" "kept_back" '
    b'"filtered" "find" '
    b'"reception", "Modality": "BodyPartExamined": "ProtocolName": "SeriesDescription": "ImageComments": "", '
    b'"ImageType": "SliceThickness": "ConvolutionKernel": "ContrastBolusAgent": "", "SeriesNumber": '
    b'"SeriesDate": '
    b'"20", "SeriesTime": "1", "series": [["1.2.840.113619.2."'
)
"""Part of the format: what was written with another one cannot be read. A new one needs a new ``_FORMAT``."""


@dataclass(frozen=True)
class JudgedHeader:
    """
    One series as it was judged.

    Args:
        facts: The attributes that the rules read, the device, and the number of instances.
        verdict: What the rules of that time said.
        stage: ``find`` or ``reception``.
        outcome: What became of it (``SeriesOutcome``); empty where nothing was decided.
    """

    facts: SeriesFacts
    verdict: Verdict
    stage: str
    outcome: str = ""

    @property
    def device(self) -> str:
        """Manufacturer, model and station, as in the reconciliation."""
        return device_of(self.facts.attributes).words


@dataclass(frozen=True)
class JudgedStudy:
    """The judged headers of one study; ``day`` is its StudyDate (YYYY-MM-DD), or when it was judged."""

    study_uid: str
    day: str
    pacs: str = ""
    series: Mapping[str, JudgedHeader] = field(default_factory=dict)

    def with_headers(self, headers: Iterable[JudgedHeader]) -> JudgedStudy:
        """Take newer verdicts in: one at find says nothing new of a series whose images were judged."""
        series = dict(self.series)
        for one in headers:
            uid = one.facts.series_uid
            known = series.get(uid)
            if known is not None and known.stage == RECEPTION and one.stage == FIND:
                continue
            if known is not None or len(series) < MAX_SERIES:
                series[uid] = _with_device(one, known)
        return replace(self, series=series)


def header(facts: SeriesFacts, verdict: Verdict, stage: str, outcome: str = "") -> JudgedHeader:
    """What is recorded of a series that was judged."""
    bounded = SeriesFacts(facts.series_uid, kept(facts.attributes), facts.instances)
    return JudgedHeader(bounded, verdict, stage, outcome)


def encode(study: JudgedStudy) -> bytes:
    """The series of a study for a store; its UID and day stand beside them."""
    common = _common(study.series.values())
    rows = [_row(one, common) for one in study.series.values()]
    text = json.dumps({"pacs": study.pacs, "common": common, "series": rows}, ensure_ascii=False)
    packer = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zdict=_DICTIONARY)
    return _FORMAT + packer.compress(text.encode("utf-8", "surrogatepass")) + packer.flush()


def decode(study_uid: str, day: str, data: bytes) -> JudgedStudy | None:
    """Read a record back; None for one that is damaged or that a newer version wrote."""
    try:
        document = _unpacked(data)
        common = document["common"]
        series = [_header(row, common) for row in document["series"]]
    except (zlib.error, ValueError, KeyError, TypeError, IndexError):
        return None
    return JudgedStudy(study_uid, day, document["pacs"], {one.facts.series_uid: one for one in series})


def _unpacked(data: bytes) -> dict[str, Any]:
    if data[:1] != _FORMAT:
        raise ValueError("a format that is not known")
    text = zlib.decompressobj(zdict=_DICTIONARY).decompress(data[1:])
    document = json.loads(text.decode("utf-8", "surrogatepass"))
    if not isinstance(document, dict):
        raise TypeError("no object")
    return document


def _with_device(one: JudgedHeader, known: JudgedHeader | None) -> JudgedHeader:
    """What the PACS did not tell of the device at find its image did, or the other way round."""
    if known is None:
        return one
    before, now = known.facts.attributes, one.facts.attributes
    told = {name: before[name] for name in DEVICE_ATTRIBUTES if name in before and name not in now}
    if not told:
        return one
    return replace(one, facts=replace(one.facts, attributes={**now, **told}))


def _common(headers: Iterable[JudgedHeader]) -> dict[str, str]:
    """Attributes that every series has with the same value."""
    common: dict[str, str] | None = None
    for one in headers:
        attributes = one.facts.attributes
        if common is None:
            common = dict(attributes)
        else:
            common = {name: text for name, text in common.items() if attributes.get(name) == text}
    return common or {}


def _row(one: JudgedHeader, common: Mapping[str, str]) -> list[Any]:
    own = {name: text for name, text in one.facts.attributes.items() if name not in common}
    verdict = one.verdict
    said = [int(verdict.taken), verdict.rule, verdict.attribute, verdict.value, verdict.images, verdict.rules]
    return [one.facts.series_uid, one.facts.instances, one.stage, one.outcome, said, own]


def _header(row: list[Any], common: Mapping[str, str]) -> JudgedHeader:
    uid, instances, stage, outcome, (taken, rule, attribute, value, images, rules), own = row
    facts = SeriesFacts(uid, {**common, **own}, instances)
    return JudgedHeader(facts, Verdict(bool(taken), rule, attribute, value, images, rules), stage, outcome)
