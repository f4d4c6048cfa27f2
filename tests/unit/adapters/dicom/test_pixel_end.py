"""What stands behind the pixels goes, and no pixel with it."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from pacs_module.adapters.dicom.pixel_end import cut_behind_pixels, end_of
from pacs_module.adapters.files.deidentify import Deidentifier

NAME = b"ZWORYKIN^WLADIMIR PID-770011"
PIXELS = np.arange(64 * 64, dtype=np.uint16).tobytes()


def image(bits: int = 16) -> FileDataset:
    made = FileDataset("", {}, preamble=b"\0" * 128)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4"
    made.StudyInstanceUID, made.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    made.PatientName, made.PatientID = "ZWORYKIN^WLADIMIR", "PID-770011"
    made.Rows, made.Columns, made.SamplesPerPixel = 64, 64, 1
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = bits, bits, bits - 1, 0
    made.PhotometricInterpretation, made.Modality = "MONOCHROME2", "CT"
    made.PixelData = PIXELS
    made["PixelData"].VR = "OW"
    return made


def test_native_pixels_end_by_their_numbers() -> None:
    made = image()
    made.PixelData = PIXELS + NAME
    Deidentifier(b"a secret of the site").clean(made)
    assert made.PixelData == PIXELS
    assert not cut_behind_pixels(made, compressed=False)


@pytest.mark.parametrize("change", [{"Rows": None}, {"BitsAllocated": 0}, {"Rows": 65535, "Columns": 65535}])
def test_where_the_numbers_do_not_tell_the_length_nothing_is_cut(change: dict[str, int | None]) -> None:
    made = image()
    for name, value in change.items():
        setattr(made, name, value)
    assert not cut_behind_pixels(made, compressed=False)
    assert made.PixelData == PIXELS


def test_a_compressed_frame_ends_at_its_marker() -> None:
    made = image()
    made.compress(JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)
    (frame,) = generate_frames(made.PixelData, number_of_frames=1)
    whole = frame[: end_of(frame)]
    assert whole.endswith(b"\xff\xd9")
    made.PixelData = encapsulate([whole + NAME + b"\xff\xd9"])
    made["PixelData"].VR = "OB"
    assert cut_behind_pixels(made, True, JPEGLSLossless)
    assert NAME not in made.PixelData
    assert made.pixel_array.tobytes() == PIXELS
    assert not cut_behind_pixels(made, True, JPEGLSLossless)


JPEG = (
    b"\xff\xd8" + b"\xff\xe0\x00\x06\xff\xd9\x00\x00"  # the two bytes of the end inside of a segment
    + b"\xff\xda\x00\x04\x00\x00" + b"\x12\xff\x00\x34\xff\xd0\x56" + b"\xff\xc4\x00\x04\xff\xd9"
    + b"\xff\xda\x00\x04\x00\x00" + b"\x78" + b"\xff\xd9"
)  # fmt: skip
TILE = (
    b"\xff\x90\x00\x0a\x00\x00"
    + (20).to_bytes(4, "big")
    + b"\x00\x01"
    + b"\xff\x93"
    + b"\x01\xff\xd9\x02\x03\x04"
)
J2K = b"\xff\x4f" + b"\xff\x51\x00\x06\xff\xd9\x00\x00" + TILE + b"\xff\xd9"


@pytest.mark.parametrize("frame", [JPEG, J2K])
@pytest.mark.parametrize("behind", [b"", b"\0", NAME, NAME + b"\xff\xd9"])
def test_the_segments_are_walked(frame: bytes, behind: bytes) -> None:
    assert end_of(frame + behind) == len(frame)


@pytest.mark.parametrize(
    "frame", [b"", b"\xff", b"\xff\xd8", JPEG[:12], J2K[:9], b"\xff\xd8\x00\x00", bytes(50)]
)
def test_a_frame_that_cannot_be_walked_stays_whole(frame: bytes) -> None:
    assert end_of(frame) == len(frame)


def test_free_text_beside_the_pixels_and_names_among_terms_go() -> None:
    made = image()
    made.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "ZWORYKIN_RECON"]
    made.WindowCenter, made.WindowWidth = "40", "400"
    made.WindowCenterWidthExplanation = "seen by Dr. Quincy"
    made.add_new(0x00284000, "LT", "ZWORYKIN, call back")
    made.add_new(0x00280A04, "LO", "measured at St. Elmo")
    made.RescaleType = "HU ZWORYKIN"
    Deidentifier(b"a secret of the site").clean(made)
    assert list(made.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL", ""]
    assert made.WindowCenter == 40
    assert "WindowCenterWidthExplanation" not in made
    assert 0x00284000 not in made
    assert 0x00280A04 not in made
    assert made.RescaleType == ""


def test_a_patient_who_is_called_like_a_term_loses_no_image() -> None:
    made = image()
    made.PatientName, made.ImageType = "AXIAL^PRIMARY", ["ORIGINAL", "PRIMARY", "AXIAL"]
    Deidentifier(b"a secret of the site").clean(made)
    assert list(made.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
