"""A CT series as Enhanced CT (PS3.3 A.38): multi-frame objects, thickness in functional groups."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from pydicom.dataset import Dataset

from hospital_sim import headers
from hospital_sim.busy_day.day import SeriesArrival
from hospital_sim.pacs.content.studies import EXPLICIT, IMPLICIT, NATIVE, Attributes, Encoded
from hospital_sim.pacs.wire.encoding import add_shape, encode_header, matrix_of, pixels
from hospital_sim.pacs.wire.text import TextCoding, coding_of
from hospital_sim.planned_study import PlannedStudy, sop_instance_uid

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
OBJECTS = 8
"""At the most; a series of fewer images than twice that has fewer."""
IMAGE_TYPE = ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")
_IN_GROUPS = ("SliceThickness", "ConvolutionKernel")
_PIXEL_DATA = 0x7FE00010


class EnhancedImages:
    """The objects of one series; together they have as many frames as the plan has images."""

    def __init__(self, study: PlannedStudy, arrival: SeriesArrival) -> None:
        self._study, self._arrival = study, arrival
        total = arrival.planned.instances
        self._objects = max(1, min(OBJECTS, total // 2))
        self._begins = [total * index // self._objects for index in range(self._objects + 1)]

    @property
    def planned_count(self) -> int:
        """How many objects it has in the end."""
        return self._objects

    def frames(self, index: int) -> int:
        """Frames of one object."""
        return self._begins[index + 1] - self._begins[index]

    @staticmethod
    def series_attributes(plain: Attributes) -> Attributes:
        """What SERIES level knows: thickness and kernel stand in the functional groups only."""
        kept = {name: value for name, value in plain.items() if name not in _IN_GROUPS}
        return {**kept, "ImageType": "\\".join(IMAGE_TYPE)}

    def visible(self, now: dt.datetime) -> int:
        """How many objects have arrived: evenly from the first moment to the last."""
        begin, end = self._arrival.begins_at, self._arrival.ends_at
        if now < begin:
            return 0
        return self._objects if now >= end else max(1, int((now - begin) / (end - begin) * self._objects))

    def uid(self, index: int) -> str:
        """SOPInstanceUID."""
        return sop_instance_uid(self._arrival.planned, index)

    def sop_class(self, index: int) -> str:
        """Enhanced CT."""
        del index
        return ENHANCED_CT

    def contexts(self) -> set[tuple[str, str]]:
        """One SOP Class, uncompressed."""
        return {(ENHANCED_CT, syntax) for syntax in NATIVE}

    def attributes(self, index: int) -> Attributes:
        """What IMAGE level knows."""
        size = str(matrix_of(self._study, self._arrival.planned))
        return {
            "InstanceNumber": str(index + 1),
            "Rows": size,
            "Columns": size,
            "NumberOfFrames": str(self.frames(index)),
        }

    def encoded(self, index: int, coding: TextCoding | None, syntaxes: tuple[str, ...]) -> Encoded:
        """One object in explicit VR, or in implicit VR where only that is taken."""
        syntax = IMPLICIT if IMPLICIT in syntaxes and EXPLICIT not in syntaxes else EXPLICIT
        elements = self.elements(index, coding, syntax == IMPLICIT)
        return Encoded(
            ENHANCED_CT, self.uid(index), syntax, b"".join(elements[tag] for tag in sorted(elements))
        )

    def elements(self, index: int, coding: TextCoding | None, implicit: bool) -> dict[int, bytes]:
        """One object's encoded elements by tag."""
        study, planned = self._study, self._arrival.planned
        header = headers.series_header(replace(study, character_set="ISO_IR 192"), planned)
        for name in (*_IN_GROUPS, "SpiralPitchFactor", "KVP", "XRayTubeCurrent"):
            if name in header:
                delattr(header, name)
        header.SOPClassUID, header.ImageType = ENHANCED_CT, list(IMAGE_TYPE)
        header.SOPInstanceUID, header.InstanceNumber = self.uid(index), index + 1
        header.NumberOfFrames = self.frames(index)
        header.SharedFunctionalGroupsSequence = [self._shared()]
        header.PerFrameFunctionalGroupsSequence = [
            self._frame(place) for place in range(*self._begins[index : index + 2])
        ]
        add_shape(header, study, planned)
        elements = encode_header(header, coding or coding_of(study.character_set), implicit=implicit)
        elements[_PIXEL_DATA] = pixels(matrix_of(study, planned), False, implicit, self.frames(index))
        return elements

    def _shared(self) -> Dataset:
        planned = self._arrival.planned
        measures, reconstruction, orientation = Dataset(), Dataset(), Dataset()
        measures.SliceThickness = headers.decimal(planned.thickness_mm or 1.0)
        measures.PixelSpacing = [headers.decimal(350 / self._study.matrix)] * 2
        reconstruction.ConvolutionKernel, reconstruction.ReconstructionAlgorithm = (
            planned.kernel,
            "FILTER_BACK_PROJ",
        )
        orientation.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
        shared = Dataset()
        shared.PixelMeasuresSequence = [measures]
        shared.CTReconstructionSequence = [reconstruction]
        shared.PlaneOrientationSequence = [orientation]
        return shared

    def _frame(self, place: int) -> Dataset:
        position, frame = Dataset(), Dataset()
        spacing = self._arrival.planned.thickness_mm or 1.0
        position.ImagePositionPatient = ["-175", "-175", headers.decimal(-place * spacing)]
        frame.PlanePositionSequence = [position]
        return frame
