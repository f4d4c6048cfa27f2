"""What follows from two records that differ, one lost at a time (K14): decided over plain values."""

from __future__ import annotations

from typing import Any

import pytest

from pacs_module.domain.recover.consistency import (
    Difference,
    JournalHandover,
    JournalPull,
    Lacking,
    PluginRecords,
    QueueRecord,
    Remedy,
    StoreHandover,
    StoreRecords,
    compare,
    read_plugin_records,
)

OURS, OTHER = "a" * 32, "b" * 32
TOLD = {"handoverID": "h1"}


def store(**values: Any) -> StoreRecords:
    return StoreRecords(**{"installation": OURS, **values})


def journal(*handovers: JournalHandover, installation: str = OURS, **values: Any) -> PluginRecords:
    return PluginRecords(installation, handovers=handovers, **values)


def given(number: int = 1, **values: Any) -> JournalHandover:
    told = {"handover_id": f"h{number}", "study_uid": f"1.{number}", "files": 3, "notification": TOLD}
    return JournalHandover(**{**told, **values})


def waits(number: int = 1, queued: bool = False) -> StoreHandover:
    return StoreHandover(f"h{number}", f"1.{number}", queued)


def lacks(what: Lacking, remedy: Remedy, number: int = 1, key: str | None = None) -> Difference:
    return Difference(what, remedy, f"1.{number}", f"h{number}" if key is None else key)


S, J, F, M = Lacking.STORE_HANDOVER, Lacking.JOURNAL_HANDOVER, Lacking.FILES, Lacking.MESSAGES
RUNS = JournalPull("p1", "1.1", "A", "running", {"pullID": "p1"})

CASES: dict[str, tuple[StoreRecords, PluginRecords | None, QueueRecord | None, list[Difference]]] = {
    "nothing anywhere": (store(), journal(), QueueRecord(OURS), []),
    "all know the same": (
        store(waiting=(waits(queued=True),), studies={"1.1"}, handovers={"h1"}), journal(given()),
        QueueRecord(OURS, depth=1), [],
    ),
    "the store is new, a hand-over waits": (store(), journal(given(), installation=OTHER), None,
                                            [lacks(S, Remedy.ADOPT)]),
    "the store is new, the journal an older one": (
        store(), journal(given(notification=None), installation=OTHER), None, [lacks(S, Remedy.PULL)],
    ),
    "the store is new, the files are gone": (store(), journal(given(files=0), installation=OTHER), None,
                                             [lacks(S, Remedy.PULL)]),
    "the store is new, the files were lost before": (
        store(), journal(given(state="lost"), installation=OTHER), None, [lacks(S, Remedy.PULL)],
    ),
    "the store is new, the hand-over was done with": (store(),
                                                      journal(given(state="released"), installation=OTHER),
                                                      None, []),
    "the store is new, the notification is still owed": (
        store(), journal(given(), installation=OTHER, owed=frozenset({"1.1"})), None, [],
    ),
    "the store is new, one study was lost twice": (
        store(), journal(given(files=0), given(2, study_uid="1.1", files=0), installation=OTHER), None,
        [lacks(S, Remedy.PULL)],
    ),
    "the store is an older copy that knows the study": (
        store(studies={"1.1"}), journal(given()), None, [lacks(S, Remedy.ADOPT)],
    ),
    "the store is an older copy, and nothing can be adopted: the study goes on as it stands there": (
        store(studies={"1.1"}), journal(given(files=0)), None, [],
    ),
    "and was pulled anew and computed meanwhile: what nobody will release": (
        store(studies={"1.1"}, done={"1.1"}), journal(given(notification=None)), None,
        [lacks(S, Remedy.RELEASE)],
    ),
    "it is released already": (
        store(studies={"1.1"}, done={"1.1"}), journal(given(notification=None, state="lost")), None, [],
    ),
    "the store is new, a pull runs": (
        store(), journal(installation=OTHER, pulls=(RUNS,)), None,
        [lacks(Lacking.STORE_PULL, Remedy.ADOPT_PULL, key="p1")],
    ),
    "the store is new, a pull has ended": (
        store(), journal(installation=OTHER, pulls=(JournalPull("p1", "1.1", "A", "ended"),)), None, [],
    ),
    "the journal is new": (store(waiting=(waits(),)), journal(installation=""), None,
                           [lacks(J, Remedy.KEPT)]),
    "the journal is new, a pull was asked": (
        store(pulls={"p1": "1.1"}, studies={"1.1"}), journal(installation=""), None,
        [lacks(Lacking.JOURNAL_PULL, Remedy.ASK, key="p1")],
    ),
    "the report of the pull is on its way": (
        store(pulls={"p1": "1.1"}), journal(owed=frozenset({"1.1"})), None, [],
    ),
    "the hand-over folder is lost": (
        store(waiting=(waits(),), studies={"1.1"}, handovers={"h1"}), journal(given(files=0)), None,
        [lacks(F, Remedy.DELIVERY)],
    ),
    "the hand-over folder lost a part of its files": (
        store(waiting=(waits(),), studies={"1.1"}, handovers={"h1"}), journal(given(files=19, instances=20)),
        None, [lacks(F, Remedy.DELIVERY)],
    ),
    "all files are there, and a manifest beside them": (
        store(waiting=(waits(),), studies={"1.1"}, handovers={"h1"}), journal(given(files=20, instances=20)),
        None, [],
    ),
    "the store is new, and a part of the files is lost: the delivery finds that": (
        store(), journal(given(files=19, instances=20), installation=OTHER), None, [lacks(S, Remedy.ADOPT)],
    ),
    "a copy without names was made: the original is gone for good": (
        store(waiting=(waits(),), studies={"1.1"}, handovers={"h1"}),
        journal(given(state="released", files=0)), None, [],
    ),
    "the queue was reset": (
        store(waiting=(waits(queued=True), waits(2))), None, QueueRecord("", depth=0, held=4),
        [lacks(M, Remedy.PUBLISH)],
    ),
    "the queue was deleted and made again": (
        store(waiting=(waits(queued=True), waits(2, queued=True))), None, QueueRecord(OURS, depth=0, held=1),
        [lacks(M, Remedy.PUBLISH), lacks(M, Remedy.PUBLISH, 2)],
    ),
    "workers hold what the queue lacks": (
        store(waiting=(waits(queued=True), waits(2, queued=True))), None, QueueRecord(OURS, depth=1, held=1),
        [],
    ),
    "strays": (
        store(), journal(stray_folders=("x",), index_unknown=("9.9",), orphan_files=112), None,
        [
            Difference(Lacking.STRAY_FOLDER, Remedy.PLUGINS, "", "x"),
            Difference(Lacking.STRAY_STUDY, Remedy.PLUGINS, "9.9", ""),
            Difference(Lacking.ORPHAN_FILES, Remedy.PLUGINS, "", "112"),
        ],
    ),
    "nobody answers": (store(waiting=(waits(queued=True),), pulls={"p1": "1.1"}), None, None, []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_each_loss_means(name: str) -> None:
    ours, plugins, queue, expected = CASES[name]
    assert list(compare(ours, plugins, queue).differences) == expected


def test_records_of_another_installation_are_named() -> None:
    found = compare(store(), journal(installation=OTHER), QueueRecord(""))
    assert found.new_records == ("journal", "queue")
    assert not found.equal
    assert compare(store(), journal(), QueueRecord(OURS)).equal


@pytest.mark.parametrize(
    "answer",
    [
        {}, {"handovers": None}, {"handovers": {"a": 1}}, {"handovers": [1, "x", None, {}]},
        {"pulls": [{"pullID": "p"}]},
        {"orthanc": []}, {"orthanc": {"orphanFiles": "many", "unknown": "x"}}, {"outbox": [None, {}]},
        {"strayFolders": 3},
        {"handovers": [{"handoverID": "h", "studyUID": "1", "notification": 5, "files": None}]},
    ],
)  # fmt: skip
def test_an_answer_of_any_shape_is_read(answer: dict[str, Any]) -> None:
    compare(store(), read_plugin_records(answer), None)


def test_the_answer_as_agreed() -> None:
    answer = {
        "installation": OTHER, "journalID": "j", "epoch": "e", "handoverFolderID": "f",
        "handovers": [{
            "handoverID": "h1", "studyUID": "1.1", "seriesUIDs": ["2"], "instances": 3, "folder": "x",
            "state": "given",
            "at": 5, "files": 3, "notification": TOLD,
        }],
        "pulls": [{"pullID": "p1", "studyUID": "1.1", "pacs": "A", "status": "running",
                   "request": {"pullID": "p1"}}],
        "receptions": [], "outbox": [{"studyUID": "1.7", "kind": "notify"}], "strayFolders": ["y"],
        "orthanc": {"studies": 3, "unknown": ["9"], "orphanFiles": 2},
    }  # fmt: skip
    read = read_plugin_records(answer)
    assert read.handovers == (JournalHandover("h1", "1.1", "given", 3, 3, "x", 5, TOLD),)
    assert read.pulls == (RUNS,)
    assert (read.installation, read.journal_id, read.owed) == (OTHER, "j", frozenset({"1.7"}))
    assert (read.stray_folders, read.index_unknown, read.orphan_files) == (("y",), ("9",), 2)


@pytest.mark.parametrize("value", ["3", None, [], {}, "x", 1.5])
def test_k14_a_row_of_other_types_is_left_out(value: object) -> None:
    row = {"handoverID": "h1", "studyUID": "1.1", "state": "given", "files": 1, "instances": 1}
    rows = [{**row, "files": value}, {**row, "instances": value}, row]
    pulls = [{"pullID": 5, "studyUID": "1.1"}, {"pullID": "p1", "studyUID": None}, {"pullID": "p2"}]
    told = read_plugin_records({"handovers": rows, "pulls": pulls, "outbox": [{}], "strayFolders": [None]})
    assert [one.handover_id for one in told.handovers] == ["h1"]
    assert told.pulls == ()
    assert compare(store(waiting=(waits(),)), told, None).away == {}
