"""
``pacs-module backup`` and ``restore``: what is in the archive, and that it comes back as it was.

Does not prove that a running pipeline goes on after it (tests/long/recover/test_backup.py).
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
import stat
import sys
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from aipull.journal.journal import Journal
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.cli import app
from pacs_module.domain.study.study import Study
from tests.fakes.pipeline import UID


class Site:
    """Store, journal, settings and keys of one machine, and the command."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch, port: int
    ) -> None:
        self.folder, self._capsys, self._patch = folder, capsys, patch
        self.backups = folder / "backups"
        self.etc, self.disk = folder / "etc", folder / "disk"
        self.store, self.journal = self.disk / "study.db", self.disk / "journal.db"
        for made in (self.etc / "profiles", self.etc / "keys", self.disk):
            made.mkdir(parents=True)
        self.settings = self.etc / "pacs_module.toml"
        self.settings.write_text(
            f'time_zone = "Asia/Shanghai"\nlog_folder = "{folder}/log"\nsite_config = '
            f'"{self.etc}/site_config.py"\n'
            '[[pacs]]\nname = "PACS"\n[rabbitmq]\nurl = "amqp://nobody"\n'
            f'[web]\napi_key = "sixteen-letters-x"\nport = {port}\n[store]\nurl = "sqlite:///{self.store}"\n'
            '[backend]\nurl = "http://127.0.0.1:1/"\nkey = "k"\n'
            f'[backup]\nfolder = "{self.backups}"\njournal = "{self.journal}"\nfiles = ["{self.etc}/keys"]\n',
            encoding="utf-8",
        )
        self.settings.chmod(0o640)
        (self.etc / "site_config.py").write_text("KERNEL_PREFERRED = ['B30f']\n")
        (self.etc / "profiles" / "PACS.toml").write_text("[settings]\n")
        (self.etc / "keys" / "keys.json").write_text('{"hashed": "..."}')
        self.out = self.err = ""

    def run(self, *arguments: str) -> int:
        self._patch.setattr(sys, "argv", ["pacs-module", *arguments])
        with pytest.raises(SystemExit) as ended:
            app.main()
        self.out, self.err = self._capsys.readouterr()
        return int(ended.value.code or 0)

    def backup(self, *arguments: str) -> Path:
        assert self.run("backup", "-s", str(self.settings), *arguments) == 0, self.err
        return Path(self.out.split(": ")[0])

    def restore(self, archive: Path, *arguments: str) -> int:
        return self.run("restore", str(archive), "-s", str(self.settings), *arguments)

    def studies(self) -> set[str]:
        with closing(SqliteStore(self.store)) as store:
            return {study.study_uid for study in store.find({})}


@pytest.fixture
def site(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    free_port: int,
) -> Site:
    made = Site(tmp_path, capsys, monkeypatch, free_port)
    with closing(SqliteStore(made.store)) as store:
        store.insert(Study(UID))
    with closing(Journal(made.journal)) as journal:
        journal.set_meta("seq", "5")
    return made


@pytest.fixture
def free_port() -> int:
    from stack.ports import free_ports

    return free_ports(1)[0]


def lose(*folders: Path) -> None:
    for folder in folders:
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()


def test_a_lost_disk_comes_back_as_it_was(site: Site) -> None:
    archive = site.backup()
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    before = {path: path.read_bytes() for path in site.etc.rglob("*") if path.is_file()}
    lose(site.disk, site.etc)
    assert site.restore(archive) == 0, site.err
    assert {path: path.read_bytes() for path in site.etc.rglob("*") if path.is_file()} == before
    assert stat.S_IMODE(site.settings.stat().st_mode) == 0o640
    assert site.studies() == {UID}
    with closing(Journal(site.journal)) as journal:
        assert journal.meta("seq") == "5"


def test_the_copy_is_of_one_instant_while_others_write(site: Site) -> None:
    """Two rows are always written together; no copy has one of them."""
    with closing(sqlite3.connect(site.journal)) as setup:
        setup.execute("CREATE TABLE pair (n INTEGER, half TEXT)")
    ended = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(site.journal, timeout=30, isolation_level=None)) as writes:
            number = 0
            while not ended.is_set():
                number += 1
                writes.execute("BEGIN IMMEDIATE")
                writes.execute("INSERT INTO pair VALUES (?, 'left')", [number])
                writes.execute("INSERT INTO pair VALUES (?, 'right')", [number])
                writes.execute("COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        archives = [site.backup("--to", str(site.folder / f"to-{number}")) for number in range(3)]
    finally:
        ended.set()
        writer.join()
    for number, archive in enumerate(archives):
        into = site.folder / f"into-{number}"
        assert site.restore(archive, "--into", str(into)) == 0, site.err
        with closing(sqlite3.connect(into / site.journal.relative_to("/"))) as copy:
            halves = dict(copy.execute("SELECT half, count(*) FROM pair GROUP BY half").fetchall())
        assert halves.get("left") == halves.get("right")


def test_what_differs_is_kept_beside(site: Site) -> None:
    archive = site.backup()
    site.settings.write_text(site.settings.read_text() + "# of later\n")
    assert site.restore(archive) == 0, site.err
    (aside,) = site.etc.glob("pacs_module.toml.before-restore-*")
    assert aside.read_text().endswith("# of later\n")
    assert "# of later" not in site.settings.read_text()
    assert not list(site.etc.glob("site_config.py.before-*")), "the same file is no other one"
    again = site.backup()
    with tarfile.open(again) as opened:
        assert not [name for name in opened.getnames() if "before-restore" in name]


@pytest.mark.parametrize("part", ["store.db", "journal.db"])
def test_a_damaged_archive_changes_nothing(site: Site, part: str) -> None:
    archive = site.backup()
    spoilt = site.folder / "spoilt.tar.gz"
    with tarfile.open(archive) as whole, tarfile.open(spoilt, "w:gz") as written:
        for entry in whole:
            content = bytearray(whole.extractfile(entry).read())  # type: ignore[union-attr]
            if entry.name == part:
                content[len(content) // 2] ^= 1
            written.addfile(entry, io.BytesIO(content))
    lose(site.disk)
    assert site.restore(spoilt) == 2
    assert f"the checksum of {part}" in site.err
    assert list(site.disk.iterdir()) == []


@pytest.mark.parametrize("cut", [0, 100, 0.5, 0.99])
def test_a_cut_archive_or_another_file_is_named(site: Site, cut: float) -> None:
    archive = site.backup()
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(cut if cut >= 1 else cut * len(whole))])
    lose(site.disk)
    assert site.restore(archive) == 2
    assert str(archive) in site.err.replace("\n", "")
    assert list(site.disk.iterdir()) == []


def rewritten(archive: Path, change: Callable[[dict[str, object]], None]) -> Path:
    """The archive with another manifest."""
    target = archive.with_name("rewritten.tar.gz")
    with tarfile.open(archive) as whole, tarfile.open(target, "w:gz") as written:
        for entry in whole:
            content = whole.extractfile(entry).read()  # type: ignore[union-attr]
            if entry.name == "manifest.json":
                manifest = json.loads(content)
                change(manifest)
                content = json.dumps(manifest).encode()
                entry.size = len(content)
            written.addfile(entry, io.BytesIO(content))
    return target


def test_the_backup_of_a_newer_version_is_refused(site: Site) -> None:
    def newer(manifest: dict[str, object]) -> None:
        manifest.update(schemas={"store": 99, "journal": 1}, version="9.9")

    archive = rewritten(site.backup(), newer)
    lose(site.disk)
    assert site.restore(archive) == 2
    assert "a newer version (9.9) wrote its store: schema 99" in site.err
    assert list(site.disk.iterdir()) == []


def test_nothing_is_restored_under_a_running_process(site: Site) -> None:
    archive = site.backup()
    with closing(Journal(site.journal)):
        assert site.restore(archive) == 2
    assert "is in use: stop pacs_module and Orthanc first" in site.err


def test_look_changes_nothing(site: Site) -> None:
    archive = site.backup()
    lose(site.disk)
    assert site.restore(archive, "--look") == 0
    assert str(site.store) in site.out
    assert "every checksum is right" in site.out
    assert list(site.disk.iterdir()) == []


def test_old_archives_go_and_other_files_stay(site: Site) -> None:
    site.backups.mkdir()
    old = [site.backups / f"aipull-backup-2020010{day}T000000Z.tar.gz" for day in (1, 2, 3)]
    for path in [*old, site.backups / "notes.txt"]:
        path.touch()
    newest = site.backup("--keep", "2")
    assert {path.name for path in site.backups.iterdir()} == {newest.name, old[2].name, "notes.txt"}


def test_a_backup_without_the_journal_must_be_wanted(site: Site) -> None:
    text = site.settings.read_text()
    site.settings.write_text(text.replace(f'journal = "{site.journal}"\n', ""))
    assert site.run("backup", "-s", str(site.settings)) == 2
    assert "backup.journal" in site.err
    archive = site.backup("--without-journal")
    assert site.run("restore", str(archive), "--look") == 0
    assert str(site.store) in site.out


def test_a_full_or_forbidden_target_leaves_no_half_archive(site: Site) -> None:
    (site.folder / "file").touch()
    assert site.run("backup", "-s", str(site.settings), "--to", str(site.folder / "file" / "below")) == 2
    assert "cannot be written" in site.err
    os.link(site.folder / "file", site.folder / "other")  # the folder itself is fine
    site.backup()
    assert [path.name for path in site.backups.iterdir() if path.name.startswith(".")] == []
