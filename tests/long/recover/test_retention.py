"""
A real run, and then: one patient is forgotten, and a day after the retention's age the others are gone, too. Looked
for as bytes in every file of store, journal, logs and reports.

Does not prove what MongoDB leaves in its own files, nor the PACS, the backend, backups and RabbitMQ's own files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from pacs_module.adapters.machine import SystemClock
from pacs_module.service.bootstrap import build
from pacs_module.settings import load_settings
from pacs_module.use_cases.privacy.retain import Retain
from tests.chaos.rig.harness import SETTINGS, Rig
from tests.support.images.dicom_maker import Study

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]
DAYS = 30


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("age")
    key = str(folder / "pseudonym.key")
    privacy = {"keep_days": DAYS, "key_file": key, "log_without_identifiers": True}
    options = {
        "settings": {**SETTINGS, "privacy": privacy},
        "orthanc_environment": {"AIPULL_LOG_KEY_FILE": key},
    }
    with Rig(folder, options) as made:
        yield made


def identifiers(study: Study) -> set[str]:
    image = study.images[0]
    series = {str(one.SeriesInstanceUID) for one in study.images}
    return {str(image.PatientID), str(image.AccessionNumber), study.uid, *series}


def files_of(rig: Rig) -> list[Path]:
    """Store, journal, logs with their rotated files, and reports."""
    assert isinstance(rig.store, Path)
    journal, module = rig.stack.receiver.journal, rig.stack.pacs_module
    logs = {module.log_folder, rig.stack.receiver.links.log_folder}
    named = [*rig.store.parent.glob(f"{rig.store.name}*"), *journal.parent.glob(f"{journal.name}*")]
    return [*named, *(file for folder in logs for file in folder.rglob("*") if file.is_file())]


def found(rig: Rig, words: set[str]) -> set[tuple[str, str]]:
    """Which file has which word; a UID counts where it stands by itself."""
    there = set()
    for file in files_of(rig):
        content = file.read_bytes()
        for word in words:
            if re.search(rb"(?<![\w.])" + re.escape(word.encode()) + rb"(?![\w.])", content):
                there.add((file.name, word))
    return there


def forget(rig: Rig, patient: str) -> tuple[int, dict[str, Any]]:
    module = rig.stack.pacs_module
    body = {"PatientID": patient, "by": "a test", "why": "asked for erasure"}
    url = f"{module.url}/api/v1/dcm/forget"
    answer = requests.post(url, json=body, headers={"X-API-Key": module.links.api_key}, timeout=60)
    return answer.status_code, answer.json()


def test_no_identifier_is_left(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    day = rig.send_day("age", cts=2)
    assert rig.until_clean().clean
    first, others = day.studies[0], day.studies[1:]
    patient = str(first.images[0].PatientID)
    assert found(rig, {patient}), "a test that finds nothing before shows nothing after"
    words = {word for study in day.studies for word in identifiers(study)} | {"Test^Patient"}
    assert {file for file, _ in found(rig, words) if ".jsonl" in file} == set()
    assert {file for file, _ in found(rig, words)} >= {"dcm_end.log", "orthanc-python.log"}, (
        "as the contract has it"
    )
    assert lines_of(rig, first.uid) > 10

    rig.wait(lambda: forget(rig, patient)[0] == 200, "nothing of the patient is in flight")
    assert found(rig, identifiers(first)) == set()
    rig.wait(lambda: rounds(rig) > 2, "it was found again and passed by")
    assert not {file for file, _ in found(rig, identifiers(first))} & {"study_info.db", "study_info.db-wal"}
    words = {word for study in others for word in identifiers(study)}
    assert {word for _, word in found(rig, words)} >= {study.uid for study in others}

    rig.stack.pacs_module.stop()
    a_day_after(monkeypatch)
    service = build(load_settings(rig.stack.pacs_module.settings_file))
    step = service.loops["retention"].step
    assert isinstance(step, Retain)
    done = step.run()
    assert done["failed"] == {}
    service.store.close()
    assert found(rig, words | identifiers(first) | {"Test^Patient"}) == set()


def lines_of(rig: Rig, study_uid: str) -> int:
    """What `pacs-module logs` finds of a study in the logs without identifiers."""
    module = rig.stack.pacs_module
    command = [
        sys.executable,
        "-m",
        "pacs_module",
        "logs",
        study_uid,
        "-s",
        str(module.settings_file),
        "--json",
    ]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert {json.loads(line)["file"] for line in told.stdout.splitlines()} == {"dcm_end", "orthanc-python"}
    return len(told.stdout.splitlines())


def rounds(rig: Rig) -> int:
    text = (rig.stack.pacs_module.log_folder / "dcm_end.log").read_text(encoding="utf-8")
    return text.rpartition("forget")[2].count("study list from pacs is")


def a_day_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's clock is a day beyond the age, as if it had come by itself."""
    ahead = timedelta(days=DAYS + 1)
    now, today, local = SystemClock.now, SystemClock.today, SystemClock.local

    def later(clock: SystemClock) -> int:
        return now(clock) + ahead // timedelta(milliseconds=1)

    def day(clock: SystemClock) -> date:
        return today(clock) + ahead

    def hour(clock: SystemClock) -> datetime:
        return local(clock) + ahead

    monkeypatch.setattr(SystemClock, "now", later)
    monkeypatch.setattr(SystemClock, "today", day)
    monkeypatch.setattr(SystemClock, "local", hour)
