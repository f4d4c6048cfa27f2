"""The study stores under test, and how a test says what it cannot ask of one of them."""

from dataclasses import dataclass
from typing import Protocol

import pytest

from pacs_module.domain.study.study import Study
from pacs_module.ports import Order, StudyStore, Where

STORES = ("memory", "sqlite", pytest.param("secantusdb", marks=pytest.mark.server("secantusdb")), "mongodb")
"""
``secantusdb``: the adapter of MongoDB over a real socket, at a MongoDB-compatible server that is not MongoDB
itself.
"""


class ConditionalStore(StudyStore, Protocol):
    """What every store can do beside the port: a claim under the conditions of a query."""

    def claim(
        self, work: str, owner: str, now: int, lease: int, where: Where | None = None, order: Order = ()
    ) -> Study | None: ...


@dataclass
class StoreCase:
    """A store under test; ``url`` opens the same data from another process, empty where that cannot be."""

    name: str
    store: ConditionalStore
    url: str = ""
    crowd: int = 200
    """How many studies are fought over by threads; fewer where a claim takes long."""

    def needs_processes(self) -> None:
        if not self.url:
            pytest.skip(f"{self.name} lives in one process")
