"""
A planned day as the content of a PACS: attributes from the plan, images made when they are pulled.

An image is the encoded header of its series, its own few elements, and pixels that all images of one shape
share. So a day of 10,000 studies needs no more memory than its plan.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable
from dataclasses import replace

from hospital_sim import headers
from hospital_sim.busy_day.day import BusyDay, BusyStudy, SeriesArrival
from hospital_sim.pacs.content.odd_content import make_odd
from hospital_sim.pacs.content.studies import (
    EXPLICIT,
    IMPLICIT,
    NATIVE,
    Archive,
    Attributes,
    Correction,
    Encoded,
    Series,
    Study,
)
from hospital_sim.pacs.habits import Habits
from hospital_sim.pacs.wire.data_sets import Element, encode_element, tag_of, vr_of
from hospital_sim.pacs.wire.encoding import add_shape, encode_header, matrix_of, pixels
from hospital_sim.pacs.wire.text import TextCoding, coding_of
from hospital_sim.planned_study import RADIOGRAPHS, Content, PlannedSeries, PlannedStudy, sop_instance_uid

_NO_IMAGE = (Content.DOSE_REPORT, Content.PRESENTATION_STATE)
_SERIES_CACHED = 64


def archive_of(day: BusyDay, habits: Habits | None = None) -> Archive:
    """The content of a PACS to which a day's modalities send, with the habits that are about content."""
    studies = [_study(number, one) for number, one in enumerate(day.studies)]
    if habits is not None:
        studies += make_odd(studies, day, habits)
    return Archive(studies)


def _study(number: int, busy: BusyStudy) -> Study:
    planned = busy.planned
    return Study(
        number=number,
        uid=planned.uid,
        attributes=study_attributes(planned),
        character_set=planned.character_set,
        appears_at=busy.arrives_at,
        series=[_series(planned, one) for one in busy.arrivals],
        corrections=tuple(Correction(one.at, dict(one.attributes)) for one in busy.corrections),
        vanishes_at=busy.vanishes_at,
    )


def _series(study: PlannedStudy, arrival: SeriesArrival) -> Series:
    planned = arrival.planned
    return Series(
        planned.uid, planned.modality, series_attributes(study, planned), PlannedImages(study, arrival)
    )


def study_attributes(study: PlannedStudy) -> Attributes:
    """What PATIENT and STUDY level know; the same as in the images."""
    return {
        "PatientID": study.patient.patient_id,
        "PatientName": study.patient.name,
        "PatientBirthDate": f"{study.patient.birth_date:%Y%m%d}",
        "PatientSex": study.patient.sex,
        "PatientAge": f"{study.started_at.year - study.patient.birth_date.year:03d}Y",
        "StudyInstanceUID": study.uid,
        "StudyID": study.accession_number[-6:],
        "StudyDate": f"{study.started_at:%Y%m%d}",
        "StudyTime": f"{study.started_at:%H%M%S}",
        "AccessionNumber": study.accession_number,
        "StudyDescription": study.description,
        "ReferringPhysicianName": "",
        "InstitutionName": "Simulated Hospital",
    }


def series_attributes(study: PlannedStudy, series: PlannedSeries) -> Attributes:
    """What SERIES level knows; the same as in the images."""
    made_at, device = headers.series_made_at(study, series), study.device
    values = {
        "SeriesInstanceUID": series.uid,
        "SeriesNumber": str(series.number),
        "Modality": series.modality,
        "SeriesDescription": series.description,
        "ProtocolName": series.protocol,
        "SeriesDate": f"{made_at:%Y%m%d}",
        "SeriesTime": f"{made_at:%H%M%S}",
        "Manufacturer": device.manufacturer,
        "ManufacturerModelName": device.model,
        "StationName": device.station,
    }
    if series.content not in _NO_IMAGE:
        values["BodyPartExamined"] = series.body_part
    if series.image_type:
        values["ImageType"] = "\\".join(series.image_type)
    if series.modality in ("CT", "MR") and series.thickness_mm is not None:
        values["SliceThickness"] = headers.decimal(series.thickness_mm)
    if series.kernel:
        values["ConvolutionKernel"] = series.kernel
    return values


class PlannedImages:
    """The images of one planned series."""

    __slots__ = ("_arrival", "_study")

    def __init__(self, study: PlannedStudy, arrival: SeriesArrival) -> None:
        self._study = study
        self._arrival = arrival

    def visible(self, now: dt.datetime) -> int:
        """How many have arrived: evenly from the first moment to the last."""
        begin, end, total = self._arrival.begins_at, self._arrival.ends_at, self._arrival.planned.instances
        if now >= end:
            return total
        if now < begin:
            return 0
        return max(1, int((now - begin) / (end - begin) * total))

    def uid(self, index: int) -> str:
        """SOPInstanceUID."""
        return sop_instance_uid(self._arrival.planned, index)

    def sop_class(self, index: int) -> str:
        """SOPClassUID."""
        del index
        return str(headers.sop_class(self._arrival.planned))

    def contexts(self) -> set[tuple[str, str]]:
        """One SOP Class, uncompressed."""
        return {(self.sop_class(0), syntax) for syntax in NATIVE}

    def attributes(self, index: int) -> Attributes:
        """What IMAGE level knows."""
        size = str(matrix_of(self._study, self._arrival.planned))
        shape = {} if self._arrival.planned.content in _NO_IMAGE else {"Rows": size, "Columns": size}
        return {"InstanceNumber": str(index + 1), **shape}

    def encoded(self, index: int, coding: TextCoding | None, syntaxes: tuple[str, ...]) -> Encoded:
        """One image in explicit VR, or in implicit VR where only that is taken."""
        syntax = IMPLICIT if IMPLICIT in syntaxes and EXPLICIT not in syntaxes else EXPLICIT
        elements = self.elements(index, coding, syntax == IMPLICIT)
        return Encoded(
            self.sop_class(index),
            self.uid(index),
            syntax,
            b"".join(elements[tag] for tag in sorted(elements)),
        )

    @property
    def planned_count(self) -> int:
        """How many images it has in the end."""
        return self._arrival.planned.instances

    def elements(self, index: int, coding: TextCoding | None, implicit: bool) -> dict[int, bytes]:
        """One image's encoded elements by tag."""
        planned = self._arrival.planned
        elements = dict(
            _series_elements(self._study, planned, coding or coding_of(self._study.character_set), implicit)
        )
        uid = self.uid(index)
        for one in _image_elements(self._study, planned, index, uid):
            elements[one[0]] = encode_element(one, implicit=implicit)
        if planned.content not in _NO_IMAGE:
            elements[0x7FE00010] = pixels(
                matrix_of(self._study, planned), planned.content in RADIOGRAPHS, implicit
            )
        return elements


@functools.lru_cache(maxsize=_SERIES_CACHED)
def _series_elements(
    study: PlannedStudy, series: PlannedSeries, coding: TextCoding, implicit: bool
) -> dict[int, bytes]:
    """Everything that all images of a series share, encoded, by tag."""
    header = headers.series_header(
        replace(study, character_set="ISO_IR 192"), series
    )  # the coding decides what is written
    if series.content is Content.DOSE_REPORT:
        headers.add_dose_report(header)
    elif series.content is Content.PRESENTATION_STATE:
        headers.add_presentation_state(header, study)
    else:
        add_shape(header, study, series)
    return encode_header(header, coding, implicit=implicit)


def _image_elements(study: PlannedStudy, series: PlannedSeries, index: int, uid: str) -> Iterable[Element]:
    def one(keyword: str, value: str) -> Element:
        tag = tag_of(keyword)
        return (tag, vr_of(tag), value.encode("ascii"))

    yield one("SOPInstanceUID", uid)
    yield one("InstanceNumber", str(index + 1))
    if series.modality in ("CT", "MR", "PT") and series.content not in _NO_IMAGE:
        spacing = series.thickness_mm or 1.0
        yield one("ImagePositionPatient", f"-175\\-175\\{headers.decimal(-index * spacing)}")
        yield one("ImageOrientationPatient", "1\\0\\0\\0\\1\\0")
        yield one("PixelSpacing", "\\".join([headers.decimal(350 / study.matrix)] * 2))
        yield one("SliceLocation", headers.decimal(-index * spacing))
