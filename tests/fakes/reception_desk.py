"""Reception in the plugins, to be driven step by step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aipull.hand_over.deletion import Deletion
from aipull.hand_over.folder import HandoverFolder
from aipull.journal.device_sizes import SizeRows
from aipull.journal.rules import Rules
from aipull.journal.tables import Tables
from aipull.receive.arrival_counts import ArrivalCounts
from aipull.receive.arriving_studies import ArrivingStudies
from aipull.receive.ask_pacs import Question
from aipull.receive.conclude import Concluder
from aipull.receive.count_again import CountAgain
from aipull.receive.identify import Identify
from aipull.receive.judge_series import Judge
from aipull.receive.reception import ReceptionWorker
from aipull.receive.senders import Senders
from aipull.runtime.clock import now_ms
from aipull.server.change_log import Changes
from aipull.server.orthanc_client import InstanceHere
from aipull.server.stored_file import Header, StoredFiles, Unreadable
from pacs_module.domain.dicom.text_repair import text_of_bytes
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.image_origin import PacsWord, Sender
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.logs import ContractLog
from pacs_module.shared.rules_in_force import RulesInForce
from tests.fakes.orthanc_store import PACS_SENDER, FakeStore


class FakeFiles(StoredFiles):
    """Headers out of the store in memory."""

    def __init__(self, store: FakeStore) -> None:
        super().__init__(store.folder, store)
        self._store = store

    def header(self, instance: InstanceHere) -> Header | Unreadable | None:
        image = self._store.images.get(instance.orthanc_id)
        if image is None:
            return None
        values = {_KEYWORDS.get(tag, tag): data for tag, data in image["raw"].items()}
        told = {keyword: text_of_bytes(data) for keyword, data in values.items()}
        return Header({"InstanceNumber": str(image["number"]), **image["tags"], **told}, values)


_KEYWORDS = {"0008-103e": "SeriesDescription", "0018-1030": "ProtocolName", "0008-1030": "StudyDescription"}


class FakeAnswers:
    """A PACS that says at once what it was told to say; None: it does not answer yet."""

    def __init__(self) -> None:
        self.says: PacsWord | None = PacsWord()
        self.asked: list[Question] = []
        self.kept: set[str] = set()
        """Studies of which it keeps a question in memory."""

    def word(self, question: Question) -> PacsWord | None:
        self.asked.append(question)
        self.kept.add(question.study_uid)
        return self.says

    def forget(self, study_uid: str) -> None:
        self.kept.discard(study_uid)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Desk:
    """Reception with a store in memory, a journal on disk and a clock of its own; nothing runs by itself."""

    store: FakeStore
    tables: Tables
    folder: HandoverFolder
    clock: Clock
    log_folder: Path
    switches: Switches
    worker: ReceptionWorker
    deletion: Deletion
    answers: FakeAnswers
    counts: FakeAnswers
    arrival_counts: ArrivalCounts
    rules: Rules

    @classmethod
    def over(
        cls,
        store: FakeStore,
        tables: Tables,
        folder: HandoverFolder,
        clock: Clock,
        log_folder: Path,
        switches: Switches,
    ) -> Desk:
        """As the plugins are wired when they start."""
        log = ContractLog(log_folder, "orthanc-python")
        concluder = Concluder(tables, store, folder, switches, ZoneInfo("Asia/Shanghai"), log)
        arrivals = ArrivingStudies(store, tables, Changes(store, tables.journal), switches.stable_age, log)
        files = FakeFiles(store)
        rules = Rules(RulesInForce(switches), tables.journal)
        judge = Judge(store, files, tables.receptions, rules, log)
        answers, arrival_counts = FakeAnswers(), ArrivalCounts()
        store.on_image = arrival_counts.note
        senders = Senders({"PACS": Sender(*PACS_SENDER)}, tables.journal, log)
        identify = Identify(store, senders, arrival_counts, answers)
        counts = FakeAnswers()
        again = CountAgain(counts, lambda: round(1000 * clock.now))
        worker = ReceptionWorker(tables, arrivals, judge, identify, concluder, switches, log, again)
        worker.begin()
        deletion = Deletion(store, files, tables.receptions, SizeRows(tables.journal), log)
        return cls(
            store,
            tables,
            folder,
            clock,
            log_folder,
            switches,
            worker,
            deletion,
            answers,
            counts,
            arrival_counts,
            rules,
        )

    def restarted(self) -> Desk:
        return Desk.over(self.store, self.tables, self.folder, self.clock, self.log_folder, self.switches)

    def step(self, later_s: float = 0.0) -> None:
        self.clock.now += later_s
        self.worker.step()

    def ask(self, study: str, at: int | None = None, **values: Any) -> PullRequest:
        """``at``: epoch milliseconds; None: now."""
        number = len(self.tables.pulls.unreported()) + len(self.sent())
        request = PullRequest(f"pull-{study}-{number}", study, "PACS", **values)
        self.tables.pulls.add(request, now_ms() if at is None else at)
        self.tables.pulls.submitted(request.pull_id, 1)
        return request

    def end(self, request: PullRequest, error: str = "") -> None:
        self.tables.pulls.ended(request.pull_id, 2, error, 1.5)
        self.worker.step()

    def sent(self) -> list[tuple[str, str]]:
        rows = self.tables.journal.rows("SELECT * FROM outbox ORDER BY number")
        return [(row["kind"], row["body"]) for row in rows]

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What was sent of one kind: ``notify`` or ``pull_report``."""
        return [json.loads(body) for what, body in self.sent() if what == kind]

    def lines(self) -> list[str]:
        file = self.log_folder / "orthanc-python.log"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
