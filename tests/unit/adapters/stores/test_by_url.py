"""Which store a URL opens."""

from pathlib import Path

import pytest

from pacs_module.adapters.stores.by_url import open_store
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.adapters.stores.mongo import MongoStore
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.study.study import Study


@pytest.mark.parametrize("url", ["memory:", "memory://"])
def test_memory(url: str) -> None:
    assert isinstance(open_store(url), MemoryStore)


def test_sqlite_by_absolute_path(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/with%20space.db")
    assert isinstance(store, SqliteStore)
    assert (tmp_path / "with space.db").exists()
    store.close()


def test_sqlite_by_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///study.db").close()
    assert (tmp_path / "study.db").exists()


@pytest.mark.parametrize(
    ("url", "database"),
    [("mongodb://127.0.0.1:1/site?replicaSet=rs0", "site"), ("mongodb://127.0.0.1:1", "aipull")],
)
def test_mongodb(url: str, database: str) -> None:
    store = open_store(url)
    assert isinstance(store, MongoStore)
    assert store._collection.full_name == f"{database}.study_info_list"
    store.close()


@pytest.mark.parametrize(
    "url", ["", "sqlite:///", "sqlite://study.db", "postgres://user:secret@host/", "study.db", "mongo://host"]
)
def test_anything_else_is_a_configuration_error_that_shows_no_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(url)
    assert caught.value.key == "store.url"
    assert "sqlite:////absolute/path.db" in caught.value.allowed
    assert "secret" not in str(caught.value)


def test_a_store_that_was_opened_works(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/study.db")
    assert store.insert(Study("1.2.3"))
    store.close()
