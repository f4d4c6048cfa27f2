"""
Takes result objects and sends them by C-STORE until nothing is left or it dies: ``python -m tests.support.results.worker``.

A process of its own, so that ``AIPULL_FAULT`` can kill it at any step. Arguments: the folder with ``study.db``,
``results`` and ``in``, and the port of the PACS.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.adapters.machine import SystemClock, process_is_gone, this_process
from pacs_module.adapters.results.files import DiskResults
from pacs_module.adapters.results.pseudonyms import DiskPseudonyms
from pacs_module.adapters.results.reader import ChildReader
from pacs_module.adapters.stores.leases import leases_of
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.adapters.upload.cstore import CStorePlace, CStoreUploader
from pacs_module.domain.circuit import CircuitPolicy
from pacs_module.domain.retry import RetryPolicy
from pacs_module.domain.study.study import WORK, upload_work
from pacs_module.use_cases.deliver.backend_circuit import BackendCircuit
from pacs_module.use_cases.recover.free_claims import FreeClaims
from pacs_module.use_cases.recover.lease_holder import LeaseHolder
from pacs_module.use_cases.results.take import TakeResults
from pacs_module.use_cases.upload.send import SendUploads
from pacs_module.use_cases.upload.upload_policy import DestinationPlan
from stack.ports import LOOPBACK
from tests.fakes.world import FakeLog
from tests.support.results.store_relay import AET

RETRY = RetryPolicy(20, timedelta(milliseconds=50), timedelta(seconds=1))
"""What was sent and not proved before the kill is sent again after a pause."""
PLAN = DestinationPlan("pacs", batch=2, retry=RETRY, away=timedelta(milliseconds=50), for_results=True)
_PAUSE_S = 0.02


def main(folder: Path, port: int) -> None:
    store, clock, log = SqliteStore(folder / "study.db"), SystemClock(ZoneInfo("Asia/Shanghai")), FakeLog()
    owner, work = this_process(), upload_work(PLAN.name)
    leases = LeaseHolder(leases_of(store), owner, clock, log, timedelta(seconds=30), process_is_gone)
    FreeClaims(store, leases, clock, log, (*WORK, work))()
    files, reader = DiskResults(folder / "results"), ChildReader(16 << 20)
    pseudonyms = DiskPseudonyms(folder / "results" / "pseudonyms")
    take = TakeResults(store, reader, files, pseudonyms, FolderSource(), [PLAN], clock, log)
    take(sorted((folder / "in").iterdir()), "posted")
    reader.close()
    send = SendUploads(
        store, PLAN, CStoreUploader(CStorePlace(LOOPBACK, port, AET)), FolderSource(), None, clock, log,
        BackendCircuit(clock, log, CircuitPolicy(), destination=PLAN.name), owner, "pacs-1",
        result_folder=lambda result_id: str(files.folder(result_id)),
    )  # fmt: skip
    while store.count_due(work):
        if not send():
            time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
