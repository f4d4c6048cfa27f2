"""
What lies in the hospital's PACS and what the backend has computed: read from the two themselves, not from the
pipeline.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from stack.errors import StackError


@dataclass
class PacsSeries:
    """One series in the PACS with its SOP Instance UIDs."""

    uid: str
    description: str
    modality: str
    instances: set[str] = field(default_factory=set)


@dataclass
class PacsStudy:
    """One study in the PACS."""

    uid: str
    accession_number: str
    date: str
    series: dict[str, PacsSeries] = field(default_factory=dict)

    @property
    def instances(self) -> int:
        """Images of all series."""
        return sum(len(series.instances) for series in self.series.values())


def read_pacs(url: str, user: str, password: str) -> dict[str, PacsStudy]:
    """The content of an Orthanc by StudyInstanceUID, from its REST API."""
    session = requests.Session()
    session.auth = (user, password)

    def ask(what: str) -> list[dict[str, Any]]:
        answer = session.get(f"{url}/{what}?expand", headers={"Accept-Encoding": "identity"}, timeout=60)
        if not answer.ok:
            raise StackError(f"the hospital PACS answered {answer.status_code} to /{what}")
        rows: list[dict[str, Any]] = answer.json()
        return rows

    studies, series = {}, {}
    for row in ask("studies"):
        studies[row["ID"]] = _study(row["MainDicomTags"])
    for row in ask("series"):
        one = _series(row["MainDicomTags"])
        series[row["ID"]] = studies[row["ParentStudy"]].series.setdefault(one.uid, one)
    for row in ask("instances"):
        series[row["ParentSeries"]].instances.add(row["MainDicomTags"]["SOPInstanceUID"])
    return {study.uid: study for study in studies.values()}


def _study(tags: Mapping[str, str]) -> PacsStudy:
    return PacsStudy(tags["StudyInstanceUID"], tags.get("AccessionNumber", ""), tags.get("StudyDate", ""))


def _series(tags: Mapping[str, str]) -> PacsSeries:
    return PacsSeries(tags["SeriesInstanceUID"], tags.get("SeriesDescription", ""), tags.get("Modality", ""))


@dataclass(frozen=True)
class Computed:
    """One line of the backend's record: what it really read."""

    study_uid: str
    idempotency_key: str
    state: str
    instances: frozenset[str]
    at: float
    words: str


def read_record(path: Path) -> list[Computed]:
    """The computations of the backend's own record, oldest first."""
    return [_computed(entry) for entry in _lines(path) if entry.get("event") == "computed"]


def accepted_studies(path: Path) -> set[str]:
    """StudyInstanceUIDs of everything that ever reached the backend."""
    return {entry["studyUID"] for entry in _lines(path) if entry.get("event") in ("accepted", "repeat")}


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed


def _computed(entry: dict[str, Any]) -> Computed:
    numbers = {
        key: value
        for key, value in entry.get("answer", {}).get("result", {}).items()
        if isinstance(value, int | float)
    }
    words = ", ".join(f"{key} {value:g}" for key, value in numbers.items()) or entry.get("message", "")
    uids = frozenset(entry.get("sopInstanceUIDs", ()))
    return Computed(
        entry["studyUID"], entry["idempotencyKey"], entry.get("state", ""), uids, entry["at"], words
    )
