"""
The life of a study in any order (tests/unit/use_cases/test_life.py), over SQLite and over MongoDB's words
(mongomock).

Does not prove what a real MongoDB makes of it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import mongomock
import pytest

from pacs_module.adapters.stores.mongo import MongoStore
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.ports import StudyStore
from tests.unit.use_cases.test_life import Life, as_often

pytestmark = pytest.mark.timeout(1200)


class LifeInSqlite(Life):
    """Over a file."""

    def made_store(self) -> StudyStore:
        self.folder = tempfile.TemporaryDirectory()
        return SqliteStore(Path(self.folder.name) / "study.db")

    def clean_up(self) -> None:
        self.folder.cleanup()


class LifeInMongo(Life):
    """mongomock stands in MongoDB's place."""

    def made_store(self) -> StudyStore:
        return MongoStore(mongomock.MongoClient(), "aipull")


TestLifeInSqlite = LifeInSqlite.TestCase
TestLifeInSqlite.settings = as_often(40)
TestLifeInMongo = LifeInMongo.TestCase
TestLifeInMongo.settings = as_often(40)
