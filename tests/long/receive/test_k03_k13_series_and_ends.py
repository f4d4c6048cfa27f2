"""
One image does not speak for a series (K3), "not told" is not "all there" (K11, K13), the reasons shown are
true (K9).

The plugins in a real Orthanc, with a real Orthanc and the simulated PACS. Does not prove anything about the
rules themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from hospital_sim.pacs import SimPacs
from hospital_sim.pacs.habits import Habits
from hospital_sim.sending.scu import Pacs
from hospital_sim.sending.stranger import of_datasets, push
from tests.fakes.plugin_stack import PluginStack, ct_series, dx_series, sop_uids, until

pytestmark = pytest.mark.server("orthanc", "orthanc-python")


ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
HEAD: dict[str, Any] = {"BodyPartExamined": "HEAD", "SeriesDescription": "Head 1.0", "ProtocolName": "Head"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PluginStack, SimPacs]]:
    with (
        SimPacs(ae_title="HOSPITALPACS") as pacs,
        PluginStack(tmp_path_factory.mktemp("plugins"), pacs_port=pacs.port) as running,
    ):
        pacs.destinations["AIPULL"] = ("127.0.0.1", running.receiver.ports.dicom)
        yield running, pacs


@pytest.fixture
def stack(both: tuple[PluginStack, SimPacs]) -> PluginStack:
    return both[0]


@pytest.fixture
def pacs(both: tuple[PluginStack, SimPacs]) -> Iterator[SimPacs]:
    yield both[1]
    both[1].habits = Habits.of()


@pytest.fixture
def study() -> str:
    return generate_uid()


def has(pacs: SimPacs, images: Sequence[Dataset]) -> None:
    push(of_datasets(images), Pacs("127.0.0.1", pacs.port, "HOSPITALPACS"), "CT")


def uids(images: Sequence[Dataset]) -> set[str]:
    return {str(image.SOPInstanceUID) for image in images}


def placed(images: list[Dataset]) -> list[Dataset]:
    for place, image in enumerate(images):
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [0, 0, float(place)]
    return images


def localizer(study: str, series: str, number: int) -> Dataset:
    kind: dict[str, Any] = {
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "SliceThickness": "1.0",
        "ConvolutionKernel": None,
    }
    (image,) = ct_series(study, 1, first=number, series_uid=series, **kind)
    image.ImageOrientationPatient, image.ImagePositionPatient = [0, 1, 0, 0, 0, -1], [0, 0, 0]
    return image


@pytest.mark.parametrize("number", [0, 12, 99])
@pytest.mark.parametrize("with_positions", [True, False])
def test_localizer_inside_a_chest_series_whatever_the_order(
    stack: PluginStack, pacs: SimPacs, study: str, number: int, with_positions: bool
) -> None:
    chest = ct_series(study, 24)
    if with_positions:
        placed(chest)
    scout = localizer(study, str(chest[0].SeriesInstanceUID), number)
    has(pacs, [scout, *chest] if number == 0 else [*chest[:number], scout, *chest[number:]])
    report = stack.report_of(stack.pull(study, expected=25))
    (notification,) = stack.recorder.taken("notify", study)
    assert (report["outcome"], report["completeness"], report["received"]) == ("received", "COMPLETE", 25)
    assert notification["numberReceived"] == 24
    assert sop_uids(Path(notification["filepath"])) == uids(chest)
    (series,) = report["series"]
    assert series["verdict"]["images"].startswith("24 of 25 images")
    manifest = json.loads(Path(notification["filepath"] + ".manifest.json").read_text(encoding="utf-8"))
    (odd,) = manifest["oddImages"]
    assert (odd["leftOut"], [one["sopInstanceUID"] for one in odd["images"]]) == (
        True,
        [str(scout.SOPInstanceUID)],
    )
    stack.gone(study)


def test_slices_of_another_thickness_and_a_page_are_told_apart(
    stack: PluginStack, pacs: SimPacs, study: str
) -> None:
    chest = placed(ct_series(study, 30))
    series = str(chest[0].SeriesInstanceUID)
    thick = ct_series(study, 3, first=50, series_uid=series, SliceThickness="8.0")
    page = ct_series(study, 1, first=60, series_uid=series, ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    has(pacs, [*page, *thick, *chest])
    report = stack.report_of(stack.pull(study, expected=34))
    (notification,) = stack.recorder.taken("notify", study)
    assert (report["outcome"], notification["numberReceived"]) == ("received", 30)
    assert sop_uids(Path(notification["filepath"])) == uids(chest)
    stack.gone(study)


def enhanced(study: str, objects: int, frames: int) -> list[Dataset]:
    """Enhanced CT: what a slice is stands in its functional groups (PS3.3 A.38)."""
    volume = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    images = ct_series(study, objects, SOPClassUID=ENHANCED_CT, ImageType=volume, SliceThickness=None)
    for number, image in enumerate(images):
        image.NumberOfFrames, image.Rows, image.Columns = frames, 2, 2
        image.PixelData = bytes(8 * frames)
        image.SharedFunctionalGroupsSequence = [
            item(
                PixelMeasuresSequence=[item(SliceThickness="1.0", PixelSpacing=[1, 1])],
                PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
                CTImageFrameTypeSequence=[item(FrameType=volume)],
            )
        ]
        places = range(number * frames, (number + 1) * frames)
        image.PerFrameFunctionalGroupsSequence = [
            item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, place])]) for place in places
        ]
    return images


def item(**values: Any) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(("objects", "frames"), [(8, 168), (1, 300), (24, 1)])
def test_enhanced_ct_is_taken_by_its_frames(
    stack: PluginStack, pacs: SimPacs, study: str, objects: int, frames: int
) -> None:
    images = enhanced(study, objects, frames)
    has(pacs, images)
    report = stack.report_of(stack.pull(study, expected=objects))
    (notification,) = stack.recorder.taken("notify", study)
    assert (report["outcome"], report["completeness"]) == ("received", "COMPLETE")
    assert sop_uids(Path(notification["filepath"])) == uids(images)
    assert report["series"][0]["attributes"]["frames"] == str(objects * frames)
    stack.gone(study)


def test_a_series_of_nothing_but_localizers_is_dropped(stack: PluginStack, pacs: SimPacs, study: str) -> None:
    series = generate_uid()
    has(pacs, [localizer(study, series, number) for number in range(12)])
    report = stack.report_of(stack.pull(study, expected=12))
    assert (report["outcome"], report["series"][0]["outcome"]) == ("filtered", "filtered")
    stack.gone(study)


@pytest.mark.parametrize("habit", ["move-dies=1", "move-ends-early=C000x1", "move-b000=4x1"])
def test_a_pull_that_failed_is_pulled_again_even_without_counts(
    stack: PluginStack, pacs: SimPacs, study: str, habit: str
) -> None:
    images = ct_series(study, 20)
    has(pacs, images)
    pacs.habits = Habits.of("no-counts", habit)
    report = stack.report_of(stack.pull(study))
    assert (report["outcome"], report["completeness"]) == ("short", "UNVERIFIED")
    assert stack.recorder.taken("notify", study) == []
    again = stack.report_of(stack.pull(study))
    assert again["outcome"] == "received"
    assert sop_uids(Path(stack.recorder.taken("notify", study)[0]["filepath"])) == uids(images)
    stack.gone(study)


def test_a_radiographs_second_view_that_was_announced_without_a_count_is_expected(
    stack: PluginStack, pacs: SimPacs, study: str
) -> None:
    frontal, lateral = dx_series(study), dx_series(study)
    named = {
        str(one[0].SeriesInstanceUID): {"Modality": "DX", "BodyPartExamined": "CHEST"}
        for one in (frontal, lateral)
    }
    has(pacs, frontal)
    report = stack.report_of(stack.pull(study, dx=True, announced=named))
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 1 of 2 series")
    missing = {one["seriesUID"]: one["outcome"] for one in report["series"]}
    assert missing[str(lateral[0].SeriesInstanceUID)] == "missing"
    has(pacs, lateral)
    report = stack.report_of(stack.pull(study, dx=True, announced=named))
    assert report["outcome"] == "received"
    assert sop_uids(Path(stack.recorder.taken("notify", study)[0]["filepath"])) == uids(frontal + lateral)
    stack.gone(study)


@pytest.mark.parametrize("known", ["study", "one series"])
def test_of_14_announced_3_of_dropped_series_come(
    stack: PluginStack, pacs: SimPacs, study: str, known: str
) -> None:
    head, chest = ct_series(study, 3, **HEAD), ct_series(study, 11)
    has(pacs, head)
    counts = {} if known == "study" else {"expectedSeries": {str(head[0].SeriesInstanceUID): 3}}
    report = stack.report_of(stack.pull(study, expected=14, **counts))
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 3 of 14")
    assert stack.recorder.taken("notify", study) == []
    has(pacs, chest)
    assert stack.report_of(stack.pull(study, expected=14, **counts))["outcome"] == "received"
    stack.gone(study)


def test_what_became_of_each_series_is_told_with_its_reason(
    stack: PluginStack, pacs: SimPacs, study: str
) -> None:
    thin, thick = ct_series(study, 20), ct_series(study, 12, SliceThickness="5.0")
    head = ct_series(study, 12, **HEAD)
    has(pacs, [*thick, *head, *thin])
    report = stack.report_of(stack.pull(study, expected=44))
    told = {one["seriesUID"]: (one["outcome"], one["outcomeWhy"], one["because"]) for one in report["series"]}
    assert told[str(thin[0].SeriesInstanceUID)][0] == "handed_over"
    outcome, why, _ = told[str(thick[0].SeriesInstanceUID)]
    assert (outcome, why.split(":")[0]) == ("kept_back", "thickness")
    assert told[str(head[0].SeriesInstanceUID)][::2] == ("filtered", "BodyPartExamined HEAD")
    stack.gone(study)


def test_a_study_of_dropped_series_names_their_reasons(stack: PluginStack, pacs: SimPacs, study: str) -> None:
    has(pacs, ct_series(study, 12, **HEAD) + ct_series(study, 12, **HEAD))
    stack.report_of(stack.pull(study, expected=24))
    (notification,) = stack.recorder.taken("notify", study)
    assert notification["message"] == "every series was filtered out: 2 x BodyPartExamined HEAD"
    stack.gone(study)


def test_a_scout_after_the_chosen_series_has_its_own_verdict(
    stack: PluginStack, pacs: SimPacs, study: str
) -> None:
    chest = placed(ct_series(study, 20))
    uid, other = str(chest[0].SeriesInstanceUID), generate_uid()
    has(pacs, [*chest, *(localizer(study, other, number) for number in range(2))])
    announced = {
        uid: {"Modality": "CT", "BodyPartExamined": "CHEST", "SliceThickness": "1.0"},
        other: {"Modality": "CT"},
    }
    report = stack.report_of(
        stack.pull(study, expected=22, expectedSeries={uid: 20, other: 2}, announced=announced)
    )

    def verdict() -> dict[str, Any]:
        """Of the scout; empty while it is only missing: it may come after the report."""
        told = {one["seriesUID"]: one for one in [*report["series"], *late_reports(stack, study)]}
        return told[other] if told[other]["outcome"] != "missing" else {}

    judged = until(verdict, 60, "the scout's verdict", stack)
    assert judged["outcome"] == "filtered"
    assert "LOCALIZER" in judged["because"]
    stack.gone(study)


def late_reports(stack: PluginStack, study: str) -> list[dict[str, Any]]:
    reports = [one for one in stack.recorder.taken("pull_report", study) if not one["pullID"]]
    return [series for report in reports for series in report["series"]]


def test_why_a_reception_is_open_can_be_asked(stack: PluginStack, pacs: SimPacs, study: str) -> None:
    has(pacs, ct_series(study, 12))
    pacs.habits = Habits.of("move-slow=0.3")
    pull = stack.pull(study, expected=12)
    asked = f"/aipull/receptions/{study}"
    until(lambda: stack.get(asked).status_code == 200, 30, "a reception", stack)
    until(lambda: stack.get(asked).json()["whyOpen"] is not None, 30, "a look at it", stack)
    told = stack.get(asked).json()
    assert told["state"] == "open"
    assert told["whyOpen"]["reason"] in ("pull_runs", "series_incomplete")
    assert stack.report_of(pull)["outcome"] == "received"
    assert stack.get("/aipull/receptions/1.2.3").status_code == 404
    stack.gone(study)
