"""
The plugins in a real Orthanc against a real Orthanc as PACS: what is pulled or pushed ends as one right hand-over.

Does not prove anything about other PACS than Orthanc, nor about speed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.plugin_stack import PluginStack, ct_series, dx_series, sop_uids, until
from pydicom.uid import generate_uid

pytestmark = pytest.mark.server("orthanc", "orthanc-python")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    with PluginStack(tmp_path_factory.mktemp("plugins")) as running:
        yield running


@pytest.fixture
def study() -> str:
    return generate_uid()


def test_normal_ct_becomes_one_notification_with_the_pacs_images(stack: PluginStack, study: str) -> None:
    thin = ct_series(study, 14)
    thick = ct_series(study, 11, SliceThickness="5.0")
    scout = ct_series(study, 2, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    stack.to_pacs(thin + thick + scout)

    pull = stack.pull(study, expected=27)
    report = stack.report_of(pull)

    assert report["outcome"] == "received"
    assert report["completeness"] == "COMPLETE"
    assert report["moveSeconds"] >= 0
    (notification,) = stack.recorder.taken("notify", study)
    assert notification["statecode"] == 800
    assert notification["numberReceived"] == 14
    assert notification["seriesUID"] == thin[0].SeriesInstanceUID
    assert notification["isPush"] == 0
    assert notification["callingAPTitle"] == "HOSPITALPACS"
    assert notification["callingPresentationAddress"] == "127.0.0.1"
    assert notification["pullID"] == pull
    folder = Path(notification["filepath"])
    assert sorted(file.name for file in folder.iterdir()) == [f"{number:05d}.dcm" for number in range(1, 15)]
    assert sop_uids(folder) == {str(image.SOPInstanceUID) for image in thin}
    stack.gone(study)
    assert sop_uids(folder) == {str(image.SOPInstanceUID) for image in thin}
    assert len(stack.lines(f"new study: {study}")) == 1
    assert len(stack.lines(f"stable study: {study}")) == 1
    assert len(stack.lines(f"move: {study} from HOSPITAL-PACS takes: ")) == 1
    assert stack.lines(f"completeness check success: study {study} in pacs is 27,  we have 27 too")
    assert stack.lines(f"where study from {study} HOSPITALPACS 127.0.0.1")
    assert stack.lines(f"study {study} thickest series is {thin[0].SeriesInstanceUID}, instances num is 14")
    assert [line for line in stack.lines("inform pacs_module") if study in line]
    paths = [path.split()[0] for path, body in stack.recorder.messages if body["studyUID"] == study]
    assert paths == ["/api/v1/dcm/notify", "/api/v1/dcm/pull_report"]
