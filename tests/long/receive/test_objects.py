"""
Whatever can be in a study: compressed images, enhanced multi-frame CT, reports, presentation states, odd and
broken objects.

Pixel data are not looked at: they are stand-ins under the right transfer syntax. Not proved: that a codec can
read them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)
from pynetdicom.dsutils import encode

from hospital_sim.sending.scu import Association, Pacs, PacsUnreachableError
from tests.fakes.plugin_stack import PluginStack, ct_series, sop_uids, until

pytestmark = [pytest.mark.server("orthanc", "orthanc-python"), pytest.mark.timeout(400)]
WITHIN_S = 90.0
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
DOSE_REPORT = "1.2.840.10008.5.1.4.1.1.88.67"
PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
RAW_DATA = "1.2.840.10008.5.1.4.1.1.66"
PRIVATE_CLASS = "1.2.392.200036.9116.7.8.1.1.1"  # an odd object of a scanner of this world


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    with PluginStack(tmp_path_factory.mktemp("objects")) as running:
        yield running


@pytest.fixture
def study() -> str:
    return generate_uid()


def compressed(images: list[Dataset], syntax: UID) -> list[Dataset]:
    for image in images:
        image.file_meta.TransferSyntaxUID = syntax
        image.PixelData = encapsulate(
            [bytes([0xFF, 0xD8]) + bytes(image.PixelData)[:64] + bytes([0xFF, 0xD9])]
        )
    return images


def without_pixels(study: str, modality: str, sop_class: str) -> list[Dataset]:
    """An object that goes with images: a body part of the study, and no picture."""
    made = ct_series(study, 1, Modality=modality, SOPClassUID=sop_class, SliceThickness=None, ImageType=None)
    for one in made:
        for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"):
            delattr(one, keyword)
    return made


def test_each_transfer_syntax_is_received_and_handed_over_as_it_came(stack: PluginStack, study: str) -> None:
    syntaxes = (JPEGLSLossless, JPEG2000Lossless, RLELossless, JPEGLosslessSV1, JPEGBaseline8Bit)
    series = ct_series(study, 15)
    for place, syntax in enumerate(syntaxes):
        compressed(series[3 * place : 3 * place + 3], syntax)
    stack.to_pacs(series)
    uid = str(series[0].SeriesInstanceUID)
    report = stack.report_of(stack.pull(study, expectedSeries={uid: 15}), WITHIN_S)
    assert (report["outcome"], report["completeness"]) == ("received", "COMPLETE")
    folder = Path(stack.recorder.taken("notify", study)[0]["filepath"])
    got = {str(one.SOPInstanceUID): one for one in map(pydicom.dcmread, folder.glob("*.dcm"))}
    for image in series:
        one = got[str(image.SOPInstanceUID)]
        assert one.file_meta.TransferSyntaxUID == image.file_meta.TransferSyntaxUID
        assert one.PixelData == image.PixelData
    stack.gone(study, WITHIN_S)


def test_other_objects_of_a_study_are_filtered_and_wait_for_nobody(stack: PluginStack, study: str) -> None:
    thin = ct_series(study, 12)
    others = [
        *without_pixels(study, "SR", DOSE_REPORT),
        *without_pixels(study, "PR", PRESENTATION_STATE),
        *without_pixels(study, "OT", RAW_DATA),
        *without_pixels(study, "", PRIVATE_CLASS),
    ]
    stack.to_pacs(thin + others)
    counts = {str(one.SeriesInstanceUID): 1 for one in others} | {str(thin[0].SeriesInstanceUID): 12}
    told = {uid: {"Modality": "CT" if count > 1 else "SR"} for uid, count in counts.items()}
    report = stack.report_of(stack.pull(study, expectedSeries=counts, announced=told), WITHIN_S)
    assert (report["outcome"], report["completeness"]) == ("received", "COMPLETE")
    assert stack.recorder.taken("notify", study)[0]["numberReceived"] == 12
    stack.gone(study, WITHIN_S)
    verdicts = {one["seriesUID"]: (one["taken"], one["received"]) for one in report["series"]}
    assert verdicts[str(thin[0].SeriesInstanceUID)] == (True, 12)


def test_an_enhanced_multi_frame_ct_is_one_image_with_many_slices(stack: PluginStack, study: str) -> None:
    """One object of 40 frames: frames count as images."""
    (image,) = ct_series(study, 1, SOPClassUID=ENHANCED_CT, NumberOfFrames=40, SliceThickness=None)
    image.PixelData = image.PixelData * 40
    shared, measures = Dataset(), Dataset()
    measures.SliceThickness = "1.0"
    shared.PixelMeasuresSequence = [measures]
    image.SharedFunctionalGroupsSequence = [shared]
    stack.to_pacs([image])
    uid = str(image.SeriesInstanceUID)
    report = stack.report_of(stack.pull(study, expectedSeries={uid: 1}), WITHIN_S)
    assert (report["outcome"], report["completeness"]) == ("received", "COMPLETE")
    folder = Path(stack.recorder.taken("notify", study)[-1]["filepath"])
    (received,) = map(pydicom.dcmread, folder.glob("*.dcm"))
    assert (received.NumberOfFrames, len(received.PixelData)) == (40, len(image.PixelData))
    stack.gone(study, WITHIN_S)


@pytest.mark.parametrize("damage", ["no UID", "cut in the header"])
def test_a_broken_object_costs_only_itself(stack: PluginStack, study: str, damage: str) -> None:
    images = ct_series(study, 13)
    (broken,) = images[6:7]
    data = whole = bytes(encode(broken, False, True) or b"")
    if damage == "cut in the header":
        data = whole[: len(whole) // 8]
    else:
        del broken.StudyInstanceUID
        data = bytes(encode(broken, False, True) or b"")
    address = Pacs("127.0.0.1", stack.receiver.ports.dicom, "AIPULL")
    contexts = [(str(images[0].SOPClassUID), (str(ExplicitVRLittleEndian),))]
    good = [image for image in images if image is not broken]
    modality = Association(address, "CT1", contexts)
    modality._ae.dimse_timeout = 10.0  # Orthanc never answers an object that ends in its header
    try:
        with modality as association:
            context = association.accepted(contexts[0][0])[str(ExplicitVRLittleEndian)]
            uid = str(broken.SOPInstanceUID)
            status = association.store_bytes(
                contexts[0][0], uid, data, context, message_id=99, originator=None
            )
            assert status != 0
    except PacsUnreachableError:
        pass  # it hung up: that, too, is an answer
    with Association(address, "CT1", contexts) as association:
        for image in good:
            association.store(image, str(image.SOPInstanceUID))

    def whole_ones() -> list[
        dict[str, Any]
    ]:  # on a slow machine the first half may be judged by itself before
        return [one for one in stack.recorder.taken("notify", study) if one["numberReceived"] == 12]

    notification = until(whole_ones, WITHIN_S, "notification", stack)[-1]
    assert sop_uids(Path(notification["filepath"])) == {str(image.SOPInstanceUID) for image in good}
    stack.gone(study, WITHIN_S)
