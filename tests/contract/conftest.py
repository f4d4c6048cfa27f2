"""
Every adapter of the study store, for the suite that all of them have to pass.

The adapter of MongoDB always meets a MongoDB-compatible server (stack.secantusdb), which is not MongoDB
itself. A real MongoDB is met when MONGO_TEST_URI names one or a Docker daemon can start one. Neither can be
asked of every machine (there is no mongod to install), so its absence skips, also in CI.
"""

import os
import subprocess
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.adapters.stores.mongo import MongoStore
from pacs_module.adapters.stores.sqlite import SqliteStore
from tests.contract.store.store_cases import STORES, ConditionalStore, StoreCase

MONGO_IMAGE = "mongo:4.4"


@pytest.fixture(scope="session")
def mongodb_url() -> Iterator[str]:
    if url := os.environ.get("MONGO_TEST_URI"):
        yield url
        return
    if not docker_answers():
        pytest.skip("no MongoDB: MONGO_TEST_URI is not set and no Docker daemon answers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # testcontainers announces its own deprecations
        from testcontainers.mongodb import MongoDbContainer

        with MongoDbContainer(MONGO_IMAGE) as container:
            yield container.get_connection_url()


def docker_answers() -> bool:
    try:
        return (
            subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def sqlite_case(folder: Path) -> Iterator[StoreCase]:
    path = folder / "study.db"
    store = SqliteStore(path)
    yield StoreCase("sqlite", store, f"sqlite:///{path}")
    store.close()


def mongodb_case(name: str, url: str, crowd: int) -> Iterator[StoreCase]:
    database = f"aipull_test_{uuid.uuid4().hex[:12]}"
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(url)
    yield StoreCase(name, MongoStore(client, database), f"{url}|{database}", crowd)
    client.drop_database(database)
    client.close()


@pytest.fixture(params=STORES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreCase]:
    if request.param == "memory":
        yield StoreCase("memory", MemoryStore())
    elif request.param == "sqlite":
        yield from sqlite_case(tmp_path)
    elif request.param == "secantusdb":
        yield from mongodb_case("secantusdb", request.getfixturevalue("secantusdb").url, crowd=24)
    else:
        yield from mongodb_case("mongodb", request.getfixturevalue("mongodb_url"), crowd=200)


@pytest.fixture
def store(case: StoreCase) -> ConditionalStore:
    return case.store
