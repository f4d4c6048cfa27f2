"""
The plugins in a real Orthanc against a real Orthanc as PACS: what is pulled or pushed ends as one right
hand-over.

Does not prove anything about other PACS than Orthanc, nor about speed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pydicom.uid import generate_uid

from tests.fakes.plugin_stack import PluginStack, ct_series, dx_series, sop_uids, until
from tests.support import log_grammar

pytestmark = pytest.mark.server("orthanc", "orthanc-python")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    site = "STABLE_AGE = 3.0\nFILTER_KERNEL = True\nKERNELS_UNWANTED = ['B70f']\n"
    with PluginStack(tmp_path_factory.mktemp("plugins"), site) as running:
        yield running
        counts = log_grammar.check(
            "orthanc-python.log", running.lines()
        )  # every line that the module's tests caused
        assert [name for name, count in counts.items() if count == 0] == []


@pytest.fixture
def study() -> str:
    return generate_uid()


def test_nothing_of_the_index_is_noted_on_a_disk(stack: PluginStack) -> None:
    (told,) = stack.events("where SQLite notes changes of the index")
    assert told["inMemory"] is True


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


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"BodyPartExamined": "HAND"}, "filter because BodyPartExamined HAND"),
    (
        {
            "BodyPartExamined": None,
            "ProtocolName": "1.1 HEAD",
            "StudyDescription": "HEAD",
            "SeriesDescription": "SKULL",
        },
        (
            "filter because BodyPartExamined: ProtocolName:1.1 HEAD StudyDescription:HEAD "
            "SeriesDescription:SKULL ImageComments:"
        ),
    ),
    ({"SliceThickness": "8"}, "filter because SliceThickness 8"),
    ({"Modality": "RF"}, "filter because Modality RF"),
    ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, r"filter because ImageType DERIVED\SECONDARY\MPR"),
    ({"ConvolutionKernel": "B70f"}, "filter because ConvolutionKernel B70f"),
    ({"SeriesDescription": "count"}, "filter because instance nums 3 < 10"),
    (
        {"BodyPartExamined": None, "ProtocolName": None, "StudyDescription": "头", "SeriesDescription": None},
        (
            "filter because BodyPartExamined: ProtocolName: StudyDescription:头 [e5 a4 b4] "
            "SeriesDescription: ImageComments:"
        ),
    ),
]


def test_each_filter_writes_its_line_and_a_study_without_series_is_filtered_out(
    stack: PluginStack, study: str
) -> None:
    series = {line: ct_series(study, 3, **values) for values, line in FILTERS}
    stack.to_pacs([image for images in series.values() for image in images])

    report = stack.report_of(stack.pull(study, expected=3 * len(FILTERS)))

    for line, images in series.items():
        assert stack.lines(f"A1 P1 {study} {images[0].SeriesInstanceUID} filter") == [
            f"A1 P1 {study} {images[0].SeriesInstanceUID} {line}"
        ]
    assert stack.lines(f"A1 P1 {study} study is filtered out")
    assert report["outcome"] == "filtered"
    assert {one["because"] for one in report["series"]} == {
        line.removeprefix("filter because ") for line in series
    }
    (notification,) = stack.recorder.taken("notify", study)
    assert (notification["statecode"], notification["numberReceived"], notification["filepath"]) == (
        801,
        0,
        "",
    )
    stack.gone(study)


def test_chinese_keyword_in_a_description_is_taken(stack: PluginStack, study: str) -> None:
    stack.to_pacs(
        ct_series(study, 12, BodyPartExamined=None, ProtocolName=None, SeriesDescription="胸部平扫 1mm")
    )
    assert stack.report_of(stack.pull(study, expected=12))["outcome"] == "received"


def test_text_whose_charset_was_never_declared_is_taken(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 12, BodyPartExamined=None, ProtocolName=None, SeriesDescription="x")
    for image in images:
        image.SpecificCharacterSet = "ISO_IR 100"
        image.SeriesDescription = "胸部".encode("gbk").decode("latin-1")
    stack.to_pacs(images)
    assert stack.report_of(stack.pull(study, expected=12))["outcome"] == "received"


def test_short_is_reported_and_parked_then_the_final_pull_hands_it_over(
    stack: PluginStack, study: str
) -> None:
    images = ct_series(study, 12)
    uid = str(images[0].SeriesInstanceUID)
    stack.to_pacs(images)

    short = stack.report_of(stack.pull(study, expected=15, expectedSeries={uid: 15}))
    assert (short["outcome"], short["completeness"]) == ("short", "SHORT 12 of 15")
    assert stack.recorder.taken("notify", study) == []
    assert study in stack.studies_here()
    assert stack.lines(f"completeness check failed: series {uid} in pacs is 15,  we have 12")

    final = stack.report_of(stack.pull(study, expected=15, expectedSeries={uid: 15}, final=True))
    assert (final["outcome"], final["completeness"]) == ("received", "SHORT 12 of 15")
    (notification,) = stack.recorder.taken("notify", study)
    assert (notification["numberReceived"], notification["completeness"]) == (12, "SHORT 12 of 15")
    stack.gone(study)


def test_short_then_the_missing_images_complete_it(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 12)
    stack.to_pacs(images[:11])
    assert stack.report_of(stack.pull(study, expected=12))["outcome"] == "short"
    stack.to_pacs(images[11:])
    report = stack.report_of(stack.pull(study, expected=12))
    assert (report["outcome"], report["completeness"]) == ("received", "COMPLETE")
    (notification,) = stack.recorder.taken("notify", study)
    assert sop_uids(Path(notification["filepath"])) == {str(image.SOPInstanceUID) for image in images}
    stack.gone(study)


def test_without_counts_it_is_unverified_after_stable_age(stack: PluginStack, study: str) -> None:
    stack.to_pacs(ct_series(study, 12))
    report = stack.report_of(stack.pull(study))
    assert (report["outcome"], report["completeness"]) == ("received", "UNVERIFIED")
    assert stack.lines(f"stable study: {study}")


def test_study_that_the_pacs_does_not_have_is_a_failed_pull(stack: PluginStack, study: str) -> None:
    report = stack.report_of(stack.pull(study, expected=12))
    assert (report["outcome"], report["received"]) == ("failed", 0)
    assert f"does not have study {study}" in report["message"]


def test_more_instances_are_reinformed_fewer_are_not(stack: PluginStack, study: str) -> None:
    first = ct_series(study, 12)
    stack.to_pacs(first)
    stack.report_of(stack.pull(study, expected=12))
    stack.gone(study)

    again = stack.report_of(stack.pull(study, expected=12))
    assert again["outcome"] == "nothing_new"
    assert stack.lines(f"notinform {study} has no more instances this time")
    stack.gone(study)

    thinner = ct_series(study, 20, SliceThickness="0.6")
    stack.to_pacs(thinner)
    more = stack.report_of(stack.pull(study, expected=32))
    assert more["outcome"] == "received"
    (line,) = stack.lines(f"reinform {study} last is 12;now ")
    assert line.endswith(f" {thinner[0].SeriesInstanceUID} is 20")
    stack.gone(study)

    asked = stack.report_of(stack.pull(study, expected=32, forced=True))
    assert asked["outcome"] == "received"
    folders = [message["filepath"] for message in stack.recorder.taken("notify", study)]
    assert len(folders) == 3
    assert folders[2] == f"{folders[1]}-2"
    assert len({message["handoverID"] for message in stack.recorder.taken("notify", study)}) == 3


def test_dx_is_handed_over_whole(stack: PluginStack, study: str) -> None:
    no_word = {"BodyPartExamined": "", "ProtocolName": "", "StudyDescription": "", "SeriesDescription": "LAT"}
    frontal, lateral = dx_series(study), dx_series(study, Modality="CR", **no_word)
    stack.to_pacs(frontal + lateral)
    report = stack.report_of(stack.pull(study, expected=2, dx=True))
    assert report["outcome"] == "received"
    (notification,) = stack.recorder.taken("notify", study)
    assert (notification["seriesnum"], notification["numberReceived"]) == (2, 2)
    folder = Path(notification["filepath"])
    assert sop_uids(folder) == {str(image.SOPInstanceUID) for image in frontal + lateral}
    assert {Path(one["filepath"]).parent for one in notification["series"]} == {folder}
    assert len({one["seriesUID"] for one in notification["series"]}) == 2
    assert not stack.lines(f"study {study} thickest")


def test_pushed_images_are_handed_over_after_stable_age(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 12)
    stack.to_pacs(images)
    stack.push(images)
    (notification,) = until(lambda: stack.recorder.taken("notify", study), 90, "notification", stack)
    assert (notification["isPush"], notification["pullID"], notification["completeness"]) == (
        1,
        "",
        "UNVERIFIED",
    )
    assert notification["numberReceived"] == 12
    stack.gone(study)


def test_pushed_images_are_counted_against_what_the_pacs_has(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 12)
    told = {"pullID": "", "studyUID": study, "pacs": "HOSPITAL-PACS", "expected": 12}
    stack.recorder.announced[study] = {**told, "expectedSeries": {str(images[0].SeriesInstanceUID): 12}}
    stack.to_pacs(images)
    stack.push(images)
    (notification,) = until(lambda: stack.recorder.taken("notify", study), 60, "notification", stack)
    assert (notification["isPush"], notification["completeness"], notification["numberReceived"]) == (
        1,
        "COMPLETE",
        12,
    )
    stack.gone(study)


def test_series_level_pulls_only_what_was_asked_for(stack: PluginStack, study: str) -> None:
    wanted, second, other = (
        ct_series(study, 12),
        ct_series(study, 11, SliceThickness="2.0"),
        ct_series(study, 15),
    )
    stack.to_pacs(wanted + second + other)
    uids = [str(one[0].SeriesInstanceUID) for one in (wanted, second, other)]
    ended = stack.report_of(
        stack.pull(
            study,
            level="SERIES",
            seriesUIDs=uids[:2],
            expected=38,
            expectedSeries={uids[0]: 12, uids[1]: 11, uids[2]: 15},
            filtered={uids[2]: "SliceThickness 8"},
        )
    )
    assert (ended["outcome"], ended["completeness"]) == ("received", "COMPLETE")
    by_uid = {one["seriesUID"]: one for one in ended["series"]}
    assert by_uid[uids[2]]["because"] == "SliceThickness 8"
    assert by_uid[uids[2]]["received"] == 0

    def told() -> list[int]:
        return [one["received"] for one in stack.recorder.taken("pull_report", study)]

    # The chosen series may be whole, and handed over, before the last images of the other one are here.
    until(lambda: 23 in told(), 60, "a report of all 23 images", stack)
    assert max(told()) == 23
    (notification,) = stack.recorder.taken("notify", study)
    assert notification["seriesUID"] == uids[0]


def test_series_that_a_person_named_skips_the_filter(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 3, BodyPartExamined="HEAD", SeriesDescription="Head 1.0")
    stack.to_pacs(images)
    report = stack.report_of(
        stack.pull(study, expected=3, skipFilter=[str(images[0].SeriesInstanceUID)], priority=4)
    )
    assert report["outcome"] == "received"
    assert stack.recorder.taken("notify", study)[0]["priorities"] == 4


def test_late_images_after_the_hand_over_are_not_lost(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 30)
    stack.to_pacs(images)
    stack.pull(study, expected=12)  # the PACS has more than it told: proved complete early
    every = {str(image.SOPInstanceUID) for image in images}

    def all_handed_over() -> bool:
        return any(
            sop_uids(Path(one["filepath"])) == every for one in stack.recorder.taken("notify", study)[-1:]
        )

    until(all_handed_over, 120, "all of them in the last hand-over", stack)
    stack.gone(study)


def test_other_series_that_come_after_the_hand_over_do_not_make_a_second_one(
    stack: PluginStack, study: str
) -> None:
    thin, thick = ct_series(study, 12), ct_series(study, 11, SliceThickness="5.0")
    stack.to_pacs(thin + thick)
    uid = str(thin[0].SeriesInstanceUID)
    known = ""  # what pacs_module says of every study that it pulls for the first time
    pull = stack.pull(study, level="SERIES", seriesUIDs=[uid], expectedSeries={uid: 12}, knownHandover=known)
    assert stack.report_of(pull)["outcome"] == "received"
    stack.push(thick)
    stack.gone(study)
    late = stack.recorder.taken("pull_report", study)[-1]
    assert (late["pullID"], late["outcome"], late["received"]) == ("", "nothing_new", 23)
    (notification,) = stack.recorder.taken("notify", study)
    assert notification["seriesUID"] == uid


def test_release_removes_the_folder_and_may_be_repeated(stack: PluginStack, study: str) -> None:
    stack.to_pacs(ct_series(study, 12))
    stack.report_of(stack.pull(study, expected=12))
    notification = stack.recorder.taken("notify", study)[0]
    assert Path(notification["filepath"]).is_dir()
    for expected in ({"released": True}, {"released": True}):
        answer = stack.post("/aipull/release", {"handoverID": notification["handoverID"]})
        assert (answer.status_code, answer.json()) == (200, expected)
    assert not Path(notification["filepath"]).exists()
    assert stack.post("/aipull/release", {"handoverID": "../../etc"}).json() == {"released": False}


def test_api_answers(stack: PluginStack, study: str) -> None:
    assert stack.get("/aipull/status").json()["counts"].keys() >= {"pullsRunning", "outbox"}
    assert stack.get("/aipull/pulls/unknown").status_code == 404
    bad = stack.post(
        "/aipull/pulls", {"pullID": "x", "studyUID": study, "pacs": "HOSPITAL-PACS", "level": "IMAGE"}
    )
    assert bad.status_code == 400
    assert {**bad.json(), "message": ""} == {
        "key": "level",
        "value": "IMAGE",
        "allowed": "STUDY or SERIES",
        "message": "",
    }
    assert (
        stack.post("/aipull/pulls", {"pullID": "x", "studyUID": study, "pacs": "NOWHERE"}).status_code == 404
    )
    room = stack.get("/aipull/status").json()["room"]
    assert room["totalBytes"] >= room["freeBytes"] > 0
    assert room["alarm"] is (room["freeBytes"] < 0.15 * room["totalBytes"])
    assert (
        stack.post("/aipull/verdicts", {"lines": ["A P 1.2 1.2.3 filter because Modality RF"]}).status_code
        == 200
    )
    assert stack.lines("A P 1.2 1.2.3 filter because Modality RF")
    assert stack.post("/aipull/verdicts", {"lines": 3}).status_code == 400
    assert stack.get("/aipull/pulls").status_code == 405


def test_pulls_are_idempotent_and_answered_with_their_report(stack: PluginStack, study: str) -> None:
    stack.to_pacs(ct_series(study, 12))
    body: dict[str, Any] = {
        "pullID": f"id-{study}",
        "studyUID": study,
        "pacs": "HOSPITAL-PACS",
        "expected": 12,
    }
    assert stack.post("/aipull/pulls", body).json() == {"status": "running"}
    assert stack.post("/aipull/pulls", body).status_code == 200
    report = stack.report_of(body["pullID"])
    assert stack.get(f"/aipull/pulls/{body['pullID']}").json() == {"status": "ended", "report": report}
    assert stack.post("/aipull/pulls", body).json() == {"status": "ended"}
    assert len(stack.recorder.taken("notify", study)) == 1


def test_api_needs_the_password(stack: PluginStack) -> None:
    assert requests.get(stack.receiver.url + "/aipull/status", timeout=5).status_code == 401
