"""
How the values of an attribute are compared: its value representation (PS3.6), as far as matching needs it.

The names of DICOM say it for most attributes: what ends with ``Date`` is a DA, with ``DateTime`` a DT, with
``Time`` a TM; the exceptions stand here. Tests compare these rules with the whole dictionary of PS3.6.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache


class Representation(StrEnum):
    """By what a value is compared."""

    UID = "UI"
    DATE = "DA"
    TIME = "TM"
    MOMENT = "DT"
    PERSON = "PN"
    MODALITY = "modality"
    """A CS that some PACS fill with several values however they like."""
    CODE = "CS"
    NUMBER = "IS or DS"
    TEXT = "text"


_PERSONS = frozenset({
    "ReferringPhysicianName", "ConsultingPhysicianName", "PhysiciansOfRecord", "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy", "OperatorsName", "PatientName", "OtherPatientNames", "PatientBirthName",
    "PatientMotherBirthName", "ResponsiblePerson", "RequestingPhysician", "ScheduledPerformingPhysicianName",
    "NamesOfIntendedRecipientsOfResults", "OrderEnteredBy", "HumanPerformerName", "VerifyingObserverName",
    "PersonName",
    "ContentCreatorName", "ReviewerName", "EvaluatorName", "SecondaryReviewerName", "DistributionName",
    "InterpretationRecorder", "InterpretationTranscriber", "InterpretationAuthor",
    "PhysicianApprovingInterpretation",
    "ROIInterpreter",
})  # fmt: skip
_MODALITIES = frozenset({"Modality", "ModalitiesInStudy"})
_CODES = frozenset({
    "PatientSex", "BodyPartExamined", "Laterality", "ImageLaterality", "PatientPosition", "ViewPosition",
    "ImageType",
    "InstanceAvailability", "QueryRetrieveLevel", "ScanOptions", "PresentationIntentType", "ConversionType",
    "QualityControlSubject", "StudyStatusID", "StudyPriorityID",
})  # fmt: skip
_NUMBERS = frozenset({
    "SeriesNumber", "InstanceNumber", "AcquisitionNumber", "SliceThickness", "SpacingBetweenSlices",
    "SliceLocation",
    "PatientSize", "PatientWeight", "KVP", "XRayTubeCurrent", "Exposure", "ExposureTime",
    "GantryDetectorTilt",
    "ReconstructionDiameter", "EchoTime", "RepetitionTime", "InversionTime", "TriggerTime", "FrameTime",
    "AcquisitionsInStudy",
    "AcquisitionsInSeries", "SeriesInStudy", "TemporalPositionIdentifier",
})  # fmt: skip
_MOMENTS = frozenset(
    {"RouteSegmentStartTime", "RouteSegmentEndTime", "AlarmDecisionTime", "OOIOwnerCreationTime"}
)
_TIMES = frozenset({
    "TimeOfSecondaryCapture", "TimeOfLastCalibration", "TimeOfGainCalibration",
    "TimeOfLastDetectorCalibration",
})  # fmt: skip
_NO_TIMES = (
    "EchoTime", "RepetitionTime", "InversionTime", "TriggerTime", "FrameTime", "ExposureTime", "RelativeTime",
    "TomoTime", "RealTime", "DelayTime", "RepaintTime", "RevolutionTime", "IntervalTime", "DurationTime",
    "OffsetTime", "ActiveTime", "SlotTime", "FrameReferenceTime", "SpecifiedTreatmentTime",
    "DeliveredTreatmentTime",
    "TotalTime", "CycleTime", "PresentationTime", "ProcessingTime", "HL7DocumentEffectiveTime",
)  # fmt: skip
"""Ends of names of durations; a duration is no time of day."""
_BY_NAME = (
    (Representation.PERSON, _PERSONS),
    (Representation.MODALITY, _MODALITIES),
    (Representation.CODE, _CODES),
    (Representation.NUMBER, _NUMBERS),
    (Representation.MOMENT, _MOMENTS),
)


@lru_cache(maxsize=1024)
def representation(keyword: str) -> Representation:
    """
    By what the values of an attribute are compared; a keyword that nobody knows is a text.

    Args:
        keyword: Of DICOM, ``StudyDate``.
    """
    for kind, names in _BY_NAME:
        if keyword in names:
            return kind
    return _by_ending(keyword)


def _by_ending(keyword: str) -> Representation:
    if ("UID" in keyword and not keyword.endswith("Sequence")) or "SOPClasses" in keyword:
        return Representation.UID
    if keyword.lower().endswith("datetime") or keyword.startswith("DateTimeOf"):
        return Representation.MOMENT
    if keyword.endswith("Date") or keyword.startswith("DateOf"):
        return Representation.DATE
    if (keyword.endswith("Time") and not keyword.endswith(_NO_TIMES)) or keyword in _TIMES:
        return Representation.TIME
    return Representation.NUMBER if keyword.startswith("NumberOf") else Representation.TEXT
