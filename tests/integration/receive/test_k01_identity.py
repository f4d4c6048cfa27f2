"""
Whose images are these? The plugins in a real Orthanc; PACS are a real Orthanc and the simulated one, and a
stranger pushes (K1).

Each hand-over is compared image by image with what the PACS has: PatientID, SOPInstanceUID and pixels.
Does not prove anything about more than one machine: all addresses are of the loopback network.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from hospital_sim.pacs import SimPacs
from hospital_sim.pacs.habits import Habits
from hospital_sim.sending.scu import Pacs
from hospital_sim.sending.stranger import disguised, of_datasets, push
from tests.fakes.plugin_stack import PluginStack, ct_series, dx_series, until

pytestmark = pytest.mark.server("orthanc", "orthanc-python")

Held = dict[str, tuple[str, bytes]]
"""PatientID and pixels by SOPInstanceUID."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    with PluginStack(tmp_path_factory.mktemp("plugins")) as running:
        yield running


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PluginStack, SimPacs]]:
    with (
        SimPacs(ae_title="HOSPITALPACS") as pacs,
        PluginStack(tmp_path_factory.mktemp("plugins"), pacs_port=pacs.port) as running,
    ):
        pacs.destinations["AIPULL"] = ("127.0.0.1", running.receiver.ports.dicom)
        yield running, pacs


@pytest.fixture
def study() -> str:
    return generate_uid()


def held(images: Sequence[Dataset]) -> Held:
    return {str(one.SOPInstanceUID): (str(one.PatientID or ""), bytes(one.PixelData)) for one in images}


def handed_over(notification: dict[str, Any]) -> Held:
    return held([pydicom.dcmread(file) for file in Path(notification["filepath"]).rglob("*.dcm")])


def manifest(notification: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(Path(notification["filepath"] + ".manifest.json").read_text(encoding="utf-8")))


def under(images: Sequence[Dataset], patient_id: str) -> list[Dataset]:
    others = [copy.deepcopy(one) for one in images]
    for one in others:
        one.PatientID = patient_id
    return others


def stranger(
    stack: PluginStack, images: Sequence[Dataset], *, as_pacs: bool = False, **disguise: Any
) -> None:
    encoded = of_datasets(images)
    receiver = Pacs("127.0.0.1", stack.receiver.ports.dicom, "AIPULL")
    title = "HOSPITALPACS" if as_pacs else "STRANGER"
    assert push(disguised(encoded, **disguise), receiver, title) == len(images)


def kinds(report: dict[str, Any]) -> list[str]:
    return [note["kind"] for note in report["notes"]]


def saying(stack: PluginStack, study: str, completeness: str) -> list[dict[str, Any]]:
    told = stack.recorder.taken("notify", study)
    return [one for one in told if one["completeness"] == completeness]


def patients_here(stack: PluginStack, study: str) -> set[str]:
    studies = stack.get("/studies?expand").json()
    return {
        one["PatientMainDicomTags"]["PatientID"]
        for one in studies
        if one["MainDicomTags"]["StudyInstanceUID"] == study
    }


def test_patient_id_corrected_between_two_pulls(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 24)
    old, new = under(images, "OLD1"), under(images, "NEW1")
    stack.to_pacs(old[:12])
    assert stack.report_of(stack.pull(study, expected=24))["completeness"] == "SHORT 12 of 24"
    stack.drop_from_pacs(old)
    stack.to_pacs(new)

    report = stack.report_of(stack.pull(study, expected=24, patientID="OLD1"))

    assert (report["outcome"], report["completeness"], report["received"]) == ("received", "COMPLETE", 24)
    assert set(kinds(report)) == {"patient_id_corrected"}
    (notification,) = stack.recorder.taken("notify", study)
    assert handed_over(notification) == held(new)
    assert notification["identity"]["PatientID"] == "NEW1"
    about = manifest(notification)
    assert (about["patientIDs"], about["numberOfImages"]) == (["NEW1"], 24)
    assert about["sources"] == [{"aeTitle": "HOSPITALPACS", "address": "127.0.0.1", "images": 24}]
    stack.gone(study)


@pytest.mark.parametrize("repair", ["SERIES", "IMAGE"])
def test_patient_id_corrected_and_only_what_lacks_is_pulled(
    stack: PluginStack, study: str, repair: str
) -> None:
    images = ct_series(study, 24)
    old, new = under(images, "OLD1"), under(images, "NEW1")
    uid = str(images[0].SeriesInstanceUID)
    stack.to_pacs(old[:12])
    stack.report_of(stack.pull(study, expectedSeries={uid: 24}))
    stack.drop_from_pacs(old)
    stack.to_pacs(new)
    reports = [stack.report_of(stack.pull(study, expectedSeries={uid: 24}, repair=repair)) for _ in range(2)]
    received = next(report for report in reports if report["outcome"] == "received")
    assert received["completeness"] == "COMPLETE"
    assert handed_over(stack.recorder.taken("notify", study)[0]) == held(new)
    stack.gone(study)


@pytest.mark.parametrize("new_instances", [True, False])
def test_strangers_images_of_another_patient_lie_here_already(
    stack: PluginStack, study: str, new_instances: bool
) -> None:
    images = ct_series(study, 20)
    stack.to_pacs(images)
    stranger(stack, images, patient_id="P9", new_instances=new_instances)
    report = stack.report_of(stack.pull(study, expected=20))
    assert (report["outcome"], report["completeness"], report["received"]) == ("received", "COMPLETE", 20)
    assert kinds(report) == ["set_aside"]
    notification = stack.recorder.taken("notify", study)[-1]
    assert handed_over(notification) == held(images)
    assert (notification["identity"]["PatientID"], notification["isPush"]) == ("P1", 0)
    stack.gone(study)


def test_stranger_overwrites_while_the_study_arrives(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 20)
    missing = ct_series(study, 1, first=21, series_uid=str(images[0].SeriesInstanceUID))
    stack.to_pacs(images)
    pull = stack.pull(
        study, expected=21
    )  # the last one is not sent: the study is still open when the stranger comes
    until(lambda: stack.lines(f"move: {study} from"), 60, "end of the move", stack)
    stranger(stack, images[:8], other_pixels=True)
    short = stack.report_of(pull)
    assert (short["outcome"], short["completeness"]) == ("short", "SHORT 12 of 21")
    assert "not_from_pacs" in kinds(short)
    stack.to_pacs(missing)
    report = stack.report_of(stack.pull(study, expected=21))
    assert report["completeness"] == "COMPLETE"
    assert handed_over(stack.recorder.taken("notify", study)[0]) == held([*images, *missing])
    stack.gone(study)


def test_stranger_with_the_title_and_address_of_the_pacs(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 20)
    missing = ct_series(study, 1, first=21, series_uid=str(images[0].SeriesInstanceUID))
    stack.to_pacs(images)
    pull = stack.pull(study, expected=21)
    until(lambda: stack.lines(f"move: {study} from"), 60, "end of the move", stack)
    stranger(stack, images[:8], as_pacs=True, other_pixels=True)
    short = stack.report_of(pull)
    assert (short["completeness"], kinds(short)) == ("SHORT 12 of 21", ["sent_twice"])
    stack.to_pacs(missing)
    assert stack.report_of(stack.pull(study, expected=21))["completeness"] == "COMPLETE"
    assert handed_over(stack.recorder.taken("notify", study)[0]) == held([*images, *missing])
    stack.gone(study)


def test_stranger_adds_images_of_the_same_patient(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 20)
    stack.to_pacs(images)
    stranger(stack, images[:5], new_instances=True)
    report = stack.report_of(stack.pull(study, expected=20))
    assert (report["completeness"], kinds(report)) == ("COMPLETE", ["set_aside"])
    assert handed_over(stack.recorder.taken("notify", study)[-1]) == held(images)
    stack.gone(study)


def test_the_pacs_has_grown_since_it_was_asked(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 25)
    stack.to_pacs(images)
    report = stack.report_of(stack.pull(study, expected=24))
    until(lambda: len(handed_over(stack.recorder.taken("notify", study)[-1])) == 25, 60, "all of them", stack)
    assert stack.recorder.taken("notify", study)[-1]["completeness"] == "COMPLETE"
    assert report["outcome"] == "received"
    stack.gone(study)


def test_pushed_images_under_another_patient_id_than_the_pacs_has(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 12)
    stack.recorder.announced[study] = {
        "pullID": "", "studyUID": study, "pacs": "HOSPITAL-PACS", "expected": 12, "patientID": "P1",
    }  # fmt: skip
    stranger(stack, images, patient_id="P9")
    stack.to_pacs(images)
    stack.push(images)
    (notification,) = until(lambda: stack.recorder.taken("notify", study), 60, "notification", stack)
    assert handed_over(notification) == held(images)
    assert [note["kind"] for note in notification["notes"]] == ["set_aside"]
    stack.gone(study)


HABITS = {
    "another AE title": (["move-other-title=NODE2"], "COMPLETE", ["sender_learned"]),
    "another address": (["move-other-address=127.0.0.2"], "COMPLETE", ["sender_learned"]),
    "another title, no IMAGE level": (
        ["move-other-title=NODE3", "empty-image-level"],
        "COMPLETE",
        ["sender_learned"],
    ),
    "two PatientIDs": (["patient-half=other"], "COMPLETE", ["patient_ids_differ"]),
    "an empty PatientID": (["patient-half=empty"], "COMPLETE", ["patient_ids_differ"]),
    "blanks behind it": (["patient-half=behind"], "COMPLETE", []),
    "blanks before it": (["patient-half=before"], "COMPLETE", []),
    "blanks in answers": (["patient-id-blanks"], "COMPLETE", []),
    "no Move Originator": (["move-no-originator"], "COMPLETE", []),
    "counts one less than it has": (["counts-fewer=1"], "MORE 12 of 11", ["more_than_announced"]),
}


@pytest.mark.parametrize("name", HABITS)
def test_habits_of_the_pacs_itself(simulated: tuple[PluginStack, SimPacs], study: str, name: str) -> None:
    stack, pacs = simulated
    habits, completeness, told = HABITS[name]
    images = ct_series(study, 12)
    push(of_datasets(images), Pacs("127.0.0.1", pacs.port, "HOSPITALPACS"), "CT")
    pacs.habits = Habits.of(*habits)
    expected = 11 if "counts-fewer=1" in habits else 12
    report = stack.report_of(stack.pull(study, expected=expected))
    # Whatever went out while images still came: the report and the last notification have the true verdict.
    notification = until(lambda: saying(stack, study, completeness), 60, completeness, stack)[-1]
    assert (report["outcome"], report["completeness"], kinds(report)) == ("received", completeness, told)
    found = handed_over(notification)
    assert {uid: pixels for uid, (_, pixels) in found.items()} == {
        uid: pixels for uid, (_, pixels) in held(images).items()
    }
    assert len(notification["patientIDs"]) == (2 if told == ["patient_ids_differ"] else 1)
    pacs.habits = Habits.of()
    stack.gone(study)


def test_one_image_in_two_series_of_a_radiograph(stack: PluginStack, study: str) -> None:
    frontal, lateral = dx_series(study), dx_series(study)
    twin = copy.deepcopy(frontal[0])
    twin.SeriesInstanceUID = lateral[0].SeriesInstanceUID
    stack.to_pacs([*frontal, *lateral, twin])
    counts = {str(frontal[0].SeriesInstanceUID): 1, str(lateral[0].SeriesInstanceUID): 2}
    report = stack.report_of(stack.pull(study, expectedSeries=counts, dx=True))
    assert (report["completeness"], report["received"], kinds(report)) == (
        "COMPLETE",
        2,
        ["same_image_twice"],
    )
    stack.gone(study)
