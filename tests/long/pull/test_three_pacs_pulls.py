"""
Whole pulls from Orthanc, dcmqrscp and pynetdicom's qrscp through the plugins: what the PACS does not tell,
the images do.

The same study, asked for as pacs_module asks each of them (expected instances where the PACS gives counts,
none where it does not), ends in the same hand-over. Not proved here: the find (test_three_pacs) and
pacs_module's part after the notification.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from hospital_sim.sending.scu import Association
from stack.servers.orthanc import ReceivingOrthanc
from tests.fakes.plugin_stack import PACS, PluginStack, ct_series, sop_uids
from tests.support.pacs.real_pacs import RealPacs, start

pytestmark = pytest.mark.server("orthanc", "orthanc-python", "dcmtk")

WITHOUT_COUNTS = ("dcmqrscp", "qrscp")


class OtherPacsStack(PluginStack):
    """The plugins with another PACS behind the name HOSPITAL-PACS."""

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__(folder)
        self._kind = kind

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self.receiver.kill()
            self.pacs = start(self._kind, self.run, self.receiver.ports.dicom)
            environment = {"HOSPITAL_PACS_AET": self.pacs.peer.ae_title}
            links = replace(self.receiver.links, hospital_port=self.pacs.peer.port, environment=environment)
            self.receiver = ReceivingOrthanc(self.run, self.receiver.ports, self.ram_disk, links)
            self.receiver.start()
        except BaseException:
            self.__exit__()
            raise
        return self


@pytest.fixture(scope="module", params=WITHOUT_COUNTS)
def other(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OtherPacsStack]:
    with OtherPacsStack(tmp_path_factory.mktemp("pulls"), request.param) as running:
        yield running


def a_study() -> tuple[str, list[Dataset], list[Dataset]]:
    """Its UID, the series that is to be computed, and all images."""
    study = generate_uid()
    thin = ct_series(study, 14, BodyPartExamined=None, ProtocolName=None, SeriesDescription="胸部平扫 1.0")
    thick = ct_series(study, 12, SliceThickness="8", BodyPartExamined=None, SeriesDescription="胸部 8.0")
    head = ct_series(study, 12, BodyPartExamined="HEAD", SeriesDescription="Head 1.0")
    return study, thin, [*thin, *thick, *head]


def put(pacs: RealPacs, images: list[Dataset]) -> None:
    syntax = str(images[0].file_meta.TransferSyntaxUID)
    with Association(pacs.address, "CT1", [(str(images[0].SOPClassUID), (syntax,))]) as association:
        for image in images:
            association.store(image, str(image.SOPInstanceUID))


def test_without_counts_the_images_decide_and_the_verdict_is_unverified(other: OtherPacsStack) -> None:
    study, thin, images = a_study()
    put(other.pacs, images)
    report = other.report_of(other.pull(study))
    assert (report["outcome"], report["completeness"], report["received"]) == (
        "received",
        "UNVERIFIED",
        len(images),
    )
    (notification,) = other.recorder.taken("notify", study)
    assert (notification["statecode"], notification["seriesUID"]) == (800, thin[0].SeriesInstanceUID)
    assert sop_uids(Path(notification["filepath"])) == {str(image.SOPInstanceUID) for image in thin}
    assert notification["callingAPTitle"] == other.pacs.peer.ae_title
    dropped = [line for line in other.lines("filter because") if study in line]
    assert sorted(line.split("filter because ")[1] for line in dropped) == [
        "BodyPartExamined HEAD",
        "SliceThickness 8",
    ]
    assert not [line for line in other.lines("completeness check") if study in line]


def test_one_series_of_a_study_can_be_asked_for(other: OtherPacsStack) -> None:
    study, thin, images = a_study()
    put(other.pacs, images)
    report = other.report_of(other.pull(study, level="SERIES", seriesUIDs=[str(thin[0].SeriesInstanceUID)]))
    assert (report["outcome"], report["completeness"], report["received"]) == (
        "received",
        "UNVERIFIED",
        len(thin),
    )


def test_with_counts_the_same_study_is_complete(tmp_path: Path) -> None:
    study, thin, images = a_study()
    with PluginStack(tmp_path) as stack:
        stack.to_pacs(images)
        report = stack.report_of(stack.pull(study, pacs=PACS, expected=len(images)))
        assert (report["outcome"], report["completeness"]) == ("received", "COMPLETE")
        (notification,) = stack.recorder.taken("notify", study)
        assert sop_uids(Path(notification["filepath"])) == {str(image.SOPInstanceUID) for image in thin}
