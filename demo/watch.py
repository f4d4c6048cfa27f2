"""Shows what happens in a stack and knows when it is over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

import requests
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from stack.errors import StackError
from stack.processes import Process
from stack.whole import Stack

from .live import COLOURS, Tail, from_log, from_record
from .script import EVENTS, Script
from .truth import PacsStudy, accepted_studies, read_pacs, read_record
from .verdict import Expected, Row, judge

LOOK_S = 0.25
SETTLED = ("completed", "unsupported_series", "pull_failed", "dead_letter")


class Watcher:
    """Shows what happens and knows when it is over."""

    def __init__(self, stack: Stack, script: Script, console: Console) -> None:
        self._stack = stack
        self._script = script
        self._console = console
        self._labels = {study.study_uid: study.label for study in script.expected}
        self._logs = [Tail(stack.log_folder / name) for name in ("dcm_end.log", "orthanc-python.log")]
        self._record = Tail(stack.backend.record)
        self._events = Tail(stack.run.path / EVENTS)
        self._begin = time.monotonic()
        self.sent_at: dict[str, dict[str, float]] = {}
        self._sent: set[str] = set()
        self.images: dict[tuple[str, str], int] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self._pacs: dict[str, PacsStudy] = {}

    def until_settled(self, department: Process, deadline: float) -> bool:
        """Show what happens until every study in the PACS is settled; False when the deadline came first."""
        with self._progress() as update:
            while time.monotonic() < deadline:
                sending = department.is_alive()
                self._show()
                over = not sending and self._settled(department)
                update()
                if over:
                    self._show()
                    return True
                time.sleep(LOOK_S)
        return False

    def _settled(self, department: Process) -> bool:
        if self._sent != set(self._labels):
            raise StackError(f"the department did not send everything:\n{department.log_tail()}")
        if not self._pacs:
            self._pacs = pacs_content(self._stack)
        self.documents = study_documents(self._stack, self._script.dates)
        return all(self._is_settled(uid, study) for uid, study in self._pacs.items())

    def _is_settled(self, uid: str, study: PacsStudy) -> bool:
        document = self.documents.get(uid)
        if document is None:
            return False
        seen = max((copy.get("count") or 0 for copy in document["pacs"].values()), default=0)
        judged = document.get("baseline") == study.instances or "state" not in document
        return seen == study.instances and judged and document.get("state", "completed") in SETTLED

    def _show(self) -> None:
        for tail in self._logs:
            for line in tail.lines():
                self._print(from_log(line, self._label))
        for line in self._record.lines():
            self._print(from_record(line, self._label))
        for line in self._events.lines():
            self._note(json.loads(line))

    def _note(self, event: Mapping[str, Any]) -> None:
        """What the department has sent."""
        if event["event"] == "study_sent":
            self._sent.add(event["studyUID"])
        if event["event"] == "series_sent":
            self.images[event["studyUID"], event["seriesUID"]] = event["instances"]
            self.sent_at.setdefault(event["studyUID"], {})[event["seriesUID"]] = event["at"]

    def _print(self, shown: tuple[str, str] | None) -> None:
        if shown is None:
            return
        what, words = shown
        at = time.monotonic() - self._begin
        self._console.print(f"[dim]{at:6.1f} s[/dim]  [{COLOURS[what]}]{what:11}[/]  ", end="")
        self._console.print(words, markup=False, soft_wrap=True)

    def _label(self, uid: str) -> str:
        """The study's name, also for one of its series: the department tells which study that belongs to."""
        study = next((study for study, series in self.images if series == uid), uid)
        return self._labels.get(study, uid)

    @contextmanager
    def _progress(self) -> Iterator[Callable[[], None]]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed} of {task.total}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            sent = progress.add_task("images in the PACS", total=self._script.images)
            settled = progress.add_task("studies settled   ", total=len(self._labels))

            def update() -> None:
                progress.update(sent, completed=sum(self.images.values()))
                done = sum(self._is_settled(uid, study) for uid, study in self._pacs.items())
                progress.update(settled, completed=done)

            yield update


def pacs_content(stack: Stack) -> dict[str, PacsStudy]:
    """What the hospital's PACS holds."""
    return read_pacs(stack.hospital.url, stack.hospital.user, stack.hospital.password)


def study_documents(stack: Stack, dates: tuple[date, ...]) -> dict[str, dict[str, Any]]:
    """The pipeline's documents of these days by StudyInstanceUID; empty while pacs_module does not answer."""
    found: dict[str, dict[str, Any]] = {}
    for day in dates:
        url = f"{stack.pacs_module.url}/api/v1/studies"
        headers = {"X-API-Key": stack.pacs_module.api_key}
        try:
            answer = requests.get(url, params={"studyDate": day.isoformat()}, headers=headers, timeout=30)
            answer.raise_for_status()
        except requests.RequestException:
            return {}
        found |= {document["studyUID"]: document for document in answer.json()["studies"]}
    return found


def judge_all(stack: Stack, script: Script, sent_at: dict[str, dict[str, float]]) -> list[Row]:
    """One row a study of the script, and one for each that reached the backend and is not in it."""
    pacs = pacs_content(stack)
    record = read_record(stack.backend.record)
    documents = study_documents(stack, script.dates)
    rows = []
    for expected in script.expected:
        uid = expected.study_uid
        computed = [done for done in record if done.study_uid == uid]
        rows.append(judge(expected, pacs.get(uid), computed, documents.get(uid), sent_at.get(uid, {})))
    unknown = accepted_studies(stack.backend.record) - {expected.study_uid for expected in script.expected}
    for uid in sorted(unknown):
        rows.append(judge(Expected(uid, uid, False, ()), pacs.get(uid), [], documents.get(uid), {}))
    return rows
