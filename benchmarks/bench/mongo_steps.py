"""Row 9's steps with the MongoDB adapter, against the one server that can be had here: SecantusDB."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.bench.row import Line, Scale, Target
from benchmarks.bench.store_steps import Steps, study_of
from pacs_module.adapters.stores.mongo import COLLECTION, MongoStore, _document
from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.secantusdb import PROGRAM, SecantusDb

SIZES = (300, 3_000)
_PART = 500
REASON = (
    "not MongoDB: no mongod can be installed here; SecantusDB 0.7 (PyPI, a beta) speaks its protocol, and its "
    "speed "
    "says nothing of MongoDB's"
)


def mongo_lines(scale: Scale) -> Iterator[Line]:
    """Each step among few and many studies."""
    if not PROGRAM.exists():
        return
    sizes = SIZES if not scale.quick else (50, 100)
    steps: dict[int, Steps] = {}
    with _server() as server:
        filled = 0
        for size in sizes:
            store = MongoStore(server.url, "bench")
            _fill(store, filled, size)
            filled = size
            steps[size] = Steps(store, size).measured(scale.of(20, 5))
            store.close()
    few, many = sizes
    for name, ours in steps[many].by_name.items():
        what = f"MongoDB adapter on SecantusDB, {name} among {many:,}"
        yield Line(
            what, "us", tuple(ours), f"among {few:,}", tuple(steps[few].by_name[name]),
            target=Target(2.0, ratio=True), reason=REASON,
        )  # fmt: skip


@contextmanager
def _server() -> Iterator[SecantusDb]:
    with tempfile.TemporaryDirectory(prefix="bench-mongo-") as name, RunFolder(Path(name) / "run") as run:
        server = SecantusDb(run, free_ports(1)[0])
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _fill(store: MongoStore, first: int, last: int) -> None:
    store.next_due("pull")  # its indexes are made
    documents = store.beside(COLLECTION)
    many: Sequence[dict[str, Any]] = [_document(study_of(number), 0) for number in range(first, last)]
    for begin in range(0, len(many), _PART):
        documents.insert_many(many[begin : begin + _PART], ordered=False)
