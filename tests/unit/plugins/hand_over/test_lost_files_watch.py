"""The journal's file and the hand-over folder: removed, replaced, or of different age (K14)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aipull.hand_over.adopt import adopt_handovers
from aipull.hand_over.folder import HandoverFolder
from aipull.hand_over.lost_files_watch import LostFilesWatch
from aipull.journal.handovers import HandoverRow, HandoverRows
from aipull.journal.journal import Journal
from aipull.journal.pulls import PullRows
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.folder_state import FolderState
from pacs_module.shared.logs import ContractLog


class Records:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "handover"
        self.folder.mkdir()
        self.home = folder / "journal"
        self.home.mkdir()
        self.file = folder / "orthanc-python.jsonl"
        self.journal = Journal(self.home / "journal.db")
        self.handovers = HandoverRows(self.journal)
        folder_of = HandoverFolder(self.folder, "/store_image", None, None)  # type: ignore[arg-type]
        self.watch = LostFilesWatch(
            self.journal, self.handovers, folder_of, self.folder, ContractLog(folder, "orthanc-python")
        )

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.file.read_text().splitlines()]

    def give(self, number: int = 1, **manifest: Any) -> str:
        """A hand-over in the folder, as the plugins leave it; its id."""
        name, handover_id = f"00000000-00000000-00000000-00000000-{number:08d}", f"{number:032x}"
        (self.folder / name).mkdir()
        series = [
            {"seriesUID": f"1.2.{number}.1", "filepath": "", "files": [{"name": "00001.dcm", "bytes": 7}]}
        ]
        about = {"handoverID": handover_id, "studyUID": f"1.2.{number}", "series": series, **manifest}
        (self.folder / f"{name}.manifest.json").write_text(json.dumps(about))
        return handover_id


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    made = Records(tmp_path)
    yield made
    made.journal.close()


# --- the journal's file ---


def removed(home: Path) -> None:
    for file in home.iterdir():
        file.unlink()


def replaced_by_nothing(home: Path) -> None:
    removed(home)
    (home / "journal.db").touch()


def replaced_by_junk(home: Path) -> None:
    removed(home)
    (home / "journal.db").write_bytes(b"junk" * 1000)


def replaced_by_an_older_copy(home: Path) -> None:
    shutil.copy(home / "journal.db", home / "copy")
    (home / "copy").replace(home / "journal.db")


def renamed(home: Path) -> None:
    (home / "journal.db").rename(home / "journal.db.bak")


def only_the_wal_is_left(home: Path) -> None:
    (home / "journal.db").unlink()


@pytest.mark.parametrize(
    "lose",
    [
        removed,
        replaced_by_nothing,
        replaced_by_junk,
        replaced_by_an_older_copy,
        renamed,
        only_the_wal_is_left,
    ],
)
def test_a_journal_whose_file_is_lost_while_it_is_open_is_put_back_whole(
    records: Records, lose: Callable[[Path], None]
) -> None:
    PullRows(records.journal).add(PullRequest("before", "1.2", "PACS"), 1)
    lose(records.home)
    PullRows(records.journal).add(PullRequest("meanwhile", "1.3", "PACS"), 1)
    records.watch.step()
    assert not records.watch.is_whole()
    assert records.events() == ["journal_gone", "journal_put_back"]
    PullRows(records.journal).add(PullRequest("after", "1.4", "PACS"), 1)
    again = Journal(records.home / "journal.db")
    assert [one.request.pull_id for one in PullRows(again).unreported()] == ["before", "meanwhile", "after"]
    again.close()
    records.watch.step()
    assert records.watch.is_whole()
    assert len(records.events()) == 2


def test_a_journal_in_its_place_is_left_alone(records: Records) -> None:
    for _ in range(3):
        records.watch.step()
    assert (records.watch.is_whole(), records.file.read_text()) == (True, "")


def test_a_journal_that_cannot_be_put_back_is_used_on(records: Records) -> None:
    removed(records.home)
    records.home.rmdir()
    with pytest.raises(Exception, match="unable to open"):
        records.watch.step()
    assert not records.watch.is_whole()
    records.journal.set_meta("key", "value")
    records.home.mkdir()
    records.watch.step()
    assert records.journal.meta("key") == "value"


# --- the hand-over folder ---


def test_a_folder_that_is_gone_is_made_anew_and_what_lay_in_it_is_lost(records: Records) -> None:
    handover_id = records.give()
    adopt_handovers(records.folder, records.journal, records.handovers)
    shutil.rmtree(records.folder)
    records.watch.step()
    assert records.folder.is_dir()
    row = records.handovers.get(handover_id)
    assert row is not None
    assert (row.state, records.events()) == ("lost", ["handover_folder_gone"])
    assert records.handovers.last("1.2.1") is None


# --- a new journal beside hand-overs that wait ---


def test_a_new_journal_takes_up_what_waits_in_the_folder_and_sweeps_the_rest(records: Records) -> None:
    ids = [records.give(1), records.give(2)]
    (records.folder / ".tmp-half").mkdir()
    (records.folder / "no-manifest").mkdir()
    assert adopt_handovers(records.folder, records.journal, records.handovers) == ids
    first = records.handovers.given()[0]
    assert (first.handover_id, first.study_uid, first.series_uids, first.instances, first.size) == (
        ids[0], "1.2.1", ("1.2.1.1",), 1, 7
    )  # fmt: skip
    assert records.handovers.next_folder(first.folder) == f"{first.folder}-2"
    assert adopt_handovers(records.folder, records.journal, records.handovers) == []


@pytest.mark.parametrize("known", ["pull", "handover", "adopted"])
def test_with_a_journal_that_is_not_new_a_folder_it_does_not_know_is_a_leftover(
    records: Records, known: str
) -> None:
    if known == "pull":
        PullRows(records.journal).add(PullRequest("p", "1.2", "PACS"), 1)
    elif known == "handover":
        records.handovers.add(HandoverRow("h", "1.2", ("1",), 1, "f", FolderState.RELEASED), "f", 1)
    else:
        adopt_handovers(records.folder, records.journal, records.handovers)
    records.give()
    assert adopt_handovers(records.folder, records.journal, records.handovers) == []


@pytest.mark.parametrize(
    "manifest",
    [
        {"handoverID": "../../x"}, {"handoverID": "A" * 32}, {"handoverID": None}, {"studyUID": "*"},
        {"studyUID": "../.."},
        {"series": None}, {"series": [{}]}, {"series": [{"seriesUID": "1", "files": [{"bytes": "many"}]}]},
        {"series": 5},
    ],
)  # fmt: skip
def test_a_manifest_that_is_not_ours_is_not_taken_up(records: Records, manifest: dict[str, Any]) -> None:
    records.give(1, **manifest)
    good = records.give(2)
    assert adopt_handovers(records.folder, records.journal, records.handovers) == [good]


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\udc80"])
def test_nor_is_one_that_is_no_json(records: Records, text: str) -> None:
    records.give()
    (file,) = records.folder.glob("*.manifest.json")
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert adopt_handovers(records.folder, records.journal, records.handovers) == []
