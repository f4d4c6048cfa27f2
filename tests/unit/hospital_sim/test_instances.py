"""
DICOM objects of the small day: written to a file and read back. Not proved: conformance to every IOD module.
"""

import datetime as dt
import io

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from hospital_sim.day import plan_day
from hospital_sim.headers import sop_class
from hospital_sim.instances import Renderer
from hospital_sim.planned_study import AXIAL, Content, PlannedSeries, PlannedStudy

DATE = dt.date(2026, 11, 21)


def on_disk(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def files() -> list[tuple[PlannedStudy, PlannedSeries, bytes]]:
    plan, renderer = plan_day("small", DATE), Renderer()
    return [
        (part.study, piece.series, on_disk(dataset))
        for part in plan.parts
        for piece, dataset in renderer.part(part)
    ]


def test_every_image_can_be_written_and_read_and_is_another_one(
    files: list[tuple[PlannedStudy, PlannedSeries, bytes]],
) -> None:
    read = [dcmread(io.BytesIO(raw)) for _, _, raw in files]
    assert len({one.SOPInstanceUID for one in read}) == len(files) == plan_day("small", DATE).instances
    for (study, series, _), one in zip(files, read, strict=True):
        assert (one.StudyInstanceUID, one.SeriesInstanceUID) == (study.uid, series.uid)
        assert one.SOPClassUID == one.file_meta.MediaStorageSOPClassUID == sop_class(series)
        assert one.StudyDate == "20261121"
        assert one.StudyDescription == study.description
        assert one.PatientName == study.patient.name


def test_images_of_one_series_stay_themselves_when_kept() -> None:
    study = plan_day("small", DATE).studies[0]
    images = list(Renderer().series(study, study.series[2]))
    assert [one.InstanceNumber for one in images] == list(range(1, len(images) + 1))
    assert len({one.SOPInstanceUID for one in images}) == len(images)
    assert len({one.ImagePositionPatient[2] for one in images}) == len(images)


def test_axial_pixels_are_hounsfield_units_whatever_the_maker_stores(
    files: list[tuple[PlannedStudy, PlannedSeries, bytes]],
) -> None:
    for study, series, raw in files:
        if series.content not in AXIAL:
            continue
        one = dcmread(io.BytesIO(raw))
        hu = one.pixel_array.astype(float) * float(one.RescaleSlope) + float(one.RescaleIntercept)
        assert abs(hu[:2].mean() + 1000) < 40, study.label
        assert 30 < hu[16:48, 16:48].max() < 3072, study.label
        assert hu.std() > 100


def test_declared_chinese_is_gb18030_on_disk(files: list[tuple[PlannedStudy, PlannedSeries, bytes]]) -> None:
    raw = next(
        raw for study, series, raw in files if "GB18030" in study.label and series.content is Content.THICK
    )
    assert b"GB18030" in raw
    assert "胸部平扫".encode("gb18030") in raw
    assert "赵^磊".encode("gb18030") in raw
    assert b"\x18\x00\x15\x00CS\x00\x00" in raw  # BodyPartExamined, empty


def test_damaged_chinese_is_c3_90_c3_98_on_disk(
    files: list[tuple[PlannedStudy, PlannedSeries, bytes]],
) -> None:
    raw = next(
        raw for study, series, raw in files if "damaged" in study.label and series.content is Content.THICK
    )
    assert b"ISO_IR 192" in raw
    assert raw.count(b"\xc3\x90\xc3\x98\xc2\xb2\xc2\xbf") == 2  # 胸部 in study and series description
    assert "胸".encode() not in raw


def test_the_demo_days_objects_without_ct_pixels_are_valid() -> None:
    plan, renderer = plan_day("demo", DATE), Renderer()
    seen = set()
    for study in plan.studies:
        for series in study.series:
            if series.content in (Content.DOSE_REPORT, Content.DOSE_PICTURE, Content.PRESENTATION_STATE):
                for dataset in renderer.series(study, series):
                    one = dcmread(io.BytesIO(on_disk(dataset)))
                    seen.add((one.Modality, str(one.SOPClassUID)))
    assert seen == {
        ("SR", "1.2.840.10008.5.1.4.1.1.88.67"),
        ("CT", "1.2.840.10008.5.1.4.1.1.7"),
        ("PR", "1.2.840.10008.5.1.4.1.1.11.1"),
    }
