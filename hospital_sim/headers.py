"""DICOM headers of the planned images, as the makers write them. Pure; standard field names throughout."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from hospital_sim.planned_study import (
    AXIAL,
    Content,
    PlannedSeries,
    PlannedStudy,
    sop_instance_uid,
    stable_uid,
)

CT_IMAGE = UID("1.2.840.10008.5.1.4.1.1.2")
CR_IMAGE = UID("1.2.840.10008.5.1.4.1.1.1")
DX_IMAGE = UID("1.2.840.10008.5.1.4.1.1.1.1")
MG_IMAGE = UID("1.2.840.10008.5.1.4.1.1.1.2")
MR_IMAGE = UID("1.2.840.10008.5.1.4.1.1.4")
SECONDARY_CAPTURE = UID("1.2.840.10008.5.1.4.1.1.7")
US_IMAGE = UID("1.2.840.10008.5.1.4.1.1.6.1")
XA_IMAGE = UID("1.2.840.10008.5.1.4.1.1.12.1")
RF_IMAGE = UID("1.2.840.10008.5.1.4.1.1.12.2")
PET_IMAGE = UID("1.2.840.10008.5.1.4.1.1.128")
PRESENTATION_STATE = UID("1.2.840.10008.5.1.4.1.1.11.1")
DOSE_SR = UID("1.2.840.10008.5.1.4.1.1.88.67")

_BY_MODALITY = {
    "CT": CT_IMAGE, "CR": CR_IMAGE, "DX": DX_IMAGE, "DR": DX_IMAGE, "MG": MG_IMAGE, "MR": MR_IMAGE,
    "US": US_IMAGE,
    "XA": XA_IMAGE, "RF": RF_IMAGE, "PT": PET_IMAGE, "OT": SECONDARY_CAPTURE,
}  # fmt: skip
_BY_CONTENT = {
    Content.DOSE_REPORT: DOSE_SR,
    Content.DOSE_PICTURE: SECONDARY_CAPTURE,
    Content.PRESENTATION_STATE: PRESENTATION_STATE,
}


def sop_class(series: PlannedSeries) -> UID:
    """SOP Class of the images of a series."""
    return _BY_CONTENT.get(series.content) or _BY_MODALITY[series.modality]


def decimal(value: float) -> str:
    """A number as Decimal String: at most 16 characters (PS3.5 6.2)."""
    return f"{value:.6g}"


def series_header(study: PlannedStudy, series: PlannedSeries) -> Dataset:
    """Everything that all images of a series share."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = study.character_set
    if series.image_type:
        dataset.ImageType = list(series.image_type)
    dataset.SOPClassUID = sop_class(series)
    _add_times(dataset, study.started_at, series_made_at(study, series))
    _add_who_and_where(dataset, study)
    dataset.Modality = series.modality
    dataset.StudyDescription = study.description
    dataset.SeriesDescription = series.description
    dataset.ProtocolName = series.protocol
    dataset.StudyInstanceUID = study.uid
    dataset.SeriesInstanceUID = series.uid
    dataset.StudyID = study.accession_number[-6:]
    dataset.SeriesNumber = series.number
    dataset.FrameOfReferenceUID = stable_uid("frame", study.uid)
    if series.content not in (Content.DOSE_REPORT, Content.PRESENTATION_STATE):
        dataset.BodyPartExamined = series.body_part
    _ADD_TECHNIQUE.get(series.modality, _add_nothing)(dataset, series)
    return dataset


def instance_header(dataset: Dataset, series: PlannedSeries, index: int) -> None:
    """
    Add what differs from image to image (index from 0) to a copy of the series header.

    Only elements that the series header lacks: its elements are shared by all images.
    """
    dataset.SOPInstanceUID = sop_instance_uid(series, index)
    dataset.InstanceNumber = index + 1
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if series.content is Content.BREAST:
        dataset.ImageLaterality = "RLRL"[index % 4]
        dataset.ViewPosition = ("CC", "CC", "MLO", "MLO")[index % 4]


def add_position(
    dataset: Dataset, pixel_mm: float, position_mm: tuple[float, float, float], coronal: bool
) -> None:
    """Where an image of a volume lies: patient coordinates in mm (PS3.3 C.7.6.2)."""
    dataset.PixelSpacing = [decimal(pixel_mm), decimal(pixel_mm)]
    dataset.ImagePositionPatient = [decimal(value) for value in position_mm]
    dataset.ImageOrientationPatient = (
        ["1", "0", "0", "0", "0", "-1"] if coronal else ["1", "0", "0", "0", "1", "0"]
    )
    dataset.SliceLocation = decimal(position_mm[1] if coronal else position_mm[2])


def series_made_at(study: PlannedStudy, series: PlannedSeries) -> dt.datetime:
    """SeriesDate and SeriesTime."""
    if series.made_at is not None:
        return series.made_at
    # Within the study's own date, also just before midnight: a series cannot be older than its study.
    last = dt.datetime.combine(study.started_at.date(), dt.time(23, 59, 59))
    return min(study.started_at + dt.timedelta(seconds=20 * min(series.number, 10)), last)


def _add_times(dataset: Dataset, started_at: dt.datetime, made_at: dt.datetime) -> None:
    dataset.StudyDate, dataset.StudyTime = f"{started_at:%Y%m%d}", f"{started_at:%H%M%S}"
    dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = f"{made_at:%Y%m%d}"
    dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = f"{made_at:%H%M%S}"


def _add_who_and_where(dataset: Dataset, study: PlannedStudy) -> None:
    device, patient = study.device, study.patient
    dataset.AccessionNumber = study.accession_number
    dataset.Manufacturer = device.manufacturer
    dataset.ManufacturerModelName = device.model
    dataset.StationName = device.station
    dataset.SoftwareVersions = device.software
    dataset.InstitutionName = "Simulated Hospital"
    dataset.ReferringPhysicianName = ""
    dataset.PatientName = patient.name
    dataset.PatientID = patient.patient_id
    dataset.PatientBirthDate = f"{patient.birth_date:%Y%m%d}"
    dataset.PatientSex = patient.sex
    age = study.started_at.year - patient.birth_date.year
    dataset.PatientAge = f"{age:03d}Y"


def _add_nothing(dataset: Dataset, series: PlannedSeries) -> None:
    del dataset, series


def _add_ct(dataset: Dataset, series: PlannedSeries) -> None:
    if series.content is Content.DOSE_PICTURE:
        dataset.ConversionType = "WSD"
        return
    dataset.PatientPosition = "HFS"
    dataset.KVP = "120"
    dataset.XRayTubeCurrent = 35 if series.content is Content.SCOUT else 180
    dataset.AcquisitionNumber = 1
    if series.thickness_mm is not None:
        dataset.SliceThickness = decimal(series.thickness_mm)
    if series.kernel:
        dataset.ConvolutionKernel = series.kernel
    if series.content in AXIAL:
        dataset.SpiralPitchFactor = 1.2


def _add_mr(dataset: Dataset, series: PlannedSeries) -> None:
    dataset.PatientPosition = "HFS"
    dataset.ScanningSequence = "SE"
    dataset.SequenceVariant = "SK"
    dataset.ScanOptions = ""
    dataset.MRAcquisitionType = "2D"
    dataset.EchoTime, dataset.RepetitionTime, dataset.EchoTrainLength = "96", "4500", 15
    dataset.SliceThickness = decimal(series.thickness_mm or 5.0)


def _add_radiograph(dataset: Dataset, series: PlannedSeries) -> None:
    dataset.KVP = "120" if series.body_part == "CHEST" else "52"
    if series.content in (Content.FRONTAL, Content.LATERAL, Content.HAND):
        dataset.ViewPosition = "LL" if series.content is Content.LATERAL else "PA"
    if series.modality in ("DX", "DR", "MG"):
        dataset.PresentationIntentType = "FOR PRESENTATION"
        dataset.PresentationLUTShape = "IDENTITY"
        dataset.PixelIntensityRelationship = "LOG"
        dataset.PixelIntensityRelationshipSign = -1
    if series.modality in ("DX", "DR"):
        dataset.ImageLaterality = "L" if series.content is Content.HAND else "U"


_ADD_TECHNIQUE: dict[str, Any] = {
    "CT": _add_ct,
    "MR": _add_mr,
    "DX": _add_radiograph,
    "DR": _add_radiograph,
    "CR": _add_radiograph,
    "MG": _add_radiograph,
}


# --- objects without image ---


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _number_item(code: Dataset, value: float, unit: Dataset) -> Dataset:
    measured = Dataset()
    measured.NumericValue = decimal(value)
    measured.MeasurementUnitsCodeSequence = [unit]
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "NUM"
    item.ConceptNameCodeSequence = [code]
    item.MeasuredValueSequence = [measured]
    return item


def add_dose_report(dataset: Dataset) -> None:
    """An X-Ray Radiation Dose SR in short: the accumulated values only (PS3.16 TID 10011, 10012)."""
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [_code("113701", "DCM", "X-Ray Radiation Dose Report")]
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.PerformedProcedureCodeSequence = []
    accumulated = Dataset()
    accumulated.RelationshipType, accumulated.ValueType = "CONTAINS", "CONTAINER"
    accumulated.ContinuityOfContent = "SEPARATE"
    accumulated.ConceptNameCodeSequence = [_code("113811", "DCM", "CT Accumulated Dose Data")]
    accumulated.ContentSequence = [
        _number_item(
            _code("113812", "DCM", "Total Number of Irradiation Events"),
            2,
            _code("{events}", "UCUM", "events"),
        ),
        _number_item(
            _code("113813", "DCM", "CT Dose Length Product Total"), 182.4, _code("mGy.cm", "UCUM", "mGy.cm")
        ),
    ]
    dataset.ContentSequence = [accumulated]


def add_presentation_state(dataset: Dataset, study: PlannedStudy) -> None:
    """A softcopy presentation state: a lung window on the images of the thin series (PS3.3 A.33.1)."""
    axial = [one for one in study.series if one.content in AXIAL]
    shown = next((one for one in axial if one.uid in study.expected_series), axial[0])
    dataset.ContentLabel, dataset.ContentDescription, dataset.ContentCreatorName = "LUNG", "Lung window", ""
    dataset.PresentationCreationDate = dataset.ContentDate
    dataset.PresentationCreationTime = dataset.ContentTime
    dataset.ReferencedSeriesSequence = [_reference_to(shown)]
    dataset.SoftcopyVOILUTSequence = [_lung_window()]
    dataset.DisplayedAreaSelectionSequence = [_displayed_area(study.matrix)]
    dataset.PresentationLUTShape = "IDENTITY"


def _reference_to(shown: PlannedSeries) -> Dataset:
    """An item of the Referenced Series Sequence with all images of a series (PS3.3 C.11.11)."""
    images = []
    for index in range(shown.instances):
        image = Dataset()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = CT_IMAGE, sop_instance_uid(shown, index)
        images.append(image)
    reference = Dataset()
    reference.SeriesInstanceUID = shown.uid
    reference.ReferencedImageSequence = images
    return reference


def _lung_window() -> Dataset:
    window = Dataset()
    window.WindowCenter, window.WindowWidth = "-600", "1500"
    return window


def _displayed_area(matrix: int) -> Dataset:
    """All of an image (PS3.3 C.10.4)."""
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [matrix, matrix]
    area.PresentationSizeMode = "SCALE TO FIT"
    area.PresentationPixelAspectRatio = [1, 1]
    return area
