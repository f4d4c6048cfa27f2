"""The study stores under test, and how a test says what it cannot ask of one of them."""

from dataclasses import dataclass

import pytest

from pacs_module.ports import StudyStore

STORES = ("memory", "sqlite", "mongomock", "mongodb")


@dataclass
class StoreCase:
    """A store under test; ``url`` opens the same data from another process, empty where that cannot be."""

    name: str
    store: StudyStore
    url: str = ""

    def needs_atomic_claims(self) -> None:
        if self.name == "mongomock":
            pytest.skip("mongomock's find_one_and_update is not atomic across threads")

    def needs_processes(self) -> None:
        if not self.url:
            pytest.skip(f"{self.name} lives in one process")
