"""
Validation in the real Orthanc: dcmtk's dcmsend sends good and bad objects, the bad ones lie in quarantine with
their reason, and a person decides of them.

Does not prove anything about how often real devices send such objects.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, generate_uid

from pacs_module.adapters.watched_folder.folder import WatchedFolder
from pacs_module.adapters.watched_folder.orthanc import OrthancStore
from pacs_module.shared.logs import ContractLog
from pacs_module.use_cases.receive.take_folder import TakeFolder
from tests.fakes.plugin_stack import PluginStack, ct_series, sop_uids, until

pytestmark = [
    pytest.mark.server("orthanc", "orthanc-python", "dcmtk"),
    pytest.mark.filterwarnings("ignore:Invalid value for VR UI"),
]
SITE = """STABLE_AGE = 2.0
VALIDATE = True
VALIDATION_SENDERS = ["DEVICE@127.0.0.1", "SLEEPER@127.0.0.1:9"]
VALIDATION_CALLED_AETS = ["AIPULL"]
VALIDATION_MANDATORY = ["PatientID", "StationName"]
MIN_INSTANCES_CT = 2
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    with PluginStack(tmp_path_factory.mktemp("quarantine"), SITE) as running:
        yield running


@pytest.fixture
def study() -> str:
    return str(generate_uid())


def series(study: str, count: int, **values: Any) -> list[Dataset]:
    return ct_series(study, count, **{"StationName": "CT-1", **values})


def send(
    stack: PluginStack, folder: Path, images: list[Dataset], aet: str = "DEVICE", called: str = "AIPULL"
) -> None:
    """By dcmsend, in one association."""
    folder.mkdir(exist_ok=True)
    files = []
    for number, image in enumerate(images):
        files.append(str(folder / f"{number}.dcm"))
        image.save_as(files[-1], enforce_file_format=True)
    port = str(stack.receiver.ports.dicom)
    command = [
        "/usr/bin/dcmsend",
        "-aet",
        aet,
        "-aec",
        called,
        "+crf",
        str(folder / "report"),
        "127.0.0.1",
        port,
    ]
    done = subprocess.run([*command, *files], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def held(stack: PluginStack, study: str, *states: str) -> list[dict[str, Any]]:
    answer = stack.post("/aipull/quarantine", {"limit": 1000, "states": list(states or ("held",))})
    assert answer.status_code == 200, answer.text
    return [one for one in answer.json()["images"] if one["studyUID"] == study]


def handed_over(stack: PluginStack, study: str, number: int = 1) -> dict[str, Any]:
    taken = until(
        lambda: stack.recorder.taken("notify", study)[number - 1 :], 60, f"hand-over of {study}", stack
    )
    return dict(taken[0])


def decide(stack: PluginStack, action: str, *numbers: int) -> dict[str, Any]:
    body = {"numbers": list(numbers), "action": action, "by": "anna", "why": "looked at it"}
    answer = stack.post("/aipull/quarantine/decide", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def without(image: Dataset, *keywords: str) -> Dataset:
    for keyword in keywords:
        delattr(image, keyword)
    return image


def test_bad_objects_lie_in_quarantine_with_their_reason_and_cost_nobody_else(
    stack: PluginStack, study: str, tmp_path: Path
) -> None:
    good = series(study, 4)
    uid = good[0].SeriesInstanceUID
    short, empty, unnamed, bad_uid, many = series(study, 5, first=5, series_uid=uid)
    short.PixelData = short.PixelData[:100]
    without(empty, "PixelData")
    without(unnamed, "StationName")
    bad_uid.FrameOfReferenceUID = "1.2.840.0113.5"
    many.NumberOfFrames = 3
    send(stack, tmp_path / "out", [*good[:2], short, empty, unnamed, bad_uid, many, *good[2:]])

    message = handed_over(stack, study)
    assert message["numberReceived"] == 4
    assert sop_uids(Path(message["filepath"])) == {str(one.SOPInstanceUID) for one in good}
    (note,) = [one["words"] for one in message["notes"] if one["kind"] == "quarantined"]
    assert note.startswith("5 images failed validation and are in quarantine: ")
    told = {one["sopInstanceUID"]: one["words"] for one in held(stack, study)}
    assert told == {
        short.SOPInstanceUID: "pixels: PixelData has 100 of 512 bytes",
        empty.SOPInstanceUID: "pixels: PixelData is absent",
        unnamed.SOPInstanceUID: "mandatory: StationName is absent",
        bad_uid.SOPInstanceUID: "uid: FrameOfReferenceUID 1.2.840.0113.5",
        many.SOPInstanceUID: "pixels: PixelData has 512 of 1536 bytes",
    }
    one = held(stack, study)[0]
    assert (one["aeTitle"], one["address"], one["called"], one["isPush"]) == (
        "DEVICE", "127.0.0.1", "AIPULL", True,
    )  # fmt: skip
    assert (one["header"]["PatientID"], one["header"]["Rows"]) == ("P1", "16")


def test_whoever_is_not_named_or_calls_us_otherwise_is_told_apart(
    stack: PluginStack, study: str, tmp_path: Path
) -> None:
    send(stack, tmp_path / "a", series(study, 2), aet="STRANGER")
    send(stack, tmp_path / "b", series(study, 1), called="SOMEBODY")
    send(stack, tmp_path / "c", series(study, 2), aet="DEVICE")
    message = handed_over(stack, study)
    assert message["numberReceived"] == 2
    words = sorted(one["words"] for one in held(stack, study))
    assert words == ["called: called AE title SOMEBODY"] + 2 * ["sender: calling AE title STRANGER"]
    senders = {one["aeTitle"]: one for one in stack.get("/aipull/validation").json()["senders"]}
    assert senders["STRANGER"]["window"] == {"passed": 0, "failed": 2, "failureRate": 1.0, "beyond": False}
    assert senders["DEVICE"]["window"]["passed"] >= 2
    assert senders["DEVICE"]["highestPerSecond"] > 0


def test_a_sender_that_does_not_answer_at_its_port_fails_once_that_is_known(
    stack: PluginStack, study: str, tmp_path: Path
) -> None:
    send(stack, tmp_path / "a", series(study, 1), aet="SLEEPER")

    def refused() -> bool:
        send(stack, tmp_path / "b", series(study, 1), aet="SLEEPER")
        return bool(held(stack, study))

    until(refused, 60, "the port to be asked", stack)
    assert {one["words"] for one in held(stack, study)} == {"port: port of SLEEPER does not answer a C-ECHO"}


def test_an_object_that_is_released_goes_on_and_one_that_is_dropped_does_not(
    stack: PluginStack, study: str, tmp_path: Path
) -> None:
    good = series(study, 3)
    first, second = (
        without(one, "StationName") for one in series(study, 2, first=4, series_uid=good[0].SeriesInstanceUID)
    )
    send(stack, tmp_path / "a", [first, second])
    rows = {
        one["sopInstanceUID"]: one
        for one in until(lambda: _two(held(stack, study)), 30, "two in quarantine", stack)
    }
    assert decide(stack, "drop", rows[second.SOPInstanceUID]["number"])["refused"] == []
    assert decide(stack, "release", rows[first.SOPInstanceUID]["number"])["pullAgain"] == []
    send(stack, tmp_path / "b", [*good, second])

    message = handed_over(stack, study)
    expected = {str(one.SOPInstanceUID) for one in (*good, first)}
    assert sop_uids(Path(message["filepath"])) == expected
    assert message["callingAPTitle"] == "DEVICE", "its own sender, not ours"
    (released,) = held(stack, study, "released")
    assert (released["decidedBy"], released["why"]) == ("anna", "looked at it")
    (dropped,) = held(stack, study, "dropped")
    assert dropped["times"] == 2, "the same object is not kept a second time"


def test_a_pulled_study_is_short_by_what_failed_and_whole_once_that_is_released(
    stack: PluginStack, study: str
) -> None:
    images = series(study, 3)
    bad = without(images[1], "StationName")
    stack.to_pacs(images)
    report = stack.report_of(stack.pull(study, expected=3))
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 2 of 3")
    (row,) = held(stack, study)
    assert (row["sopInstanceUID"], row["isPush"]) == (bad.SOPInstanceUID, False)
    assert decide(stack, "release", row["number"])["pullAgain"] == [study]
    report = stack.report_of(stack.pull(study, expected=3))
    assert (report["outcome"], report["completeness"]) == ("received", "COMPLETE")
    assert len(sop_uids(Path(handed_over(stack, study)["filepath"]))) == 3


def test_compressed_objects_pass_with_their_fragments_and_not_without(
    stack: PluginStack, study: str, tmp_path: Path
) -> None:
    images = series(study, 3)
    for image in images:
        image.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        image.PixelData = encapsulate([b"\xff\xd8jpeg\xff\xd9"])
        image["PixelData"].is_undefined_length = True
    images[2].PixelData = b"\xfe\xff\x00\xe0" + bytes(4)  # an offset table and nothing else
    send(stack, tmp_path / "a", images)
    assert handed_over(stack, study)["numberReceived"] == 2
    assert [one["words"] for one in held(stack, study)] == ["pixels: PixelData has no fragment with content"]


def test_files_that_lie_in_a_watched_folder_are_taken_validated_and_handed_over(
    stack: PluginStack, study: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backlog"
    folder.mkdir()
    images = series(study, 4)
    without(images[3], "PixelData")
    for number, image in enumerate(images):
        image.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    (folder / "readme.txt").write_text("no image", encoding="utf-8")
    orthanc = stack.receiver
    store = OrthancStore(orthanc.url, orthanc.user, orthanc.password, 30.0)
    log = ContractLog(tmp_path / "log", "dcm_end")
    TakeFolder(WatchedFolder(folder, 0.0, keep=False), store.put, lambda: False, log)()
    message = handed_over(stack, study)
    assert sop_uids(Path(message["filepath"])) == {str(one.SOPInstanceUID) for one in images[:3]}
    assert message["isPush"] == 1
    assert [one["words"] for one in held(stack, study)] == ["pixels: PixelData is absent"]
    left = sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())
    assert left == ["refused/readme.txt", "refused/readme.txt.why.txt"]


def test_quarantine_outlives_orthanc_and_its_ram_disk(stack: PluginStack, study: str, tmp_path: Path) -> None:
    bad = without(series(study, 1)[0], "PixelData")
    send(stack, tmp_path / "a", [bad])
    (row,) = until(lambda: held(stack, study), 30, "one in quarantine", stack)
    stack.receiver.kill()
    stack.receiver.start()
    (again,) = held(stack, study)
    assert again == row
    (file,) = [
        one
        for one in stack.run.path.rglob("quarantine/*.dcm")
        if dcmread(one).SOPInstanceUID == bad.SOPInstanceUID
    ]
    assert file.stat().st_size == row["bytes"]


def _two(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows if len(rows) == 2 else []
