"""
kill -9 while a patient is forgotten, and while the night removes what is older than its age: run again, nothing is
half gone, and a study that is still open is neither touched nor lost.

Looked for as bytes in store, journal, logs and reports, as tests/long/recover/test_retention.py does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from pacs_module.shared import crash_points
from tests.chaos.audit.auditor import read_documents
from tests.chaos.rig.harness import SETTINGS, Rig
from tests.chaos.rig.small_day import Day
from tests.long.recover.test_retention import forget, found, identifiers
from tests.support.images.dicom_maker import Study

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]
DAYS = 30
PARTS = 9
"""Of the nightly job as it is set up here."""
STEPS = ("patient_at_plugins", "patient_in_files", "patient_noted", "patient_removed")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    folder = tmp_path
    key = str(folder / "pseudonym.key")
    privacy = {"keep_days": DAYS, "key_file": key, "log_without_identifiers": True}
    # An open study waits at the backend for longer than the test takes.
    settings = {**SETTINGS, "privacy": privacy, "backend": {**SETTINGS["backend"], "result_timeout_s": 900.0}}
    options = {"settings": settings, "orthanc_environment": {"AIPULL_LOG_KEY_FILE": key}}
    with Rig(folder, options) as made:
        yield made


def document(rig: Rig, study: Study) -> dict[str, Any] | None:
    return read_documents(rig.store).get(study.uid)


def open_study(rig: Rig, name: str) -> tuple[Day, Path]:
    """A day of which one study is being computed until the file that is given is removed."""
    waits = rig.faults / "computing.waits"
    rig.arm("computing", str(waits))
    day = rig.send_day(name)
    rig.wait(waits.exists, "a study is being computed")
    rig.wait(lambda: len(unfinished(rig, day)) == 1, "the others of the day are done")
    return day, waits


def unfinished(rig: Rig, day: Day) -> list[Study]:
    wanted = {one.study_uid for one in day.wanted}
    states = {one.uid: (document(rig, one) or {}).get("state") for one in day.studies if one.uid in wanted}
    return [one for one in day.studies if one.uid in wanted and states[one.uid] != "completed"]


def asked_to_forget(rig: Rig, patient: str) -> int:
    with suppress(requests.ConnectionError):  # pacs_module dies while it answers
        return forget(rig, patient)[0]
    return 0


def test_a_patient_is_never_half_forgotten_and_another_ones_open_study_is_whole(rig: Rig) -> None:
    gone_day = rig.send_day("gone", cts=len(STEPS))
    assert rig.until_clean().clean
    day, waits = open_study(rig, "open")
    (still,) = unfinished(rig, day)
    for place, study in zip(STEPS, gone_day.studies, strict=False):
        patient = str(study.images[0].PatientID)
        assert found(rig, {patient}), "a test that finds nothing before shows nothing after"
        rig.arm(place, "kill")
        assert asked_to_forget(rig, patient) == 0
        rig.wait_reached(place)
        rig.wait_dead(rig.process("pacs_module"))
        rig.servers["pacs_module"].kill()
        rig.servers["pacs_module"].start()
        rig.wait(lambda who=patient: asked_to_forget(rig, who) == 200, "he is forgotten")  # type: ignore[misc]
        assert found(rig, identifiers(study)) == set(), place
        assert (document(rig, still) or {}).get("state") not in (None, "completed"), place
    waits.unlink()
    audit = rig.until_settled(day.wanted)
    assert (audit.faults, audit.computed) == ([], len(day.wanted))


def night(rig: Rig, fault: str = "") -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "tests.chaos.programs.retention_night",
        str(rig.stack.pacs_module.settings_file),
        str(DAYS),
    ]
    environment = {**os.environ, crash_points.VARIABLE: fault}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_night_that_dies_after_any_part_is_made_up_for_and_an_open_study_stays(rig: Rig) -> None:
    old = rig.send_day("old")
    assert rig.until_clean().at_rest, "a folder that is not released yet holds its study"
    day, waits = open_study(rig, "late")
    (still,) = unfinished(rig, day)
    rig.stack.pacs_module.stop()
    before = document(rig, still)
    words = {word for study in old.studies for word in identifiers(study)}
    assert found(rig, words)
    for fault in ("studies_removed", *(f"part_removed:{number}" for number in range(1, PARTS + 1))):
        assert night(rig, fault).returncode == -9, fault
        assert document(rig, still) == before, fault
    done = night(rig)
    assert json.loads(done.stdout.splitlines()[-1])["failed"] == {}, done.stderr
    assert found(rig, words) == set()
    assert document(rig, still) == before
    waits.unlink()
    rig.stack.pacs_module.start()
    rig.wait(lambda: (document(rig, still) or {}).get("state") == "completed", "the open study is done")
