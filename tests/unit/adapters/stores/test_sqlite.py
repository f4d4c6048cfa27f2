"""What only the SQLite store has: a file with its rights, other processes' locks, a schema, indexes."""

import gc
import random
import sqlite3
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pacs_module.adapters.report_exchange.ledger import _IN_STATE
from pacs_module.adapters.stores import sqlite, sqlite_schema
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.adapters.stores.questions import PULL_ORDER, TURN_ORDER
from pacs_module.adapters.stores.reference_query import claim_order
from pacs_module.adapters.stores.rows.sqlite import _first_seen
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.adapters.stores.sqlite_where import compile_where
from pacs_module.domain.errors import PermanentError, RetriableError
from pacs_module.domain.rules.verdict import Verdict
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.priority import BACKLOG, GREEN_CHANNEL, MANUAL, ROUTINE, Ageing
from pacs_module.domain.study.study import PULL, SeriesRecord, Study
from pacs_module.ports import AnyOf, AtLeast, AtMost, Exists, Order


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "study.db"


def test_the_files_are_for_their_owner_only(path: Path) -> None:
    store = SqliteStore(path)
    store.insert(Study("1.2.3"))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"study.db": 0o600, "study.db-wal": 0o600, "study.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.close()


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o644)
    SqliteStore(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_written_is_there_when_it_is_opened_again(path: Path) -> None:
    first = SqliteStore(path)
    first.insert(Study("1.2.3", patient_id="张"))
    first.close()
    again = SqliteStore(path)
    assert again.get("1.2.3") == Study("1.2.3", patient_id="张", revision=1)
    again.close()


def test_a_write_is_synced(path: Path) -> None:
    store = SqliteStore(path)
    connection = store._connection()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    store.close()


def test_people_can_read_it_with_the_sqlite_shell(path: Path) -> None:
    store = SqliteStore(path)
    store.insert(Study("1.2.3", study_date="2020-06-12", study_description="胸部"))
    with closing(sqlite3.connect(path)) as shell, shell:
        (document,) = shell.execute(
            "SELECT document FROM study_info_list WHERE studyDate = '2020-06-12'"
        ).fetchone()
    shell.close()
    assert "胸部" in document
    store.close()


def test_many_threads_open_it_for_the_first_time_at_once(path: Path) -> None:
    start, failed = threading.Barrier(8), []

    def work() -> None:
        start.wait()
        try:
            SqliteStore(path).close()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_thread_that_ends_takes_its_connection_with_it(path: Path) -> None:
    store = SqliteStore(path)
    for _ in range(20):
        thread = threading.Thread(target=store.get, args=("1.2.3",))
        thread.start()
        thread.join()
    gc.collect()
    assert len(store._connections) == 1
    store.close()


# --- what goes wrong ---


def test_a_lock_that_is_not_given_up_is_retriable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_LOCK_WAIT_S", 0.1)
    store = SqliteStore(path)
    study = Study("1.2.3", due={"pull": 0})
    store.insert(study)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetriableError, match="locked"):
        store.replace(study)
    with pytest.raises(RetriableError, match="locked"):
        store.claim("pull", "w", 0, 100)
    assert study.revision == 1
    assert store.get("1.2.3") == study  # readers do not wait
    other.execute("ROLLBACK")
    other.close()
    assert store.replace(study)
    store.close()


def test_a_file_that_is_no_database_is_permanent(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"something else altogether" * 100)
    with pytest.raises(PermanentError, match="not a database"):
        SqliteStore(path)


def test_a_folder_that_cannot_be_made_is_permanent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PermanentError, match="cannot be written"):
        SqliteStore(tmp_path / "file" / "study.db")


def test_a_newer_schema_is_not_touched(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as shell, shell:
        shell.execute("PRAGMA user_version = 99")
    shell.close()
    with pytest.raises(PermanentError, match="newer version"):
        SqliteStore(path)


def test_a_file_of_before_a_field_was_indexed_is_written_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        for name in ("INDEXED", "COMPUTED", "COLUMNS"):
            before.setattr(
                sqlite_schema,
                name,
                tuple(field for field in getattr(sqlite_schema, name) if field != "due.look"),
            )
        old = SqliteStore(path)
        old.insert(Study("1.2.3", patient_id="张", due={"look": 5}))
        old.close()
    store = SqliteStore(path)
    assert store.next_due("look") == 5
    claimed = Study("1.2.3", patient_id="张", due={"look": 17}, claims={"look": "me"}, revision=2)
    assert store.claim("look", "me", 7, 10) == claimed
    store.close()


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    store.close()
    with pytest.raises(PermanentError, match="closed"):
        store.get("1.2.3")


@pytest.mark.parametrize("field", ["x; DROP TABLE study_info_list", "a b", "", "a.", "'", '"'])
def test_a_field_that_is_no_name_reaches_no_statement(path: Path, field: str) -> None:
    assert compile_where({field: 1})[0] == []
    store = SqliteStore(path)
    with pytest.raises(PermanentError, match="cannot be ordered"):
        store.find({}, ((field, 1),))
    store.close()


# --- indexes ---


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ({"studyUID": "1"}, "sqlite_autoindex_study_info_list_1"),
        ({"studyDate": "2020-06-12"}, "by_studyDate"),
        ({"studyDate": "2020-06-12", "modality": "CT"}, "by_studyDate"),
        ({"state": AnyOf(("meta_only", "pull_data"))}, "by_state"),
        ({"accessionNumber": "A"}, "by_accessionNumber"),
        ({"patientID": "P"}, "by_patientID"),
        ({"pull.status": "asked"}, "by_pull.status"),
        ({"due.watch": AtMost(5)}, "by_due.watch"),
        ({"state": Exists(False)}, "by_state"),
    ],
)
def test_the_usual_queries_use_an_index(path: Path, where: dict[str, object], index: str) -> None:
    store = SqliteStore(path)
    sql, values = store._select("document", where, (), None)
    plan, *_ = store._connection().execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    assert f"USING INDEX {index} " in plan[3]
    store.close()


@pytest.mark.parametrize("work", ["pull", "watch", "publish", "release"])
def test_a_claim_looks_at_due_studies_only(path: Path, work: str) -> None:
    store = SqliteStore(path)
    due = {f"due.{work}": AtMost(5), "state": "meta_only"}
    sql, values = store._select(
        "studyUID", due, claim_order(work, PULL_ORDER), 1, f'INDEXED BY "by_due.{work}"'
    )
    plan = store._connection().execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    assert f"USING INDEX by_due.{work} " in plan[0][3]
    store.close()


def _due(number: int, rank: int, waits_since: str = "2020-06-12T10:00:00.000Z") -> Study:
    study = Study(f"1.2.{number:05d}", "2020-06-12", f"{number % 1000:06d}", state=State.META_ONLY)
    study.saw("A", 10, 0)
    study.priority, study.due[PULL] = rank, number % 7
    study.waits_since_at = waits_since
    return study


@pytest.mark.parametrize("risen", [0, 10, 300])
def test_many_due_pulls_come_in_the_same_order_as_few(path: Path, risen: int) -> None:
    """The memory store sorts all of them; this one takes the first of an index."""
    store, reference = SqliteStore(path), MemoryStore()
    numbers = list(range(300))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        since = "2020-06-12T08:00:00.000Z" if number < risen else "2020-06-12T10:30:00.000Z"
        for one in (store, reference):
            one.insert(_due(number, number % 5 if number % 9 == 0 else 0, since))
    now = round(datetime(2020, 6, 12, 11, tzinfo=UTC).timestamp() * 1000)
    claimed = 0
    for least in (ROUTINE, GREEN_CHANNEL, MANUAL, BACKLOG):
        for _ in range(12):
            taken = [one.claim_pull("A", "me", now, 10**9, least, Ageing()) for one in (store, reference)]
            assert taken[0] == taken[1]
            claimed += taken[0] is not None
    assert claimed > 24
    assert store.claim_pull("B", "me", now, 10**9, BACKLOG, Ageing()) is None
    store.close()


@pytest.mark.parametrize(
    ("where", "order", "index"),
    [
        ({"rank": AtLeast(0)}, PULL_ORDER, "pulls_by_rank"),
        ({"risesFrom": AtMost("2020-06-12T10:00:00.000Z")}, TURN_ORDER, "pulls_by_rise"),
        ({"risesFrom": AtMost("2020-06-12T11:00:00.000Z")}, TURN_ORDER, "pulls_by_turn"),
    ],
)
def test_a_claim_among_many_due_pulls_sorts_none_of_them(
    path: Path, where: dict[str, object], order: Order, index: str
) -> None:
    store = SqliteStore(path)
    store.insert_many([_due(number, 0, "2020-06-12T10:30:00.000Z") for number in range(200)])
    due = {"due.pull": AtMost(10), **where}
    assert store._claimed_by(PULL, due, order) == index
    sql, values = store._select("studyUID", due, claim_order(PULL, order), 1, f'INDEXED BY "{index}"')
    plan = store._connection().execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    sorted_by_hand = any("TEMP B-TREE" in str(step) for step in plan)
    assert sorted_by_hand is (index == "pulls_by_rise"), plan
    store.close()


def test_a_claim_that_finds_nothing_reads_no_study_of_another_pacs(path: Path) -> None:
    store = SqliteStore(path)
    store.insert_many([_due(number, 0) for number in range(100)])  # all of them at A
    asked: list[str] = []
    for _ in range(2):  # the first one makes the index
        asked.clear()
        store._connection().set_trace_callback(asked.append)
        assert store.claim_pull("B", "me", 10, 10**9, BACKLOG, Ageing()) is None
        store._connection().set_trace_callback(None)
    (select,) = asked
    plan = store._connection().execute(f"EXPLAIN QUERY PLAN {select}").fetchall()
    assert any("pulls_at_B" in str(step) for step in plan), plan
    study = store.get("1.2.00042")
    assert study is not None
    study.saw("B", 10, 0)
    store.replace(study)
    claimed = store.claim_pull("B", "me", 10, 10**9, BACKLOG, Ageing())
    assert claimed is not None
    assert claimed.study_uid == study.study_uid
    store.close()


def test_a_pacs_whose_name_is_no_part_of_an_index_is_asked_all_the_same(path: Path) -> None:
    store = SqliteStore(path)
    assert store.claim_pull("B' OR 1", "me", 10, 10**9, BACKLOG, Ageing()) is None
    store.close()


def test_a_full_disk_is_retriable_and_nothing_is_half_written(path: Path) -> None:
    store = SqliteStore(path)
    study = Study("1.2.3", patient_id="small")
    store.insert(study)
    connection = store._connection()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    study.patient_id = "x" * 1_000_000
    with pytest.raises(RetriableError, match="full"):
        store.replace(study)
    assert study.revision == 1
    assert store.get("1.2.3").patient_id == "small"  # type: ignore[union-attr]
    connection.execute("PRAGMA max_page_count = 1000000")
    assert store.replace(study)
    store.close()


def test_a_file_of_the_first_schema_learns_the_order_of_pulls(path: Path) -> None:
    store = SqliteStore(path)
    for uid, priority, time in (("a", 0, "090000"), ("b", 4, "100000"), ("c", 0, "080000")):
        store.insert(Study(uid, priority=priority, study_date="2020-06-12", study_time=time, due={"pull": 0}))
    connection = store._connection()
    old = "study_info_list_old"
    columns = [column for column in sqlite_schema.COMPUTED if column not in ("rank", "turn")]
    computed = "".join(f"\"{field}\" AS (json_extract(document, '$.{field}')) STORED, " for field in columns)
    connection.execute(f"ALTER TABLE study_info_list RENAME TO {old}")
    connection.execute(
        "CREATE TABLE study_info_list (studyUID TEXT PRIMARY KEY, revision INTEGER NOT NULL, "
        f"{computed} document TEXT NOT NULL)"
    )
    without = "json_remove(document, '$.rank', '$.turn')"
    copied = f"SELECT studyUID, revision, {without} FROM {old}"
    connection.execute(f"INSERT INTO study_info_list (studyUID, revision, document) {copied}")
    connection.execute(f"DROP TABLE {old}")
    connection.execute("PRAGMA user_version = 1")
    store.close()
    again = SqliteStore(path)
    taken = []
    while study := again.claim("pull", "w", now=0, lease=100, order=PULL_ORDER):
        taken.append(study.study_uid)
    assert taken == ["b", "c", "a"]
    assert again._connection().execute("PRAGMA user_version").fetchone() == (2,)
    again.close()


def test_rows_of_an_earlier_layout_are_written_anew(path: Path) -> None:
    """Of a version that kept each verdict in a table of its own, and no devices."""
    store = SqliteStore(path)
    study = Study("1.2", study_date="2020-06-12")
    study.keep_series([SeriesRecord("1.2.1", False, "body part", "", "reception", "CT", device="GE / CT-1")])
    store.insert(study)
    connection = store._connection()
    for statement in (
        "DROP TRIGGER list_removed",
        "DROP TABLE study_judged",
        "DELETE FROM devices",
        "UPDATE study_rows SET layout = 1, device = ''",
        "CREATE TABLE study_verdicts (studyUID TEXT PRIMARY KEY, day TEXT, verdicts TEXT) WITHOUT ROWID",
        """CREATE TRIGGER row_removed AFTER DELETE ON study_info_list BEGIN
           DELETE FROM study_verdicts WHERE studyUID = old.studyUID; END""",
    ):
        connection.execute(statement)
    store.close()
    again = SqliteStore(path)
    (judged,) = again.lists.judged_between("2020-06-12", "2020-06-12")
    assert (judged.examples, judged.rule, judged.device) == (("1.2",), "body part", "GE / CT-1")
    assert again.lists.devices("2020-06-12", 9) == ["GE / CT-1"]
    again._connection().execute("DELETE FROM study_info_list")
    assert again.lists.judged_between("2020-06-12", "2020-06-12") == []
    again.close()


@pytest.mark.parametrize("ask", ["count_due", "next_with"])
def test_what_waits_for_a_destination_is_counted_by_an_index(path: Path, ask: str) -> None:
    """Uploads that wait for a person are never claimed: each look would read every document of the store."""
    store = SqliteStore(path)
    store.insert(Study("1.2", due={"upload_stuck": 5}))
    asked: list[str] = []
    store._connection().set_trace_callback(asked.append)
    found = store.count_due("upload_stuck") if ask == "count_due" else len(store.next_with("upload_stuck", 9))
    store._connection().set_trace_callback(None)
    (select,) = [one for one in asked if one.startswith("SELECT")]
    plan = store._connection().execute(f"EXPLAIN QUERY PLAN {select}").fetchall()
    assert found == 1
    assert any("by_due.upload_stuck" in str(step) for step in plan), plan
    store.close()


def judged_on(uid: str, day: str, value: str) -> Study:
    study = Study(uid, study_date=day)
    verdict = Verdict(False, "body part", "BodyPartExamined", value)
    study.keep_series([SeriesRecord(f"{uid}.1", False, "body part", "", "reception", "CT", verdict=verdict)])
    return study


def kept_days(store: SqliteStore) -> list[str]:
    rows = store._connection().execute("SELECT day, counted FROM judged_counted ORDER BY day").fetchall()
    return [day for day, _ in rows]


@pytest.mark.parametrize("damaged", ['[["taken", "body', "7", '["a"]', "\x00", "[" * 5_000])
def test_k08_damaged_verdicts_cost_their_own_study_and_damaged_counts_are_counted_anew(
    path: Path, damaged: str
) -> None:
    store = SqliteStore(path)
    for number in range(3):
        store.insert(judged_on(f"1.{number}", "2020-06-12", f"V{number}"))
    store.insert(judged_on("1.9", "2020-06-13", "V9"))
    store._connection().execute("UPDATE study_judged SET judged = ? WHERE studyUID = '1.1'", [damaged])
    store._connection().execute(
        "INSERT INTO judged_counted (day, counted) VALUES ('2020-06-12', ?)", [damaged]
    )
    found = store.lists.judged_between("2020-06-12", "2020-06-13")
    assert sorted(one.value for one in found) == ["V0", "V2", "V9"]


def test_what_was_judged_on_days_that_are_over_is_counted_once_for_all_processes(path: Path) -> None:
    store = SqliteStore(path)
    days = ("2020-06-12", "2020-06-13", "2020-06-14")
    for number, day in enumerate(days):
        store.insert(judged_on(f"1.{number}", day, f"V{number}"))
    first = store.lists.judged_between(days[0], days[-1])
    assert kept_days(store) == list(days[:2]), "the newest day changes with each study"
    store.close()
    again = SqliteStore(path)
    # Nothing is left to count from: what is told now is what was kept.
    again._connection().execute("UPDATE study_judged SET judged = '[]' WHERE day < '2020-06-14'")
    assert again.lists.judged_between(days[0], days[-1]) == first
    again.close()


def test_a_kept_count_goes_with_its_studies(path: Path) -> None:
    """It names examples: a study that was forgotten is in none of them."""
    store = SqliteStore(path)
    store.insert(judged_on("1.1", "2020-06-12", "THX"))
    store.insert(judged_on("1.2", "2020-06-12", "THX"))
    store.insert(judged_on("1.3", "2020-06-13", "THX"))
    store.lists.judged_between("2020-06-12", "2020-06-13")
    assert kept_days(store) == ["2020-06-12"]
    store._connection().execute("DELETE FROM study_info_list WHERE studyUID = '1.1'")
    assert kept_days(store) == []
    (judged,) = store.lists.judged_between("2020-06-12", "2020-06-12")
    assert judged.examples == ("1.2",)
    store.close()


def test_arrivals_are_read_from_their_index_alone(path: Path) -> None:
    store = SqliteStore(path)
    plan = store._connection().execute(f"EXPLAIN QUERY PLAN {_first_seen(2)}", ["a", "b"]).fetchall()
    assert "USING COVERING INDEX rows_by_arrival " in plan[0][3]
    store.close()


def test_the_newest_reports_in_a_state_are_read_in_the_order_of_their_index(path: Path) -> None:
    store = SqliteStore(path)
    plan = (
        store._connection().execute(f"EXPLAIN QUERY PLAN {_IN_STATE}", ["report", "refused", 50]).fetchall()
    )
    assert [step[3] for step in plan] == ["SEARCH ledger USING INDEX ledger_by_newest (kind=? AND state=?)"]
    store.close()


def with_series(uid: str, *series: str) -> Study:
    return Study(uid, series_uids=list(series))


def test_a_series_is_found_by_its_index_also_when_it_came_later(path: Path) -> None:
    store = SqliteStore(path)
    store.insert(with_series("1", "1.1"))
    store.insert(with_series("2"))
    second = with_series("2", "2.1", "2.2")
    second.revision = 1
    assert store.replace(second)
    assert [study.study_uid for study in store.find({"seriesUIDs": "2.2"})] == ["2"]
    assert store.find({"seriesUIDs": "2"}) == []
    sql, values = store._select("document", {"seriesUIDs": "2.2"}, (), None)
    plan = store._connection().execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    assert not any(row[3].startswith("SCAN study_info_list") for row in plan), plan
    store.close()


def test_the_index_of_series_is_made_for_a_file_that_has_none(path: Path) -> None:
    store = SqliteStore(path)
    store.insert(with_series("1", "1.1", "1.2"))
    connection = store._connection()
    for statement in ("DROP TRIGGER series_added", "DROP TRIGGER series_changed", "DROP TABLE series_of"):
        connection.execute(statement)
    store.close()
    again = SqliteStore(path)
    assert [study.study_uid for study in again.find({"seriesUIDs": "1.2"})] == ["1"]
    again.close()
