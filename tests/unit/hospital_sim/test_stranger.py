"""What a stranger pushes: the right study and series, and otherwise what was asked for."""

from io import BytesIO

import pytest
from pydicom import Dataset
from pydicom.filereader import read_dataset

from hospital_sim.pacs.content.odd_images import DEPTH
from hospital_sim.pacs.content.studies import EXPLICIT, Encoded
from hospital_sim.sending.stranger import as_datasets, disguised, of_datasets, poisoned
from tests.support.images.dicom_maker import CHEST_CT, Study


@pytest.fixture
def images() -> list[Dataset]:
    study = Study("S", "20261121")
    study.add_series(3, CHEST_CT)
    return study.images


def read(image: Encoded) -> Dataset:
    return read_dataset(BytesIO(image.data), False, True)


def test_encoded_and_back_nothing_changes(images: list[Dataset]) -> None:
    again = as_datasets(of_datasets(images))
    assert [one.to_json() for one in again] == [one.to_json() for one in images]
    assert {str(one.file_meta.TransferSyntaxUID) for one in again} == {EXPLICIT}


def test_another_patient_under_the_same_study_and_series(images: list[Dataset]) -> None:
    for one, image in zip(
        disguised(of_datasets(images), patient_id="X", new_instances=True), images, strict=True
    ):
        other = read(one)
        assert (other.StudyInstanceUID, other.SeriesInstanceUID) == (
            image.StudyInstanceUID,
            image.SeriesInstanceUID,
        )
        assert other.PatientID == "X"
        assert one.sop_instance == other.SOPInstanceUID != image.SOPInstanceUID
        assert other.PixelData == image.PixelData


def test_other_pixels_under_the_same_instance(images: list[Dataset]) -> None:
    for one, image in zip(disguised(of_datasets(images), other_pixels=True), images, strict=True):
        other = read(one)
        assert (one.sop_instance, other.PatientID) == (image.SOPInstanceUID, image.PatientID)
        assert all(
            byte ^ before == 0xFF for byte, before in zip(other.PixelData, image.PixelData, strict=True)
        )


def test_a_poisoned_image_is_one_more_and_too_deep_to_be_read(images: list[Dataset]) -> None:
    image = of_datasets(images)[0]
    poison = poisoned(image)
    assert poison.sop_instance != image.sop_instance
    assert poison.data.count(b"\x40\x00\x30\xa7SQ") == DEPTH
    head = read_dataset(
        BytesIO(poison.data), False, True, stop_when=lambda tag, vr, length: tag >= 0x00400000
    )
    assert head.SeriesInstanceUID == images[0].SeriesInstanceUID
    assert poison.data.endswith(images[0].PixelData)
    with pytest.raises(RecursionError):
        read(poison)
