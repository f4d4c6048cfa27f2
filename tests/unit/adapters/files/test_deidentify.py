"""
Images without names: nothing of what identified the patient is left in any byte, and the pixels are the same.

Does not prove anything of text that is burned into the pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pacs_module.adapters.files.deidentify import METHOD, Deidentifier

REAL = Path(__file__).resolve().parents[4].parent / "shared" / "data"
KEY = b"a secret of the site"
STUDY, SERIES, IMAGE, OTHER = (f"1.2.392.200036.9116.7777.{number}.19570411" for number in (1, 2, 3, 4))
SECRETS = (
    "ZWORYKIN", "Wladimir", "兹沃雷金", "PID-770011", "ACC-880022", "St. Elmo", "Elmo Street 7", "DR-QUINCY",
    "19570411",
    "+49-555-0199", "OPERATOR-OTTO", "VISIT-990033",
)  # fmt: skip


def hidden(text: str = "ZWORYKIN PID-770011") -> Dataset:
    """A nested item that says who the patient is, in every kind of text."""
    item = Dataset()
    item.PatientName, item.PatientID = "ZWORYKIN^Wladimir", "PID-770011"
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", OTHER
    item.CodeMeaning, item.TextValue = text[:60], text
    item.StudyInstanceUID = STUDY
    block = item.private_block(0x0011, "ZWORYKIN CORP", create=True)
    block.add_new(1, "LO", text)
    return item


def image(transfer_syntax: UID = ExplicitVRLittleEndian) -> FileDataset:
    """A CT image with a name in every corner."""
    made = FileDataset("", {}, preamble=b"ZWORYKIN".ljust(128, b"\0"))
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = transfer_syntax
    made.file_meta.SourceApplicationEntityTitle = "ZWORYKIN-CT"
    made.file_meta.PrivateInformationCreatorUID, made.file_meta.PrivateInformation = UID(OTHER), b"ZWORYKIN"
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", IMAGE
    made.StudyInstanceUID, made.SeriesInstanceUID = STUDY, SERIES
    made.FrameOfReferenceUID, made.PatientName = OTHER, "ZWORYKIN^Wladimir=兹沃雷金"
    made.PatientID, made.AccessionNumber, made.StudyID = "PID-770011", "ACC-880022", "ACC-880022"
    made.PatientBirthDate, made.PatientSex, made.PatientAge = "19570411", "M", "063Y"
    made.OtherPatientIDs, made.PatientTelephoneNumbers = ["PID-770011", "X-1"], "+49-555-0199"
    made.PatientAddress = "Elmo Street 7"
    made.InstitutionName, made.InstitutionAddress = "St. Elmo", "Elmo Street 7"
    made.ReferringPhysicianName, made.OperatorsName = "DR-QUINCY", "OPERATOR-OTTO"
    made.StudyDate = made.SeriesDate = made.ContentDate = made.AcquisitionDate = "19570411"
    made.StudyTime, made.AcquisitionDateTime = "101112", "19570411101112"
    made.StudyDescription, made.SeriesDescription = "ZWORYKIN thorax", "1 mm for DR-QUINCY"
    made.ImageComments, made.AdmissionID, made.IssueDateOfImagingServiceRequest = (
        "called ZWORYKIN",
        "VISIT-990033",
        "19570411",
    )
    # In attributes where the standard's table looks for nobody
    made.FilterType, made.ConvolutionKernel, made.ScanOptions = "ZWORYKIN", "B30F", "ZWORYKIN"
    made.Modality, made.BodyPartExamined, made.ImageType = "CT", "CHEST", ["ORIGINAL", "PRIMARY", "AXIAL"]
    made.SliceThickness, made.PixelSpacing, made.InstanceNumber = "1.0", ["0.7", "0.7"], 7
    made.ImagePositionPatient, made.RescaleIntercept, made.RescaleSlope = ["0", "0", "-12.5"], "-1024", "1"
    made.ReferencedImageSequence = Sequence([hidden()])
    made.SharedFunctionalGroupsSequence = Sequence([Dataset()])
    made.SharedFunctionalGroupsSequence[0].CTReconstructionSequence = Sequence(
        [hidden("for ZWORYKIN, ACC-880022")]
    )
    made.RequestAttributesSequence = Sequence([hidden()])
    made.add_new(0x00281199, "UI", OTHER)
    made.add_new(0x60000010, "US", 8)
    made.add_new(0x60003000, "OW", b"ZWORYKIN")
    made.add_new(0x60004000, "LT", "ZWORYKIN")
    made.add_new(0x50003000, "OW", b"ZWORYKIN")
    made.add_new(0x0019 << 16 | 0x0010, "LO", "ZWORYKIN PRIVATE")
    made.add_new(0x0019 << 16 | 0x1001, "OB", b"ZWORYKIN")
    made.add_new(0x0019 << 16 | 0x1002, "SQ", Sequence([hidden()]))
    made.add_new(0x00420011, "OB", b"%PDF ZWORYKIN")
    made.add_new(0x00092222, "UN", b"ZWORYKIN")
    made.DataSetTrailingPadding = b"ZWORYKIN"
    made.Rows = made.Columns = 8
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation, made.SamplesPerPixel, made.PhotometricInterpretation = (
        15,
        1,
        1,
        "MONOCHROME2",
    )
    made.PixelData = bytes(range(128))
    return made


def as_file(dataset: FileDataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def cleaner() -> Deidentifier:
    return Deidentifier(KEY)


def forms(secret: str) -> Iterator[bytes]:
    for encoding in ("utf-8", "gb18030", "latin-1", "utf-16-le"):
        try:
            yield secret.encode(encoding)
        except UnicodeEncodeError:
            continue


@pytest.mark.parametrize("transfer_syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_no_byte_of_the_file_says_who_it_was(cleaner: Deidentifier, transfer_syntax: UID) -> None:
    before = as_file(image(transfer_syntax))
    read = pydicom.dcmread(BytesIO(before))
    cleaner.clean(read)
    after = as_file(read).lower()
    for secret in (*SECRETS, STUDY, SERIES, IMAGE, OTHER):
        assert any(form.lower() in before.lower() for form in forms(secret)), f"{secret} never was in it"
        assert not any(form.lower() in after for form in forms(secret)), secret


def test_the_image_stays_usable_and_says_what_was_done(cleaner: Deidentifier) -> None:
    original, cleaned = image(), pydicom.dcmread(BytesIO(as_file(image())))
    cleaner.clean(cleaned)
    cleaned = pydicom.dcmread(BytesIO(as_file(cleaned)))
    assert cleaned.PixelData == original.PixelData
    for keyword in (
        "Rows", "PixelSpacing", "SliceThickness", "ImagePositionPatient", "RescaleIntercept", "Modality",
        "ImageType",
        "InstanceNumber", "SOPClassUID", "ConvolutionKernel",
    ):  # fmt: skip
        assert cleaned[keyword].value == original[keyword].value, keyword
    assert cleaned.file_meta.MediaStorageSOPInstanceUID == cleaned.SOPInstanceUID == cleaner.uid(IMAGE)
    assert (cleaned.PatientIdentityRemoved, cleaned.DeidentificationMethod) == ("YES", METHOD)
    assert cleaned.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert cleaned.PatientID == cleaner.patient("PID-770011")
    shared = cleaned.SharedFunctionalGroupsSequence[0].CTReconstructionSequence[0]
    assert shared.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


def test_a_uid_always_has_the_same_pseudonym_and_with_another_key_another_one(cleaner: Deidentifier) -> None:
    again, other = Deidentifier(KEY), Deidentifier(b"the secret of another site")
    assert cleaner.uid(STUDY) == again.uid(STUDY) != cleaner.uid(SERIES)
    assert cleaner.uid(STUDY) != other.uid(STUDY)
    assert re.fullmatch(r"2\.25\.\d{30,39}", cleaner.uid(STUDY))
    assert len(cleaner.uid(STUDY)) <= 64
    assert cleaner.uid("") == ""


def test_references_inside_an_image_meet_the_pseudonym_of_what_they_mean(cleaner: Deidentifier) -> None:
    cleaned = image()
    cleaner.clean(cleaned)
    item = cleaned.SharedFunctionalGroupsSequence[0].CTReconstructionSequence[0]
    assert item.StudyInstanceUID == cleaned.StudyInstanceUID == cleaner.uid(STUDY)
    assert item.ReferencedSOPInstanceUID == cleaned.FrameOfReferenceUID == cleaner.uid(OTHER)


@pytest.mark.skipif(not REAL.exists(), reason="the real study is not here")
def test_the_real_study_keeps_its_pixels_and_loses_its_uids(cleaner: Deidentifier) -> None:
    files = sorted(path for path in REAL.rglob("*") if path.is_file() and pydicom.misc.is_dicom(path))[::12]
    assert files
    for file in files:
        original, cleaned = pydicom.dcmread(file), pydicom.dcmread(file)
        cleaner.clean(cleaned)
        written = as_file(cleaned)
        assert pydicom.dcmread(BytesIO(written)).PixelData == original.PixelData
        for uid in (
            original.StudyInstanceUID,
            original.SeriesInstanceUID,
            original.SOPInstanceUID,
            original.FrameOfReferenceUID,
        ):
            assert str(uid).encode() not in written
        assert str(original.PatientName).encode() not in written
