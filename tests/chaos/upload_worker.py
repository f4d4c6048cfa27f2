"""
Routes and uploads what waits in a SQLite store, until nothing is left or it dies: ``python -m tests.chaos.upload_worker``.

A process of its own, so that ``AIPULL_FAULT`` can kill it at any step. Arguments: the folder with ``study.db`` and
``cache``, ``http`` or ``s3``, and the platform's address.
"""

from __future__ import annotations

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
from pacs_module.adapters.upload.http import HttpPlace, HttpUploader
from pacs_module.adapters.upload.s3 import S3Place, S3Uploader
from pacs_module.domain.circuit import CircuitPolicy
from pacs_module.domain.study.study import ROUTE, WORK, upload_work
from pacs_module.domain.upload.cache_limits import CacheLimits
from pacs_module.ports import Uploader
from pacs_module.shared.http import HttpLink
from pacs_module.use_cases.deliver.backend_circuit import BackendCircuit
from pacs_module.use_cases.recover.free_claims import FreeClaims
from pacs_module.use_cases.recover.lease_holder import LeaseHolder
from pacs_module.use_cases.upload.fill_cache import FillCache
from pacs_module.use_cases.upload.route import RouteHandOvers
from pacs_module.use_cases.upload.send import SendUploads
from pacs_module.use_cases.upload.upload_policy import DestinationPlan
from tests.fakes.world import FakeLog

BUCKET = "region"
PLAN = DestinationPlan("region", hospital="H1", batch=2, away=timedelta(milliseconds=50))
_PAUSE_S = 0.02


def uploader_to(kind: str, url: str) -> Uploader:
    if kind == "s3":
        return S3Uploader(S3Place(BUCKET, url, "us-east-1", "any", "thing"))
    return HttpUploader(HttpPlace(url), HttpLink("the platform", keep=True))


def main(folder: Path, kind: str, url: str) -> None:
    store, clock, log = SqliteStore(folder / "study.db"), SystemClock(ZoneInfo("Asia/Shanghai")), FakeLog()
    owner, work = this_process(), upload_work(PLAN.name)
    leases = LeaseHolder(leases_of(store), owner, clock, log, timedelta(seconds=30), process_is_gone)
    FreeClaims(store, leases, clock, log, (*WORK, ROUTE, work))()
    cache = DiskCache(folder / "cache")
    fill = FillCache(store, cache, CacheLimits(10_000, 10**9), clock, log)
    fill.sweep()
    route = RouteHandOvers(store, [PLAN], FolderSource(), fill, clock, log, owner)
    circuit = BackendCircuit(clock, log, CircuitPolicy(), destination=PLAN.name)
    send = SendUploads(
        store, PLAN, uploader_to(kind, url), FolderSource(), cache, clock, log, circuit, owner, "region-1"
    )
    while store.count_due(ROUTE) or store.count_due(work):
        if not (route() or send()):
            time.sleep(_PAUSE_S)
    fill.tend()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
