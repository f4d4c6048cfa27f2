"""Rules are applied, taken over while a process runs, and taken back; with the real files."""

import os
import threading
from pathlib import Path

import pytest

from pacs_module.adapters.files import site_rules
from pacs_module.adapters.files.site_rules import SiteRulesFile
from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.rules_in_force import RulesInForce
from pacs_module.shared.switches_file import load_switches
from pacs_module.use_cases.rehearse.manage_rules import ManageRules
from tests.fakes.world import FakeClock, FakeLog


class Site:
    """A site's file, and two processes that read it."""

    def __init__(self, folder: Path, own: str = "# ours\n") -> None:
        self.file = folder / "site_config.py"
        self.file.write_text(own, encoding="utf-8")
        self.log = FakeLog()
        self.plugins, self.module = self.process(), self.process()
        self.rules = self.manager(folder)

    def process(self) -> RulesInForce:
        return RulesInForce(self.read(), self.file, self.read)

    def read(self) -> Switches:
        return load_switches(None, self.file)

    def manager(self, folder: Path) -> ManageRules:
        files = SiteRulesFile(None, self.file, folder / "history.jsonl")
        return ManageRules(files, lambda: self.module.current, FakeClock(), self.log)

    def both(self) -> tuple[Switches, Switches]:
        self.plugins.look()
        self.module.look()
        return self.plugins.current, self.module.current


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_apply_takes_effect_in_both_processes_without_a_restart(site: Site) -> None:
    before = site.module.current
    entry = site.rules.apply(["KEYWORDS+=STND"], "hans", "CT-3 writes it")
    one, other = site.both()
    assert one == other == site.read()
    assert one.keywords == (*before.keywords, "STND")
    assert one.keywords_further == before.keywords_further
    assert (entry.number, entry.version) == (1, one.version)
    assert one.version != before.version
    assert "hans: CT-3 writes it" in site.file.read_text(encoding="utf-8")


def test_a_site_with_keywords_of_its_own_keeps_them_alone(tmp_path: Path) -> None:
    site = Site(tmp_path, "KEYWORDS = ['LUNG']\n")
    site.rules.apply(["KEYWORDS+=STND"], "hans", "why")
    found, _ = site.both()
    assert (found.keywords, found.keywords_further) == (("LUNG", "STND"), ())


def test_undo_goes_back_step_by_step_and_the_number_still_counts_up(site: Site) -> None:
    before = site.read()
    site.rules.apply(["KEYWORDS+=STND"], "hans", "one")
    first = site.read()
    site.rules.apply(["SLICE_THICKNESS_MAX=3"], "hans", "two")
    assert site.rules.undo("eva", "too few").undoes == 2
    assert site.read().slice_thickness_max == 5.0
    assert site.read().version.split("-")[1] == first.version.split("-")[1]
    undone = site.rules.undo("eva", "wrong")
    assert (undone.number, undone.undoes, undone.changes[0]) == (4, 1, "takes back KEYWORDS+=STND")
    assert site.read().version == f"4-{before.version.split('-')[1]}"
    with pytest.raises(ConfigurationError, match="not taken back"):
        site.rules.undo("eva", "again")
    assert [(entry.number, entry.by) for entry in site.rules.history()] == [
        (4, "eva"),
        (3, "eva"),
        (2, "hans"),
        (1, "hans"),
    ]


def test_what_a_person_writes_above_the_block_goes_on_to_hold(site: Site) -> None:
    site.rules.apply(["KEYWORDS+=STND"], "hans", "one")
    text = site.file.read_text(encoding="utf-8")
    site.file.write_text(f"MIN_INSTANCES_CT = 20\n{text}", encoding="utf-8")
    site.rules.apply(["SLICE_THICKNESS_MAX=3"], "hans", "two")
    site.rules.undo("hans", "no")
    assert (site.read().min_instances_ct, site.read().slice_thickness_max) == (20, 5.0)


@pytest.mark.parametrize(
    ("changes", "by", "why", "key"),
    [
        (["KEYWORDS+=STND"], " ", "why", "by"),
        (["KEYWORDS+=STND"], "hans", "", "why"),
        ([], "hans", "why", "changes"),
        (["SLICE_THICKNESS_MAX=5"], "hans", "why", "changes"),
        (["KEYWORD+=STND"], "hans", "why", "KEYWORD"),
        (["THIN_SLICE_MAX=9"], "hans", "why", "THIN_SLICE_MAX"),
    ],
)
def test_what_cannot_be_applied_changes_nothing(
    site: Site, changes: list[str], by: str, why: str, key: str
) -> None:
    before = site.file.read_bytes()
    with pytest.raises(ConfigurationError) as caught:
        site.rules.apply(changes, by, why)
    assert caught.value.key == key
    assert site.file.read_bytes() == before
    assert site.rules.history() == []


def test_without_a_sites_file_nothing_can_be_applied(tmp_path: Path) -> None:
    rules = ManageRules(
        SiteRulesFile(None, None, tmp_path / "history.jsonl"), Switches, FakeClock(), FakeLog()
    )
    with pytest.raises(ConfigurationError, match="site_config"):
        rules.apply(["KEYWORDS+=STND"], "hans", "why")
    assert rules.show().file == ""


def test_a_file_that_alone_is_mounted_is_written_in_place(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(site_rules, "write_whole", busy)
    inode = site.file.stat().st_ino
    site.rules.apply(["KEYWORDS+=STND"], "hans", "why")
    assert site.file.stat().st_ino == inode
    assert site.both()[0].keywords[-1] == "STND"


def test_an_edit_by_hand_waits_for_the_next_start_and_is_shown(site: Site) -> None:
    running = site.module.current
    site.file.write_text("MIN_INSTANCES_CT = 20\n", encoding="utf-8")
    assert site.module.look() is None
    assert site.module.current is running
    shown = site.rules.show()
    assert (shown.version, shown.in_file) == (running.version, site.read().version)


def test_a_file_that_cannot_be_read_leaves_the_rules_as_they_are(site: Site) -> None:
    running = site.module.current
    site.file.write_text("RULES_VERSION = 7\nKEYWORD = ['X']\n", encoding="utf-8")
    assert site.module.look() is None
    assert site.module.current is running
    assert "KEYWORD" in site.rules.show().wrong
    site.file.unlink()
    assert site.module.look() is None


def test_switches_that_are_read_at_the_start_stay_until_then(site: Site) -> None:
    site.file.write_text("STABLE_AGE = 5\n", encoding="utf-8")
    site.rules.apply(["KEYWORDS+=STND"], "hans", "why")
    found, _ = site.both()
    assert (found.stable_age, found.keywords[-1]) == (30.0, "STND")
    assert found.version == site.read().version


def test_two_who_apply_at_once_both_count(site: Site) -> None:
    words = [f"WORD{number}" for number in range(8)]
    threads = [
        threading.Thread(target=site.rules.apply, args=([f"KEYWORDS+={word}"], "hans", "why"))
        for word in words
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(words) <= set(site.read().keywords)
    assert [entry.number for entry in site.rules.history()] == list(range(8, 0, -1))


def test_a_history_whose_last_line_was_cut_is_read(site: Site, tmp_path: Path) -> None:
    site.rules.apply(["KEYWORDS+=STND"], "hans", "why")
    history = tmp_path / "history.jsonl"
    history.write_text(history.read_text(encoding="utf-8") + '{"number": 2, "vers', encoding="utf-8")
    assert len(site.rules.history()) == 1


def test_what_differs_from_the_defaults_is_shown(site: Site) -> None:
    site.rules.apply(["SLICE_THICKNESS_MAX=3"], "hans", "why")
    site.both()
    assert site.rules.show().differences == {"SLICE_THICKNESS_MAX": {"default": 5.0, "inForce": 3.0}}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(site: Site) -> None:
    site.file.chmod(0o444)
    site.file.parent.chmod(0o555)
    with pytest.raises(ConfigurationError):
        site.rules.apply(["KEYWORDS+=STND"], "hans", "why")


@pytest.mark.parametrize("damaged", [2, 3], ids=["in the middle", "the newest"])
def test_k08_a_change_whose_line_is_damaged_is_not_taken_back_unseen(
    damaged: int, site: Site, tmp_path: Path
) -> None:
    for word in ("STND", "THX", "CHX"):
        site.rules.apply([f"KEYWORDS+={word}"], "hans", "why")
    file = tmp_path / "history.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[damaged - 1] = lines[damaged - 1][:30] + "\n"
    file.write_text("".join(lines), encoding="utf-8")
    if damaged == 2:
        assert site.rules.undo("eva", "no").undoes == 3
    before = site.read()
    with pytest.raises(ConfigurationError, match="history without gaps"):
        site.rules.undo("eva", "no")
    assert site.read() == before
