"""
Routes and uploads what waits in a SQLite store, until nothing is left or it dies. A process of its own, forked
from one that has imported everything already, so that it can be killed at any step.

``python -m tests.chaos.programs.upload_worker``: each line on standard input is ``{"folder", "told"}``: a folder
with ``study.db`` and ``cache``, and what the uploader is made of (:mod:`tests.support.servers.uploaders`). Each
answer, a line, is how that worker ended: its exit status, negative for a signal. ``AIPULL_FAULT`` names the folder
in which places are armed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pacs_module.adapters.files.upload_cache import DiskCache
from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.adapters.machine import SystemClock, process_is_gone, this_process
from pacs_module.adapters.stores.leases import leases_of
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.circuit import CircuitPolicy
from pacs_module.domain.retry import RetryPolicy
from pacs_module.domain.study.study import ROUTE, WORK, upload_work
from pacs_module.domain.upload.cache_limits import CacheLimits
from pacs_module.use_cases.deliver.backend_circuit import BackendCircuit
from pacs_module.use_cases.recover.free_claims import FreeClaims
from pacs_module.use_cases.recover.lease_holder import LeaseHolder
from pacs_module.use_cases.upload.fill_cache import FillCache
from pacs_module.use_cases.upload.route import RouteHandOvers
from pacs_module.use_cases.upload.send import SendUploads
from pacs_module.use_cases.upload.upload_policy import DestinationPlan
from tests.fakes.world import FakeLog
from tests.support.servers.uploaders import Told, opened

_SHORT, _LONGEST = timedelta(milliseconds=20), timedelta(milliseconds=200)
PLAN = DestinationPlan(
    "region",
    hospital="H1",
    batch=2,
    away=timedelta(milliseconds=50),
    retry=RetryPolicy(200, _SHORT, _LONGEST),
)
CIRCUIT = CircuitPolicy(pauses=RetryPolicy(1, _SHORT, _LONGEST))
_PAUSE_S = 0.02


def work(folder: Path, told: Told) -> None:
    """Everything that waits, at one destination."""
    store, clock, log = SqliteStore(folder / "study.db"), SystemClock(ZoneInfo("Asia/Shanghai")), FakeLog()
    owner, to_do = this_process(), upload_work(PLAN.name)
    leases = LeaseHolder(leases_of(store), owner, clock, log, timedelta(seconds=30), process_is_gone)
    FreeClaims(store, leases, clock, log, (*WORK, ROUTE, to_do))()
    cache = DiskCache(folder / "cache")
    fill = FillCache(store, cache, CacheLimits(100_000, 10**9), clock, log)
    fill.sweep()
    route = RouteHandOvers(store, [PLAN], FolderSource(), fill, clock, log, owner)
    circuit = BackendCircuit(clock, log, CIRCUIT, destination=PLAN.name)
    send = SendUploads(
        store, PLAN, opened(told), FolderSource(), cache, clock, log, circuit, owner, "region-1"
    )
    while store.count_due(ROUTE) or store.count_due(to_do):
        if not (route() or send()):
            time.sleep(_PAUSE_S)
    fill.tend()


def forked(folder: Path, told: Told) -> int:
    """How a worker of its own ended."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(folder, told)
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """One worker after the other, until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        asked = json.loads(line)
        print(forked(Path(asked["folder"]), asked["told"]), flush=True)


if __name__ == "__main__":
    main()
