"""
What only the MongoDB store has: errors of the driver, queries, keys.

No MongoDB runs here: what the driver raises is made by hand, as its documentation has it.
"""

from typing import Any
from unittest.mock import Mock

import mongomock
import pymongo
import pymongo.errors
import pytest
from pymongo.read_preferences import ReadPreference

from pacs_module.adapters.stores import mongo
from pacs_module.adapters.stores.mongo import MongoStore, compile_where, translated
from pacs_module.domain.errors import ConfigurationError, PermanentError, PipelineError, StoreAway, StoreLost
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import SeriesRecord, Study
from pacs_module.ports import AnyOf, AtLeast, AtMost, Exists


def labelled(error: pymongo.errors.PyMongoError, label: str) -> pymongo.errors.PyMongoError:
    error._add_error_label(label)
    return error


RETRIABLE = [
    pymongo.errors.AutoReconnect("connection closed"),
    pymongo.errors.NetworkTimeout("timed out"),
    pymongo.errors.ServerSelectionTimeoutError("no server"),
    pymongo.errors.NotPrimaryError("not primary"),
    pymongo.errors.ExecutionTimeout("too long", 50),
    pymongo.errors.WTimeoutError("not replicated in time", 64),
    pymongo.errors.OperationFailure("shutting down", 11600),
    pymongo.errors.OperationFailure("write conflict", 112),
    pymongo.errors.CursorNotFound("cursor id 1 not found", 43),
    pymongo.errors.OperationFailure("operation was interrupted", 11601),
    pymongo.errors.WriteError("No space left on device", 14031),
    labelled(pymongo.errors.OperationFailure("some day's new code", 77777), "RetryableWriteError"),
]
PERMANENT = [
    pymongo.errors.OperationFailure("authentication failed", 18),
    pymongo.errors.OperationFailure("not authorized", 13),
    pymongo.errors.WriteError("document too large", 10334),
    pymongo.errors.InvalidOperation("client closed"),
    OverflowError("8-byte ints"),
]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(e, StoreAway) for e in RETRIABLE] + [(e, PermanentError) for e in PERMANENT],
    ids=lambda item: repr(item)[:60],
)
def test_errors_of_the_driver_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[PipelineError]
) -> None:
    store = MongoStore(mongomock.MongoClient(), "aipull")
    store.count({})

    def fails(*_: Any, **__: Any) -> None:
        raise error

    for method in ("insert_one", "replace_one", "find_one_and_update", "find", "find_one", "count_documents"):
        monkeypatch.setattr(store._collection, method, fails)
    study = Study("1.2.3", revision=7)
    for call in (
        lambda: store.insert(study),
        lambda: store.replace(study),
        lambda: store.claim("pull", "w", 0, 100),
        lambda: store.find({}),
        lambda: store.get("1.2.3"),
        lambda: store.count({}),
        lambda: store.next_due("pull"),
    ):
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.__cause__ is error
    assert study.revision == 7


def test_a_server_that_is_away_is_retriable_and_found_out_at_the_first_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mongo, "_SERVER_WAIT_MS", 50)
    store = MongoStore("mongodb://127.0.0.1:1/", "aipull")
    with pytest.raises(StoreAway):
        store.get("1.2.3")
    store.close()


@pytest.mark.parametrize("url", ["mongodb://", "mongodb://user:secret@/", "mongodb://host:port/"])
def test_an_address_that_is_none_is_a_configuration_error_without_the_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"store\.url") as caught:
        MongoStore(url, "aipull")
    assert "secret" not in str(caught.value)


def test_every_write_waits_for_the_journal_of_a_majority() -> None:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient("mongodb://127.0.0.1:1/", connect=False)
    store = MongoStore(client, "aipull")
    assert store._collection.write_concern.document["w"] == "majority"
    assert store._collection.write_concern.document["j"] is True
    store.close()  # the caller's client stays open
    client.close()


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("mongodb://127.0.0.1:1/aipull?readPreference=secondary", None),
        ("mongodb://127.0.0.1:1,127.0.0.1:2/aipull?authSource=aipull&replicaSet=rs0", "majority"),
        ("mongodb://127.0.0.1:1,127.0.0.1:2/aipull?replicaset=rs0&readPreference=nearest", "majority"),
    ],
)
def test_claims_are_read_at_the_primary_and_of_a_replica_set_only_what_no_election_takes_back(
    url: str, level: str | None
) -> None:
    store = MongoStore(url, "aipull")
    for collection in (store._collection, store.beside("leases")):
        assert collection.read_preference == ReadPreference.PRIMARY
        assert collection.read_concern.level == level
        assert collection.write_concern.document["w"] == "majority"
    store.close()


@pytest.mark.parametrize("code", [91, 189, 10107, 11600, 11602, 13435, 13436])
def test_an_election_is_passing(code: int) -> None:
    with pytest.raises(StoreAway), translated():
        raise pymongo.errors.OperationFailure("not primary", code)
    with pytest.raises(StoreAway), translated():
        raise pymongo.errors.NotPrimaryError("not primary", {"code": code})


def test_a_claim_is_one_find_one_and_update(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MongoStore(mongomock.MongoClient(), "aipull")
    store.insert(Study("1.2.3", due={"pull": 0}))
    claiming = Mock(wraps=store._collection.find_one_and_update)
    monkeypatch.setattr(store._collection, "find_one_and_update", claiming)
    assert store.claim("pull", "w", 5, 100, {"state": Exists(False)}) is not None
    assert [call.args for call in claiming.call_args_list] == [
        (
            {"state": {"$exists": False}, "due.pull": {"$lte": 5}},
            {"$set": {"due.pull": 105, "claims.pull": "w"}, "$inc": {"revision": 1}},
        )
    ]


def test_conditions_in_mongodbs_words() -> None:
    where = {
        "studyDate": "2020-06-12",
        "state": Exists(),
        "modality": AnyOf(("CT", "DX")),
        "priority": AtLeast(1),
        "due.pull": AtMost(5),
    }
    assert compile_where(where) == {
        "studyDate": "2020-06-12",
        "state": {"$exists": True},
        "modality": {"$in": ["CT", "DX"]},
        "priority": {"$gte": 1},
        "due.pull": {"$lte": 5},
    }


def test_the_document_is_what_the_contracts_shell_queries_expect() -> None:
    client: pymongo.MongoClient[dict[str, Any]] = mongomock.MongoClient()
    store = MongoStore(client, "aipull")
    store.insert(
        Study(
            "1.2.3",
            study_date="2020-06-12",
            modality=["CT"],
            series={"1.2.3.4": SeriesRecord("1.2.3.4", True, "", "", "find")},
        )
    )
    (document,) = client["aipull"]["study_info_list"].find({"studyDate": "2020-06-12"})
    assert document["_id"] == document["studyUID"] == "1.2.3"
    assert "state" not in document
    assert list(document["series"]) == ["1%2E2%2E3%2E4"]
    assert client["aipull"]["study_info_list"].count_documents({"series.1%2E2%2E3%2E4.taken": True}) == 1


def test_indexes_are_made_and_none_of_them_is_partial() -> None:
    client: pymongo.MongoClient[dict[str, Any]] = mongomock.MongoClient()
    MongoStore(client, "aipull").count({})
    indexes = client["aipull"]["study_info_list"].index_information()
    fields = {key for index in indexes.values() for key, _ in index["key"]}
    assert {
        "studyUID",
        "studyDate",
        "state",
        "accessionNumber",
        "patientID",
        "pull.status",
        "due.pull",
        "due.release",
    } <= fields
    assert not any("partialFilterExpression" in index for index in indexes.values())


def test_the_contracts_queries_as_they_stand_in_the_shell() -> None:
    """Typed by people, past our store (operator contract, section 1)."""
    client: Any = mongomock.MongoClient()
    store = MongoStore(client, "aipull")
    day = {"study_date": "2020-06-12"}
    for study in (
        Study("1.1", modality=["CT"], state=State.META_ONLY, **day),  # type: ignore[arg-type]
        Study("1.2", modality=["CT", "PR"], state=State.COMPLETED, **day),  # type: ignore[arg-type]
        Study("1.3", modality=["DX"], state=State.META_ONLY, **day),  # type: ignore[arg-type]
        Study("1.4", modality=["CT"], **day),  # type: ignore[arg-type]
    ):
        store.insert(study)
    found = client["aipull"]["study_info_list"]
    assert found.count_documents({"studyDate": "2020-06-12"}) == 4
    assert found.count_documents({"studyDate": "2020-06-12", "state": "meta_only"}) == 2
    assert (
        found.count_documents({"studyDate": "2020-06-12", "state": {"$exists": True}, "modality": "CT"}) == 2
    )


def test_a_database_that_is_dropped_while_it_is_in_use_is_noticed_and_begun_anew() -> None:
    client: Any = mongomock.MongoClient()
    store = MongoStore(client, "aipull")
    before = store.identity()
    store.insert(Study("1.2.3"))
    assert MongoStore(client, "aipull").identity() == before
    client.drop_database("aipull")
    for _ in range(2):
        with pytest.raises(StoreLost, match="emptied") as lost:
            store.identity()
        assert lost.value.server == "store in MongoDB", "health knows by it that the store is meant"
    assert "begun anew" in store.recover()
    assert store.identity().installation != before.installation
    assert store.recover() == ""


def test_another_installation_in_its_place_is_noticed() -> None:
    client: Any = mongomock.MongoClient()
    store = MongoStore(client, "aipull")
    store.identity()
    client["aipull"]["installation"].update_one({}, {"$set": {"installation": "0" * 32}})
    with pytest.raises(StoreLost, match="another installation"):
        store.identity()


def test_a_collection_that_is_dropped_beside_the_identity_is_noticed() -> None:
    client: Any = mongomock.MongoClient()
    store = MongoStore(client, "aipull")
    store.insert(Study("1.2.3"))
    store.identity()
    client["aipull"].drop_collection("study_info_list")
    with pytest.raises(StoreLost, match="emptied"):
        store.identity()
    assert "begun anew" in store.recover()
    assert store.identity()
