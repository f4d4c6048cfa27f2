"""
The log contract over named scenarios: every line matches the grammar, every row of the grammar occurs.

The PACS is a real Orthanc; a series that it announces but cannot send is one whose files were removed from
its store. Proves the shape of the lines and that they come when they should; not that a site's volume of
lines is bearable.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests

from stack.whole import StackOptions
from tests.support import log_grammar
from tests.support.images.dicom_maker import CHEST_CT, CHEST_DX, Study, store
from tests.support.pacs.orthanc_version import newer_orthanc
from tests.support.waiting import wait_for

from .conftest import QUICK, Pipeline, options

pytestmark = [pytest.mark.server, pytest.mark.e2e]

NOW = datetime.now(ZoneInfo("Asia/Shanghai"))
TODAY = NOW.strftime("%Y%m%d")
END = ("completed", "unsupported_series", "pull_failed", "dead_letter")


@pytest.fixture(scope="module")
def stack_options() -> StackOptions:
    """
    Kernel filter on; the day of the test fixed, so that midnight does no harm; a second alias that gives no
    SERIES level.
    """
    return options(
        switches={"FILTER_KERNEL": True, "KERNELS_UNWANTED": ["B70f"], "STABLE_AGE": 2.0},
        settings={**QUICK, "find_dates": [NOW.date().isoformat()]},
    )


def put(pipeline: Pipeline, study: Study) -> None:
    store(pipeline.hospital, study.images)


def settled(pipeline: Pipeline, study: Study, state: str, baseline: int | None = None) -> None:
    """
    With all its images: where sending them halts for long enough, a part is pulled first.

    Args:
        baseline: The count that the next find is compared with; the study's images when it is not told.
    """
    counted = len(study.images) if baseline is None else baseline

    def is_settled() -> bool:
        story = pipeline.study(study.uid)
        return story is not None and story["state"] in END and story["baseline"] == counted

    wait_for(is_settled, what=lambda: f"{study.name} to be settled: {pipeline.study(study.uid)}")
    assert pipeline.state(study.uid) == state, pipeline.study(study.uid)


def handovers(pipeline: Pipeline, study: Study) -> int:
    story = pipeline.study(study.uid)
    return len(story["handovers"]) if story else 0


def put_with_lost_files(pipeline: Pipeline, study: Study, leave: int) -> None:
    """A study of which the PACS can send only some images. Put there while nobody finds."""
    pipeline.stack.pacs_module.stop()
    put(pipeline, study)
    forget_files(pipeline, study, leave)
    pipeline.stack.hospital.restart()  # what it sent or read lately lies in its storage cache
    pipeline.stack.pacs_module.start()


def forget_files(pipeline: Pipeline, study: Study, leave: int) -> None:
    """Remove files of a study from the PACS's store: it goes on announcing them."""
    hospital = pipeline.stack.hospital
    session = requests.Session()
    session.auth = (hospital.user, hospital.password)
    found = session.post(
        f"{hospital.url}/tools/find",
        json={"Level": "Instance", "Query": {"StudyInstanceUID": study.uid}, "Expand": True},
        timeout=30,
    ).json()
    assert len(found) == len(study.images)
    # Orthanc ends the whole move at the first that it cannot read; 1.10.1 moves the youngest first, 1.12.7 by its own id.
    if newer_orthanc():
        found.sort(key=lambda instance: str(instance["ID"]))
    else:
        found.sort(key=lambda instance: -int(instance["MainDicomTags"]["InstanceNumber"]))
    files = {path.name: path for path in hospital.folder.rglob("*") if path.is_file()}
    for instance in found[leave:]:
        uuid = attachment_uuid(session, hospital.url, instance["ID"], files)
        files[uuid].unlink()


def attachment_uuid(session: requests.Session, url: str, instance: str, files: dict[str, Path]) -> str:
    """
    Name of an instance's file in Orthanc's store, by its content (1.10.1 does not tell the name over REST).
    """
    content = session.get(
        f"{url}/instances/{instance}/file", headers={"Accept-Encoding": "identity"}, timeout=30
    ).content
    return next(name for name, path in files.items() if path.exists() and path.read_bytes() == content)


def a_normal_ct_with_series_of_each_filtered_kind(pipeline: Pipeline) -> None:
    study = Study("NORMAL", TODAY)
    chosen = study.add_series(12, CHEST_CT)
    study.add_series(12, CHEST_CT, BodyPartExamined="HAND")
    study.add_series(
        12,
        CHEST_CT,
        BodyPartExamined="",
        ProtocolName="1.1 HEAD",
        StudyDescription="HEAD",
        SeriesDescription="SKULL 1.25MM",
    )
    study.add_series(12, CHEST_CT, SliceThickness="8")
    study.add_series(2, CHEST_CT, Modality="RF")
    study.add_series(12, CHEST_CT, ImageType=["DERIVED", "SECONDARY", "MPR"])
    study.add_series(12, CHEST_CT, ConvolutionKernel="B70f")
    study.add_series(1, CHEST_CT)
    put(pipeline, study)
    settled(pipeline, study, "completed")
    story = pipeline.study(study.uid)
    assert story is not None
    assert story["handovers"][0]["seriesUID"] == chosen
    assert len(story["filtered"]) == 7


def a_study_that_is_filtered_out(pipeline: Pipeline) -> None:
    study = Study("HEAD", TODAY)
    study.add_series(12, CHEST_CT, BodyPartExamined="HEAD", SeriesDescription="Head 1.0")
    put(pipeline, study)
    settled(pipeline, study, "unsupported_series")
    assert handovers(pipeline, study) == 0


def a_dx_study(pipeline: Pipeline) -> None:
    study = Study("DX", TODAY)
    study.add_series(1, CHEST_DX)
    study.add_series(1, CHEST_DX, SeriesDescription="LAT")
    put(pipeline, study)
    settled(pipeline, study, "completed")
    story = pipeline.study(study.uid)
    assert story is not None
    assert story["handovers"][0]["message"]["seriesnum"] == 2


def a_short_study_is_pulled_again_and_handed_over_marked(pipeline: Pipeline) -> None:
    study = Study("SHORT", TODAY)
    study.add_series(14, CHEST_CT)
    put_with_lost_files(pipeline, study, leave=11)
    settled(pipeline, study, "completed")
    story = pipeline.study(study.uid)
    assert story is not None
    assert story["handovers"][0]["completeness"] == "SHORT 11 of 14"


MAX_COMPANY = 8


def a_study_that_cannot_be_moved(pipeline: Pipeline) -> None:
    study = Study("GONE", TODAY)
    study.add_series(11, CHEST_CT)
    put_with_lost_files(pipeline, study, leave=0)
    for number in range(MAX_COMPANY):  # a failure is the study's own only where others come through beside it
        if (pipeline.study(study.uid) or {}).get("state") == "pull_failed":
            break
        other = Study(f"COMPANY{number}", TODAY)
        other.add_series(11, CHEST_CT)
        put(pipeline, other)
        settled(pipeline, other, "completed")
    settled(pipeline, study, "pull_failed")


def reinform_and_notinform(pipeline: Pipeline) -> None:
    study = Study("GROWS", TODAY)
    first = study.add_series(12, CHEST_CT, SliceThickness="5.0")
    put(pipeline, study)
    settled(pipeline, study, "completed")
    thin = study.add_series(30, CHEST_CT)
    put(pipeline, study)
    wait_for(lambda: handovers(pipeline, study) == 2, what="the thinner series to be handed over")
    settled(pipeline, study, "completed")
    story = pipeline.study(study.uid)
    assert story is not None
    assert [item["seriesUID"] for item in story["handovers"]] == [first, thin]
    study.add_series(1, CHEST_CT, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    put(pipeline, study)
    wait_for(
        lambda: (pipeline.study(study.uid) or {}).get("pull", {}).get("outcome") == "nothing_new",
        what="nothing new",
    )
    settled(pipeline, study, "completed")
    assert handovers(pipeline, study) == 2


def manual_pulls(pipeline: Pipeline) -> None:
    study = Study("MANUAL", "20120428")
    study.add_series(12, CHEST_CT)
    put(pipeline, study)
    for number, asked in enumerate(
        ({"AccessionNumber": "ACCMANUAL"}, {"PatientID": "PIDMANUAL"}, {"StudyInstanceUID": study.uid}), 1
    ):
        answer = pipeline.post("/api/v1/dcm/pull", {**asked, "by": "test"})
        assert [found["studyUID"] for found in answer.json()["studies"]] == [study.uid]
        wait_for(
            lambda number=number: handovers(pipeline, study) == number,  # type: ignore[misc]
            what=f"hand-over {number} of a manual pull",
        )
        settled(pipeline, study, "completed")


def a_person_has_it_computed_again(pipeline: Pipeline) -> None:
    study = Study("REDO", TODAY)
    study.add_series(12, CHEST_CT)
    put(pipeline, study)
    settled(pipeline, study, "completed")
    asked = {"StudyInstanceUID": study.uid, "by": "test", "why": "the doctor asked"}
    assert pipeline.post("/api/v1/dcm/redo", asked).status_code == 200
    wait_for(lambda: handovers(pipeline, study) == 2, what="the second hand-over")
    settled(pipeline, study, "completed")


def a_pushed_study(pipeline: Pipeline) -> None:
    study = Study("PUSHED", "20191224")
    study.add_series(12, CHEST_CT)
    store(pipeline.receiver, study.images)
    # No PACS counted these images, so the first that has the study is asked for it.
    settled(pipeline, study, "completed", baseline=0)
    story = pipeline.study(study.uid)
    assert story is not None
    assert story["handovers"][0]["message"]["isPush"] == 1
    assert story["handovers"][0]["completeness"] == "UNVERIFIED"


def a_pacs_that_tells_no_series_counts(pipeline: Pipeline) -> None:
    """The same PACS, as if it refused SERIES level: the study's count is all there is."""
    module = pipeline.stack.pacs_module
    module.stop()
    module.overrides = {**module.overrides, "pacs": [{"name": "HOSPITAL-PACS", "series_level": False}]}
    module.start()
    study = Study("NOSERIES", TODAY)
    study.add_series(12, CHEST_CT)
    put(pipeline, study)
    settled(pipeline, study, "completed")


SCENARIOS: list[Callable[[Pipeline], None]] = [
    a_normal_ct_with_series_of_each_filtered_kind,
    a_study_that_is_filtered_out,
    a_dx_study,
    a_short_study_is_pulled_again_and_handed_over_marked,
    a_study_that_cannot_be_moved,
    reinform_and_notinform,
    manual_pulls,
    a_person_has_it_computed_again,
    a_pushed_study,
    a_pacs_that_tells_no_series_counts,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_scenario(pipeline: Pipeline, scenario: Callable[[Pipeline], None]) -> None:
    scenario(pipeline)


@pytest.mark.parametrize("log", log_grammar.LOGS)
def test_every_line_matches_and_every_row_occurs(pipeline: Pipeline, log: str) -> None:
    counts = log_grammar.check(log, pipeline.log_lines(log))
    assert [name for name, count in counts.items() if count == 0] == []


@pytest.mark.parametrize("log", log_grammar.LOGS)
def test_the_json_twin_has_the_same_lines_with_their_time(pipeline: Pipeline, log: str) -> None:
    """Both are written on while they are read: a find writes some lines, twice a second."""

    def twin() -> list[dict[str, str]]:
        return [json.loads(line) for line in pipeline.log_lines(log.replace(".log", ".jsonl"))]

    def same() -> bool:
        return [entry["line"] for entry in twin() if "line" in entry] == pipeline.log_lines(log)

    wait_for(same, what="the same lines in both")
    assert all(datetime.fromisoformat(entry["at"]).tzinfo for entry in twin())
