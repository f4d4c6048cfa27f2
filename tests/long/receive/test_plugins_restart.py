"""
The plugins die at any moment and nothing is lost: kill -9 of the receiving Orthanc, an emptied RAM disk, a
deaf pacs_module, a bad setting.

The kills are at fixed instants after the request, not at every line of code: tests/chaos goes further.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from stack.errors import StackError
from tests.fakes.plugin_stack import PluginStack, ct_series, sop_uids, until

pytestmark = pytest.mark.server("orthanc", "orthanc-python")
IMAGES = 150
SET_BACK_BY_AN_HOUR = 2**32 - 3_599_936
"""What Orthanc 1.10.1 noted as the runtime of such a job, in milliseconds (tests/chaos/proofs/test_clocks.py)."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    with PluginStack(tmp_path_factory.mktemp("plugins")) as running:
        yield running


@pytest.fixture
def study() -> str:
    return generate_uid()


def restarted(stack: PluginStack) -> None:
    stack.receiver.kill()
    stack.receiver.start()


def in_journal(stack: PluginStack, query: str, *values: str) -> bool:
    with closing(
        sqlite3.connect(f"file:{stack.receiver.journal}?mode=ro", uri=True, timeout=60)
    ) as connection:
        return connection.execute(query, values).fetchone() is not None


@pytest.mark.parametrize("instant_s", [0.0, 0.1, 0.25, 0.5, 1.0])
def test_kill_at_any_instant_of_a_pull_gives_exactly_one_hand_over(
    stack: PluginStack, study: str, instant_s: float
) -> None:
    images = ct_series(study, IMAGES)
    stack.to_pacs(images + ct_series(study, 12, BodyPartExamined="HEAD", SeriesDescription="Head 1.0"))
    pull = stack.pull(study, expected=IMAGES + 12)
    stack.pause(instant_s)

    restarted(stack)

    report = stack.report_of(pull)
    notifications = stack.recorder.taken("notify", study)
    assert len({one["handoverID"] for one in notifications}) == 1
    assert sop_uids(Path(notifications[0]["filepath"])) == {str(image.SOPInstanceUID) for image in images}
    assert (report["outcome"], report["completeness"]) == ("received", "COMPLETE")
    stack.gone(study)


def test_kill_while_pushed_images_wait_for_stable_age(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 12)
    stack.to_pacs(images)
    stack.push(images)
    until(lambda: stack.lines(f"new study: {study}"), 90, "new study", stack)
    restarted(stack)
    (notification,) = until(lambda: stack.recorder.taken("notify", study), 90, "notification", stack)
    assert (notification["isPush"], notification["numberReceived"]) == (1, 12)
    stack.gone(study)


def test_filter_lines_are_not_written_again_after_a_restart(stack: PluginStack, study: str) -> None:
    images = ct_series(study, 12, SliceThickness="8")
    stack.to_pacs(images)
    stack.push(images)
    series = str(images[0].SeriesInstanceUID)
    judged = "SELECT 1 FROM series WHERE series_uid = ?"
    until(
        lambda: in_journal(stack, judged, series),
        90,
        "a journaled verdict, which its line comes before",
        stack,
    )
    restarted(stack)
    until(lambda: stack.recorder.taken("notify", study), 90, "notification", stack)
    assert len(stack.lines(f"{series} filter because")) == 1
    assert len(stack.lines(f"new study: {study}")) == 1


def test_notification_is_sent_again_until_acknowledged_also_after_a_restart(
    stack: PluginStack, study: str
) -> None:
    stack.to_pacs(ct_series(study, 12))
    stack.recorder.status = 503
    try:
        pull = stack.pull(study, expected=12)
        until(
            lambda: [b for _, b in stack.recorder.messages if b["studyUID"] == study], 90, "an attempt", stack
        )
        restarted(stack)
        stack.gone(study)
        assert stack.recorder.taken("notify", study) == []
    finally:
        stack.recorder.status = 200
    stack.get("/aipull/status")  # whoever speaks to the plugins ends their pauses
    report = stack.report_of(pull)
    assert report["outcome"] == "received"
    messages = stack.recorder.messages
    sent = [body for path, body in messages if "notify" in path and body["studyUID"] == study]
    assert len({body["handoverID"] for body in sent}) == 1
    assert len(stack.recorder.taken("notify", study)) == 1


def test_refused_notification_is_kept(stack: PluginStack, study: str) -> None:
    stack.to_pacs(ct_series(study, 12))
    stack.recorder.status = 422
    try:
        stack.pull(study, expected=12)
        kept = "pacs_module did not take a message"
        until(lambda: [one for one in stack.events(kept) if one["studyUID"] == study], 90, "refusal", stack)
        assert stack.get("/aipull/status").json()["counts"]["outbox"] >= 1
    finally:
        stack.recorder.status = 200
    restarted(stack)
    until(lambda: stack.recorder.taken("notify", study), 90, "notification", stack)


def test_parked_study_survives_a_restart(stack: PluginStack, study: str) -> None:
    stack.to_pacs(ct_series(study, 12))
    assert stack.report_of(stack.pull(study, expected=15))["outcome"] == "short"
    restarted(stack)
    assert study in stack.studies_here()
    report = stack.report_of(stack.pull(study, expected=15, final=True))
    assert (report["outcome"], report["completeness"]) == ("received", "SHORT 12 of 15")


def test_unfinished_hand_overs_are_removed_and_given_ones_stay(stack: PluginStack, study: str) -> None:
    stack.to_pacs(ct_series(study, 12))
    stack.report_of(stack.pull(study, expected=12))
    given = Path(stack.recorder.taken("notify", study)[0]["filepath"])
    stack.gone(study)
    unfinished = [stack.receiver.handover_folder / name for name in (".tmp-abc", "never-journaled")]
    for folder in unfinished:
        folder.mkdir()
    restarted(stack)
    until(lambda: not any(folder.exists() for folder in unfinished), 60, "sweep", stack)
    assert len(list(given.iterdir())) == 12


def test_emptied_ram_disk_begins_running_pulls_again_and_forgets_lost_hand_overs(
    stack: PluginStack, study: str
) -> None:
    images = ct_series(study, 12)
    stack.to_pacs(images)
    stack.report_of(stack.pull(study, expected=12))
    stack.gone(study)
    other = generate_uid()
    stack.to_pacs(ct_series(other, IMAGES))
    pull = stack.pull(other, expected=IMAGES)

    stack.receiver.kill()
    for inside in stack.ram_disk.iterdir():
        shutil.rmtree(inside)
    epoch = stack.events("new index in Orthanc")[-1]["epoch"]
    stack.receiver.start()

    assert stack.report_of(pull)["outcome"] == "received"
    assert stack.events("new index in Orthanc")[-1]["epoch"] != epoch
    # not forced, nothing new, but the earlier hand-over went with the RAM disk
    assert stack.report_of(stack.pull(study, expected=12))["outcome"] == "received"
    last = stack.recorder.taken("notify", study)[-1]
    assert sop_uids(Path(last["filepath"])) == {str(image.SOPInstanceUID) for image in images}


def by_hand(stack: PluginStack, study: str) -> None:
    """A job of Orthanc's own, as somebody makes one in its web page: our pulls are none."""
    query = stack.post(
        "/modalities/HOSPITAL-PACS/query", {"Level": "Study", "Query": {"StudyInstanceUID": study}}
    ).json()["ID"]
    job = stack.post(f"/queries/{query}/retrieve", {"TargetAet": "AIPULL", "Asynchronous": True}).json()["ID"]
    until(lambda: stack.get(f"/jobs/{job}").json()["State"] == "Success", 60, "the job", stack)


def test_a_job_during_which_the_clock_was_set_back_does_not_keep_orthanc_from_its_next_start(
    stack: PluginStack, study: str
) -> None:
    stack.to_pacs(ct_series(study, 12))
    by_hand(stack, study)
    pid = stack.receiver.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGTERM)  # in order, however long it takes: Orthanc has written its jobs down
    until(lambda: not stack.receiver.process.is_alive(), 120, "Orthanc's end", stack)
    index = stack.ram_disk / "index" / "index"
    with closing(sqlite3.connect(index)) as connection, connection:
        (text,) = connection.execute("SELECT value FROM GlobalProperties WHERE property = 5").fetchone()
        registry = json.loads(text)
        job = next(iter(registry["Jobs"]))
        registry["Jobs"][job]["Runtime"] = SET_BACK_BY_AN_HOUR
        connection.execute("UPDATE GlobalProperties SET value = ? WHERE property = 5", [json.dumps(registry)])
    stack.receiver.start()
    assert stack.events("runtimes of jobs")[-1]["jobs"] == [job]
    other = generate_uid()
    stack.to_pacs(ct_series(other, 12))
    assert stack.report_of(stack.pull(other, expected=12))["outcome"] == "received"


def test_pacs_that_is_down_is_a_failed_pull_and_no_stall_for_others(stack: PluginStack, study: str) -> None:
    stack.to_pacs(ct_series(study, 12))
    stack.hospital.kill()
    try:
        report = stack.report_of(stack.pull(study, expected=12))
        assert (report["outcome"], report["received"]) == ("failed", 0)
        assert report["message"]
    finally:
        stack.hospital.start()
    assert stack.report_of(stack.pull(study, expected=12))["outcome"] == "received"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "KEYWORD = ['CHEST']",
            "KEYWORD = ['CHEST'] is not allowed: there is no such switch; did you mean KEYWORDS?",
        ),
        ("STABLE_AGE = 'long'", "STABLE_AGE = 'long' is not allowed: a number, 0 to 1e9"),
        ("DELETE_AFTER_SEND = False", "DELETE_AFTER_SEND = False is not allowed: True, because the store"),
        ("KEYWORDS = [", "line 1' is not allowed: Python assignments"),
    ],
)
def test_bad_switch_stops_the_start(stack: PluginStack, line: str, words: str) -> None:
    good = stack.site.read_text(encoding="utf-8")
    stack.receiver.stop()
    stack.site.write_text(line + "\n", encoding="utf-8")
    try:
        with pytest.raises(StackError):
            stack.receiver.start()
        assert words in stack.orthanc_log()
    finally:
        stack.site.write_text(good, encoding="utf-8")
        stack.receiver.start()
